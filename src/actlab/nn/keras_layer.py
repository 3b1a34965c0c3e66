"""An activation as a Keras layer, on any backend, with its parameters fixed or learned."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from actlab.activation import Activation, Random
from actlab.catalogue import resolve
from actlab.errors import ActlabError
from actlab.nn.learning import check_channels, learned_names
from actlab.nn.saved import read, written

try:
    import keras
    from keras import ops
except ModuleNotFoundError as error:
    if error.name == "keras":
        raise ActlabError(
            "a Keras layer needs Keras, which is not installed; pip install 'actlab[keras]'"
        ) from None
    raise ActlabError(
        f"Keras is set to a backend that is not installed: there is no {error.name}; install it, "
        "or choose another in the environment variable KERAS_BACKEND (tensorflow, jax or torch)"
    ) from None

from actlab.nn.keras_own_weights import own_layer

__all__ = ["KerasActivation", "keras_layer"]

_FLOOR = 1e-4
"""A learned parameter that must be positive acts as at least this share of where it began."""


@keras.saving.register_keras_serializable(package="actlab", name="Activation")
class KerasActivation(keras.layers.Layer):  # type: ignore[misc]
    """One activation as a layer of a Keras model, on the backends TensorFlow, JAX and PyTorch.

    A scalar function works on a tensor of any shape; a gated one takes `layer(x, gate)`, or
    `layer(x)` and cuts `x` in two halves along `axis`; a vector function works along `axis`.
    The result has the shape (a gated half's shape) and the floating dtype of `x`. A mask passes
    through unchanged.

    A learned parameter is a weight of its own name, of shape () for the whole layer or
    (channels,), counted along the last dimension of the input. A parameter that must be positive
    acts as a ten-thousandth of where it began when training takes it below that (one with another
    lower bound as so far above that), and its gradient passes as if it did not. A random parameter
    is drawn for each element in training, and is its mean otherwise.

    The layer is saved with the model in a `.keras` file and loaded without `custom_objects`.

    Args:
        activation: the function.
        learnable: True for all of its parameters, or the names of some.
        channels: how many channels have a value of their own; without it the layer has one.
        axis: of a vector or gated function; the last by default.
        seed: for random parameters.
        **options: those of every Keras layer, such as `name` and `dtype`.

    Raises:
        UnknownNameError: for a name that is no parameter of the function.
        TypeError: for options that this kind of function does not have.
        ValueError: for fewer than one channel, or channels where nothing is learned.
    """

    def __init__(
        self,
        activation: Activation,
        *,
        learnable: bool | str | Iterable[str] = False,
        channels: int | None = None,
        axis: int | None = None,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if axis is not None and activation.kind in {"scalar", "complex"}:
            raise TypeError(f"{activation.name} works on single numbers; it takes no axis")
        if activation.kind == "layer":
            raise TypeError(
                f"{activation.name} is a layer with weights of its own; make it with "
                f"actlab.keras_layer({activation.name!r})"
            )
        self.supports_masking = True
        self.activation = activation
        self.axis = axis
        self.channels = channels
        self.learned = learned_names(activation, learnable)
        check_channels(activation, channels, self.learned)
        self.seed = seed
        self._generator = keras.random.SeedGenerator(seed) if activation.random else None
        for name in self.learned:
            if hasattr(self, name):
                raise ValueError(
                    f"a parameter called {name!r} can't be learned, because a Keras layer has an "
                    "attribute of that name; rename it in the formula"
                )
            start = keras.initializers.Constant(activation.parameters[name])
            shape = () if channels is None else (channels,)
            weight = self.add_weight(shape=shape, initializer=start, name=name, autocast=False)
            setattr(self, name, weight)
        self.built = True

    def call(self, x: Any, gate: Any = None, training: bool = False) -> Any:
        """Apply the function, with the parameters as they have been learned so far."""
        function = self.activation.in_training if training else self.activation
        options: dict[str, Any] = {} if self.axis is None else {"axis": self.axis}
        for name in self.learned:
            options[name] = self._value(name, x)
        if training:
            for name, random in self.activation.random.items():
                options[name] = self._draw(random, x)
        result = function(x, gate, **options)
        if options and _is_float(x) and _is_float(result):
            return ops.cast(result, x.dtype)  # with learned parameters, which may be wider
        return result

    def compute_output_spec(self, *inputs: Any, **options: Any) -> Any:
        """Shape and dtype, found by tracing the call, as Keras does for operations."""
        return keras.Operation.compute_output_spec(self, *inputs, **options)

    def compute_output_shape(self, x_shape: Any, gate_shape: Any = None) -> Any:
        """The shape of the result."""
        shapes = [x_shape] if gate_shape is None else [x_shape, gate_shape]
        inputs = [keras.KerasTensor(shape, self.compute_dtype) for shape in shapes]
        return self.compute_output_spec(*inputs).shape

    def _value(self, name: str, x: Any) -> Any:
        value = ops.convert_to_tensor(getattr(self, name))
        spec = self.activation.specs.get(name)
        if spec is not None and spec.least > -math.inf:
            floor = spec.least + _FLOOR * (self.activation.parameters[name] - spec.least)
            # the sum is the floor exactly, and its gradient that of the parameter
            value = ops.where(value < floor, floor + (value - ops.stop_gradient(value)), value)
        if self.channels is not None and (not x.shape or x.shape[-1] != self.channels):
            raise ValueError(
                f"this layer has {self.channels} channels, counted along the last dimension of "
                f"its input, but the shape is {tuple(x.shape)}"
            )
        return value

    def _draw(self, random: Random, x: Any) -> Any:
        dtype = "float64" if keras.backend.standardize_dtype(x.dtype) == "float64" else "float32"
        options = {"shape": ops.shape(x), "dtype": dtype, "seed": self._generator}
        if random.law == "normal":
            return keras.random.normal(**options)
        if random.law == "uniform":
            low, high = (self.activation.parameters[name] for name in random.bounds)
            return low + (high - low) * keras.random.uniform(**options)
        # away from 0 and 1, where the quantile functions are infinite
        share = ops.clip(keras.random.uniform(**options), 1e-7, 1 - 1e-7)
        if random.law == "gumbel":
            return -ops.log(-ops.log(share))
        return ops.log(share) - ops.log1p(-share)

    def get_config(self) -> dict[str, Any]:
        """What the layer is made of, for a `.keras` file."""
        own = {
            "activation": written(self.activation),
            "learnable": list(self.learned),
            "channels": self.channels,
            "axis": self.axis,
            "seed": self.seed,
        }
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> KerasActivation:
        """The layer that `get_config` described."""
        return cls(**{**config, "activation": read(config["activation"])})


def keras_layer(
    activation: str | Activation,
    *,
    learnable: bool | str | Iterable[str] = False,
    channels: int | None = None,
    axis: int | None = None,
    **options: Any,
) -> keras.layers.Layer:
    """A Keras layer of an activation; see `KerasActivation`.

    A function with weights of its own takes the options of its layer, which `actlab show` lists,
    except that its channels or inputs are those of the last dimension of what comes, as in Keras.

    Args:
        activation: a name, a formula, or an activation.
        learnable: True for all of its parameters, or the names of some.
        channels: how many channels have a value of their own.
        axis: of a vector or gated function.
        **options: those of every Keras layer, such as `name` and `dtype`, and `seed`.

    Raises:
        ActlabError: if Keras is not installed.
        TypeError: for options that the layer does not take, or lacks; it says which there are.

    Example:
        >>> layer = keras_layer("leaky_relu", learnable=True)
        >>> [weight.name for weight in layer.trainable_weights]
        ['negative_slope']
        >>> keras_layer("kan_chebyshev", outputs=3)(ops.ones((2, 5))).shape
        TensorShape([2, 3])
    """
    function = resolve(activation) if isinstance(activation, str) else activation
    if function.kind == "layer":
        if learnable is not False:
            raise TypeError(f"{function.name} learns its weights in any case; leave learnable out")
        told = {"channels": channels, "axis": axis}
        options |= {name: value for name, value in told.items() if value is not None}
        return own_layer(function, **options)
    return KerasActivation(function, learnable=learnable, channels=channels, axis=axis, **options)


def _is_float(tensor: Any) -> bool:
    return bool(keras.backend.is_float_dtype(keras.backend.standardize_dtype(tensor.dtype)))
