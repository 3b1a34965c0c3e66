"""The drawings of the health page: the loss with marks on it, heat maps of the activations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING, Any, Final

from actlab.report.charts import frame, swatch
from actlab.report.svg import Axis, axis_of_steps, finite, linear_axis, log_axis, tag
from actlab.report.wording import NONE, amount, clean, count, percent, short

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from markupsafe import Markup

    from actlab.health.record import Curve, Record, Site, SiteState
    from actlab.health.watching import Watch

__all__ = ["Mark", "heat_maps", "loss_chart"]

_HEIGHT: Final = 260
_WIDE: Final = 1000
"""Width of the inner coordinates that are stretched to the plot's width."""
_NEAR: Final = 0.08
"""Marks that are closer than this part of the width share a flag."""
_MOST: Final = 1e3
"""The axis of the loss goes up to so many times the first one."""
_STRETCHES: Final = 40
"""Rows of the table behind the loss, at most."""
_LONGEST: Final = 22
"""Letters of a name beside a heat map."""


@dataclass(frozen=True)
class Mark:
    """Where a finding began or a remedy was tried."""

    step: int
    text: str
    layer: str
    kind: str
    """The severity, or "remedy"."""


# --- the loss ---------------------------------------------------------------------------------


def loss_chart(watch: Watch, marks: Sequence[Mark]) -> dict[str, Any] | None:
    """Return the loss over all steps: its drawing, what it shows in words, and its table."""
    steps, values = watch.losses.steps, watch.losses.values
    known = finite(values)
    if len(known) < 2:
        return None
    before = watch.steps - watch.record.steps
    held = watch.record.validation
    points = [(before + step, value) for step, value in zip(held.steps, held.values, strict=True)]
    others = finite(held.values)
    low, high = min(*known, *others), max(*known, *others)
    # An explosion would flatten all the rest; its line leaves the picture upwards.
    top = min(high, _MOST * abs(known[0])) if known[0] else high
    y = log_axis(low, top, cut=high > top) if low > 0 and top > 8 * low else linear_axis(low, top)
    x = axis_of_steps(max(1, steps[-1]))
    lines = [_line(steps, values, x, y, 0)]
    if others:
        lines.append(_line([step for step, _ in points], [v for _, v in points], x, y, 1))
    said = _told(watch.losses, known)
    inner = tag(
        "svg",
        *lines,
        class_="lines",
        aria_hidden="true",
        viewBox=f"0 0 {_WIDE} {_HEIGHT}",
        preserveAspectRatio="none",
        width="100%",
        height=_HEIGHT,
    )
    drawn = tag(
        "svg",
        tag("title", "Loss over the steps", id="loss-title"),
        tag("desc", said, id="loss-desc"),
        frame(x, y, _HEIGHT),
        inner,
        *_flags(marks, x),
        role="img",
        aria_labelledby="loss-title",
        aria_describedby="loss-desc",
        class_="plot",
        width="100%",
        height=_HEIGHT,
    )
    names = ((swatch(0), "training"), (swatch(1), "validation"))
    return {
        "svg": drawn,
        "said": said,
        "logarithmic": y.logarithmic,
        "cut": high > top,
        "lines": names if others else (),
        "table": _stretches(steps, values, points),
    }


def _told(curve: Curve, known: Sequence[float]) -> str:
    """Say in words what the loss does."""
    lost = len(curve) - len(known)
    least = min(known)
    said = (
        f"The loss goes from {amount(known[0], 4)} to {amount(known[-1], 4)} in "
        f"{count(curve.steps[-1] + 1, 'step')}; the lowest is {amount(least, 4)} at step "
        f"{curve.steps[curve.values.index(least)]}."
    )
    return said + (f" {count(lost, 'value')} of it are not finite." if lost else "")


def _line(steps: Sequence[int], values: Sequence[float], x: Axis, y: Axis, style: int) -> Markup:
    path, pen = [], "M"
    for step, value in zip(steps, values, strict=True):
        if not math.isfinite(value):
            pen = "M"
            continue
        path.append(f"{pen}{_WIDE * x.place(step):.0f} {_HEIGHT * (1 - y.place(value)):.1f}")
        pen = "L"
    return tag("path", class_=f"line s{style}", d="".join(path))


