"""A formula in float64 with a bound on its error beside each result.

The bound is computed with the value, step by step (J. H. Wilkinson 1963, Rounding Errors in
Algebraic Processes, calls this a running error analysis). A step takes numbers with bounds and
gives one, from

- what the operands' errors do: `|a| db + |b| da + da db` for a product, `(da + |q| db)/(|b| - db)`
  for a quotient, `|f(a)| (exp(s da) - 1)` for a function whose logarithm has at most the slope s;
- and what is rounded: half a unit of the result, or what `vectormath.BOUNDS` states and its tests
  hold the function to.

So nothing is assumed of how errors cancel, and a comparison that errors might turn around counts
as either. Where a result is no number, or nothing can be shown, the bound is infinite or NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from math import inf
from typing import Any, Final

import numba

from actlab.engines.cpu.spec import Spec, bounded, without_powers
from actlab.engines.source import fold_exactly, parts_of, write_function
from actlab.engines.vectormath import BOUNDS, float64
from actlab.engines.vectormath.bits import absolute, choose, fma, primitive, square_root
from actlab.formula import PRIMITIVES, Expression

__all__ = ["WORDS", "with_bounds"]

HALF_UNIT: Final = 2.0**-53
UNIT: Final = 2.0**-52
TINY: Final = 2.0**-700
"""More than a result next to the smallest numbers may be off, and far from slow subnormal ones."""

LARGE: Final = 2.0**1020
"""From here on an inverse may have lost digits."""

SLACK: Final = 1 + 2.0**-10
"""For the bounds' own rounding errors: far fewer than 2**40 steps of 2**-53 each."""

Number = tuple[float, float]
Truth = tuple[bool, bool]
"""What a comparison says, and whether it is sure."""


# -- arithmetic ------------------------------------------------------------------------------


@primitive
def add(a: Number, b: Number) -> Number:
    """A + b."""
    total = a[0] + b[0]
    return total, fma(HALF_UNIT, absolute(total), a[1] + b[1])


@primitive
def neg(a: Number) -> Number:
    """-a."""
    return -a[0], a[1]


@primitive
def sub(a: Number, b: Number) -> Number:
    """A - b."""
    return add(a, neg(b))


@primitive
def mul(a: Number, b: Number) -> Number:
    """A * b."""
    product = a[0] * b[0]
    error = fma(absolute(a[0]) + a[1], b[1], fma(absolute(b[0]), a[1], TINY))
    return product, fma(HALF_UNIT, absolute(product), error)


@primitive
def div(a: Number, b: Number) -> Number:
    """A / b, for a divisor that is known to ten bits; one division gives value and bound."""
    inverse = 1.0 / b[0]
    quotient = a[0] * inverse
    size = absolute(quotient)
    error = fma(size, b[1], a[1]) * (absolute(inverse) * SLACK * SLACK)
    divisor = absolute(b[0])
    good = (b[1] <= 2.0**-10 * divisor) & (divisor < LARGE)
    return quotient, choose(good, fma(2 * HALF_UNIT, size, error + TINY), inf)


@primitive
def sqrt(a: Number) -> Number:
    """The square root: its error is at most that of a over the computed root."""
    root = square_root(a[0])
    error = choose(a[1] == 0.0, 0.0, a[1] / root)
    return root, fma(HALF_UNIT, root, error)


# -- choices ---------------------------------------------------------------------------------


@primitive
def _sure(a: Number, b: Number) -> bool:
    apart, error = absolute(a[0] - b[0]), a[1] + b[1]
    return (error == 0.0) | (apart > SLACK * error)


@primitive
def lt(a: Number, b: Number) -> Truth:
    """A < b."""
    return a[0] < b[0], _sure(a, b)


@primitive
def gt(a: Number, b: Number) -> Truth:
    """A > b."""
    return a[0] > b[0], _sure(a, b)


@primitive
def le(a: Number, b: Number) -> Truth:
    """A <= b."""
    return a[0] <= b[0], _sure(a, b)


@primitive
def ge(a: Number, b: Number) -> Truth:
    """A >= b."""
    return a[0] >= b[0], _sure(a, b)


@primitive
def eq(a: Number, b: Number) -> Truth:
    """A == b."""
    return a[0] == b[0], _sure(a, b)


@primitive
def ne(a: Number, b: Number) -> Truth:
    """A != b."""
    return a[0] != b[0], _sure(a, b)


@primitive
def pick(condition: Truth, a: Number, b: Number) -> Number:
    """`a` where the condition holds, else `b`; where it is not sure, either may be right."""
    holds, sure = condition
    either = a[1] + b[1] + absolute(a[0] - b[0])
    return choose(holds, a[0], b[0]), choose(sure, choose(holds, a[1], b[1]), either)


@primitive
def absolute_of(a: Number) -> Number:
    """|a|."""
    return absolute(a[0]), a[1]


@primitive
def sign(a: Number) -> Number:
    """-1, 0 or 1."""
    return float64.sign(a[0]), choose(_sure(a, (0.0, 0.0)), 0.0, 2.0)


@primitive
def maximum(a: Number, b: Number) -> Number:
    """The larger; NaN if one is. Where it is not sure which, it is as near as both are."""
    error = choose(_sure(a, b), choose(a[0] > b[0], a[1], b[1]), a[1] + b[1])
    return float64.maximum(a[0], b[0]), error


@primitive
def minimum(a: Number, b: Number) -> Number:
    """The smaller; NaN if one is."""
    return neg(maximum(neg(a), neg(b)))


