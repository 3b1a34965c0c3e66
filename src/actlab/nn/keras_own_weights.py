"""What the Keras layers of functions with weights of their own share, and how they are made."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import Parameter
from typing import Any

import keras
from keras import ops

from actlab.activation import Activation
from actlab.catalogue import get
from actlab.nn.saved import read, written
from actlab.nn.settings import check_options, class_of_layer, count

__all__ = ["KerasOwnWeights", "linear", "mean_of_channels", "own_layer"]

_OF_EVERY_LAYER = {"name", "dtype", "trainable", "activity_regularizer", "autocast"}
_FROM_THE_INPUT = {"channels", "inputs"}


class KerasOwnWeights(keras.layers.Layer):  # type: ignore[misc]
    """A Keras layer of a catalogued function that has weights or statistics of its own.

    As in Keras, channels are along the last dimension, and their number comes from the input. It
    may be given all the same, and then an input of another size is an error.

    Args:
        name_of_function: its name in the catalogue.
        size: how many channels or inputs there must be; None for as many as come.
        settings: what else the layer was made with, for a `.keras` file.
        options: those of every Keras layer.
    """

    what = "channels"
    """What the last dimension of the input counts."""

    def __init__(
        self,
        name_of_function: str,
        size: int | None,
        settings: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> None:
        super().__init__(**options)
        self.activation = get(name_of_function)
        self.size = None if size is None else count(self.what, size)
        self.settings = dict(settings)

    def size_of(self, shape: Any, axis: int = -1) -> int:
        """The size of the last dimension, or of another one.

        Raises:
            ValueError: if it is unknown or not the size that the layer was made for.
        """
        found = shape[axis] if len(shape) > 1 else None
        if found is None or self.size not in {None, found}:
            wanted = "a known number of" if self.size is None else str(self.size)
            where = "the last dimension" if axis == -1 else f"dimension {axis}"
            raise ValueError(
                f"this layer has {wanted} {self.what}, counted along {where} of its "
                f"input, but the shape is {tuple(shape)}"
            )
        return int(found)

    def parameter(self, name: str, start: Any) -> Any:
        """A weight that begins at some numbers, or with a shape and an initializer."""
        if isinstance(start, tuple):
            shape, initializer = start
            return self.add_weight(shape=shape, initializer=initializer, name=name)
        values = ops.convert_to_tensor(start, "float32")
        return self.add_weight(shape=values.shape, initializer=lambda *_, **__: values, name=name)

    def get_config(self) -> dict[str, Any]:
        """What the layer is made of, for a `.keras` file."""
        own = {key: written(value) for key, value in self.settings.items()}
        return {**super().get_config(), self.what: self.size, **own}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> KerasOwnWeights:
        """The layer that `get_config` described."""
        return cls(**{key: read(value) for key, value in config.items()})


def own_layer(activation: Activation, **options: Any) -> KerasOwnWeights:
    """The Keras layer of a function with weights of its own.

    Raises:
        TypeError: for options that the layer does not take, or lacks; it says which there are.
        ValueError: for options that make no sense; the layer says which.
    """
    layer, known = class_of_layer(activation, "actlab.nn.keras_")
    call = f"keras_layer({activation.name!r}, {_options_text(known)})"
    check_options(activation.name, options, known, call, _OF_EVERY_LAYER)
    made: KerasOwnWeights = layer(**options)
    return made


def _options_text(known: Mapping[str, Parameter]) -> str:
    shown = (p for p in known.values() if p.name not in _FROM_THE_INPUT or p.default is p.empty)
    return (
        ", ".join(p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in shown)
        or "channels=None"
    )


def linear(inputs: int, outputs: int) -> Any:
    """A linear layer whose weights and biases start uniform within 1/sqrt(inputs)."""
    start = keras.initializers.RandomUniform(-(inputs**-0.5), inputs**-0.5)
    bias = keras.initializers.RandomUniform(-(inputs**-0.5), inputs**-0.5)
    layer = keras.layers.Dense(outputs, kernel_initializer=start, bias_initializer=bias)
    layer.build((None, inputs))
    return layer


def mean_of_channels(x: Any) -> Any:
    """The mean of each channel over an image: from (N, ..., C) to (N, C)."""
    return ops.mean(x, axis=tuple(range(1, len(x.shape) - 1))) if len(x.shape) > 2 else x