def _flags(marks: Sequence[Mark], x: Axis) -> list[Markup]:
    """Return a numbered line for every mark; neighbours share the number's place."""
    places = [min(1.0, max(0.0, x.place(mark.step))) for mark in marks]
    groups: list[list[int]] = []
    for index, place in enumerate(places):
        if groups and place - places[groups[-1][0]] < _NEAR:
            groups[-1].append(index)
        else:
            groups.append([index])
    parts = []
    for mark, place in zip(marks, places, strict=True):
        left = f"{100 * place:.2f}%"
        parts.append(tag("line", class_=f"flag {mark.kind}", x1=left, x2=left, y1=-6, y2=_HEIGHT))
    for group in groups:
        text = f"{group[0] + 1}" if len(group) == 1 else f"{group[0] + 1}–{group[-1] + 1}"
        kind = marks[group[0]].kind
        left = f"{100 * places[group[0]]:.2f}%"
        parts.append(tag("text", text, class_=f"flagged {kind}", x=left, y=-12))
    return parts


def _stretches(
    steps: Sequence[int], values: Sequence[float], held: Sequence[tuple[int, float]]
) -> list[tuple[str, float, float, float, float]]:
    """Return the loss over stretches of steps: mean, lowest, highest, mean on other data."""
    size = math.ceil(len(values) / _STRETCHES)
    edges = [*range(0, len(values), size), len(values)]
    rows = []
    for begin, end in pairwise(edges):
        first = steps[begin - 1] + 1 if begin else 0
        # Validation is told after a step, so that of the last one stands one further.
        last = steps[end - 1] if end < len(steps) else steps[end - 1] + 1
        part = finite(values[begin:end]) or [math.nan]
        others = finite(value for step, value in held if first <= step <= last) or [math.nan]
        rows.append(
            (
                _window(first, steps[end - 1]),
                sum(part) / len(part),
                min(part),
                max(part),
                sum(others) / len(others),
            )
        )
    return rows


def _window(first: int, last: int) -> str:
    return f"{first:,}" if first == last else f"{first:,}–{last:,}"


# --- heat maps --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Map:
    """One quantity of the activations: how it is shaded (-1 … 1) and written."""

    title: str
    note: str
    value: Callable[[SiteState], float]
    shade: Callable[[float], float]
    said: Callable[[float], str]
    shades: tuple[tuple[float, str], ...]


def heat_maps(record: Record, before: int) -> list[dict[str, Any]]:
    """Return the heat maps; `before` steps had gone when the record began."""
    sites = record.activations()
    squashing = [s for s in sites if s.regions is not None and s.regions.squashes]
    active = _Map(
        "Active inputs",
        "Share of inputs above the flat left tail. About a half is usual for a ReLU; near 0 "
        "in a layer, its units are dead.",
        lambda state: _known(state, state.active),
        lambda share: max(0.0, 1 - 2 * share),
        percent,
        ((0.0, "50 % or more"), (0.5, "25 %"), (0.8, "10 %"), (1.0, "0 %")),
    )
    saturation = _Map(
        "Saturation",
        "Share of inputs in a flat tail of a function that has two.",
        lambda state: _known(state, state.tail_rows),
        lambda share: share,
        percent,
        ((0.0, "0 %"), (0.25, "25 %"), (0.5, "50 %"), (1.0, "100 %")),
    )
    gradient = _Map(
        "Gradient against the forecast",
        "Power of ten by which the gradient at a layer, relative to the last one, is away "
        "from what theory forecasts for the activation with the right gain: −2 is a hundredth "
        "of it (vanishing), +2 a hundred times (exploding).",
        _relative_gradient(record),
        lambda power: power / 4,
        lambda power: f"{power:+.1f}".replace("-", "−"),
        (
            (-1.0, "−4 or less"),
            (-0.5, "−2"),
            (0.0, "as forecast"),
            (0.5, "+2"),
            (1.0, "+4 or more"),
        ),
    )
    wanted = (
        (active, [site for site in sites if site not in squashing]),
        (saturation, squashing),
        (gradient, sites if len(sites) > 1 else []),
    )
    return [_heat_map(record, chosen, one, before) for one, chosen in wanted if chosen]


def _known(state: SiteState, share: float) -> float:
    """Return a share, but none where the activation's numbers were not finite."""
    return share if math.isfinite(state.y_rms) else math.nan


