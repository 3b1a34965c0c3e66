"""The engines: an expression and arrays in, arrays of the same kind out.

One file per engine. An engine offers

- ``prepare(expression, variables, fixed, given, wrt, order)``: a function of the variables and of
  the parameters `given`, in that order, with the numbers `fixed` for the others;
- ``vector(rule, x, axis, parameters)``: a vector rule along an axis;
- ``as_array(value)``: a list or number as its kind of array.

It knows expressions and arrays, never the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from actlab._facade import constant

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["derivative", "engine_of", "evaluate", "evaluate_exactly"]

_BY_MODULE = {"torch": "torch", "mpmath": "exact"}


@lru_cache(maxsize=256)
def _engine_of_type(kind: type) -> str:
    for base in kind.__mro__:
        name = _BY_MODULE.get(base.__module__.partition(".")[0])
        if name:
            return name
    return "numpy"


@constant
def _engine_name(*kinds: type) -> str:
    return next((name for name in map(_engine_of_type, kinds) if name != "numpy"), "numpy")


def engine_of(*values: Any) -> Any:
    """The engine module for these values: that of the first framework tensor among them."""
    return import_module(f"{__name__}.{_engine_name(*map(type, values))}")


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
        return engine.vector(activation.rule.apply, x, -1, activation.parameters, digits)
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
    parameters: dict[str, Any],
    wrt: str,
    order: int,
) -> Any:
    if parameters:
        engine = _engine_name(type(x), type(gate), *(type(v) for v in parameters.values()))
    else:
        engine = _engine_name(type(x), type(gate))
    name = f"{engine} {order} {wrt} {','.join(parameters)}"
    _make_plan(activation, name)
    return getattr(activation.plans, name)(x, gate, axis, *parameters.values())


Plan = Callable[..., Any]


@constant
def _make_plan(activation: Activation, name: str) -> bool:
    """Prepare `run(x, gate, axis, *given parameters)`, once per activation and request."""
    if not hasattr(activation.plans, name):
        engine, order, wrt, given = name.split(" ")
        module = import_module(f"{__name__}.{engine}")
        names = tuple(filter(None, given.split(",")))
        setattr(activation.plans, name, _prepare(activation, module, wrt, int(order), names))
    return True


def _prepare(
    activation: Activation, engine: Any, wrt: str, order: int, given: tuple[str, ...]
) -> Plan:
    for name in given:
        if name not in activation.parameters and name not in activation.random:
            activation.with_parameters(**{name: 0.0})  # raises, naming those it has
    if activation.rule is not None:
        rule, fixed = activation.rule.apply, dict(activation.parameters)

        def run_vector(x: Any, gate: Any, axis: int | None, *values: Any) -> Any:
            if gate is not None:
                raise TypeError(f"{activation.name} takes one input and no gate")
            settings = {**fixed, **dict(zip(given, values, strict=True))}
            return engine.vector(rule, x, -1 if axis is None else axis, settings)

        return run_vector
    bounds = {b for random in activation.random.values() for b in (random.low, random.high)}
    means = _with_means(activation, activation.parameters)
    fixed = {name: value for name, value in means.items() if name not in given}
    names = tuple(name for name in given if name not in bounds)
    if len(names) != len(given):
        raise TypeError(f"give {activation.name} its bounds with get(), or a draw by keyword")
    prepared = engine.prepare(activation.formula, activation.variables, fixed, names, wrt, order)
    if activation.kind == "gated":

        def run_pair(x: Any, gate: Any, axis: int | None, *values: Any) -> Any:
            value, side = _pair(activation, engine, x, gate, axis)
            return prepared(value, side, *values)

        return run_pair
    title = activation.name

    def run(x: Any, gate: Any, axis: int | None, *values: Any) -> Any:
        if gate is not None or axis is not None:
            word = "gate" if gate is not None else "axis"
            raise TypeError(f"{title} works on single numbers; it takes no {word}")
        return prepared(x, *values)

    return run


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


def _pair(
    activation: Activation, engine: Any, x: Any, gate: Any, axis: int | None
) -> tuple[Any, Any]:
    if gate is not None:
        if axis is not None:
            raise TypeError("axis says where to cut x in halves; with a gate given it has no use")
        return x, gate
    value = x if hasattr(x, "shape") else engine.as_array(x)
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
    return value[tuple(start)], value[tuple(end)]
