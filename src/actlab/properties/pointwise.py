"""Values, limits and sizes of smooth formulas, each with how sure it is."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Final

import numpy as np

from actlab.formula import Call, Expression, differentiate
from actlab.formula.expression import nodes
from actlab.properties.factors import factored
from actlab.properties.intervals import enclose
from actlab.properties.limits import limit
from actlab.properties.plain import plain
from actlab.theory.breakpoints import Piece

__all__ = ["at_0", "differ", "far_away", "largest", "limit_of", "line_far_away", "one_sided"]

_SAME: Final = 1e-11
"""One-sided derivatives closer than this are rounding apart."""
_WINDOWS: Final = tuple(2.0**k for k in (6, 9, 12, 15))
_GROWS: Final = 1.2
_EXPLODES: Final = {"exp", "expm1", "sinh", "cosh"}
"""Functions whose values far out have more digits than can be computed with."""


def differ(a: float, b: float) -> bool:
    """Whether two values are further apart than rounding explains; NaN differs from nothing."""
    if math.isnan(a) or math.isnan(b):
        return False
    if math.isinf(a) or math.isinf(b):
        return a != b
    return a != b and not abs(a - b) <= _SAME * max(1.0, abs(a), abs(b))


def one_sided(expression: Expression, x: float, order: int, side: int) -> float:
    """A derivative of a smooth piece at its end; a step inside if it has no value there."""
    function = plain(differentiate(expression, "x", order))
    value = float(function(float(x)))
    if math.isnan(value) and side:
        value = float(function(float(x) + side * 1e-7 * max(1.0, abs(x))))
    return value


def limit_of(expression: Expression, end: float) -> tuple[float, bool]:
    """The limit at infinity and whether it follows from the formula."""
    for form in (expression, factored(expression)):
        value = limit(form, end)
        if not math.isnan(value):
            return value + 0.0, True
    from actlab.engines import exact

    found = float(exact.evaluate(expression, {"x": end}, {}, digits=140))
    near = round(found, 12)
    return (near if abs(found - near) < 1e-15 else found) + 0.0, False


def largest(expression: Expression, piece: Piece) -> float:
    """Largest size of a smooth formula on a piece: the largest on a grid, then refined."""
    function = plain(expression)
    low, high = max(piece.low, -60.0), min(piece.high, 60.0)
    x = np.linspace(low, high, 6001)
    if low < 8 and high > -8:
        x = np.concatenate([x, np.linspace(max(low, -8.0), min(high, 8.0), 4001)])
    x = np.unique(np.round(x, 6))  # neighbours that differ by rounding would end the search
    for _ in range(12):
        size = np.abs(function(x))
        size = np.where(np.isnan(size), -1.0, size)
        best = int(np.argmax(size))
        around = x[max(best - 1, 0)], x[min(best + 1, len(x) - 1)]
        if around[1] - around[0] < 1e-9:
            break
        x = np.linspace(*around, 41)
    values = [float(size[best])]
    for end in (piece.low, piece.high):
        if math.isinf(end):
            value, _ = limit_of(expression, end)
            ends = far_away(expression, end) if math.isnan(value) else (value,)
            values += [abs(v) for v in ends if not math.isnan(v)]
    return max(values)


def far_away(expression: Expression, end: float) -> tuple[float, float]:
    """What a formula without a limit does at one end: its lowest and highest value, or infinity.

    It is evaluated in four windows, each eight times as far out as the one before; where its
    extremes grow from each to the next, they are taken to be infinite.
    """
    function = plain(expression)
    share = np.sort(np.modf(np.arange(1, 4001) * 0.6180339887498949)[0])  # never in step with it
    lows, highs = [], []
    for start in _WINDOWS:
        values = function(math.copysign(1.0, end) * start * (1 + share))
        if not np.all(np.isfinite(values)):
            return math.nan, math.nan
        lows.append(float(values.min()))
        highs.append(float(values.max()))
    return -_outermost([-low for low in lows]), _outermost(highs)


def line_far_away(expression: Expression, end: float) -> tuple[float, float] | None:
    """Slope and intercept of the line on which a formula lies at 1e30 and at 1e40, if on one."""
    if any(isinstance(node, Call) and node.head in _EXPLODES for node in nodes(expression)):
        return None
    import mpmath

    from actlab.engines import exact

    found = []
    for size in (30, 40):
        x = int(math.copysign(10**size, end))
        here, beyond = (
            exact.evaluate(expression, {"x": str(k * x)}, {}, digits=140) for k in (1, 2)
        )
        with mpmath.workdps(140):
            found.append((float((beyond - here) / x), float(2 * here - beyond)))
    if all(map(math.isfinite, found[0])) and not any(map(differ, *found)):
        return found[1]
    return None


def _outermost(values: list[float]) -> float:
    grows = values[0] > 0 and all(b > _GROWS * a for a, b in pairwise(values))
    return math.inf if grows else max(values)


def at_0(expression: Expression, value: float) -> bool:
    """Whether interval arithmetic proves all digits of a value at 0 that are shown."""
    low, high = (float(end[0]) for end in enclose(expression, np.zeros(1), np.zeros(1)))
    return low <= value <= high and high - low <= 1e-13 * abs(value)
