"""Softmax and log-softmax of CPU tensors by compiled kernels; only the output is kept."""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd import forward_ad

from actlab.engines import cpu
from actlab.engines.torch_kernels import NAMES, is_eager

__all__ = ["softmax"]


class _Softmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any, address: int, log: Any) -> Any:
        out = _run(address, [x])
        ctx.save_for_backward(out)
        ctx.log = log
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (gradient,), (y,) = gradients, ctx.saved_tensors
        if not torch.is_grad_enabled() and is_eager((gradient,)):
            address = cpu.address_of(cpu.SoftmaxSpec(ctx.log, True, NAMES[y.dtype]))
            if address is not None:
                return _run(address, [y, gradient.to(y.dtype)]), None, None
        if ctx.log:
            return gradient - torch.exp(y) * gradient.sum(-1, keepdim=True), None, None
        return y * (gradient - (gradient * y).sum(-1, keepdim=True)), None, None


def softmax(x: Any, axis: int, *, log: bool) -> Any:
    """The softmax or log-softmax along an axis; None where no kernel can serve."""
    if (
        torch.compiler.is_compiling()
        or x.dtype not in NAMES
        or not cpu.large_enough(x.numel())
        or not x.numel()
        or forward_ad._current_level >= 0
        or not is_eager((x,))
    ):
        return None
    address = cpu.address_of(cpu.SoftmaxSpec(log, False, NAMES[x.dtype]))
    if address is None:
        return None
    moved = x.movedim(axis, -1)
    if x.requires_grad and torch.is_grad_enabled():
        result = _Softmax.apply(moved, address, log)  # type: ignore[no-untyped-call]
    else:
        result = _run(address, [moved])
    return result.movedim(-1, axis)


def _run(address: int, tensors: list[Any]) -> Any:
    solid = [tensor.detach().contiguous() for tensor in tensors]
    out = torch.empty_like(solid[0])
    columns = out.shape[-1]
    step = columns * out.element_size()
    numbers = [number for tensor in (*solid, out) for number in (tensor.data_ptr(), step)]
    cpu.run_rows(address, out.numel() // columns, columns, numbers)
    return out
