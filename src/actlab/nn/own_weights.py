"""What the layers of functions with weights of their own share, and how they are made."""

from __future__ import annotations

from typing import Any, cast

from torch import Tensor, nn

from actlab.activation import Activation, LayerRule
from actlab.catalogue import get
from actlab.nn.settings import check_options, class_of_layer

__all__ = ["LayerModule", "along_channels", "check_channels_of", "layer_of"]


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
    layer, known = class_of_layer(activation, "actlab.nn.")
    rule = cast("LayerRule", activation.rule)
    check_options(activation.name, options, known, f"module({rule.options})")
    made: nn.Module = layer(**options)
    return made


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