def _relative_gradient(record: Record) -> Callable[[SiteState], float]:
    """Return the deviation of a state's gradient from the forecast, in powers of ten."""
    from actlab.health.rules_training import expected_rate

    sites = record.activations()
    place_of = {id(s): p for p, site in enumerate(sites) for s in record.states[site.name]}
    rate = expected_rate(sites)
    last = {s.first_step: s.gradient for s in record.states[sites[-1].name]} if sites else {}

    def value(state: SiteState) -> float:
        base = last.get(state.first_step, math.nan)
        if not (state.gradient > 0 and base > 0):
            return -20.0 if base > 0 and state.gradient == 0 else math.nan
        layers = len(sites) - 1 - place_of[id(state)]
        return math.log10(state.gradient / base) - layers * rate

    return value


def _heat_map(record: Record, sites: Sequence[Site], one: _Map, before: int) -> dict[str, Any]:
    states = {site.name: record.states[site.name] for site in sites}
    windows = max(states.values(), key=len)
    rows = []
    names = [clean(_named(site)) for site in sites]
    for site, name, fitting in zip(sites, names, _shortened(names), strict=True):
        at = {state.first_step: state for state in states[site.name]}
        row = [at.get(window.first_step) for window in windows]
        values = [math.nan if state is None else one.value(state) for state in row]
        written = [one.said(value) if math.isfinite(value) else NONE for value in values]
        spans = [_window(before + w.first_step, before + w.last_step) for w in windows]
        rows.append(
            {
                "name": name,
                "short": fitting,
                "drawn": _cells(values, written, spans, one.shade),
                "texts": written,
                "last": written[-1],
            }
        )
    ends = f"{before + windows[-1].last_step:,}"
    return {
        "title": one.title,
        "note": one.note,
        "rows": rows,
        "windows": spans,
        "names": min(_LONGEST, max(len(row["short"]) for row in rows)),
        "worst": _worst(rows, [states[site.name][-1] for site in sites], one),
        "first": f"{before + windows[0].first_step:,}",
        "end": ends,
        "said": clean(
            f"{one.title} of {count(len(rows), 'activation')} up to step {ends}. In the last "
            "window: " + "; ".join(f"{row['name']} {row['last']}" for row in rows) + "."
        ),
        "shades": [
            *((_swatch(shade), text) for shade, text in one.shades),
            *([(_swatch(None), "no number")] if any(NONE in r["texts"] for r in rows) else []),
        ],
    }


def _worst(rows: Sequence[dict[str, Any]], last: Sequence[SiteState], one: _Map) -> str:
    """Return the number of the last window that is shaded most, and whose it is."""
    shades = [abs(one.shade(v)) if math.isfinite(v := one.value(s)) else -1.0 for s in last]
    row = rows[shades.index(max(shades))]
    return f"{row['last']} ({row['short']})"


def _named(site: Site) -> str:
    """Return a site's name with its function's, which a module's path does not tell."""
    function = site.activation.name if site.activation is not None else ""
    return site.name if function in site.name else f"{site.name} {function}"


def _shortened(names: Sequence[str]) -> list[str]:
    """Return names that fit beside a map; what all have in common goes before what differs.

    >>> _shortened(["encoder.layers.10.linear relu", "encoder.layers.12.linear relu"])
    ['…10.linear relu', '…12.linear relu']
    """
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    common = len("".join(letters[0] for letters in alike).rstrip("0123456789"))
    if max(map(len, names)) <= _LONGEST or len(names) == 1 or common < 3:
        return [short(name, _LONGEST) for name in names]
    return [short("…" + name[common:], _LONGEST) for name in names]


def _cells(
    values: Sequence[float],
    written: Sequence[str],
    spans: Sequence[str],
    shade: Callable[[float], float],
) -> Markup:
    cells = []
    for column, value in enumerate(values):
        look = _look(shade(value) if math.isfinite(value) else None)
        said = tag("title", f"steps {spans[column]}: {written[column]}")
        cells.append(tag("rect", said, **look, x=column, width=1, height=1))
    return tag(
        "svg",
        *cells,
        width="100%",
        height=22,
        viewBox=f"0 0 {len(values)} 1",
        preserveAspectRatio="none",
        aria_hidden="true",
    )


def _look(shade: float | None) -> dict[str, Any]:
    """Return how a cell looks: one colour for each direction, its strength the distance."""
    if shade is None:
        return {"class_": "cell none"}
    strength = 0.05 + 0.95 * min(1.0, abs(shade))
    return {"class_": "cell down" if shade < 0 else "cell up", "fill_opacity": strength}


def _swatch(shade: float | None) -> Markup:
    cell = tag("rect", **_look(shade), width=22, height=14)
    return tag("svg", cell, width=22, height=14, aria_hidden="true")
