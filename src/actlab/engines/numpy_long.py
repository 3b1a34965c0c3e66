"""Formulas that lose digits in float64, run in long double and rounded once.

`x * sigmoid(1.702*x)` is off by hundreds of units in the far tail, because the exponential makes
of half a unit in its argument half of that argument in units; a slope near its zero is the small
difference of large terms. A long double of 64 bits has eleven to spare. `error_in_float64` tells
which formulas need them by running both; where the platform's long double is no longer than
float64, nothing can be told, and formulas run in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final

import numpy as np

from actlab.engines.guard import VARIABLES
from actlab.engines.numpy_operations import SCOPE, TABLE
from actlab.engines.source import compile_function, fold_exactly, parts_of
from actlab.engines.subnormals import subnormals_count
from actlab.engines.vectormath import tables
from actlab.formula import Expression, symbols_of

__all__ = [
    "AVAILABLE",
    "error_in_float64",
    "is_needed",
    "loses_below",
    "normcdf",
    "normpdf",
    "program",
]

AVAILABLE: Final = np.finfo(np.longdouble).eps < 2.0**-60
"""Whether a long double has digits to spare."""

_TOLERATED: Final = 2.0
"""Units in the last place that float64 may be off before long doubles are taken."""

_TINY: Final = 2.0**-996
"""A result above this may have had factors below the normal numbers, but few."""

_MARGIN: Final = 1.5
"""How much more kernels may err where terms cancel: their primitives are not the library's."""


@lru_cache(maxsize=4096)
def _number(high: float, low: float) -> Any:
    return np.longdouble(high) + np.longdouble(low)


def _literal(value: Fraction) -> str:
    return "_number({!r}, {!r})".format(*parts_of(value))


def _polynomial(x: Any, table: tuple[float, ...], rest: tuple[float, ...]) -> Any:
    total: Any = np.longdouble(0)
    for high, low in zip(reversed(table), reversed(rest), strict=True):
        total = total * x + _number(high, low)
    return total


_ROOT_HALF = np.sqrt(np.longdouble(0.5))
_DENSITY = _ROOT_HALF / np.sqrt(np.arccos(np.longdouble(-1)))
"""1/sqrt(2 pi)."""


def _tail(a: Any) -> Any:
    """normcdf(-a) for a >= 0.7, by Mills' ratio; see `vectormath.float64`."""
    held = np.clip(a, 0.7, 39.0)
    t = (held - 4) / (held + 4)
    ratio = _polynomial(t, tables.MILLS_LONG, tables.MILLS_LONG_REST) / (held + 4)
    return np.exp(-0.5 * a * a) * ratio


def _near(x: Any) -> Any:
    """erf(x) for |x| <= 0.714."""
    square = np.minimum(x * x, np.longdouble(0.51))
    return x * _polynomial(square, tables.ERF_LONG, tables.ERF_LONG_REST)


def _erf(x: Any) -> Any:
    size = np.abs(x)
    far = np.copysign(1 - 2 * _tail(size / _ROOT_HALF), x)
    return np.where(size < 0.7, _near(x), far)


def _erfc(x: Any) -> Any:
    tail = 2 * _tail(np.abs(x) / _ROOT_HALF)
    return np.where(np.abs(x) < 0.7, 1 - _near(x), np.where(x < 0, 2 - tail, tail))


def normcdf(x: Any) -> Any:
    """The probability below x under N(0, 1)."""
    tail = _tail(np.abs(x))
    near = (1 + _near(x * _ROOT_HALF)) / 2
    return np.where(np.abs(x) < 0.9, near, np.where(x > 0, 1 - tail, tail))


def normpdf(x: Any) -> Any:
    """The density of N(0, 1)."""
    return np.exp(-0.5 * x * x) * _DENSITY


_TABLE = {**TABLE, "erf": "_erf({a})"}
_SCOPE = {
    **SCOPE,
    "_number": _number,
    "_erf": _erf,
    "_erfc": _erfc,
    "_normcdf": normcdf,
    "_normpdf": normpdf,
}


@lru_cache(maxsize=1024)
def program(expression: Expression, names: tuple[str, ...]) -> Callable[..., Any]:
    """A function of long doubles; the expression has no parameters but those names."""
    return compile_function([fold_exactly(expression)], names, _TABLE, _SCOPE, _literal)


def error_in_float64(guarded: Expression, names: tuple[str, ...], *, normal: bool = False) -> float:
    """How far a formula in float64 is from its long double, in units in the last place.

    Args:
        guarded: the formula with its numbers put in, right at the ends.
        names: of the inputs, and of parameters that come with each call.
        normal: whether results next to the end of the normal numbers and below are left out, which
            have lost digits to the format already, unless the exponents are longer as well.

    Returns:
        The largest error on a probe; 0 where there is no long double.
    """
    return _errors(guarded, names)[normal]