@primitive
def clip(a: Number, low: Number, high: Number) -> Number:
    """Held between two numbers."""
    return minimum(maximum(a, low), high)


# -- functions -------------------------------------------------------------------------------


@primitive
def _growth(change: float) -> float:
    """At least exp(change) - 1."""
    return choose(change < 1.0, fma(change, change, change), inf)


def _by_logarithm(name: str, rate: float, more: float) -> Callable[..., Any]:
    """A function whose logarithm has a slope of at most `rate * |x| + more`."""
    function, rounding = getattr(float64, name), UNIT * BOUNDS["float64"][name]

    @primitive
    def word(a: Number) -> Number:
        value = function(a[0])
        slope = fma(rate, absolute(a[0]) + a[1], more)
        return value, fma(absolute(value), rounding + _growth(slope * a[1]), TINY)

    return word


def _by_slope(name: str, least: float, most: float) -> Callable[..., Any]:
    """A function f whose slope is at most `least + most * |f|`, times exp(d) at a distance d."""
    function, rounding = getattr(float64, name), UNIT * BOUNDS["float64"][name]

    @primitive
    def word(a: Number) -> Number:
        value = function(a[0])
        size = absolute(value)
        change = choose(a[1] == 0.0, 0.0, fma(most, size, least) * _growth(a[1]))
        return value, fma(rounding, size, change + TINY)

    return word


@primitive
def log(a: Number) -> Number:
    """ln(a)."""
    value = float64.log(a[0])
    change = choose(a[1] + a[1] <= a[0], a[1] / (a[0] - a[1]), inf)
    change = choose(a[1] == 0.0, 0.0, change)
    return value, fma(LOG, absolute(value), change)


@primitive
def log1p(a: Number) -> Number:
    """ln(1 + a)."""
    value = float64.log1p(a[0])
    one = 1.0 + a[0]
    change = choose(a[1] + a[1] <= one, a[1] / (one * (1.0 - UNIT) - a[1]), inf)
    change = choose(a[1] == 0.0, 0.0, change)
    return value, fma(LOG1P, absolute(value), change + TINY)


@primitive
def power(a: Number, b: Number) -> Number:
    """a**b, for a base known to one bit, and above 0 if the exponent has an error."""
    value = float64.power(a[0], b[0])
    size = absolute(a[0])
    base = choose(a[1] + a[1] <= size, a[1] / (size - a[1]), inf)
    base = choose(a[1] == 0.0, 0.0, (absolute(b[0]) + b[1]) * base)
    exponent = choose(a[0] > 0.0, b[1] * (1.0 + absolute(float64.log(size))), inf)
    exponent = choose(b[1] == 0.0, 0.0, exponent)
    return value, fma(absolute(value), POWER + _growth(base + exponent), TINY)


LOG, LOG1P, POWER = (UNIT * BOUNDS["float64"][name] for name in ("log", "log1p", "pow"))

WORDS: Final[dict[str, Callable[..., Any]]] = {
    "add": add, "sub": sub, "mul": mul, "div": div, "neg": neg, "sqrt": sqrt,
    "lt": lt, "gt": gt, "le": le, "ge": ge, "eq": eq, "ne": ne,
    "where": pick, "abs": absolute_of, "sign": sign,
    "maximum": maximum, "minimum": minimum, "clip": clip,
    "log": log, "log1p": log1p, "pow": power,
    **{name: _by_logarithm(name, 0.0, 1.0) for name in (
        "exp", "sigmoid", "softplus", "log_sigmoid", "sech",
    )},
    "normpdf": _by_logarithm("normpdf", 1.0, 0.0),
    "normcdf": _by_logarithm("normcdf", 1.0, 1.0),  # Mills' ratio: below |x| + 1
    "erfc": _by_logarithm("erfc", 2.0, 1.5),
    **{name: _by_slope(name, 1.0, 0.0) for name in (
        "tanh", "tanh_shrink", "arctan", "arcsinh", "sin", "cos",
    )},
    "erf": _by_slope("erf", 1.13, 0.0),
    "expm1": _by_slope("expm1", 1.0, 1.0),
    "sinh": _by_slope("sinh", 1.0, 1.0),
    "cosh": _by_slope("cosh", 0.0, 1.0),
}  # fmt: skip
"""Each word of the formula language, of numbers with bounds."""

_TABLE: Final = {
    word: f"{word}_({', '.join('{' + place + '}' for place in 'abc'[: PRIMITIVES[word].arity])})"
    for word in WORDS
}


# -- formulas --------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def with_bounds(expression: Expression) -> Callable[[Any, Any, Any], None]:
    """A compiled loop `(x, values, bounds)` over contiguous float64 arrays.

    Args:
        expression: of x, without parameters.
    """
    (guarded, *_), _ = bounded(Spec((expression,), ("x",), "float64", pairs=False))
    formula = without_powers(fold_exactly(guarded))
    scope: dict[str, Any] = {f"{word}_": function for word, function in WORDS.items()}
    exec(write_function([formula], ["x"], _TABLE, "formula", _constant), scope)  # noqa: S102
    evaluate = primitive(scope["formula"])

    @numba.njit(error_model="numpy")
    def run(x: Any, values: Any, bounds: Any) -> None:
        for i in range(x.size):
            value, error = evaluate((x[i], 0.0))
            values[i] = value
            bounds[i] = SLACK * error

    compiled: Callable[[Any, Any, Any], None] = run
    return compiled


def _constant(value: Fraction) -> str:
    """A constant, rounded, and how far it was."""
    high, low = parts_of(value)
    return repr((high, abs(low)))
