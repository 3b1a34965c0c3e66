"""Charts as SVG, drawn from the numbers alone.

Widths are percentages and heights are pixels, so a chart fills its place on every screen while
its text keeps its size. Colours come from the style sheet (dark and light); a candidate is told
apart by its dashes and its marker too.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median, quantiles
from typing import TYPE_CHECKING, Final

from actlab.report.svg import (
    Axis,
    axis_of_epochs,
    axis_of_rates,
    finite,
    join,
    linear_axis,
    log_axis,
    tag,
)
from actlab.report.wording import short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup


__all__ = [
    "MARKERS",
    "STYLES",
    "Series",
    "frame",
    "line_chart",
    "room_for_labels",
    "share",
    "swatch",
    "value_axis",
]

STYLES: Final = 8
"""Candidates that can be told apart by colour, dashes and marker."""
HEIGHT: Final = 300
"""Of the plot, in pixels."""
_LABEL_GAP: Final = 17
"""Least distance between two labels at the end of their lines."""
_ENDS_EARLY: Final = 0.9
"""A line that ends before this part of the width is joined to its label."""
_WIDE: Final = 1000
"""Width of the inner coordinates that are stretched to the plot's width."""
_LEAST_FOR_QUANTILES: Final = 4
_MUCH: Final = 8.0
_TOO_MUCH: Final = 1e5
"""Ratios of the largest to the smallest loss between which its axis is logarithmic."""

MARKERS: Final = (
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",  # circle
    "M-3.6-3.6h7.2v7.2h-7.2z",  # square
    "M0-4.8L4.6 3.4h-9.2z",  # triangle
    "M0-5L5 0L0 5L-5 0z",  # diamond
    "M0 4.8L4.6-3.4h-9.2z",  # triangle, point down
    "M-1.5-4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3z",  # plus
    "M-5 0L-1.4-1.4L0-5L1.4-1.4L5 0L1.4 1.4L0 5L-1.4 1.4z",  # star
    "M-2.2-4.4h4.4l2.2 4.4l-2.2 4.4h-4.4l-2.2-4.4z",  # hexagon
)
"""Outlines by style, around (0, 0); shape tells what colour alone must not."""


@dataclass(frozen=True)
class Series:
    """One line of a chart."""

    label: str
    xs: Sequence[float]
    ys: Sequence[float | None]
    style: int | None
    """Which of the styles; None draws it thin and grey."""
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()
    """A band around the line."""
    lost: Sequence[float] = ()
    """Where (x) training diverged."""


# --- line charts ------------------------------------------------------------------------------