def is_needed(guarded: Expression, names: tuple[str, ...]) -> bool:
    """Whether operations one after the other are to be in long double."""
    return error_in_float64(guarded, names) > _TOLERATED


@lru_cache(maxsize=1024)
def loses_below(guarded: Expression, names: tuple[str, ...], tolerated: float) -> bool:
    """Whether small results lose digits because a part was below the normal numbers.

    Args:
        guarded: the formula with its numbers put in, right at the ends.
        names: of the inputs, and of parameters that come with each call.
        tolerated: units in the last place that a result may be off.
    """
    if not AVAILABLE or not symbols_of(guarded):
        return False
    random = np.random.default_rng(9)
    sizes = np.exp2(np.concatenate([np.linspace(-1073, -1000, 200), np.linspace(2, 10.5, 3000)]))
    x = random.permutation(np.concatenate([sizes, -sizes]) * random.uniform(1, 1.002, 6400))
    # one input after the other is far out, or small, and the others are a number each
    for name in (name for name in names if name in VARIABLES):
        inputs = [x if name == one else np.full(x.shape, random.uniform(0.3, 1.7)) for one in names]
        with subnormals_count(), np.errstate(all="ignore"):
            mine, exact = _both(inputs, guarded, names)
            size = np.abs(exact.astype(np.float64))
            errors = np.abs(mine - exact) / np.spacing(size)
            small = (size < _TINY) & np.isfinite(mine - exact)
        if errors[small].max(initial=0.0) > tolerated:
            return True
    return False


@lru_cache(maxsize=1024)
def _errors(guarded: Expression, names: tuple[str, ...]) -> tuple[float, float]:
    """The largest error on a probe: of all results, and of normal ones."""
    if not AVAILABLE or not symbols_of(guarded):
        return 0.0, 0.0
    # parameters that come with a call: positive ones, and of either sign, where terms may cancel
    lowest = (0.3, -1.7) if set(names) - set(VARIABLES) else (0.3,)
    found = [_errors_on(_probe(names, low), guarded, names) for low in lowest]
    return max(every for every, _ in found), max(usual for _, usual in found)


def _errors_on(
    inputs: list[Any], guarded: Expression, names: tuple[str, ...]
) -> tuple[float, float]:
    with subnormals_count(), np.errstate(all="ignore"):
        mine, exact = _both(inputs, guarded, names)
        size = np.abs(exact.astype(np.float64))
        units = np.spacing(size)
        if len(names) == 1:
            _count_by_edges(inputs[0], exact, size, units)
        errors = np.where(np.isfinite(mine - exact), np.abs(mine - exact) / units, 0)
        usual = errors[(size >= _TINY) | (size == 0)]
    return float(errors.max()), float(usual.max(initial=0.0))


def _both(inputs: list[Any], guarded: Expression, names: tuple[str, ...]) -> tuple[Any, Any]:
    """The results in float64 and in long double."""
    steps = compile_function([fold_exactly(guarded)], names, TABLE, SCOPE)
    mine = steps(*inputs)
    exact = program(guarded, names)(*(values.astype(np.longdouble) for values in inputs))
    mine, exact = (np.broadcast_to(one, inputs[0].shape) for one in (mine, exact))
    return mine, exact


def _probe(names: tuple[str, ...], lowest: float) -> list[Any]:
    """Numbers with all their digits: dense where functions bend, sparse far out.

    Parameters that come with a call are one number each, from the lowest on up to 1.7.
    """
    random = np.random.default_rng(8)
    near = np.linspace(-13, 13, 2000) + random.uniform(0, 1 / 128, 2000)
    far = np.exp2(random.uniform(3, 10.5, 100))
    tiny = np.exp2(random.uniform(-1074, -1000, 20))
    x = np.sort(np.concatenate([near, far, -far, tiny, -tiny]))
    each = iter([x, random.permutation(x), *(random.permutation(x) for _ in VARIABLES)])
    return [
        next(each) if name in VARIABLES else np.full(x.shape, random.uniform(lowest, 1.7))
        for name in names
    ]


def _count_by_edges(x: Any, exact: Any, size: Any, units: Any) -> None:
    """Around a change of sign errors count by the size half as far out and half as far again."""
    signs = np.sign(exact)
    zeros = x[1:][signs[1:] * signs[:-1] < 0]
    zeros = zeros[np.abs(zeros) > 1 / 16]
    for place, zero in enumerate(zeros):
        width = abs(zero) / 2
        for other in (*zeros[max(place - 1, 0) : place], *zeros[place + 1 : place + 2]):
            width = min(width, abs(other - zero) / 4)
        inside = np.abs(x - zero) <= width
        least = np.spacing(np.interp([zero - width, zero + width], x, size).min())
        units[inside] = np.maximum(units[inside], least) / _MARGIN
