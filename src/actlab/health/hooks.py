"""Hooks that stay with the model they were made for: copies of the model have idle ones."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

import torch
from torch._compile import _disable_dynamo
from torch.compiler import is_compiling

__all__ = ["Hook", "uncompiled", "vectorised"]

_compiler: Final = getattr(torch._C._dynamo.eval_frame, "get_eval_frame_callback", lambda: True)
"""Tells of a compiler that is at work."""


class Hook:
    """Calls a function; a copy of it, by `copy.deepcopy` or pickle, does nothing."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *args: Any) -> Any:
        """Call it."""
        return self._function(*args)

    def __reduce__(self) -> tuple[type[Hook], tuple[Callable[..., Any]]]:
        return Hook, (_idle,)


def uncompiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Have torch.compile leave a function alone, which looks at values.

    PyTorch's own decorator takes microseconds; where no compiler is at work there is no need of it.
    """
    alone = _disable_dynamo(function)

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        if is_compiling() or _compiler() is not None:
            return alone(*args)
        return function(*args)

    return call


def vectorised() -> bool:
    """Whether `torch.func.vmap` is at work, whose tensors hold no numbers that could be read."""
    functorch = torch._C._functorch
    return functorch.peek_interpreter_stack() is not None and any(
        one.key() == functorch.TransformType.Vmap for one in functorch.get_interpreter_stack()
    )


def _idle(*_: Any) -> None:
    """Does nothing."""
