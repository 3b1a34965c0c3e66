"""Interval arithmetic over the vocabulary: bounds that a formula cannot leave.

Many intervals are computed at once, as arrays of lower and upper ends. Every result is rounded
outward: arithmetic by one unit in the last place (by none where it was exact), functions of NumPy
and SciPy by 4e-15 of their value, several times the error that their own tests allow.
An end may be infinite; an interval that is not known is the whole line.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from typing import Any

import numpy as np

from actlab.engines.numpy_operations import SCOPE, TABLE
from actlab.engines.source import compile_function
from actlab.formula import Call, Expression, Symbol, linearise
from actlab.formula.program import Operand, Step

__all__ = ["Interval", "enclose"]

Interval = tuple[Any, Any]
_Rule = Callable[..., Interval]

_RELATIVE = 4e-15
_LEAST = 5e-324
"""The smallest number above 0, which stands where a positive value may have underflowed."""
_RISING = {
    "exp": (0, math.inf), "expm1": (-1, math.inf), "log": (-math.inf, math.inf),
    "log1p": (-math.inf, math.inf), "sqrt": (0, math.inf), "arctan": (-math.inf, math.inf),
    "arcsinh": (-math.inf, math.inf), "sinh": (-math.inf, math.inf), "tanh": (-1, 1),
    "tanh_shrink": (-math.inf, math.inf), "sigmoid": (0, 1), "softplus": (0, math.inf),
    "log_sigmoid": (-math.inf, 0), "erf": (-1, 1), "normcdf": (0, 1),
}  # fmt: skip
"""Increasing functions with the bounds of their values."""
_HUMPS = {"cosh": (1, math.inf), "sech": (0, 1), "normpdf": (0, 0.3989422804014328)}
"""Even functions that are monotone on each side of 0."""
_FUNCTIONS = {
    head: compile_function([Call(head, (Symbol("a"),))], ("a",), TABLE, SCOPE)
    for head in (*_RISING, *_HUMPS, "erfc", "sin", "cos")
}


def enclose(expression: Expression, low: Any, high: Any) -> Interval:
    """Bounds of a formula of `x` on the intervals [low, high].

    Args:
        expression: a formula without parameters.
        low: lower ends, an array; may be -inf.
        high: upper ends.

    Returns:
        Two arrays: no value of the formula on an interval lies outside.

    Example:
        >>> import numpy as np
        >>> from actlab.formula import parse
        >>> low, high = enclose(parse("x * x - x"), np.array([0.0]), np.array([1.0]))
        >>> bool(low[0] <= -0.25), bool(high[0] >= 0.0)
        (True, True)
    """
    plan = _planned(expression)
    x = (np.asarray(low, float), np.asarray(high, float))
    values: list[Interval] = [x, *plan.constants]
    with np.errstate(all="ignore"):
        for rule, places in plan.steps:
            values.append(rule(*(values[place] for place in places)))
    least, most = values[plan.output]
    return np.broadcast_to(least, x[0].shape), np.broadcast_to(most, x[0].shape)


@dataclass(frozen=True)
class _Plan:
    """A formula as steps over a list of intervals: x, the constants, the steps' own results."""

    constants: tuple[Interval, ...]
    steps: tuple[tuple[_Rule, tuple[int, ...]], ...]
    output: int


@lru_cache(maxsize=1024)
def _planned(expression: Expression) -> _Plan:
    program = linearise(expression)
    numbers = dict.fromkeys(
        operand
        for operands in (*(step.operands for step in program.steps), program.outputs)
        for operand in operands
        if isinstance(operand, Fraction)
    )
    constants = tuple(map(_constant, numbers))
    places = {number: 1 + place for place, number in enumerate(numbers)}

    def place_of(operand: Operand) -> int:
        if isinstance(operand, Fraction):
            return places[operand]
        return 0 if isinstance(operand, str) else 1 + len(constants) + operand

    steps = tuple((_rule(step), tuple(map(place_of, step.operands))) for step in program.steps)
    return _Plan(constants, steps, place_of(program.outputs[0]))


def _constant(value: Fraction) -> Interval:
    near = np.float64(value)
    if near == value:
        return near, near
    return np.nextafter(near, -np.inf), np.nextafter(near, np.inf)


def _rule(step: Step) -> _Rule:
    head, operands = step.head, step.operands
    # step 2 times the number 2 is no square
    if head == "mul" and operands[0] == operands[1] and type(operands[0]) is type(operands[1]):
        return lambda a, _: _whole_power(a, 2)
    if head == "pow" and isinstance(operands[1], Fraction) and operands[1].denominator == 1:
        exponent = int(operands[1])
        return lambda a, _: _whole_power(a, exponent)
    if head in _RULES:
        return _RULES[head]
    if head in _RISING:
        return partial(_rising, head)
    return partial(_hump, head)


