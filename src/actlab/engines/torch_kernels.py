"""PyTorch tensors on compiled kernels: the value, and the backward pass, each in one sweep.

Everything here answers None where a kernel can't or should not serve: tensors on another device,
few elements, tracing, `vmap`. The PyTorch engine then composes operations as ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from actlab.engines import cpu, numpy
from actlab.engines.torch_room import empty, empty_like
from actlab.formula import Expression

__all__ = ["NAMES", "backward", "is_eager", "step_by_step", "value"]

_NARROW = (torch.float16, torch.bfloat16)
NAMES: dict[torch.dtype, Any] = {torch.float32: "float32", torch.float64: "float64"}
_wrapped = torch._C._functorch.is_functorch_wrapped_tensor
_tracing: Any = torch._C._is_tracing
_modes = torch._C._len_torch_dispatch_stack


def is_eager(values: Sequence[Any]) -> bool:
    """Whether these are plain tensors on the CPU, and nobody traces or transforms the call."""
    if torch.compiler.is_compiling() or _modes() or _tracing():
        return False
    for v in values:
        if isinstance(v, torch.Tensor) and (
            not v.is_cpu
            or type(v) not in (torch.Tensor, torch.nn.Parameter)
            or v.layout is not torch.strided
            or not v.is_floating_point()
            or v.is_neg()
            or _wrapped(v)
        ):
            return False
    return True


def value(
    expression: Expression,
    fixed: cpu.Fixed,
    names: tuple[str, ...],
    inputs: int,
    values: Sequence[Any],
) -> torch.Tensor | None:
    """The expression of the values.

    Args:
        expression: what to compute.
        fixed: numbers of the parameters that are not among the names.
        names: of the values.
        inputs: how many of them are variables; the rest are parameters.
        values: tensors, and numbers for parameters.
    """
    call = _Call.of(names, inputs, values)
    if call is None:
        return None
    address = cpu.value_address(expression, fixed, *call.names, NAMES[call.work])
    if address is None:
        return None
    (out,), _ = call.run(address, 1, 0)
    return out if call.work == call.dtype else out.to(call.dtype)


def step_by_step(
    expression: Expression, fixed: cpu.Fixed, names: tuple[str, ...], values: Sequence[Any]
) -> torch.Tensor:
    """The same without a kernel, on plain CPU tensors: NumPy's operations in float64.

    Nobody is there to fuse operations, and for few elements the digits cost nothing.
    """
    tensors = [torch.as_tensor(v).detach() for v in values]
    dtype = tensors[0].dtype
    for tensor in tensors[1:]:
        dtype = torch.promote_types(dtype, tensor.dtype) if tensor.dim() else dtype
    arrays = [tensor.double().numpy() for tensor in tensors]
    long = dtype == torch.float64
    result = numpy.step_by_step(expression, fixed, names, long=long)(*arrays)
    if not result.flags.writeable:
        result = result.copy()
    return torch.as_tensor(result).to(dtype, copy=True)


def backward(
    slopes: dict[str, Expression],
    fixed: cpu.Fixed,
    names: tuple[str, ...],
    inputs: int,
    values: Sequence[Any],
    gradient: torch.Tensor,
) -> dict[str, torch.Tensor] | None:
    """The gradient times the slope by each name, added up to the shape of that value.

    Sums over elements are taken in float64 and in an order that no number of threads changes.
    """
    call = _Call.of(names, inputs, values, gradient)
    if call is None:
        return None
    address = cpu.backward_address(tuple(slopes.items()), fixed, *call.names, NAMES[call.work])
    if address is None:
        return None
    by_name = dict(zip(names, values, strict=True))
    stored, summed = ([name for name in group if name in slopes] for group in call.names)
    outputs, sums = call.run(address, len(stored), len(summed))
    found: dict[str, torch.Tensor] = {}
    for name, output in zip(stored, outputs, strict=True):
        found[name] = _added_up(output, by_name[name])
    for name, sums_of_blocks in zip(summed, sums, strict=True):
        # what is added up by row stands for one value, or for one each of the leading axes
        each = sums_of_blocks.sum(axis=1)
        trailing = len(call.shape) - call.row_axes
        each = each.reshape(*call.shape[: call.row_axes], *[1] * trailing)
        found[name] = _added_up(torch.from_numpy(each), by_name[name])
    return found


def _added_up(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """The sum over what was broadcast, in float64; NumPy's order doesn't depend on threads."""
    if values.shape == like.shape:
        return values.to(like.dtype)
    lead = values.dim() - like.dim()
    axes = [i for i, size in enumerate(values.shape) if i < lead or like.shape[i - lead] < size]
    total = np.sum(values.numpy(), axis=tuple(axes), dtype=np.float64)
    return torch.as_tensor(total).reshape(like.shape).to(like.dtype)


@dataclass
class _Call:
    """The operands of one call, and how they lie in memory."""

    shape: torch.Size
    dtype: torch.dtype
    """Of the result."""
    work: torch.dtype
    """Of the arrays: float16 and bfloat16 go through float32."""
    names: tuple[tuple[str, ...], tuple[str, ...]]
    """Of the operands with a number for each element, and with one for each row."""
    arrays: list[torch.Tensor]
    """Those of the first kind and, in a backward pass, the gradient."""
    rows: list[torch.Tensor]
    """float64; one value for each row, or one for all."""
    row_axes: int
    """How many leading axes are rows, where parameters have a value for each."""

    @classmethod
    def of(
        cls,
        names: tuple[str, ...],
        inputs: int,
        values: Sequence[Any],
        gradient: torch.Tensor | None = None,
    ) -> _Call | None:
        """The call, if it is one for a kernel."""
        x = values[0]
        shape, dtype = x.shape, x.dtype
        for v in values[1:]:
            if isinstance(v, torch.Tensor):
                dtype = torch.promote_types(dtype, v.dtype) if v.dim() else dtype
                shape = torch.broadcast_shapes(shape, v.shape)  # type: ignore[no-untyped-call]
        work = torch.float32 if dtype in _NARROW else dtype
        everything = values if gradient is None else (*values, gradient)
        if (
            not cpu.large_enough(shape.numel(), "torch")
            or work not in NAMES
            or not is_eager(everything)
        ):
            return None
        arrays = {name: values[i].detach().to(work) for i, name in enumerate(names[:inputs])}
        rows: dict[str, torch.Tensor] = {}
        varying: dict[str, torch.Tensor] = {}
        trailing = len(shape)
        for name, v in zip(names[inputs:], values[inputs:], strict=True):
            if not isinstance(v, torch.Tensor) or v.numel() == 1:
                rows[name] = torch.as_tensor(v).detach().double().reshape(1)
                continue
            spread = v.detach().expand(shape)
            axes = cpu.by_row(shape, spread.stride())
            if axes:
                varying[name] = spread
                trailing = min(trailing, axes)
            else:
                arrays[name] = spread.to(work)
        row_axes = len(shape) - trailing if varying else 0
        for name, spread in varying.items():
            first: Any = (..., *[0] * trailing)
            rows[name] = spread[first].double().reshape(-1)
        kinds = tuple(arrays), tuple(name for name in names if name in rows)
        streams = [array.expand(shape) for array in arrays.values()]
        if gradient is not None:
            streams.append(gradient.to(work))
        return cls(shape, dtype, work, kinds, streams, [rows[k] for k in kinds[1]], row_axes)

    def run(
        self, address: int, outputs: int, sums: int
    ) -> tuple[list[torch.Tensor], list[np.ndarray]]:
        """Run a kernel; returns its outputs, and its sums by row and block."""
        arrays, rows, columns, steps = self._in_rows()
        dense = self.arrays[0] if arrays is self.arrays and rows == 1 else None
        made = [
            empty(self.shape, self.work) if dense is None else empty_like(dense)
            for _ in range(outputs)
        ]
        blocks = -(-columns // cpu.BLOCK)
        partial = [np.empty((rows, blocks)) for _ in range(sums)]
        operands = [
            *((array.data_ptr(), step) for array, step in zip(arrays, steps, strict=True)),
            *((row.data_ptr(), 8 if row.numel() > 1 else 0) for row in self.rows),
            *((array.data_ptr(), columns * self.work.itemsize) for array in made),
            *((array.ctypes.data, blocks * 8) for array in partial),
        ]
        cpu.run(address, rows, columns, operands)
        return made, partial

    def _in_rows(self) -> tuple[list[torch.Tensor], int, int, list[int]]:
        """The arrays, copied if they must be; rows, columns, and bytes from row to row."""
        item, total = self.work.itemsize, self.shape.numel()
        nowhere = [0] * len(self.arrays)
        if self.row_axes:
            rows = self.shape[: self.row_axes].numel()
            columns = total // rows
            solid = [array.contiguous() for array in self.arrays]
            return solid, rows, columns, [columns * item] * len(solid)
        first = self.arrays[0]
        if all(array.stride() == first.stride() for array in self.arrays) and (
            first.is_contiguous() or torch.empty_like(first).stride() == first.stride()
        ):
            return self.arrays, 1, total, nowhere
        row_major = _row_major(self.shape)
        strides = [
            [step * item for step in steps]
            for steps in (row_major, *(array.stride() for array in self.arrays))
        ]
        found = cpu.collapsed(self.shape, strides, [item] * len(strides))
        if found is not None and (found[0] == 1 or found[1] >= cpu.thresholds.SHORTEST_ROW):
            rows, columns, steps = found
            return [*self.arrays], rows, columns, steps[1:]
        return [array.contiguous() for array in self.arrays], 1, total, nowhere


def _row_major(shape: torch.Size) -> list[int]:
    steps = [1] * len(shape)
    for axis in range(len(shape) - 2, -1, -1):
        steps[axis] = steps[axis + 1] * max(1, shape[axis + 1])
    return steps
