"""Hooks that stay with the model they were made for: copies of the model have idle ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Hook"]


class Hook:
    """Calls a function; a copy of it, by `copy.deepcopy` or pickle, does nothing."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *args: Any) -> Any:
        """Call it."""
        return self._function(*args)

    def __reduce__(self) -> tuple[type[Hook], tuple[Callable[..., Any]]]:
        return Hook, (_idle,)


def _idle(*_: Any) -> None:
    """Does nothing."""
