"""The small pictures of the index, as SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from markupsafe import Markup

from actlab.activation import ComplexRule
from actlab.gallery.samples import START, bars, curve, net, start, window

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actlab.activation import Activation

__all__ = ["thumbnail"]

_WIDE: Final = 120
_HIGH: Final = 80
_MARGIN: Final = 6
_POINTS: Final = 241
_TALLEST: Final = 1.6
"""A curve is cut off at this many times the width of its half axis, or 1 if that is more."""


def thumbnail(activation: Activation, words: str) -> Markup:
    """A picture of 120 by 80 units; `words` are its text alternative.

    The curve of a function of numbers (of a gated pair by its gate at x = 1), bars for a vector,
    the image of a square grid for a complex function, and units for a layer with weights.
    """
    if isinstance(activation.rule, ComplexRule):
        inner = _grid(net(activation, activation.rule))
    elif activation.kind == "layer":
        ys, _ = start(activation)
        inner = _curve(np.linspace(*START, len(ys)), np.array(ys)) if ys else _units()
    elif activation.kind == "vector":
        inner = _bars(bars(activation)[1])
    else:
        low, high = window(activation)
        x, y = curve(activation, low, high, _POINTS)
        passed = None if activation.backward is None else activation.derivative(x)
        inner = _curve(x, y, passed)
    return Markup(
        '<svg class="thumb" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(_WIDE, _HIGH, words, Markup("").join(inner))


def _scaled(value: Any, low: float, high: float, start: float, end: float) -> Any:
    return start + (value - low) / (high - low) * (end - start)


def _stroke(name: str, path: str) -> Markup:
    return Markup('<path class="{}" d="{}"/>').format(name, path)


def _path(points: Iterable[tuple[float, float]]) -> str:
    """Path data of a line; numbers that are not finite lift the pen."""
    words: list[str] = []
    pen = "M"
    for x, y in points:
        if not np.isfinite(x + y):
            pen = "M"
            continue
        words.append(f"{pen}{x:.1f} {y:.1f}".replace(".0", ""))
        pen = "L"
    return "".join(words)


def _curve(x: Any, y: Any, passed: Any = None) -> list[Markup]:
    """The curve, and where the gradient is on purpose another function, that one as well."""
    half = max(abs(float(x[0])), abs(float(x[-1])))
    cut = _TALLEST * max(half, 1.0)
    columns = [y] if passed is None else [y, passed]
    both = np.concatenate(columns)
    inside = both[np.isfinite(both) & (np.abs(both) <= cut)]
    low = min(0.0, float(inside.min(initial=0.0)))
    high = max(0.0, float(inside.max(initial=0.0)))
    if high - low < 1e-9:
        low, high = -1.0, 1.0
    left, right, top, bottom = _MARGIN, _WIDE - _MARGIN, _MARGIN + 2, _HIGH - _MARGIN - 2
    px = _scaled(x, float(x[0]), float(x[-1]), left, right)
    zero_x, zero_y = _scaled(0.0, x[0], x[-1], left, right), _scaled(0.0, low, high, bottom, top)
    found = [_stroke("axes", f"M0 {zero_y:.1f}H{_WIDE}M{zero_x:.1f} 0V{_HIGH}")]
    names = ("curve", "curve two passed")
    for name, column in reversed(list(zip(names, columns, strict=False))):
        py = np.where(np.abs(column) <= cut, _scaled(column, low, high, bottom, top), np.nan)
        found.append(_stroke(name, _path(_lifted(px, py, 0.06 * (bottom - top)))))
    return found


def _lifted(px: Any, py: Any, least: float) -> list[tuple[float, float]]:
    """Points of a line with a gap at each jump: a step much larger than those beside it.

    A jump may take two steps, as that of `sign`, which stops at 0; so two steps are looked at.
    """
    steps = np.abs(np.diff(py))
    wide = np.pad(steps, 2, mode="edge")
    before, after = np.minimum(wide[:-4], wide[1:-3]), np.minimum(wide[3:-1], wide[4:])
    beside = np.maximum(before, after)
    points: list[tuple[float, float]] = []
    for place, point in enumerate(zip(px, py, strict=True)):
        points.append(point)
        if place < len(steps) and steps[place] > least and steps[place] > 6 * beside[place]:
            points.append((np.nan, np.nan))
    return points


def _bars(values: list[float]) -> list[Markup]:
    low, high = min(0.0, *values), max(0.0, *values)
    high = high if high > low else 1.0
    step = (_WIDE - 2 * _MARGIN) / len(values)
    zero = float(_scaled(0.0, low, high, _HIGH - _MARGIN - 2, _MARGIN + 2))
    found = [_stroke("axes", f"M0 {zero:.1f}H{_WIDE}")]
    for place, value in enumerate(values):
        y = float(_scaled(value, low, high, _HIGH - _MARGIN - 2, _MARGIN + 2))
        found.append(
            Markup(
                '<rect class="bar" x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"/>'
            ).format(
                _MARGIN + (place + 0.15) * step,
                min(y, zero),
                0.7 * step,
                max(abs(y - zero), 0.8),
            )
        )
    return found


def _grid(lines: list[Any]) -> list[Markup]:
    points = np.concatenate(lines)
    points = points[np.isfinite(points)]
    size = float(np.quantile(np.maximum(np.abs(points.real), np.abs(points.imag)), 0.98)) or 1.0
    scale = (_HIGH / 2 - _MARGIN) / size
    found = [_stroke("axes", f"M0 {_HIGH / 2:g}H{_WIDE}M{_WIDE / 2:g} 0V{_HIGH}")]
    for name, part in (
        ("curve thin", lines[: len(lines) // 2]),
        ("curve thin two", lines[len(lines) // 2 :]),
    ):
        d = "".join(
            _path(
                (_WIDE / 2 + z.real * scale, _HIGH / 2 - z.imag * scale)
                if abs(z) <= 1.5 * size
                else (np.nan, np.nan)
                for z in line[::2]
            )
            for line in part
        )
        found.append(_stroke(name, d))
    return found


def _units() -> list[Markup]:
    """Two rows of units joined by weights."""
    above = [(24 + 24 * i, 22) for i in range(4)]
    below = [(36 + 24 * i, 58) for i in range(3)]
    joins = "".join(f"M{a} {b}L{c} {d}" for a, b in above for c, d in below)
    dot = Markup('<circle class="unit" cx="{}" cy="{}" r="5"/>')
    dots = [dot.format(x, y) for x, y in (*above, *below)]
    return [_stroke("weights", joins), *dots]
