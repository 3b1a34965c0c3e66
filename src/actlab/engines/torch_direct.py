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
from actlab.formula import Expression, parse

__all__ = ["direct_way", "own_operation"]

_ITSELF = (torch.Tensor, torch.nn.Parameter)

_OWN = {parse("maximum(x, 0)"): torch.relu}
"""Operations of PyTorch that are exact, keep the output alone and wait for nothing but memory.

Its other piecewise linear functions are as fast, but hand a gradient through where x is NaN.
"""


def own_operation(expression: Expression) -> Callable[[Any], Any] | None:
    """PyTorch's own operation for an expression of x, if it is as good as a kernel."""
    operation = _OWN.get(expression)
    if operation is None:
        return None

    def run(x: Any) -> Any:
        plain = type(x) in _ITSELF and x.is_floating_point() and x.layout is torch.strided
        return operation(x) if plain else None

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
    machine = _Machine(kernel)
    backward = _Backward(slope)

    class Direct(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            out = machine(x)
            ctx.save_for_backward(out if of_output else x)
            return out

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            (kept,) = ctx.saved_tensors
            if kernel.order < cpu.HIGHEST_ORDER and not torch.is_grad_enabled():
                result = backward(kept, gradient)
                if result is not None:
                    return result
            return gradient * slope().apply(kept)

    def run(x: Any) -> Any:
        if (
            type(x) not in _ITSELF
            or x.dtype not in torch_kernels.NAMES
            or not cpu.large_enough(x.numel())
            or not x.is_contiguous()
            or forward_ad._current_level >= 0
            or not torch_kernels.is_eager((x,))
            or not machine.ready(x.dtype)
        ):
            return None
        if x.requires_grad and torch.is_grad_enabled():
            return Direct.apply(x)  # type: ignore[no-untyped-call]
        return machine(x)

    return run


class _Machine:
    """The value of a contiguous tensor."""

    def __init__(self, kernel: Any) -> None:
        self.kernel = kernel
        self.addresses: dict[torch.dtype, int | None] = {}

    def ready(self, dtype: torch.dtype) -> bool:
        """Whether there is machine code for this type."""
        if dtype not in self.addresses:
            kernel = self.kernel
            self.addresses[dtype] = cpu.value_address(
                kernel.expression, kernel.fixed, ("x",), (), torch_kernels.NAMES[dtype]
            )
        return self.addresses[dtype] is not None

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        operands = x.data_ptr(), 0, out.data_ptr(), 0
        address = self.addresses[x.dtype]
        assert address is not None  # noqa: S101  `ready` was asked
        cpu.run_flat(address, x.numel(), operands)
        return out


class _Backward:
    """The gradient from above times the slope."""

    def __init__(self, slope: Callable[[], Any]) -> None:
        self.slope = slope
        self.addresses: dict[torch.dtype, int | None] = {}

    def __call__(self, x: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor | None:
        if x.dtype not in self.addresses:
            kernel = self.slope()
            self.addresses[x.dtype] = cpu.backward_address(
                (("x", kernel.expression),), kernel.fixed, ("x",), (), torch_kernels.NAMES[x.dtype]
            )
        address = self.addresses[x.dtype]
        if address is None or not torch_kernels.is_eager((gradient,)):
            return None
        gradient = gradient.contiguous()
        out = torch.empty_like(x)
        operands = x.data_ptr(), 0, gradient.data_ptr(), 0, out.data_ptr(), 0
        cpu.run_flat(address, x.numel(), operands)
        return out