def _down(low: Any) -> Any:
    return np.nextafter(np.fmax(low, -np.inf), -np.inf)


def _up(high: Any) -> Any:
    return np.nextafter(np.fmin(high, np.inf), np.inf)


def _loosely(low: Any, high: Any, least: float, most: float) -> Interval:
    """Outward by the error that a library function may have, within its known bounds."""
    wide_low = np.where(np.isfinite(low), low - np.abs(low) * _RELATIVE, low)
    wide_high = np.where(np.isfinite(high), high + np.abs(high) * _RELATIVE, high)
    return np.fmax(wide_low, least), np.fmin(wide_high, most)


# -- choices ------------------------------------------------------------------------------------


def _truth(surely: Any, never: Any) -> Interval:
    """1 where a comparison must hold, 0 where it can't, and both where that is open."""
    return np.where(surely, 1.0, 0.0), np.where(never, 0.0, 1.0)


def _less(a: Interval, b: Interval) -> Interval:
    return _truth(a[1] < b[0], a[0] >= b[1])


def _less_or_equal(a: Interval, b: Interval) -> Interval:
    return _truth(a[1] <= b[0], a[0] > b[1])


def _equal(a: Interval, b: Interval) -> Interval:
    points = (a[0] == a[1]) & (b[0] == b[1]) & (a[0] == b[0])
    return _truth(points, (a[1] < b[0]) | (b[1] < a[0]))


def _unequal(a: Interval, b: Interval) -> Interval:
    no = _equal(a, b)
    return 1 - no[1], 1 - no[0]


def _where(condition: Interval, yes: Interval, no: Interval) -> Interval:
    surely, never = condition[0] == 1, condition[1] == 0
    return (
        np.where(surely, yes[0], np.where(never, no[0], np.minimum(yes[0], no[0]))),
        np.where(surely, yes[1], np.where(never, no[1], np.maximum(yes[1], no[1]))),
    )


def _minimum(a: Interval, b: Interval) -> Interval:
    return np.minimum(a[0], b[0]), np.minimum(a[1], b[1])


def _maximum(a: Interval, b: Interval) -> Interval:
    return np.maximum(a[0], b[0]), np.maximum(a[1], b[1])


# -- functions ----------------------------------------------------------------------------------

_EXACT_AT_0 = {"exp", "sigmoid", "normcdf"}


def _rising(head: str, a: Interval) -> Interval:
    function = _FUNCTIONS[head]
    least, most = _RISING[head]
    low, high = function(a[0]), function(a[1])
    if head in {"exp", "sigmoid", "softplus", "normcdf"}:
        high = np.maximum(high, _LEAST)  # it may have underflowed
    if head == "log_sigmoid":
        low = np.minimum(low, np.where(np.isinf(a[0]) & (a[0] > 0), 0.0, -_LEAST))
    wide_low, wide_high = _loosely(low, high, least, most)
    if head in _EXACT_AT_0:
        return np.where(a[0] == 0, low, wide_low), np.where(a[1] == 0, high, wide_high)
    return wide_low, wide_high


def _size(a: Interval) -> Interval:
    sizes = np.abs(a[0]), np.abs(a[1])
    inner = np.where((a[0] <= 0) & (a[1] >= 0), 0.0, np.minimum(*sizes))
    return inner, np.maximum(*sizes)


def _hump(head: str, a: Interval) -> Interval:
    inner, outer = _size(a)
    near, far = _FUNCTIONS[head](inner), _FUNCTIONS[head](outer)
    if head == "cosh":
        return _loosely(near, far, *_HUMPS[head])
    return _loosely(far, np.maximum(near, _LEAST), *_HUMPS[head])


def _erfc(a: Interval) -> Interval:
    function = _FUNCTIONS["erfc"]
    return _loosely(function(a[1]), np.maximum(function(a[0]), _LEAST), 0, 2)


def _wave(head: str, a: Interval) -> Interval:
    low, high = a
    shift = 0.25 if head == "sin" else 0.0
    known = (np.abs(low) < 1e6) & (np.abs(high) < 1e6)
    turns = (np.where(known, low, 0) / (2 * np.pi), np.where(known, high, 0) / (2 * np.pi))
    slack = 1e-9
    top = np.floor(turns[1] - shift + slack) >= np.ceil(turns[0] - shift - slack)
    bottom = np.floor(turns[1] - shift - 0.5 + slack) >= np.ceil(turns[0] - shift - 0.5 - slack)
    ends = _FUNCTIONS[head](low), _FUNCTIONS[head](high)
    least, most = np.minimum(*ends), np.maximum(*ends)
    return _loosely(
        np.where(bottom | ~known, -1.0, least), np.where(top | ~known, 1.0, most), -1, 1
    )


# -- arithmetic ---------------------------------------------------------------------------------


def _neg(a: Interval) -> Interval:
    return -a[1], -a[0]


