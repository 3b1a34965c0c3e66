"""Every float32 number there is: the largest error of a kernel over all 2**32 inputs.

The reference is the same formula's float64 kernel, without pairs of numbers where that is enough:
its own error against mpmath is measured first on the sample that the ledger uses, and adds less
than 2**-18 ULP of float32, or the function is refused. Where the sample shows that float64 is not
enough everywhere, every result comes with a bound on its error (`running.py`), and pairs are taken
for the pieces in which a bound is larger than that.

Inputs go through in pieces that stay in a core's cache, and one compiled loop takes the error of a
piece. Pieces outside the range where the function is measured are left out.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from actlab.accuracy import points
from actlab.accuracy.error import FORMATS
from actlab.accuracy.measure import REFERENCE, Subject, measure
from actlab.engines import cpu

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["Exhaustive", "Worst", "exhaustive", "worst_of"]

_PIECE: Final = 1 << 15
_WORKS: Final = 64
"""Into how many parts the inputs are cut for the processes."""

_ALL: Final = 1 << 32

_MAY_ADD: Final = REFERENCE * 2.0**-29
"""What the reference may be off, in ULP of float32."""


@dataclass(frozen=True)
class Exhaustive:
    """The largest error over all float32 inputs in the range where the function is measured."""

    function: str
    order: int
    max_ulp: float
    at: float
    inputs: int
    seconds: float

    def __str__(self) -> str:
        slope = {0: "", 1: "'"}[self.order]
        return (
            f"{self.function}{slope}: {self.max_ulp:.4f} ULP at {self.at!r} "
            f"({self.inputs:,} inputs, {self.seconds:.0f} s)"
        )


def exhaustive(activation: Activation, order: int = 0, *, processes: int | None = None) -> Any:
    """Measure a float32 kernel at every float32 number.

    Args:
        activation: a scalar function.
        order: 0 for the value, 1 for the slope.
        processes: how many run side by side; as many as there are cores without it.

    Raises:
        TypeError: for a function of more than one number.
        ValueError: where the float64 reference is not good enough to judge by.
    """
    from joblib import Parallel, delayed

    if activation.kind != "scalar" or order not in (0, 1):
        raise TypeError(
            f"all float32 inputs are tried for the value and slope of a function of one number; "
            f"{activation.name} is {activation.kind}"
        )
    for pairs in (False, True):
        trusted = measure(activation, _subject(activation, order, pairs=pairs), "float64", order)
        if trusted.max_ulp <= REFERENCE:
            break
    else:
        raise ValueError(f"the float64 reference is not exact enough: {trusted}")
    started = time.perf_counter()
    length = _ALL // _WORKS
    found = Parallel(n_jobs=processes or os.cpu_count())(
        delayed(worst_of)(activation, order, start, start + length, pairs=pairs)
        for start in range(0, _ALL, length)
    )
    worst, at, _ = max(found)
    count = sum(count for _, _, count in found)
    return Exhaustive(activation.name, order, worst, at, count, time.perf_counter() - started)


Worst = tuple[float, float, int]
"""The largest error, the input that has it, and how many inputs were measured."""


def worst_of(
    activation: Activation, order: int, start: int, stop: int, *, pairs: bool = False
) -> Worst:
    """The worst of the float32 numbers whose bit patterns lie in a range, of one sign.

    Args:
        activation: a scalar function.
        order: 0 for the value, 1 for the slope.
        start: the first bit pattern.
        stop: the one after the last.
        pairs: whether plain float64 is not enough everywhere.
    """
    form = FORMATS["float32"]
    reach, zones = points.range_of(activation), _zones(activation, order)
    compute: Callable[..., Any] = activation.derivative if order else activation
    compare = _comparison()
    refer = _sure_reference(activation, order) if pairs else _reference(activation, order)
    x, computed = np.empty((2, _PIECE), np.float32)
    wide, exact, errors, least = np.empty((4, _PIECE))
    pattern, first = x.view(np.uint32), np.arange(_PIECE, dtype=np.uint32)
    worst, at, count = -1.0, 0.0, 0
    with np.errstate(invalid="ignore"):  # a signalling NaN among the inputs
        for begin in range(start, stop, _PIECE):
            np.add(first, np.uint32(begin), out=pattern)
            low, high = np.sort(x[[0, -1]].astype(float))
            if reach < math.inf and not min(abs(low), abs(high)) <= reach:
                continue  # all of them are outside, or NaN
            np.copyto(wide, x)
            compute(x, out=computed)
            least[:] = form.smallest
            for zone in zones:
                if not (zone.high < low or high < zone.low):
                    inside = (wide >= zone.low) & (wide <= zone.high)
                    np.maximum(least, zone.unit, out=least, where=inside)
            refer(wide, exact, least)
            compare(computed, exact, least, errors)
            if reach < math.inf and not max(-low, high) <= reach:
                outside = ~(np.abs(wide) <= reach)  # NaN as well
                errors[outside] = 0.0
                count -= int(np.count_nonzero(outside))
            count += min(_PIECE, stop - begin)
            largest = float(errors.max())
            if largest > worst:
                worst, at = largest, float(x[int(np.argmax(errors))])
    return worst, at, count


Reference = Callable[..., None]
"""`refer(x, out, least=None)`: contiguous inputs, results, and the least unit at each."""


def _reference(activation: Activation, order: int, *, pairs: bool = False) -> Reference:
    """The float64 kernel."""
    address = cpu.address_of(
        cpu.Spec((_expression(activation, order),), ("x",), "float64", pairs=pairs)
    )
    if address is None:
        raise ValueError("no kernel can be compiled here; a warning said why")
    found = address

    def run(x: Any, out: Any, _: Any = None) -> None:
        cpu.run_flat(found, x.size, (x.ctypes.data, 0, out.ctypes.data, 0))

    return run


def _sure_reference(activation: Activation, order: int) -> Reference:
    """Plain float64 where its error is surely small enough, else pairs of numbers."""
    from actlab.accuracy import running  # which imports Numba

    long = _reference(activation, order, pairs=True)
    plain, in_units = running.with_bounds(_expression(activation, order)), _in_units()
    errors, bounds = np.empty((2, _PIECE))

    def run(x: Any, out: Any, least: Any) -> None:
        plain(x, out, errors)
        in_units(errors, out, least, bounds)
        if not bounds.max() <= _MAY_ADD:  # or is NaN
            long(x, out)

    return run


def _expression(activation: Activation, order: int) -> Any:
    return activation.filled(activation.slope()) if order else activation.bound


def _subject(activation: Activation, order: int, *, pairs: bool) -> Subject:
    run = _reference(activation, order, pairs=pairs)

    def reference(x: Any, *, dtype: str) -> Any:
        out = np.empty(x.size, dtype)
        run(np.ascontiguousarray(x), out)
        return out

    return reference


@dataclass(frozen=True)
class _Zone:
    """An interval around an isolated zero, with the unit at its edges."""

    low: float
    high: float
    unit: float


@lru_cache(maxsize=64)
def _zones(activation: Activation, order: int) -> tuple[_Zone, ...]:
    zones = []
    for interval in points.intervals(activation, order):
        edges = np.array(interval)
        with cpu.kernels_from(math.inf):
            values = activation.derivative(edges, order=order) if order else activation(edges)
        zones.append(_Zone(*interval, float(np.min(FORMATS["float32"].spacing(values)))))
    return tuple(zones)


@cache
def _unit() -> Callable[[float, float], float]:
    """A part of compiled loops: the ULP of float32 at a value, but no less than a given unit."""
    from actlab.engines.vectormath.bits import (
        absolute,
        choose,
        exponent_and_mantissa,
        power_of_two,
        primitive,
    )

    form = FORMATS["float32"]
    normal = 2.0**form.least
    to_unit = 1.5 * 2.0**52 + 1023 - (form.precision - 1)

    @primitive
    def unit(value: float, least: float) -> float:
        size = absolute(value)
        exponent, _ = exponent_and_mantissa(choose(size > normal, size, normal), 1.0)
        found = power_of_two(exponent + to_unit)
        return choose(found > least, found, least)

    return unit


@cache
def _in_units() -> Callable[..., None]:
    """A compiled loop: errors of an exact value in ULP of float32."""
    import numba

    unit = _unit()

    @numba.njit(error_model="numpy")
    def in_units(errors: Any, exact: Any, least: Any, found: Any) -> None:
        for i in range(errors.size):
            found[i] = errors[i] / unit(exact[i], least[i])

    compiled: Callable[..., None] = in_units
    return compiled


@cache
def _comparison() -> Callable[..., None]:
    """A compiled loop: the error of each result in ULP of float32, as `error_in_ulp` has it.

    NaN is right where the exact value is NaN, an infinity where the exact value rounds to it.
    """
    import numba

    from actlab.engines.vectormath.bits import absolute, choose

    unit, endless = _unit(), math.inf

    @numba.njit(error_model="numpy")
    def compare(computed: Any, exact: Any, least: Any, errors: Any) -> None:
        for i in range(errors.size):
            mine, theirs = np.float64(computed[i]), exact[i]
            error = absolute(mine - theirs) / unit(theirs, least[i])
            error = choose(np.isnan(error), endless, error)
            same = (mine == np.float64(np.float32(theirs))) & (absolute(mine) == endless)
            errors[i] = choose(same | (np.isnan(mine) & np.isnan(theirs)), 0.0, error)

    compiled: Callable[..., None] = compare
    return compiled
