"""The report on a network's health: findings, the loss with marks on it, heat maps over time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from actlab.report.page import environment
from actlab.report.svg import Axis, axis_of_epochs, finite, linear_axis, log_axis, tag
from actlab.report.wording import amount, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actlab.health.record import Record
    from actlab.health.watching import Watch

__all__ = ["health_page"]

_HEIGHT = 260
_WIDE = 1000
_CELL = 26


def health_page(watch: Watch) -> str:
    """Return the HTML document."""
    record = watch.record
    findings = watch.diagnosed()
    marks = [(f.since, f.symptom, f.severity) for f in findings.above("note")]
    marks += [(t.step, t.remedy.name.replace("_", " "), "remedy") for t in watch.trials]
    return (
        environment()
        .get_template("health.html")
        .render(
            title=type(watch.model).__name__,
            steps=watch.steps,
            record=record,
            findings=findings,
            trials=watch.trials,
            serious=len(findings.above("note")),
            loss=_loss_chart(watch.losses.steps, watch.losses.values, marks),
            maps=_maps(record),
            layers=_layers(record),
            sites=len(record.activations()),
            words=_EVIDENCE,
            number=amount,
        )
    )


def _EVIDENCE(value: float) -> str:  # noqa: N802  (a function that the template calls)
    return amount(float(value))


# --- the loss ---------------------------------------------------------------------------------


def _loss_chart(
    steps: Sequence[int], values: Sequence[float], marks: Sequence[tuple[int, str, str]]
) -> Markup | None:
    known = finite(values)
    if len(known) < 2:
        return None
    low, high = min(known), max(known)
    y = log_axis(low, high) if low > 0 and high > 8 * low else linear_axis(low, high)
    x = axis_of_epochs(max(2, steps[-1] + 1))
    path, pen = [], "M"
    for step, value in zip(steps, values, strict=True):
        if not math.isfinite(value):
            pen = "M"
            continue
        left, top = _WIDE * x.place(step + 1), _HEIGHT * (1 - y.place(value))
        path.append(f"{pen}{left:.0f} {top:.1f}")
        pen = "L"
    line = tag("path", class_="line s0", d="".join(path))
    inner = tag(
        "svg",
        line,
        class_="lines",
        aria_hidden="true",
        viewBox=f"0 0 {_WIDE} {_HEIGHT}",
        preserveAspectRatio="none",
        width="100%",
        height=_HEIGHT,
    )
    return tag(
        "svg",
        tag("title", "Loss over the steps", id="loss-title"),
        *_frame(x, y),
        inner,
        *_marks(marks, x),
        role="img",
        aria_labelledby="loss-title",
        class_="plot",
        width="100%",
        height=_HEIGHT,
    )


def _frame(x: Axis, y: Axis) -> list[Markup]:
    parts = []
    for value, text in y.ticks:
        top = _HEIGHT * (1 - y.place(value))
        parts.append(tag("line", class_="grid", x1=0, x2="100%", y1=top, y2=top))
        parts.append(tag("text", text, class_="tick y", x=0, y=top, dx=-8, dy=4))
    for value, text in x.ticks:
        left = f"{100 * x.place(value):.2f}%"
        parts.append(tag("line", class_="notch", x1=left, x2=left, y1=_HEIGHT, y2=_HEIGHT + 5))
        parts.append(tag("text", text, class_="tick x", x=left, y=_HEIGHT, dy=20))
    parts.append(tag("line", class_="base", x1=0, x2="100%", y1=_HEIGHT, y2=_HEIGHT))
    return parts


def _marks(marks: Sequence[tuple[int, str, str]], x: Axis) -> list[Markup]:
    """Return a line where each finding began, with its name; several at a step share one."""
    parts = []
    for place, (step, name, kind) in enumerate(sorted(marks)):
        left = f"{100 * min(1.0, max(0.0, x.place(step + 1))):.2f}%"
        top = 14 + 16 * (place % 8)
        parts.append(tag("line", class_=f"found {kind}", x1=left, x2=left, y1=0, y2=_HEIGHT))
        late = x.place(step + 1) > 0.7
        parts.append(
            tag("text", name, class_=f"found {kind}", x=left, y=top, dx=-6 if late else 6,
                text_anchor="end" if late else "start")
        )  # fmt: skip
    return parts


# --- heat maps --------------------------------------------------------------------------------


def _maps(record: Record) -> list[dict[str, Any]]:
    """Return the heat maps: what, how to read it, and the drawing."""
    sites = record.activations()
    squashing = [s for s in sites if s.regions is not None and s.regions.squashes]
    found = []
    for title, note, chosen, value, shade, said in (
        (
            "Active inputs",
            "Share of inputs above the flat left tail; near 0 in a layer, its units are dead.",
            [s for s in sites if s not in squashing],
            lambda state: state.active,
            lambda v: 1 - v,
            percent,
        ),
        (
            "Saturation",
            "Share of inputs in a flat tail of a function that has two.",
            squashing,
            lambda state: state.tail_rows,
            lambda v: v,
            percent,
        ),
        (
            "Gradient against the forecast",
            "Power of ten by which the gradient at a layer, relative to the last one, is away "
            "from what theory forecasts for the activation with the right gain.",
            sites if len(sites) > 1 else [],
            _relative_gradient(record),
            lambda v: min(1.0, abs(v) / 4),
            lambda v: f"{v:+.1f}",
        ),
    ):
        if chosen:
            found.append(
                {"title": title, "note": note,
                 "drawn": _heat_map(record, chosen, value, shade, said)}
            )  # fmt: skip
    return found


def _relative_gradient(record: Record) -> Callable[[Any], float]:
    """Return the deviation of a state's gradient from the forecast, in powers of ten."""
    from actlab.health.rules_training import expected_rate

    sites = record.activations()
    place_of = {id(s): p for p, site in enumerate(sites) for s in record.states[site.name]}
    rate = expected_rate(sites)
    last = {s.first_step: s.gradient for s in record.states[sites[-1].name]} if sites else {}

    def value(state: Any) -> float:
        base = last.get(state.first_step, math.nan)
        if not (state.gradient > 0 and base > 0):
            return -20.0 if base > 0 and state.gradient == 0 else math.nan
        layers = len(sites) - 1 - place_of[id(state)]
        return math.log10(state.gradient / base) - layers * rate

    return value


