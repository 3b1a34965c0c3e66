"""The shortest way from a plain CPU tensor through a compiled kernel, with its gradient.

A function of one tensor and nothing else is what networks call most, and at a few thousand
elements it takes as long to ask what kind of tensor this is as to compute it. So this way asks
once, keeps the kernels' machine code at hand, and answers None for everything unusual.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.autograd import forward_ad

from actlab.engines import cpu, torch_kernels
from actlab.engines.torch_room import empty_like
from actlab.formula import Expression, parse

__all__ = ["direct_way", "has_own", "own_way"]

_ITSELF = frozenset((torch.Tensor, torch.nn.Parameter))
_STRIDED = torch.strided
_modes: Any = torch._C._len_torch_dispatch_stack
_tracing: Any = torch._C._is_tracing
_transformed: Any = torch._C._are_functorch_transforms_active
_gradients: Any = torch.is_grad_enabled

_OWN = {parse("maximum(x, 0)"): torch.relu}
"""Operations of PyTorch that are exact, keep the output alone and wait for nothing but memory.

Its other piecewise linear functions are as fast, but hand a gradient through where x is NaN.
"""


def has_own(expression: Expression, elements: int) -> bool:
    """Whether PyTorch's own operation is as good as a kernel for so many elements."""
    return expression in _OWN and elements < cpu.thresholds.OWN_BELOW


def own_way(expression: Expression, beyond: Callable[[Any], Any]) -> Callable[[Any], Any] | None:
    """PyTorch's own operation for an expression of x, if it is as good as a kernel.

    Args:
        expression: the formula.
        beyond: what serves where it is not.
    """
    operation = _OWN.get(expression)
    if operation is None:
        return None

    def run(x: Any) -> Any:
        if type(x) not in _ITSELF or not x.is_floating_point() or x.layout is not torch.strided:
            return None
        return operation(x) if x.numel() < cpu.thresholds.OWN_BELOW or not x.is_cpu else beyond(x)

    return run


def direct_way(
    kernel: Any, slope: Callable[[], Any], *, of_output: bool = False
) -> Callable[[Any], Any]:
    """A function of one tensor that computes a kernel of the PyTorch engine, or gives None.

    Args:
        kernel: whose expression depends on x alone.
        slope: gives the kernel of its derivative.
        of_output: whether that is a function of the output, which is then what is kept.
    """
    value, backward = _Value(kernel), _Backward(slope)
    has_slope = kernel.order < cpu.HIGHEST_ORDER

    class Direct(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            out = empty_like(x)
            value[x.dtype](x.numel(), x.data_ptr(), out.data_ptr())
            ctx.save_for_backward(out if of_output else x)
            return out

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            (kept,) = ctx.saved_tensors
            if has_slope and _is_plain(gradient) and not _gradients():
                launch = backward[kept.dtype]
                if launch is not None:
                    gradient, out = gradient.contiguous(), empty_like(kept)
                    launch(kept.numel(), kept.data_ptr(), gradient.data_ptr(), out.data_ptr())
                    return out
            return gradient * slope().apply(kept)

    # what `Direct.apply` does but for looking for transformations, which `_is_plain` does
    apply: Any = super(torch.autograd.Function, Direct).apply

    def run(x: Any) -> Any:
        if not (
            _is_plain(x)
            and x.is_contiguous()
            and cpu.large_enough(x.numel(), "torch")
            and forward_ad._current_level < 0
        ):
            return None
        launch = value[x.dtype]
        if launch is None:
            return None
        if x.requires_grad and _gradients():
            return apply(x)
        out = empty_like(x)
        launch(x.numel(), x.data_ptr(), out.data_ptr())
        return out

    return run


def _is_plain(x: Any) -> bool:
    """Whether this is a plain dense tensor on the CPU and nobody transforms or traces the call.

    Whether it is being compiled has been asked before.
    """
    return (
        type(x) in _ITSELF
        and x.is_cpu
        and x.layout is _STRIDED
        and not (x.is_neg() or _transformed() or _modes() or _tracing())
    )


class _Value(dict[torch.dtype, Any]):
    """By type of the tensor, what computes the value; None where there is no kernel."""

    def __init__(self, kernel: Any) -> None:
        self.kernel = kernel

    def __missing__(self, dtype: torch.dtype) -> Any:
        address = None
        if dtype in torch_kernels.NAMES:
            expression, fixed = self.kernel.expression, self.kernel.fixed
            address = cpu.value_address(expression, fixed, ("x",), (), torch_kernels.NAMES[dtype])
        self[dtype] = None if address is None else cpu.launcher(address)
        return self[dtype]


class _Backward(dict[torch.dtype, Any]):
    """By type of the tensor, what computes the gradient from above times the slope."""

    def __init__(self, slope: Callable[[], Any]) -> None:
        self.slope = slope

    def __missing__(self, dtype: torch.dtype) -> Any:
        kernel = self.slope()
        slopes = (("x", kernel.expression),)
        address = cpu.backward_address(slopes, kernel.fixed, ("x",), (), torch_kernels.NAMES[dtype])
        self[dtype] = None if address is None else cpu.launcher(address)
        return self[dtype]
