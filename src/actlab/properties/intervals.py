"""Interval arithmetic over the vocabulary: bounds that a formula cannot leave.

Many intervals are computed at once, as arrays of lower and upper ends. Every result is rounded
outward: arithmetic by one unit in the last place (by none where it was exact), functions of NumPy
and SciPy by 4e-15 of their value, several times the error that their own tests allow.
An end may be infinite; an interval that is not known is the whole line.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from actlab.engines.numpy_operations import SCOPE, TABLE
from actlab.engines.source import compile_function
from actlab.formula import PRIMITIVES, Call, Expression, Number, Symbol
from actlab.formula.expression import fold

__all__ = ["Interval", "enclose"]

Interval = tuple[Any, Any]

_RELATIVE = 4e-15
_RISING = {
    "exp": (0, math.inf), "expm1": (-1, math.inf), "log": (-math.inf, math.inf),
    "log1p": (-math.inf, math.inf), "sqrt": (0, math.inf), "arctan": (-math.inf, math.inf),
    "arcsinh": (-math.inf, math.inf), "sinh": (-math.inf, math.inf), "tanh": (-1, 1),
    "sigmoid": (0, 1), "softplus": (0, math.inf), "log_sigmoid": (-math.inf, 0),
    "erf": (-1, 1), "normcdf": (0, 1),
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
    x = (np.asarray(low, float), np.asarray(high, float))
    shape = x[0].shape

    def rule(node: Expression, operands: tuple[Interval, ...]) -> Interval:
        if isinstance(node, Number):
            value = np.full(shape, float(node.value))
            return _outward(value, value, exact=float(node.value) == node.value)
        if isinstance(node, Symbol):
            return x
        if isinstance(node, Call):
            return _apply(node, operands, shape)
        raise TypeError(f"not an expression: {node!r}")

    with np.errstate(all="ignore"):
        return fold(expression, rule)


def _outward(low: Any, high: Any, exact: Any = False) -> Interval:
    low = np.where(np.isnan(low), -np.inf, low)
    high = np.where(np.isnan(high), np.inf, high)
    return (
        np.where(exact, low, np.nextafter(low, -np.inf)),
        np.where(exact, high, np.nextafter(high, np.inf)),
    )


def _loosely(low: Any, high: Any, least: float, most: float) -> Interval:
    """Outward by the error that a library function may have, within its known bounds."""
    low = np.where(np.isnan(low), -np.inf, low)
    high = np.where(np.isnan(high), np.inf, high)
    wide_low = np.where(low == 0, low, low - np.abs(low) * _RELATIVE)
    wide_high = np.where(high == 0, high, high + np.abs(high) * _RELATIVE)
    return (
        np.maximum(np.where(np.isfinite(wide_low), wide_low, low), least),
        np.minimum(np.where(np.isfinite(wide_high), wide_high, high), most),
    )


def _apply(node: Call, operands: tuple[Interval, ...], shape: tuple[int, ...]) -> Interval:
    head = node.head
    if head in {"pi", "e"}:
        value = np.full(shape, math.pi if head == "pi" else math.e)
        return _outward(value, value)
    if PRIMITIVES[head].is_comparison:
        return np.zeros(shape), np.ones(shape)
    a = operands[0]
    if head in _RISING:
        return _rising(head, a)
    if head in _HUMPS:
        return _hump(head, a)
    if head in {"add", "sub", "mul", "div", "pow", "neg"}:
        return _arithmetic(node, operands)
    if head in {"abs", "sign", "minimum", "maximum", "clip", "where"}:
        return _choice(head, operands)
    if head == "erfc":
        low, high = _FUNCTIONS["erfc"](a[1]), _FUNCTIONS["erfc"](a[0])
        return _loosely(low, np.maximum(high, 5e-324), 0, 2)
    if head in {"sin", "cos"}:
        return _wave(head, a)
    return np.full(shape, -np.inf), np.full(shape, np.inf)


def _choice(head: str, operands: tuple[Interval, ...]) -> Interval:
    a = operands[0]
    if head == "abs":
        return _size(a)
    if head == "sign":
        return np.sign(a[0]), np.sign(a[1])
    if head == "minimum":
        return np.minimum(a[0], operands[1][0]), np.minimum(a[1], operands[1][1])
    if head == "maximum":
        return np.maximum(a[0], operands[1][0]), np.maximum(a[1], operands[1][1])
    if head == "clip":
        b, c = operands[1:]
        return (
            np.minimum(np.maximum(a[0], b[0]), c[0]),
            np.minimum(np.maximum(a[1], b[1]), c[1]),
        )
    return (
        np.minimum(operands[1][0], operands[2][0]),
        np.maximum(operands[1][1], operands[2][1]),
    )


_EXACT_AT_0 = {"exp", "sigmoid", "normcdf"}


def _rising(head: str, a: Interval) -> Interval:
    function = _FUNCTIONS[head]
    least, most = _RISING[head]
    low, high = function(a[0]), function(a[1])
    if head in {"exp", "sigmoid", "softplus", "normcdf"}:
        high = np.maximum(high, 5e-324)  # it may have underflowed
    if head == "log_sigmoid":
        low = np.minimum(low, np.where(np.isinf(a[0]) & (a[0] > 0), 0.0, -5e-324))
    wide_low, wide_high = _loosely(low, high, least, most)
    if head in _EXACT_AT_0:
        return np.where(a[0] == 0, low, wide_low), np.where(a[1] == 0, high, wide_high)
    return wide_low, wide_high


def _size(a: Interval) -> Interval:
    inner = np.where((a[0] <= 0) & (a[1] >= 0), 0.0, np.minimum(np.abs(a[0]), np.abs(a[1])))
    return inner, np.maximum(np.abs(a[0]), np.abs(a[1]))


def _hump(head: str, a: Interval) -> Interval:
    inner, outer = _size(a)
    near, far = _FUNCTIONS[head](inner), _FUNCTIONS[head](outer)
    if head == "cosh":
        return _loosely(near, far, *_HUMPS[head])
    return _loosely(far, np.maximum(near, 5e-324), *_HUMPS[head])


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


def _arithmetic(node: Call, operands: tuple[Interval, ...]) -> Interval:
    a = operands[0]
    if node.head == "neg":
        return -a[1], -a[0]
    b = operands[1]
    if node.head == "add":
        return _sum(a, b)
    if node.head == "sub":
        return _sum(a, (-b[1], -b[0]))
    if node.head == "mul":
        if node.arguments[0] == node.arguments[1]:
            return _whole_power(a, 2)
        return _product(a, b)
    if node.head == "div":
        crosses = (b[0] <= 0) & (b[1] >= 0)
        safe = (np.where(crosses, 1.0, b[0]), np.where(crosses, 1.0, b[1]))
        low, high = _product(a, _inverse(safe))
        return np.where(crosses, -np.inf, low), np.where(crosses, np.inf, high)
    exponent = node.arguments[1]
    if isinstance(exponent, Number) and exponent.value.denominator == 1:
        return _whole_power(a, int(exponent.value))
    return _power(a, b)


def _inverse(a: Interval) -> Interval:
    """1/a of intervals without 0; the sign is kept."""
    low, high = _outward(1 / a[1], 1 / a[0])
    return np.where(a[0] > 0, np.maximum(low, 0.0), low), np.where(
        a[1] < 0, np.minimum(high, 0.0), high
    )


def _sum(a: Interval, b: Interval) -> Interval:
    low, high = a[0] + b[0], a[1] + b[1]
    (low_down, _), (_, high_up) = _outward(low, low), _outward(high, high)
    exact_low, exact_high = _is_exact_sum(a[0], b[0], low), _is_exact_sum(a[1], b[1], high)
    return (
        np.where(exact_low, low, low_down),
        np.where(exact_high, high, high_up),
    )


def _is_exact_sum(a: Any, b: Any, total: Any) -> Any:
    part = total - a
    return ((a - (total - part)) + (b - part)) == 0  # Knuth's TwoSum


def _product(a: Interval, b: Interval) -> Interval:
    ends = []
    for x in a:
        for y in b:
            product = x * y
            # an infinite end is no value; beside a zero the product stays zero
            ends.append(np.where((x == 0) | (y == 0), 0.0, product))
    low, high = np.minimum.reduce(ends), np.maximum.reduce(ends)
    (low_down, _), (_, high_up) = _outward(low, low), _outward(high, high)
    nothing_low = (low == 0) & ((a[0] >= 0) & (b[0] >= 0) | (a[1] <= 0) & (b[1] <= 0))
    nothing_high = (high == 0) & ((a[0] >= 0) & (b[1] <= 0) | (a[1] <= 0) & (b[0] >= 0))
    return np.where(nothing_low, low, low_down), np.where(nothing_high, high, high_up)


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
    low, high = _loosely(low, np.where((high == 0) & (a[1] > 0), 5e-324, high), least, math.inf)
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