def _heat_map(
    record: Record,
    sites: Sequence[Any],
    value: Callable[[Any], float],
    shade: Callable[[float], float],
    said: Callable[[float], str],
) -> Markup:
    rows = []
    for row, site in enumerate(sites):
        states = record.states[site.name]
        width = 100 / len(states)
        for column, state in enumerate(states):
            number = value(state)
            known = math.isfinite(number)
            rows.append(
                tag(
                    "rect",
                    tag("title", f"{site.name}, steps {state.first_step} to {state.last_step}: "
                        f"{said(number) if known else 'no number'}"),
                    class_="cell" if known else "cell none",
                    x=f"{column * width:.2f}%",
                    width=f"{width + 0.05:.2f}%",
                    y=row * _CELL,
                    height=_CELL - 2,
                    fill_opacity=0.04 + 0.96 * min(1.0, max(0.0, shade(number))) if known else 1.0,
                )
            )  # fmt: skip
    labels = [
        tag("text", site.name, class_="tick y", x=0, y=row * _CELL, dx=-8, dy=16)
        for row, site in enumerate(sites)
    ]
    height = _CELL * len(sites)
    return tag("svg", *labels, *rows, class_="plot heat", role="img", width="100%", height=height)


def _layers(record: Record) -> list[dict[str, Any]]:
    """Return a row for each layer: sizes in the last window."""
    rows = []
    for name, layer in record.layers.items():
        states = record.layer_states.get(name)
        if states:
            last = states[-1]
            rows.append(
                {"name": name, "kind": layer.kind, "parameters": f"{layer.parameters:,}",
                 "weight": amount(last.weight), "gradient": amount(last.gradient),
                 "ratio": amount(last.ratio)}
            )  # fmt: skip
    return rows
