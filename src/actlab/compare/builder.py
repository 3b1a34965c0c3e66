"""The function that builds the user's network: what it must be, and what it may give."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from actlab.errors import ActlabError, SettingError

__all__ = ["checked_build", "name_of", "refuse_unready"]


def checked_build(build: Any) -> Callable[[], Any]:
    """Return the function, once it is sure to be one without arguments.

    Raises:
        SettingError: it is a network, no function, or wants arguments.
    """
    if isinstance(build, nn.Module):
        raise SettingError(
            "model is a network; the function that builds it was expected, since every member of "
            f"a study begins anew: model=lambda: {type(build).__name__}(...)"
        )
    if not callable(build):
        raise SettingError(
            f"model is of type {type(build).__name__}; a function that gives a torch.nn.Module was "
            "expected"
        )
    needed = _needed(build)
    if needed:
        raise SettingError(
            f"{name_of(build)} needs arguments ({', '.join(needed)}); a function without any was "
            "expected, such as a lambda that fills them in"
        )
    made: Callable[[], Any] = build
    return made


def refuse_unready(name: str, model: nn.Module) -> None:
    """Raise ActlabError for a network in which nothing can be exchanged, or not yet."""
    if isinstance(model, torch.jit.ScriptModule):
        raise ActlabError(
            f"{name}() gave a network compiled by torch.jit, in which nothing can be exchanged; "
            "give the network before it is compiled"
        )
    if any(nn.parameter.is_lazy(weight) for weight in model.parameters()):
        raise ActlabError(
            f"the network of {name}() has lazy layers, whose weights are not drawn yet; give their "
            "sizes, such as nn.Linear(64, 32) in the place of nn.LazyLinear(32)"
        )


def _needed(function: Any) -> list[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [
        p.name
        for p in parameters
        if p.default is p.empty and p.kind not in {p.VAR_POSITIONAL, p.VAR_KEYWORD}
    ]


def name_of(function: Any) -> str:
    """What a study of such a function is called."""
    name = str(getattr(function, "__name__", type(function).__name__))
    return "model" if name == "<lambda>" else name