def _sum(a: Interval, b: Interval) -> Interval:
    low, high = a[0] + b[0], a[1] + b[1]
    # outward only where the sum was rounded inward; an error that is NaN counts as such
    return (
        np.where(_error(a[0], b[0], low) >= 0, low, _down(low)),
        np.where(_error(a[1], b[1], high) <= 0, high, _up(high)),
    )


def _error(a: Any, b: Any, total: Any) -> Any:
    """The true sum less its rounded value, which is a float (Knuth's TwoSum)."""
    part = total - a
    return (a - (total - part)) + (b - part)


def _product(a: Interval, b: Interval) -> Interval:
    ends = [x * y for x in a for y in b]
    low = np.minimum(np.minimum(ends[0], ends[1]), np.minimum(ends[2], ends[3]))
    high = np.maximum(np.maximum(ends[0], ends[1]), np.maximum(ends[2], ends[3]))
    if np.isnan(low).any():  # an infinite end is no value; beside a zero the product stays zero
        ends = [np.where(np.isnan(end), 0.0, end) for end in ends]
        low, high = np.minimum.reduce(ends), np.maximum.reduce(ends)
    below, above = _down(low), _up(high)
    # a product of numbers of known signs keeps its sign
    zero = low == 0
    if zero.any():
        apart = (a[0] >= 0) & (b[0] >= 0) | (a[1] <= 0) & (b[1] <= 0)
        below = np.where(zero & apart, low, below)
    zero = high == 0
    if zero.any():
        apart = (a[0] >= 0) & (b[1] <= 0) | (a[1] <= 0) & (b[0] >= 0)
        above = np.where(zero & apart, high, above)
    return below, above


def _quotient(a: Interval, b: Interval) -> Interval:
    crosses = (b[0] <= 0) & (b[1] >= 0)
    safe = (np.where(crosses, 1.0, b[0]), np.where(crosses, 1.0, b[1]))
    low, high = _product(a, _inverse(safe))
    return np.where(crosses, -np.inf, low), np.where(crosses, np.inf, high)


def _inverse(a: Interval) -> Interval:
    """1/a of intervals without 0; the sign is kept."""
    low, high = _down(1 / a[1]), _up(1 / a[0])
    return np.where(a[0] > 0, np.maximum(low, 0.0), low), np.where(
        a[1] < 0, np.minimum(high, 0.0), high
    )


def _whole_power(a: Interval, exponent: int) -> Interval:
    if exponent < 0:
        base = _whole_power(a, -exponent)
        crosses = (base[0] <= 0) & (base[1] >= 0)
        low, high = _inverse(base)
        return np.where(crosses, -np.inf, low), np.where(crosses, np.inf, high)
    if exponent % 2 == 0:
        a = _size(a)
    low, high = np.power(a[0], exponent), np.power(a[1], exponent)
    least = 0.0 if exponent % 2 == 0 else -math.inf
    low, high = _loosely(low, np.where((high == 0) & (a[1] > 0), _LEAST, high), least, math.inf)
    return np.where(a[0] >= 1, np.maximum(low, 1.0), low), np.where(
        np.abs(a[1]) <= 1, np.minimum(high, 1.0), high
    )


def _power(a: Interval, b: Interval) -> Interval:
    valid = a[0] >= 0
    base = np.where(valid, a[0], 1.0), np.where(valid, a[1], 1.0)
    ends = [np.power(x, y) for x in base for y in b]
    low, high = _loosely(np.minimum.reduce(ends), np.maximum.reduce(ends), 0, math.inf)
    spans = (base[0] < 1) & (base[1] > 1) | (b[0] < 0) & (b[1] > 0)
    return (
        np.where(valid & ~spans, low, np.where(valid, 0.0, -np.inf)),
        np.where(valid & ~spans, high, np.where(valid & (b[0] > 0), high, np.inf)),
    )


_RULES: dict[str, _Rule] = {
    "pi": lambda: (np.nextafter(math.pi, 0), np.nextafter(math.pi, 4)),
    "e": lambda: (np.nextafter(math.e, 0), np.nextafter(math.e, 4)),
    "lt": _less,
    "le": _less_or_equal,
    "gt": lambda a, b: _less(b, a),
    "ge": lambda a, b: _less_or_equal(b, a),
    "eq": _equal,
    "ne": _unequal,
    "where": _where,
    "abs": _size,
    "sign": lambda a: (np.sign(a[0]), np.sign(a[1])),
    "minimum": _minimum,
    "maximum": _maximum,
    "clip": lambda a, b, c: _minimum(_maximum(a, b), c),
    "add": _sum,
    "sub": lambda a, b: _sum(a, _neg(b)),
    "mul": _product,
    "div": _quotient,
    "neg": _neg,
    "pow": _power,
    "erfc": _erfc,
    "sin": partial(_wave, "sin"),
    "cos": partial(_wave, "cos"),
}
"""Primitives that are neither rising nor humps."""
