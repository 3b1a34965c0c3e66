"""How far float32 arithmetic throughout is from a formula: a bound that holds for every input.

The float32 numbers are cut into cells. For all numbers of a cell at once each step of the formula
gets an interval that its true value lies in and a bound on the error of the value computed,

- carried over from the operands: `|a| db + |b| da + da db` for a product, `(da + |q| db) / |b|`
  for a quotient, `da / (2 sqrt(a))` for a root, the larger of two for a choice;
- and half a unit in the last place of the largest result, unless the step is exact: a result that
  is a multiple of some power of two, and no more than 2**24 times as large, is a float32 number.
  So are `x + 3` near -3 and products with powers of two.

Cells whose error is too large a part of their smallest value are cut further, down to single
numbers; a formula is good if none is left. Nothing is known about cancellation, overflow or
underflow beforehand: they show as errors. (Interval arithmetic with running error bounds: J. H.
Wilkinson 1963, Rounding Errors in Algebraic Processes; the exact differences: P. H. Sterbenz 1974,
Floating-Point Computation.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np

from actlab.engines.guard import VARIABLES
from actlab.engines.numpy_operations import evaluate_steps
from actlab.formula import Call, Expression, Number, symbols_of
from actlab.formula.expression import nodes

__all__ = ["ENOUGH", "error_in_float32", "is_arithmetic"]

ENOUGH: Final = 1.95
"""The largest error in ULP with which float32 is good enough."""

_DIGITS: Final = 24
_SMALLEST: Final = 2.0**-149
_OVERFLOW: Final = 2.0**128 - 2.0**103
"""What is at least as large becomes infinite."""

_ANYTHING: Final = 2.0**200
"""Zero is a multiple of every power of two up to this."""

_FINITE: Final = 0x7F7FFFFF
_CELL: Final = 1 << 20
"""Numbers in a cell at the beginning: an eighth of those with one exponent."""

_PARTS: Final = 8
_MOST_CELLS: Final = 1 << 14
_SAMPLE: Final = 4096

Array = Any
Interval = tuple[Array, Array]


@dataclass(frozen=True)
class _Range:
    """A step over all cells: where its true value is, where the computed one, and how far apart."""

    true: Interval
    made: Interval
    error: Array
    unit: Array
    """A power of two of which the computed value is a multiple."""


def is_arithmetic(expression: Expression) -> bool:
    """Whether a formula has one variable at most, and only steps that a bound is known for."""
    names = symbols_of(expression)
    return (
        len(names) <= 1
        and names <= set(VARIABLES)
        and all(not isinstance(node, Call) or node.head in _RULES for node in nodes(expression))
    )


@lru_cache(maxsize=1024)
def error_in_float32(expression: Expression, enough: float = ENOUGH) -> float:
    """A bound in ULP on the error of a formula of one variable, computed in float32 step by step.

    Args:
        expression: sums, products, quotients, roots and choices; constants are rounded first.
        enough: what need not be improved on.

    Returns:
        The bound; infinite where it is more than `enough` or can't be shown to be less, and where
        the formula does otherwise in float32 at infinities, NaN or zeros than in float64.
    """
    if not is_arithmetic(expression):
        return math.inf
    name = next(iter(symbols_of(expression)), VARIABLES[0])
    random = np.random.default_rng(0).integers(1, _FINITE, _SAMPLE)
    if not _same_at_ends(expression, name):
        return math.inf
    if not np.all(_errors(expression, random, random) <= enough):
        return math.inf
    first = np.concatenate([[0], np.arange(1, _FINITE, _CELL)])
    last = np.concatenate([first[1:] - 1, [_FINITE]])
    worst = 0.0
    while first.size:
        if first.size > _MOST_CELLS:
            return math.inf
        errors = _errors(expression, first, last)
        bad = ~(errors <= enough)
        worst = max(worst, float(np.max(errors, initial=0.0, where=~bad)))
        first, last = first[bad], last[bad]
        if np.any(first == last):
            return math.inf
        first, last = _cut(first, last)
    return worst


def _cut(first: Array, last: Array) -> tuple[Array, Array]:
    """Each cell in parts, none of them empty."""
    count = last - first + 1
    cuts = [first + count * part // _PARTS for part in range(_PARTS + 1)]
    begin, end = np.concatenate(cuts[:-1]), np.concatenate(cuts[1:]) - 1
    return begin[begin <= end], end[begin <= end]


def _same_at_ends(expression: Expression, name: str) -> bool:
    """Whether NaN, infinities and the signs of zeros are those of float64."""
    top = np.finfo(np.float32).max
    ends = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, top, -top], np.float32)
    narrow = evaluate_steps(expression, {name: ends}, {}, "float32")[expression]
    wide = evaluate_steps(expression, {name: ends.astype(float)}, {}, "float64")[expression]
    with np.errstate(over="ignore"):
        wide = wide.astype(np.float32)
    number = ~np.isnan(wide)
    return bool(
        np.array_equal(np.isnan(narrow), ~number)
        and np.array_equal(np.isinf(narrow), np.isinf(wide))
        and np.array_equal(np.signbit(narrow)[number], np.signbit(wide)[number])
    )


def _errors(expression: Expression, first: Array, last: Array) -> Array:
    """The bound in ULP for cells of float32 numbers, given by bit patterns, of either sign."""
    a, b = (end.astype(np.uint32).view(np.float32).astype(float) for end in (first, last))
    zero = np.zeros_like(a)
    results = []
    for x in ((a, b), (-b, -a)):
        values: dict[Expression, Any] = {}
        with np.errstate(all="ignore"):
            for node in nodes(expression):
                if isinstance(node, Number):
                    values[node] = _constant(node, zero)
                elif isinstance(node, Call):
                    operands = [values[part] for part in node.arguments]
                    values[node] = _RULES[node.head](*operands)
                else:
                    values[node] = _Range(x, x, zero, np.where(b == 0, _ANYTHING, _place(a)))
            found = values[expression]
            ulps = found.error / _place(_least(found.true))
            infinite = (_least(found.true) >= _OVERFLOW) & (_least(found.made) == np.inf)
            finite = _most(found.true) < _OVERFLOW
        results.append(np.where(infinite, 0.0, np.where(finite, ulps, np.inf)))
    return np.maximum(*results)


def _constant(node: Number, zero: Array) -> _Range:
    """A number, which is rounded to float32 by way of float64."""
    exact, rounded = float(node.value), float(np.float32(float(node.value)))
    if not math.isfinite(rounded):
        return _Range((zero + exact,) * 2, (zero + rounded,) * 2, zero + np.inf, zero)
    error = abs(float(node.value - type(node.value)(rounded)))
    mantissa, exponent = math.frexp(rounded)
    whole = int(mantissa * 2**_DIGITS)
    unit = 2.0 ** (exponent - _DIGITS) * (whole & -whole) if whole else _ANYTHING
    return _Range((zero + exact,) * 2, (zero + rounded,) * 2, zero + error, zero + unit)


# -- intervals ------------------------------------------------------------------------------------


def _least(interval: Interval) -> Array:
    """The smallest size of numbers of an interval."""
    return np.maximum(np.maximum(interval[0], -interval[1]), 0.0)


def _most(interval: Interval) -> Array:
    """The largest size."""
    return np.maximum(np.abs(interval[0]), np.abs(interval[1]))


def _place(size: Array) -> Array:
    """The unit in the last place of numbers of a size."""
    return np.maximum(np.ldexp(1.0, np.frexp(size)[1] - _DIGITS), _SMALLEST)


def _corners(operation: Callable[[Array, Array], Array], a: Interval, b: Interval) -> Interval:
    ends = [operation(one, other) for one in a for other in b]
    low, high = np.min(ends, 0), np.max(ends, 0)
    unknown = np.isnan(low) | np.isnan(high)
    return np.where(unknown, -np.inf, low), np.where(unknown, np.inf, high)


def _either(a: Interval, b: Interval) -> Interval:
    return np.minimum(a[0], b[0]), np.maximum(a[1], b[1])


# -- steps ----------------------------------------------------------------------------------------


def _rounded(
    true: Interval, made: Interval, error: Array, unit: Array, most: Any = math.inf
) -> _Range:
    """The result of a step, rounded to float32.

    A number in (2**(k-1), 2**k] is rounded by at most 2**(k - 25).

    Args:
        true: exact results from exact operands.
        made: exact results from computed operands; float64 has the digits to round them twice.
        error: distance of the two.
        unit: a power of two of which the latter are multiples.
        most: a bound on the rounding error.
    """
    unit = np.minimum(unit, _ANYTHING)
    size = _most(made)
    exact = (unit >= _SMALLEST) & (size <= unit * 2.0**_DIGITS)
    mantissa, exponent = np.frexp(size)
    half = np.maximum(np.ldexp(0.5, exponent - (mantissa == 0.5) - _DIGITS), _SMALLEST / 2)
    error = error + np.where(exact, 0.0, np.minimum(half, most))
    error = np.where((size < _OVERFLOW) & ~np.isnan(error), error, np.inf)
    low, high = (end.astype(np.float32).astype(float) for end in made)
    return _Range(true, (low, high), error, np.maximum(unit, _place(_least((low, high)))))


def _add(a: _Range, b: _Range) -> _Range:
    """One operand is near enough for a result, so the other bounds what rounding changes."""
    true, made = ((p[0] + q[0], p[1] + q[1]) for p, q in ((a.true, b.true), (a.made, b.made)))
    most = np.minimum(_most(a.made), _most(b.made))
    return _rounded(true, made, a.error + b.error, np.minimum(a.unit, b.unit), most)


def _negative(a: _Range) -> _Range:
    true, made = ((-high, -low) for low, high in (a.true, a.made))
    return _Range(true, made, a.error, a.unit)


def _multiply(a: _Range, b: _Range) -> _Range:
    error = _times(_most(a.true), b.error) + _times(_most(b.made), a.error)
    true, made = _corners(np.multiply, a.true, b.true), _corners(np.multiply, a.made, b.made)
    return _rounded(true, made, error, a.unit * b.unit)


def _times(size: Array, error: Array) -> Array:
    return np.where(error == 0, 0.0, size * error)


def _divide(a: _Range, b: _Range) -> _Range:
    true, made = _corners(np.divide, a.true, b.true), _corners(np.divide, a.made, b.made)
    divisor = np.minimum(_least(b.true), _least(b.made))
    error = (a.error + _times(_most(true), b.error)) / _least(b.made)
    error = np.where(divisor > 0, error, np.inf)
    power = (b.made[0] == b.made[1]) & (_least(b.made) == b.unit)
    return _rounded(true, made, error, np.where(power, a.unit / b.unit, 0.0))


def _root(a: _Range) -> _Range:
    true, made = ((np.sqrt(low), np.sqrt(high)) for low, high in (a.true, a.made))
    error = np.where(a.error == 0, 0.0, a.error / (true[0] + made[0]))
    return _rounded(true, made, error, np.zeros_like(error))


def _absolute(a: _Range) -> _Range:
    true, made = ((_least(one), _most(one)) for one in (a.true, a.made))
    return _Range(true, made, a.error, a.unit)


def _sign(a: _Range) -> _Range:
    true, made = ((np.sign(low), np.sign(high)) for low, high in (a.true, a.made))
    apart = np.maximum(true[1] - made[0], made[1] - true[0])
    return _Range(true, made, np.where(a.error == 0, 0.0, apart), np.ones_like(apart))


def _maximum(a: _Range, b: _Range) -> _Range:
    true, made = (
        (np.maximum(p[0], q[0]), np.maximum(p[1], q[1]))
        for p, q in ((a.true, b.true), (a.made, b.made))
    )
    first, second = _less(b, a), _less(a, b)
    return _pick(first.yes, second.yes, a, b, true, made, 0.0)


def _minimum(a: _Range, b: _Range) -> _Range:
    return _negative(_maximum(_negative(a), _negative(b)))


def _where(condition: _Condition, a: _Range, b: _Range) -> _Range:
    true, made = _either(a.true, b.true), _either(a.made, b.made)
    whole = _either(true, made)
    apart = np.where(condition.exact, 0.0, whole[1] - whole[0])  # each may choose another
    return _pick(condition.yes, condition.no, a, b, true, made, apart)


def _pick(
    first: Array, second: Array, a: _Range, b: _Range, true: Interval, made: Interval, apart: Any
) -> _Range:
    """One of two where it is known which, else what holds for both."""

    def of(mine: Array, theirs: Array, both: Array) -> Array:
        return np.where(first, mine, np.where(second, theirs, both))

    return _Range(
        (of(a.true[0], b.true[0], true[0]), of(a.true[1], b.true[1], true[1])),
        (of(a.made[0], b.made[0], made[0]), of(a.made[1], b.made[1], made[1])),
        of(a.error, b.error, np.maximum(a.error, b.error) + apart),
        of(a.unit, b.unit, np.minimum(a.unit, b.unit)),
    )


@dataclass(frozen=True)
class _Condition:
    """Where a comparison surely holds, where it surely does not, and where nothing is rounded."""

    yes: Array
    no: Array
    exact: Array


def _compare(a: _Range, b: _Range, yes: Callable[..., Any], no: Callable[..., Any]) -> _Condition:
    both = (a.true, b.true), (a.made, b.made)
    exact = (a.error == 0) & (b.error == 0)
    holds, fails = (np.logical_and(*(rule(p, q) for p, q in both)) for rule in (yes, no))
    return _Condition(holds, fails, exact)


def _less(a: _Range, b: _Range) -> _Condition:
    return _compare(a, b, lambda p, q: p[1] < q[0], lambda p, q: q[1] <= p[0])


def _equal(a: _Range, b: _Range) -> _Condition:
    def same(p: Interval, q: Interval) -> Array:
        return (p[0] == q[1]) & (p[1] == q[0]) | (a is b)

    return _compare(a, b, same, lambda p, q: (p[1] < q[0]) | (q[1] < p[0]))


def _not(condition: _Condition) -> _Condition:
    return _Condition(condition.no, condition.yes, condition.exact)


_RULES: Final[dict[str, Callable[..., Any]]] = {
    "add": _add,
    "sub": lambda a, b: _add(a, _negative(b)),
    "neg": _negative,
    "mul": _multiply,
    "div": _divide,
    "sqrt": _root,
    "abs": _absolute,
    "sign": _sign,
    "maximum": _maximum,
    "minimum": _minimum,
    "clip": lambda x, low, high: _minimum(_maximum(x, low), high),
    "where": _where,
    "lt": _less,
    "gt": lambda a, b: _less(b, a),
    "le": lambda a, b: _not(_less(b, a)),
    "ge": lambda a, b: _not(_less(a, b)),
    "eq": _equal,
    "ne": lambda a, b: _not(_equal(a, b)),
}
"""A function of ranges for each word; all others are too much for float32."""
