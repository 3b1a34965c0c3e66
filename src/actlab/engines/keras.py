"""Keras' own types: a symbolic tensor becomes a layer, a variable hands its value on.

Keras has no arithmetic of its own. What an activation meets inside a model is a tensor of the
backend, TensorFlow, JAX or PyTorch, which goes to the engine of that framework like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras

from actlab import _facade

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["plan"]


def plan(
    activation: Activation, wrt: str, order: int, given: tuple[str, ...]
) -> Callable[..., Any]:
    """The whole call `run(x, gate, axis, *given)`, in place of an engine's `prepare`.

    Args:
        activation: the function.
        wrt: symbol to differentiate by.
        order: order of the derivative; 0 is the value.
        given: parameters that come with each call.

    Returns:
        A function whose result is symbolic where an input is, and a tensor of the backend else.
    """

    def run(x: Any, gate: Any, axis: int | None, *values: Any) -> Any:
        if any(isinstance(value, keras.KerasTensor) for value in (x, gate, *values)):
            return _symbolic(
                activation, order, x, gate, axis, dict(zip(given, values, strict=True))
            )
        x, gate, *rest = (_plain(value) for value in (x, gate, *values))
        options: dict[str, Any] = dict(zip(given, rest, strict=True))
        if axis is not None:
            options["axis"] = axis
        if order:
            return activation.derivative(x, gate, order=order, wrt=wrt, **options)
        return activation(x, gate, **options)

    return run


def _plain(value: Any) -> Any:
    """The backend's tensor of a variable; anything else as it is."""
    return value.value if isinstance(value, keras.Variable) else value


def _symbolic(
    activation: Activation,
    order: int,
    x: Any,
    gate: Any,
    axis: int | None,
    parameters: dict[str, Any],
) -> Any:
    if order or any(isinstance(value, keras.KerasTensor) for value in parameters.values()):
        what = "a derivative" if order else "a parameter"
        raise TypeError(
            f"{what} of {activation.name} can't be part of a graph of symbolic Keras tensors; "
            "call it inside the call() of a layer of your own"
        )
    layer = _facade.load("keras_layer")(activation.with_parameters(**parameters), axis=axis)
    return layer(x) if gate is None else layer(x, gate)