def value_axis(series: Sequence[Series], *, higher_is_better: bool, parts: int) -> Axis:
    """Return the axis of a chart's values, which shows the good end in full.

    First epochs and hopeless candidates lie far off; an axis that held them all would flatten
    what is to be seen. So only the candidates whose best value is near the best of all count,
    and the worst of `parts` equal parts of their values is left out; the axis says that it cuts.
    A positive loss that spans much gets a logarithmic axis, which need not cut.
    """
    sign = 1.0 if higher_is_better else -1.0
    drawn = [one for one in series if one.style is not None] or list(series)
    goodness = {one.label: sorted(sign * v for v in finite(one.ys)) for one in drawn}
    best_of = [values[-1] for values in goodness.values() if values]
    if not best_of:
        return linear_axis(0.0, 1.0)
    gaps = [max(best_of) - value for value in best_of]
    near = 6 * median(gaps) + 1e-12  # ties are near whatever the rounding
    kept = sorted(
        value
        for values in goodness.values()
        if values and max(best_of) - values[-1] <= near
        for value in values
    )
    everything = [sign * v for one in series for v in finite(one.ys)]
    spread = kept[0] / kept[-1] if kept[-1] else 0.0
    if not higher_is_better and kept[-1] < 0 and _MUCH < spread < _TOO_MUCH:
        return log_axis(-kept[-1], -kept[0], cut=min(everything) < kept[0])
    worst = quantiles(kept, n=parts)[0] if len(kept) >= _LEAST_FOR_QUANTILES else kept[0]
    worst = max(worst, kept[0])
    # A band is shown in full where learning has settled: in the later half.
    ends = [(*one.low[len(one.low) // 2 :], *one.high[len(one.high) // 2 :]) for one in drawn]
    band = [sign * v for values in ends for v in finite(values)]
    worst, top = min([worst, *band]), max([kept[-1], *band])
    low, high = sorted((sign * worst, sign * top))
    return linear_axis(low, high, cut=min(everything) < worst)


def line_chart(
    name: str, title: str, description: str, series: Sequence[Series], *, rates: bool, y: Axis
) -> Markup:
    """Return a chart of lines over epochs, or over learning rates with their markers.

    Args:
        name: of the chart, from which ids are made.
        title: its accessible name.
        description: what it shows, for those who can not see it.
        series: the lines, the most important first.
        rates: whether x is a learning rate; otherwise an epoch.
        y: the axis of the values.
    """
    everywhere = sorted({x for one in series for x in one.xs}) or [1.0]
    x = axis_of_rates(everywhere) if rates else axis_of_epochs(int(everywhere[-1]))
    plain = [one for one in series if one.style is None]
    styled = [one for one in series if one.style is not None][::-1]
    lines = [_line(one, x, y, plain=True) for one in plain]
    lines += [_band(one, x, y) for one in styled if one.low]
    lines += [_line(one, x, y, plain=False) for one in styled]
    inner = tag(
        "svg",
        *lines,
        class_="lines",
        aria_hidden="true",
        viewBox=f"0 0 {_WIDE} {HEIGHT}",
        preserveAspectRatio="none",
        width="100%",
        height=HEIGHT,
    )
    return tag(
        "svg",
        tag("title", title, id=f"{name}-title"),
        tag("desc", description, id=f"{name}-desc"),
        frame(x, y, HEIGHT),
        inner,
        *(mark for one in styled for mark in _marks(one, x, y, every=rates, lines=len(styled))),
        *_labels(styled[::-1], x, y),
        role="img",
        aria_labelledby=f"{name}-title",
        aria_describedby=f"{name}-desc",
        class_="plot",
        width="100%",
        height=HEIGHT,
    )


def frame(x: Axis, y: Axis, height: float) -> Markup:
    """Return the marks of both axes and the lines of the grid."""
    parts = []
    for value, text in y.ticks:
        top = height * (1 - y.place(value))
        parts.append(tag("line", class_="grid", x1=0, x2="100%", y1=top, y2=top))
        parts.append(tag("text", text, class_="tick y", x=0, y=top, dx=-8, dy=4))
    for value, text in x.ticks:
        left = share(x.place(value))
        parts.append(tag("line", class_="notch", x1=left, x2=left, y1=height, y2=height + 5))
        parts.append(tag("text", text, class_="tick x", x=left, y=height, dy=20))
    parts.append(tag("line", class_="base", x1=0, x2="100%", y1=height, y2=height))
    return tag("g", *parts, aria_hidden="true")


def share(part: float) -> str:
    """Return a part of the width as SVG writes it."""
    return f"{100 * part:.2f}%"


def _point(x: Axis, y: Axis, at: float, value: float) -> tuple[float, float]:
    """Return inner coordinates; far outside is far enough."""
    up = min(3.0, max(-2.0, y.place(value)))
    return _WIDE * x.place(at), HEIGHT * (1 - up)


def _path(x: Axis, y: Axis, xs: Sequence[float], ys: Sequence[float | None]) -> str:
    """Return a path through the numbers, interrupted where there is none."""
    parts, pen = [], "M"
    for at, value in zip(xs, ys, strict=True):
        if value is None:
            pen = "M"
            continue
        left, top = _point(x, y, at, value)
        parts.append(f"{pen}{left:.0f} {top:.1f}")
        pen = "L"
    return "".join(parts)


def _line(one: Series, x: Axis, y: Axis, *, plain: bool) -> Markup:
    path = _path(x, y, one.xs, one.ys)
    if plain:
        return tag("path", tag("title", short(one.label, 60)), class_="plain", d=path)
    return tag("path", class_=f"line s{one.style}", data_series=one.style, d=path)


def _band(one: Series, x: Axis, y: Axis) -> Markup:
    ends = [
        (at, low, high)
        for at, low, high in zip(one.xs, one.low, one.high, strict=True)
        if low is not None and high is not None
    ]
    if not ends:
        return join(())
    corners = [_point(x, y, at, high) for at, _, high in ends]
    corners += [_point(x, y, at, low) for at, low, _ in reversed(ends)]
    path = "M" + "L".join(f"{left:.0f} {top:.1f}" for left, top in corners) + "Z"
    return tag("path", class_=f"band s{one.style}", data_series=one.style, d=path)


def _marks(one: Series, x: Axis, y: Axis, *, every: bool, lines: int) -> list[Markup]:
    """Return markers: at every point, or at the last one; hollow ones where training diverged."""
    known = [(at, v) for at, v in zip(one.xs, one.ys, strict=True) if v is not None]
    found = []
    for at, value in known if every else known[-1:]:
        up = y.place(value)
        if 0 <= up <= 1:
            found.append(_marker(one.style or 0, share(x.place(at)), HEIGHT * (1 - up)))
    for at in one.lost:
        # Several candidates may diverge at one rate; their marks stand beside each other.
        shift = 10 * ((one.style or 0) - (lines - 1) / 2)
        hollow = tag(
            "path",
            class_=f"hollow s{one.style}",
            d=MARKERS[(one.style or 0) % STYLES],
            transform=f"translate({shift:.0f} 0)",
        )
        found.append(
            tag(
                "svg",
                hollow,
                class_="mark",
                aria_hidden="true",
                data_series=one.style,
                x=share(x.place(at)),
                y=HEIGHT - 8,
            )
        )
    return found


def _marker(style: int, x: str, y: float) -> Markup:
    path = tag("path", class_=f"marker s{style}", d=MARKERS[style % STYLES])
    return tag("svg", path, class_="mark", aria_hidden="true", data_series=style, x=x, y=y)


def _labels(series: Sequence[Series], x: Axis, y: Axis) -> list[Markup]:
    """Return each line's name at its end, moved apart so that none covers another."""
    ends = []
    for one in series:
        known = [(at, v) for at, v in zip(one.xs, one.ys, strict=True) if v is not None]
        if known:
            at, value = known[-1]
            up = y.place(value)
            ends.append((HEIGHT * (1 - min(1.0, max(0.0, up))), up, at, one))
    ends.sort(key=lambda end: end[0])
    heights = _apart([end[0] for end in ends])
    found = []
    for (top, up, at, one), height in zip(ends, heights, strict=True):
        text = _label(one) + (" ↓" if up < 0 else " ↑" if up > 1 else "")
        down = height - top
        marker = tag(
            "path",
            class_=f"marker s{one.style}",
            d=MARKERS[(one.style or 0) % STYLES],
            transform=f"translate(22 {down:.1f})",
        )
        parts = [
            tag("path", class_=f"leader s{one.style}", d=f"M6 0C13 0 8 {down:.1f} 16 {down:.1f}"),
            marker,
            tag("text", text, x=31, y=down, dy=4),
        ]
        if x.place(at) < _ENDS_EARLY:
            ends_at = share(x.place(at))
            bridge = {"x1": ends_at, "x2": "100%", "y1": top, "y2": top}
            found.append(
                tag("line", class_=f"leader s{one.style}", data_series=one.style, **bridge)
            )
        found.append(
            tag(
                "svg",
                *parts,
                class_="mark direct",
                aria_hidden="true",
                data_series=one.style,
                x="100%",
                y=top,
            )
        )
    return found


def _label(one: Series) -> str:
    return short(one.label, 15)


def room_for_labels(series: Sequence[Series]) -> int:
    """Return how many pixels the names beside a chart need (7.5 for a letter, 55 around it)."""
    longest = max((len(_label(one)) for one in series if one.style is not None), default=0)
    return 55 + round(7.5 * longest)


def _apart(tops: Sequence[float]) -> list[float]:
    """Return sorted heights moved so that neighbours keep their distance, inside the plot."""
    placed: list[float] = []
    for top in tops:
        placed.append(max(top, placed[-1] + _LABEL_GAP) if placed else top)
    limit = float(HEIGHT)
    for index in range(len(placed) - 1, -1, -1):
        placed[index] = min(placed[index], limit)
        limit = placed[index] - _LABEL_GAP
    return placed


def swatch(style: int) -> Markup:
    """Return a candidate's line and marker in small, for a legend."""
    return tag(
        "svg",
        tag("path", class_=f"line s{style}", d="M1 7H33"),
        tag("path", class_=f"marker s{style}", d=MARKERS[style], transform="translate(17 7)"),
        width=34,
        height=14,
        viewBox="0 0 34 14",
        aria_hidden="true",
        class_="swatch",
    )
