"""NumPy arrays on compiled kernels: one sweep, whatever the formula.

Answers None where a kernel can't or should not serve: few elements, long doubles, no kernels. The
NumPy engine then runs the formula step by step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from actlab.engines import cpu
from actlab.formula import Expression

__all__ = ["softmax", "value"]


def value(
    expression: Expression,
    fixed: cpu.Fixed,
    names: tuple[str, ...],
    inputs: int,
    arrays: Sequence[Any],
    dtype: Any,
) -> Any:
    """The expression of the arrays, in the given dtype.

    Args:
        expression: what to compute.
        fixed: numbers of the parameters that are not among the names.
        names: of the arrays.
        inputs: how many of them are variables; the rest are parameters.
        arrays: of real numbers; they broadcast.
        dtype: of the result.
    """
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    total = math.prod(shape)
    narrow = dtype.itemsize < 4  # float16 and bfloat16
    work = np.dtype(np.float32) if narrow else dtype
    if work.name not in ("float32", "float64") or not (total and cpu.large_enough(total, "numpy")):
        return None
    streams = {
        name: np.broadcast_to(array.astype(work, copy=False), shape)
        for name, array in zip(names, arrays, strict=True)
        if name in names[:inputs] or array.size > 1
    }
    rows = {
        name: array.astype(np.float64).reshape(1)
        for name, array in zip(names, arrays, strict=True)
        if name not in streams
    }
    address = cpu.value_address(expression, fixed, tuple(streams), tuple(rows), work.name)
    if address is None:
        return None
    result = _run(address, shape, [*streams.values()], [*rows.values()], work)
    if not narrow:
        return result
    with np.errstate(all="ignore"):
        return result.astype(dtype)


def softmax(x: Any, axis: int, *, log: bool) -> Any:
    """The softmax or log-softmax along an axis; None where no kernel can serve."""
    if x.dtype not in (np.float32, np.float64) or not (
        x.size and cpu.large_enough(x.size, "numpy")
    ):
        return None
    solid = np.ascontiguousarray(x)
    out = cpu.room.array(solid.shape, solid.dtype)
    done = cpu.run_softmax(
        lambda across: cpu.address_of(cpu.SoftmaxSpec(log, False, x.dtype.name, across)),
        solid.shape,
        axis % solid.ndim,
        solid.itemsize,
        (solid.ctypes.data, out.ctypes.data),
    )
    return out if done else None


def _run(
    address: int, shape: tuple[int, ...], arrays: list[Any], rows: list[Any], work: Any
) -> Any:
    """Run the kernel on arrays of one shape; the result has their order in memory."""
    native = [array if array.flags.aligned else array.copy() for array in arrays]
    first = native[0]
    dense = first.flags.c_contiguous
    like = None if dense else np.empty_like(first, order="K", subok=False, shape=shape).strides
    out = cpu.room.array(shape, work, like)
    total = out.size
    found: tuple[int, int, list[int]] | None
    if all(array.strides == out.strides for array in native):
        found = 1, total, [0] * (len(native) + 1)
    else:
        out = cpu.room.array(shape, work)
        every = [*native, out]
        found = cpu.collapsed(shape, [a.strides for a in every], [work.itemsize] * len(every))
        if found is None or (found[0] > 1 and found[1] < cpu.thresholds.SHORTEST_ROW):
            native = [np.ascontiguousarray(array) for array in native]
            found = 1, total, [0] * len(every)
    count, columns, steps = found
    operands = [
        *((a.ctypes.data, step) for a, step in zip(native, steps, strict=False)),
        *((row.ctypes.data, 0) for row in rows),
        (out.ctypes.data, steps[-1]),
    ]
    cpu.run(address, count, columns, operands)
    return out
