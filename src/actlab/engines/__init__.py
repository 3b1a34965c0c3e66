"""The engines: an expression and arrays in, arrays of the same kind out.

One file per engine. An engine offers `evaluate(expression, inputs, parameters, wrt, order)` and
`vector(rule, x, axis, parameters)`; it knows expressions and arrays, never the catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["derivative", "engine_of", "evaluate", "evaluate_exactly"]

_BY_MODULE = {"torch": "torch", "mpmath": "exact"}


def engine_of(*values: Any) -> Any:
    """The engine module for these values: that of the first framework tensor among them."""
    for value in values:
        for kind in type(value).__mro__:
            name = _BY_MODULE.get(kind.__module__.partition(".")[0])
            if name:
                return import_module(f"{__name__}.{name}")
    return import_module(f"{__name__}.numpy")


def evaluate(
    activation: Activation, x: Any, gate: Any = None, *, axis: int | None = None, **parameters: Any
) -> Any:
    """The value of an activation; see `Activation.__call__`."""
    return _evaluate(activation, x, gate, axis, parameters, "x", 0)


def derivative(
    activation: Activation,
    x: Any,
    gate: Any = None,
    *,
    order: int = 1,
    wrt: str = "x",
    axis: int | None = None,
    **parameters: Any,
) -> Any:
    """A derivative of an activation; see `Activation.derivative`."""
    if activation.kind == "vector":
        raise TypeError(
            f"{activation.name} maps vectors to vectors; its derivative is a matrix, "
            "which torch.func.jacrev computes"
        )
    known = (*activation.variables, *activation.parameters)
    if wrt not in known:
        raise ValueError(
            f"{activation.name} has no {wrt!r} to differentiate by; it has {', '.join(known)}"
        )
    return _evaluate(activation, x, gate, axis, parameters, wrt, order)


def evaluate_exactly(
    activation: Activation, x: Any, gate: Any = None, *, order: int = 0, digits: int = 50
) -> Any:
    """The value at a point as an mpmath number; see `Activation.exact`."""
    engine = import_module(f"{__name__}.exact")
    if activation.rule is not None:
        return engine.vector(activation.rule.apply, x, activation.parameters, digits)
    inputs = {"x": x} if activation.kind == "scalar" else {"x": x, "gate": gate}
    if None in inputs.values():
        raise TypeError(f"{activation.name} needs two numbers: exact(x, gate)")
    settings = _with_means(activation, activation.parameters)
    return engine.evaluate(activation.formula, inputs, settings, "x", order, digits)


def _evaluate(
    activation: Activation,
    x: Any,
    gate: Any,
    axis: int | None,
    parameters: Mapping[str, Any],
    wrt: str,
    order: int,
) -> Any:
    engine = engine_of(x, gate, *parameters.values())
    for name, value in parameters.items():
        if name not in activation.parameters and name not in activation.random:
            activation.with_parameters(**{name: value})  # raises, naming those it has
    if activation.rule is not None:
        where = -1 if axis is None else axis
        settings = {**activation.parameters, **parameters}
        return engine.vector(activation.rule.apply, x, where, settings)
    if activation.kind == "gated":
        inputs = _pair(activation, engine, x, gate, axis)
    elif gate is not None or axis is not None:
        word = "gate" if gate is not None else "axis"
        raise TypeError(f"{activation.name} works on single numbers; it takes no {word}")
    else:
        inputs = {"x": x}
    settings = _with_means(activation, {**activation.parameters, **parameters})
    return engine.evaluate(activation.formula, inputs, settings, wrt, order)


def _with_means(activation: Activation, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Random parameters at their means, unless a draw was given."""
    means = {
        name: (settings[random.low] + settings[random.high]) / 2
        for name, random in activation.random.items()
        if name not in settings
    }
    bounds = {b for random in activation.random.values() for b in (random.low, random.high)}
    used = {name: value for name, value in settings.items() if name not in bounds}
    return {**used, **means}


def _pair(activation: Activation, engine: Any, x: Any, gate: Any, axis: int | None) -> dict[str, Any]:
    if gate is not None:
        if axis is not None:
            raise TypeError("axis says where to cut x in halves; with a gate given it has no use")
        return {"x": x, "gate": gate}
    value = x if hasattr(x, "shape") else engine._as_array(x)
    where = -1 if axis is None else axis
    dimensions = len(value.shape)
    if not dimensions or not -dimensions <= where < dimensions or value.shape[where] % 2:
        raise ValueError(
            f"{activation.name} cuts its input in two halves along axis {where}, "
            f"but the shape is {tuple(value.shape)}; give an even size there, or the gate apart"
        )
    half = value.shape[where] // 2
    start: list[slice] = [slice(None)] * dimensions
    end = list(start)
    start[where], end[where] = slice(None, half), slice(half, None)
    return {"x": value[tuple(start)], "gate": value[tuple(end)]}
