"""Softmax and log-softmax of CPU tensors by compiled kernels; only the output is kept."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.autograd import forward_ad

from actlab.engines import cpu
from actlab.engines.torch_kernels import NAMES, is_eager
from actlab.engines.torch_room import empty_like

__all__ = ["softmax"]


class _Softmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any, axis: int, log: Any) -> Any:
        out = _run([x], axis, log)
        ctx.save_for_backward(out)
        ctx.axis, ctx.log = axis, log
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (gradient,), (y,) = gradients, ctx.saved_tensors
        if not torch.is_grad_enabled() and is_eager((gradient,)):
            result = _run([y, gradient.to(y.dtype)], ctx.axis, ctx.log)
            if result is not None:
                return result, None, None
        if ctx.log:
            whole = gradient.sum(ctx.axis, keepdim=True)
            return gradient - torch.exp(y) * whole, None, None
        return y * (gradient - (gradient * y).sum(ctx.axis, keepdim=True)), None, None


def softmax(x: Any, axis: int, *, log: bool) -> Any:
    """The softmax or log-softmax along an axis; None where no kernel can serve."""
    if (
        torch.compiler.is_compiling()
        or x.dtype not in NAMES
        or not cpu.large_enough(x.numel(), "torch")
        or not x.numel()
        or forward_ad._current_level >= 0
        or not is_eager((x,))
        or _address(log, False, x.dtype, math.prod(x.shape[axis % x.dim() + 1 :]) > 1) is None
    ):
        return None
    axis %= x.dim()
    if x.requires_grad and torch.is_grad_enabled():
        return _Softmax.apply(x, axis, log)  # type: ignore[no-untyped-call]
    return _run([x], axis, log)


def _address(log: bool, backward: bool, dtype: Any, across: bool) -> int | None:
    return cpu.address_of(cpu.SoftmaxSpec(log, backward, NAMES[dtype], across))


def _run(tensors: list[Any], axis: int, log: bool) -> Any:
    """The value from x, or the gradient from the output and its gradient; None without a kernel."""
    solid = [tensor.detach().contiguous() for tensor in tensors]
    out = empty_like(solid[0])
    backward = len(tensors) > 1
    done = cpu.run_softmax(
        lambda across: _address(log, backward, out.dtype, across),
        out.shape,
        axis,
        out.element_size(),
        [tensor.data_ptr() for tensor in (*solid, out)],
    )
    return out if done else None
