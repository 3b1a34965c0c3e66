"""What the layers of functions with weights of their own share, and how they are made."""

from __future__ import annotations

from importlib import import_module
from inspect import Parameter, signature
from typing import Any

import torch
from torch import Tensor, nn

from actlab.activation import Activation, LayerRule
from actlab.catalogue import get, resolve

__all__ = [
    "LayerModule",
    "along_channels",
    "check_channels_of",
    "count",
    "layer_of",
    "scalar_function",
    "values_at",
]


class LayerModule(nn.Module):
    """A layer of a catalogued function that has weights or statistics of its own."""

    def __init__(self, name: str, **settings: Any) -> None:
        super().__init__()
        self.activation = get(name)
        self._settings = settings

    def _get_name(self) -> str:
        return "Activation"

    def extra_repr(self) -> str:
        """The catalogued name and how the layer was made."""
        shown = [repr(self.activation.name)]
        shown += [f"{name}={value!r}" for name, value in self._settings.items()]
        return ", ".join(shown)


def layer_of(activation: Activation, **options: Any) -> nn.Module:
    """The layer of a function with weights of its own.

    Raises:
        TypeError: for options that the layer does not take, or lacks; it says which there are.
        ValueError: for options that make no sense; the layer says which.
    """
    rule = activation.rule
    if not isinstance(rule, LayerRule):
        raise TypeError(f"{activation.name} {activation.nature}, and is no layer by itself")
    module, _, name = rule.layer.partition(".")
    layer = getattr(import_module(f"actlab.nn.{module}"), name)
    known = signature(layer).parameters
    missing = [k for k, p in known.items() if p.default is Parameter.empty and k not in options]
    unknown = [k for k in options if k not in known]
    if missing or unknown:
        wrong = f"lacks {missing[0]}" if missing else f"has no {unknown[0]}"
        raise TypeError(f"the layer {activation.name} {wrong}; write module({rule.options})")
    made: nn.Module = layer(**options)
    return made


def count(name: str, value: Any, least: int = 1) -> int:
    """A whole number that is large enough.

    Raises:
        ValueError: if it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} is {value!r}; a whole number of at least {least} was expected")
    return value


def check_channels_of(x: Tensor, channels: int, axis: int = 1) -> None:
    """Whether an input has these channels along an axis.

    Raises:
        ValueError: if it has not.
    """
    if x.dim() < 2 or x.shape[axis] != channels:
        where = "the last dimension" if axis == -1 else f"dimension {axis}"
        raise ValueError(
            f"this layer has {channels} channels, counted along {where} of its input, "
            f"but the shape is {tuple(x.shape)}"
        )


def along_channels(value: Tensor, x: Tensor, axis: int = 1) -> Tensor:
    """Values of the channels, shaped so that they broadcast along an axis of the input."""
    after = x.dim() - 1 - axis % x.dim()
    return value.reshape(-1, *(1 for _ in range(after)))


def scalar_function(given: str | Activation, where: str) -> Activation:
    """A function of one number, by name, formula or itself.

    Raises:
        TypeError: if it is none.
    """
    f = resolve(given) if isinstance(given, str) else given
    if not isinstance(f, Activation) or f.kind != "scalar":
        shown = f"{f.name} {f.nature}" if isinstance(f, Activation) else repr(given)
        raise TypeError(f"{where} takes functions of one number, but {shown} was given")
    return f


def values_at(start: str | Activation, points: Tensor, where: str) -> Tensor:
    """What a function gives at some points, to start from, without a record for gradients."""
    with torch.no_grad():
        found: Tensor = scalar_function(start, where)(points.double())
    return found
