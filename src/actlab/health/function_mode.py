"""What a watch sees of function calls: activations, losses, the backward pass, risky operations."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import torch
from torch.overrides import TorchFunctionMode, _pop_mode, _push_mode

from actlab.health.identify import SUSPECTS, calls, losses

if TYPE_CHECKING:
    from actlab.health.collect import Collector

__all__ = ["CallMode", "without_mode"]

Tensor = torch.Tensor


class CallMode(TorchFunctionMode):
    """Tells a collector of the calls in a sampled step, until its backward pass is done."""

    def __init__(self, collector: Collector) -> None:
        self._collector = weakref.ref(collector)
        self._made: dict[int, tuple[Tensor, Tensor | None]] = {}
        self._is_on = self._rests = False
        self._watched = _watched()

    def open(self) -> None:
        """Put it on the stack."""
        if not self._is_on:
            _push_mode(self)  # type: ignore[no-untyped-call]
            self._is_on = True

    def close(self) -> None:
        """Take it off the stack, wherever it is in it."""
        self._rests = False
        if self._is_on:
            self._is_on = False
            without_mode(self)
            self._made = {}

    def rest(self) -> None:
        """Take it off the stack for a call that is known, if it is the one on top."""
        if self._is_on:
            depth = torch._C._len_torch_function_stack()
            if depth and torch._C._get_function_stack_at(depth - 1) is self:
                _pop_mode()  # type: ignore[no-untyped-call]
                self._is_on, self._rests = False, True

    def resume(self) -> None:
        """Put it back after `rest`."""
        if self._rests:
            self._rests = False
            self.open()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        see = self._watched.get(func)
        if see is None:  # most calls, among them each look at a gradient
            return func(*args, **kwargs) if kwargs else func(*args)
        collector = self._collector()
        if collector is None:
            return func(*args, **(kwargs or {}))
        return see(self, collector, func, args, kwargs or {})

    def _activation(self, collector: Collector, func: Any, args: Any, kwargs: Any) -> Any:
        if collector.looks_at_calls and _is_activated(args):
            activation = calls()[func](*args, **kwargs)
            if activation is not None:
                return collector.call(activation, args[0], lambda: func(*args, **kwargs))
        return func(*args, **kwargs)

    def _loss(self, collector: Collector, func: Any, args: Any, kwargs: Any) -> Any:
        if len(args) > 1:
            collector.use(losses()[func], args[0], args[1])
        return func(*args, **kwargs)

    def _backward(self, collector: Collector, func: Any, args: Any, kwargs: Any) -> Any:
        collector.start_backward(*self._loss_and_scale(args[0]))
        return func(*args, **kwargs)

    def _operation(self, collector: Collector, func: Any, args: Any, kwargs: Any) -> Any:
        result = func(*args, **kwargs)
        if isinstance(result, torch.Tensor):
            if func in _PRODUCTS and result.dim() == 0:
                self._note_product(func, args, result)
            if func in SUSPECTS:
                collector.operation(SUSPECTS[func], result)
        return result

    def _note_product(self, func: Any, args: Any, result: Tensor) -> None:
        """Remember that a scalar is another one times a number: a loss and its scale."""
        base, factor = args[0], args[1]
        if not isinstance(base, torch.Tensor) or not base.requires_grad:
            return
        if isinstance(factor, torch.Tensor):
            if factor.requires_grad or func not in _TIMES:
                return
            self._made[id(result)] = (base, factor)
        else:
            self._made[id(result)] = (base, None)

    def _loss_and_scale(self, start: Tensor) -> tuple[Tensor, Tensor | None]:
        """The loss that the start of a backward pass was made of, and a scaler's factor in it."""
        scale = None
        while id(start) in self._made:
            start, factor = self._made[id(start)]
            scale = factor if factor is not None else scale
        self._made = {}
        return start, scale


def _is_activated(args: Any) -> bool:
    """Whether a function is applied to what a model computes in its forward pass."""
    return (
        bool(args)
        and isinstance(args[0], torch.Tensor)
        and args[0].is_floating_point()
        and args[0].dim() > 0
        and torch.is_grad_enabled()
        and torch._C._current_graph_task_id() == -1
    )


_BACKWARD: Final[Any] = torch.Tensor.backward
_TIMES: Final = {torch.Tensor.mul, torch.mul, torch.Tensor.__mul__, torch.Tensor.__rmul__}
_PRODUCTS: Final = _TIMES | {torch.Tensor.div, torch.div, torch.Tensor.__truediv__}


@cache
def _watched() -> dict[Any, Callable[..., Any]]:
    """What to do with each function that is of interest; all others are merely called."""
    return {
        **dict.fromkeys([*SUSPECTS, *_PRODUCTS], CallMode._operation),
        **dict.fromkeys(losses(), CallMode._loss),
        **dict.fromkeys(calls(), CallMode._activation),
        _BACKWARD: CallMode._backward,
    }


def without_mode(mode: TorchFunctionMode) -> None:
    """Take a function mode off the stack, wherever it is in it."""
    above = []
    while torch._C._len_torch_function_stack() > 0:
        top = _pop_mode()  # type: ignore[no-untyped-call]
        if top is mode:
            break
        above.append(top)
    for one in reversed(above):
        _push_mode(one)  # type: ignore[no-untyped-call]
