"""The loops of a training step that are no matrix product, compiled.

Each goes once over numbers that a product has just left in the cache. Shapes: a layer's numbers
(members, rows, units); parameters and gradients (members, numbers of one member), of which a bias
is the part that begins at `offset`. All arrays are in C order, so that one compiled form serves
every call. What one member holds, NaN for one, reaches no other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

from actlab.engines.vectormath import primitives

__all__ = [
    "absolute_error",
    "add_bias",
    "binary_cross_entropy",
    "compiled",
    "cross_entropy",
    "huber",
    "largest",
    "pull_back",
    "squared_error",
    "sum_rows",
]

F = TypeVar("F", bound=Callable[..., Any])

_exp, _log, _sigmoid, _softplus = (
    primitives("float64")[name] for name in ("exp", "log", "sigmoid", "softplus")
)


def compiled(function: F) -> F:
    """Compile at the first call, and keep the result on disk for the next process.

    Where no directory for it can be written (`NUMBA_CACHE_DIR` names another one), every process
    compiles anew. Division by zero gives what NumPy gives. What is kept follows changes of the file
    that a loop stands in, not those of the primitives that it calls.
    """
    try:
        return cast("F", numba.njit(error_model="numpy", cache=True)(function))
    except RuntimeError:  # no place for a cache
        return cast("F", numba.njit(error_model="numpy")(function))


@compiled
def add_bias(layer: Any, parameters: Any, offset: int) -> None:
    """Add to every row the bias of its member."""
    members, rows, units = layer.shape
    for m in range(members):
        bias = parameters[m, offset : offset + units]
        for i in range(rows):
            row = layer[m, i]
            for j in range(units):
                row[j] += bias[j]


@compiled
def sum_rows(layer: Any, gradients: Any, offset: int) -> None:
    """Set a bias's gradient to the sum over the rows."""
    members, rows, units = layer.shape
    for m in range(members):
        bias = gradients[m, offset : offset + units]
        bias[:] = 0
        for i in range(rows):
            row = layer[m, i]
            for j in range(units):
                bias[j] += row[j]


@compiled
def pull_back(upstream: Any, slope: Any, gradients: Any, offset: int) -> None:
    """Multiply by the slope in place, and set the bias's gradient to the sum over the rows."""
    members, rows, units = upstream.shape
    for m in range(members):
        bias = gradients[m, offset : offset + units]
        bias[:] = 0
        for i in range(rows):
            row, slopes = upstream[m, i], slope[m, i]
            for j in range(units):
                row[j] *= slopes[j]
                bias[j] += row[j]


@compiled
def largest(outputs: Any) -> Any:
    """The place of each row's largest output, of equal ones the first."""
    members, rows, classes = outputs.shape
    places = np.zeros((members, rows), dtype=np.int64)
    for m in range(members):
        for i in range(rows):
            row = outputs[m, i]
            best = 0
            for j in range(1, classes):
                if row[j] > row[best]:
                    best = j
            places[m, i] = best
    return places


# --- losses: the sum over the rows is added to each member's entry of `sums`, and `gradient` is
# --- that of the mean over the rows. Members m * n to m * n + n - 1 have the m-th target.


@compiled
def cross_entropy(outputs: Any, target: Any, gradient: Any, sums: Any) -> None:
    """-ln softmax(outputs)[target], in float64."""
    members, rows, classes = outputs.shape
    share = members // len(target)
    powers = np.empty((rows, classes))
    flat = powers.ravel()
    for m in range(members):
        own = target[m // share]
        for i in range(rows):
            row = outputs[m, i]
            largest = row[0]
            for j in range(1, classes):
                largest = max(largest, row[j])
            for j in range(classes):
                powers[i, j] = row[j] - largest
            sums[m] -= powers[i, own[i]]
        for k in range(rows * classes):
            flat[k] = _exp(flat[k])
        for i in range(rows):
            total = 0.0
            for j in range(classes):
                total += powers[i, j]
            sums[m] += _log(total)
            factor = 1 / (total * rows)
            for j in range(classes):
                gradient[m, i, j] = powers[i, j] * factor
            gradient[m, i, own[i]] -= 1 / rows


@compiled
def binary_cross_entropy(outputs: Any, target: Any, gradient: Any, sums: Any) -> None:
    """-ln sigmoid(z) for class 1 and -ln sigmoid(-z) for class 0, in float64."""
    members, rows, _ = outputs.shape
    share = members // len(target)
    for m in range(members):
        own = target[m // share]
        for i in range(rows):
            z = np.float64(outputs[m, i, 0])
            sums[m] += _softplus(-z if own[i] else z)
            gradient[m, i, 0] = (_sigmoid(z) - own[i]) / rows


@compiled
def squared_error(outputs: Any, target: Any, gradient: Any, sums: Any) -> None:
    """(output - target)²."""
    members, rows, _ = outputs.shape
    share = members // len(target)
    for m in range(members):
        own = target[m // share]
        for i in range(rows):
            error = np.float64(outputs[m, i, 0] - own[i])
            sums[m] += error * error
            gradient[m, i, 0] = 2 * error / rows


@compiled
def absolute_error(outputs: Any, target: Any, gradient: Any, sums: Any) -> None:
    """|output - target|."""
    members, rows, _ = outputs.shape
    share = members // len(target)
    for m in range(members):
        own = target[m // share]
        for i in range(rows):
            error = np.float64(outputs[m, i, 0] - own[i])
            sums[m] += abs(error)
            gradient[m, i, 0] = np.sign(error) / rows


@compiled
def huber(outputs: Any, target: Any, gradient: Any, sums: Any) -> None:
    """Squared within one standard deviation of the target, linear beyond (Huber, 1964)."""
    members, rows, _ = outputs.shape
    share = members // len(target)
    for m in range(members):
        own = target[m // share]
        for i in range(rows):
            error = np.float64(outputs[m, i, 0] - own[i])
            inner = min(max(error, -1.0), 1.0)
            sums[m] += abs(inner) * (abs(error) - 0.5 * abs(inner))
            gradient[m, i, 0] = inner / rows
