"""Tracks: one candidate a row over an axis that all share, for differences and learning rates."""

from __future__ import annotations

from statistics import quantiles
from typing import TYPE_CHECKING, Final

from actlab.report.charts import MARKERS, share
from actlab.report.svg import Axis, linear_axis, tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from actlab.compare.result import Interval, Result, Row

__all__ = ["forest_axis", "forest_track", "rates_track", "scale_of"]

_LEAST_FOR_QUANTILES: Final = 4

# --- differences with intervals ---------------------------------------------------------------


def forest_axis(result: Result, rows: Sequence[Row]) -> Axis:
    """Return the axis of differences: zero, the margin, and the intervals near them."""
    ends = [abs(e) for row in rows for e in (row.difference_interval or ()) if row.verdict]
    ends += [abs(row.difference) for row in rows if row.difference is not None]
    reach = max(ends, default=result.margin) or 1.0
    if len(ends) >= _LEAST_FOR_QUANTILES:
        usual = 1.1 * max(quantiles(ends, n=20)[14], 2 * result.margin)
        reach = reach if reach <= 2 * usual else usual
    reach = max(reach, 1.6 * result.margin)
    # One side of zero is nearly empty: every candidate is at most as good as the best.
    other = [e for row in rows for e in (row.difference_interval or ())]
    good = [e for e in other if (e > 0) == result.task.higher_is_better]
    beyond = min(reach, max(1.6 * result.margin, *(abs(e) for e in (*good, 0.0))))
    low, high = (-reach, beyond) if result.task.higher_is_better else (-beyond, reach)
    return linear_axis(low, high, wanted=6, cut=max(ends, default=0.0) > reach)


def forest_track(row: Row, axis: Axis, margin: float, kind: str) -> Markup:
    """Return the interval of one difference over the band of the margin."""
    parts = [*_margin_band(axis, margin)]
    if row.difference is not None:
        at = axis.place(row.difference)
        if row.difference_interval is not None and kind != "best":
            parts += _whisker(row.difference_interval, axis)
        elif not 0 <= at <= 1:  # without an interval: an arrow that says where to
            parts += _whisker((row.difference, row.difference), axis)
        shape = {"best": 3, "equivalent": 0, "undecided": 0, "worse": 1}.get(kind, 0)
        if 0 <= at <= 1:
            dot = tag("path", class_=f"dot {kind}", d=MARKERS[shape])
            parts.append(tag("svg", dot, class_="mark", aria_hidden="true", x=share(at), y="50%"))
    return tag("svg", *parts, class_="track", width="100%", height=34, aria_hidden="true")


def _margin_band(axis: Axis, margin: float) -> list[Markup]:
    left, right = max(0.0, axis.place(-margin)), min(1.0, axis.place(margin))
    zero = share(axis.place(0.0))
    band = tag("rect", class_="margin", x=share(left), width=share(right - left), y=0, height=34)
    return [band, tag("line", class_="zero", x1=zero, x2=zero, y1=0, y2=34)]


def _whisker(interval: Interval, axis: Axis) -> list[Markup]:
    """Return a line with its ends; an arrow where it leaves the axis."""
    low, high = (axis.place(end) for end in interval)
    left, right = share(min(1.0, max(0.0, low))), share(min(1.0, max(0.0, high)))
    parts = [tag("line", class_="whisker", x1=left, x2=right, y1="50%", y2="50%")]
    ends = [
        (left, "M0-5V5" if low >= 0 else "M6-5L0 0L6 5"),
        (right, "M0-5V5" if high <= 1 else "M-6-5L0 0L-6 5"),
    ]
    if high < 0:  # all of it lies beyond
        ends = [(left, "M6-5L0 0L6 5M0 0H22")]
    elif low > 1:
        ends = [(right, "M-6-5L0 0L-6 5M0 0H-22")]
    for place, path in ends:
        parts.append(
            tag(
                "svg",
                tag("path", class_="whisker", d=path),
                class_="mark",
                aria_hidden="true",
                x=place,
                y="50%",
            )
        )
    return parts


# --- good learning rates ----------------------------------------------------------------------


def rates_track(row: Row, axis: Axis) -> Markup:
    """Return the range of good learning rates and the rate that each block chose."""
    parts = []
    for value, _ in axis.ticks:
        place = share(axis.place(value))
        parts.append(tag("line", class_="grid", x1=place, x2=place, y1=0, y2=30))
    if row.good_learning_rates is not None:
        low, high = (share(axis.place(rate)) for rate in row.good_learning_rates)
        parts.append(tag("line", class_="range", x1=low, x2=high, y1="50%", y2="50%"))
    chosen = [rate for rate in row.chosen_learning_rates if rate is not None]
    for rate in sorted(set(chosen)):
        # The area says how many blocks chose the rate; the table behind has the number.
        radius = 2.2 + 3.6 * (chosen.count(rate) / len(row.chosen_learning_rates)) ** 0.5
        parts.append(
            tag("circle", class_="pick-dot", cx=share(axis.place(rate)), cy="50%", r=radius)
        )
    return tag("svg", *parts, class_="track", width="100%", height=30, aria_hidden="true")


def scale_of(axis: Axis) -> Markup:
    """Return the marks under tracks."""
    parts = _notches(axis)
    return tag("svg", *parts, class_="track scale", width="100%", height=26, aria_hidden="true")


def _notches(axis: Axis) -> list[Markup]:
    parts = []
    for value, text in axis.ticks:
        place = share(axis.place(value))
        parts.append(tag("line", class_="notch", x1=place, x2=place, y1=0, y2=5))
        parts.append(tag("text", text, class_="tick x", x=place, y=19))
    return [*parts, tag("line", class_="base", x1=0, x2="100%", y1=0, y2=0)]
