"""Every float32 number there is: the largest error of a kernel over all 2**32 inputs.

The reference is the same formula's float64 kernel, whose own error against mpmath is measured
first on the sample that the ledger uses: it adds less than 2**-18 ULP of float32, or the function
is refused. Inputs go through in pieces that stay in a core's cache.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from actlab.accuracy import points
from actlab.accuracy.measure import REFERENCE, measure
from actlab.engines import cpu

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["Exhaustive", "exhaustive"]

_PIECE: Final = 1 << 17
_WORKS: Final = 64
"""Into how many parts the inputs are cut for the processes."""

_EXPONENT: Final = np.int64(0x7FF0000000000000)
_DIGITS: Final = np.int64(23 << 52)
_LEAST: Final = 2.0**-149


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
    trusted = measure(activation, "numpy", "float64", order)
    if not trusted.max_ulp <= REFERENCE:
        raise ValueError(f"the float64 reference is not exact enough: {trusted}")
    started = time.perf_counter()
    found = Parallel(n_jobs=processes or os.cpu_count())(
        delayed(_part)(activation, order, number) for number in range(_WORKS)
    )
    worst, at = max((error, place) for error, place, _ in found)
    count = sum(count for _, _, count in found)
    return Exhaustive(activation.name, order, worst, at, count, time.perf_counter() - started)


def _part(activation: Activation, order: int, number: int) -> tuple[float, float, int]:
    """The worst of one part: error, input, and how many inputs were measured."""
    os.environ["OMP_NUM_THREADS"] = "1"
    reach = points.range_of(activation)
    zones = _zones(activation, order)
    worst, at, count = -1.0, 0.0, 0
    length = 2**32 // _WORKS
    for start in range(number * length, (number + 1) * length, _PIECE):
        x = np.arange(start, start + _PIECE, dtype=np.uint32).view(np.float32)
        with np.errstate(invalid="ignore"):
            outside = np.abs(x) > reach if np.isfinite(reach) else None
        errors = _errors(activation, order, x, zones)
        if outside is not None:
            errors[outside | np.isinf(x)] = 0.0
            count += int(np.count_nonzero(~outside))
        else:
            count += x.size
        place = int(np.argmax(errors))
        if errors[place] > worst:
            worst, at = float(errors[place]), float(x[place])
    return worst, at, count


Zone = tuple[float, float, float]


def _zones(activation: Activation, order: int) -> list[Zone]:
    """Intervals around isolated zeros, with the unit at their edges."""
    zones = []
    for low, high in points.intervals(activation, order):
        edges = np.array([low, high])
        with cpu.kernels_from(float("inf")):
            values = activation.derivative(edges, order=order) if order else activation(edges)
        zones.append((low, high, float(np.min(_units(np.asarray(values, np.float64))))))
    return zones


def _errors(activation: Activation, order: int, x: Any, zones: list[Zone]) -> Any:
    wide = x.astype(np.float64)
    if order:
        computed, exact = activation.derivative(x), activation.derivative(wide)
    else:
        computed, exact = activation(x), activation(wide)
    unit = _units(exact)
    if zones:
        for low, high, edge in zones:
            inside = (x >= low) & (x <= high)
            if inside.any():
                unit[inside] = np.maximum(unit[inside], edge)
    with np.errstate(all="ignore"):
        nearest = exact.astype(np.float32)
        errors = np.abs(computed.astype(np.float64) - exact) / unit
    broken = ~np.isfinite(errors)
    if broken.any():
        same = (computed == nearest) | (np.isnan(computed) & np.isnan(nearest))
        errors[broken] = np.where(same[broken], 0.0, np.inf)
    return errors


def _units(exact: Any) -> Any:
    """The distance between neighbouring float32 numbers at each of some float64 numbers."""
    bits = (exact.view(np.int64) & _EXPONENT) - _DIGITS
    return np.maximum(np.maximum(bits, 0).view(np.float64), _LEAST)
