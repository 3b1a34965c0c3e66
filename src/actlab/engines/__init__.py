"""The engines: an expression and arrays in, arrays of the same kind out.

One file per engine. An engine offers

- ``prepare(expression, variables, fixed, given, wrt, order, backward)``: a function of the
  variables and of the parameters `given`, in that order, with the numbers `fixed` for the others;
  where `backward` is given, gradients by `x` are those that it states;
- ``vector(rule, x, axis, parameters)``: a vector rule along an axis;
- ``parts(z)`` and ``join(real, imaginary)``: a complex array apart and together again;
- ``as_array(value)``: a list or number as its kind of array.

Or it offers ``plan(activation, wrt, order, given)`` alone, as the one of Keras' own types does,
which compute nothing themselves. It knows expressions and arrays, never the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from actlab._facade import as_written, constant
from actlab.activation import ComplexRule, VectorRule

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["derivative", "engine_of", "evaluate", "evaluate_exactly"]

_BY_MODULE = {
    "torch": "torch", "jax": "jax", "jaxlib": "jax", "tensorflow": "tensorflow", "keras": "keras",
    "mpmath": "exact",
}  # fmt: skip


@lru_cache(maxsize=256)
def _engine_of_type(kind: type) -> str:
    for base in kind.__mro__:
        name = _BY_MODULE.get(base.__module__.partition(".")[0])
        if name:
            return name
    return "numpy"


@constant
def _engine_name(*kinds: type) -> str:
    found = [name for name in map(_engine_of_type, kinds) if name != "numpy"]
    if "keras" in found:  # a variable of Keras beside a tensor of its backend
        return "keras"
    return found[0] if found else "numpy"


def engine_of(*values: Any) -> Any:
    """The engine module for these values: that of the first framework tensor among them."""
    return import_module(f"{__name__}.{_engine_name(*map(type, values))}")


@as_written
def evaluate(
    activation: Activation,
    x: Any,
    gate: Any = None,
    *,
    axis: int | None = None,
    out: Any = None,
    **parameters: Any,
) -> Any:
    """The value of an activation; see `Activation.__call__`."""
    if out is not None:
        return _write(activation, x, gate, axis, parameters, "x", 0, out)
    return _evaluate(activation, x, gate, axis, parameters, "x", 0)


@as_written
def derivative(
    activation: Activation,
    x: Any,
    gate: Any = None,
    *,
    order: int = 1,
    wrt: str = "x",
    axis: int | None = None,
    out: Any = None,
    **parameters: Any,
) -> Any:
    """A derivative of an activation; see `Activation.derivative`."""
    if activation.kind in _NO_DERIVATIVE:
        raise TypeError(f"{activation.name} {_NO_DERIVATIVE[activation.kind]}")
    known = (*activation.variables, *activation.parameters)
    if wrt not in known:
        raise ValueError(
            f"{activation.name} has no {wrt!r} to differentiate by; it has {', '.join(known)}"
        )
    if out is not None:
        return _write(activation, x, gate, axis, parameters, wrt, order, out)
    return _evaluate(activation, x, gate, axis, parameters, wrt, order)


_NO_DERIVATIVE = {
    "vector": "maps vectors to vectors; its derivative is a matrix, which torch.func.jacrev "
    "computes",
    "complex": "maps complex numbers and is not holomorphic; it has no one derivative, and "
    "torch.autograd computes its gradients",
    "layer": "is a layer with weights of its own; torch.autograd computes its gradients",
}


def evaluate_exactly(
    activation: Activation, x: Any, gate: Any = None, *, order: int = 0, digits: int = 50
) -> Any:
    """The value at a point as an mpmath number; see `Activation.exact`."""
    engine = import_module(f"{__name__}.exact")
    _check_callable(activation)
    settings = _with_means(activation, activation.parameters)
    rule = activation.rule
    if rule is not None and order:
        raise TypeError(f"{activation.name} {_NO_DERIVATIVE[activation.kind]}")
    if isinstance(rule, VectorRule):
        return engine.vector(rule.apply, x, -1, settings, digits)
    if isinstance(rule, ComplexRule):
        both = dict(zip(("re", "im"), engine.parts(x), strict=True))
        real, imaginary = (
            engine.evaluate(part, both, settings, "re", 0, digits) for part in rule.parts(settings)
        )
        return engine.join(real, imaginary)
    inputs = {"x": x} if activation.kind == "scalar" else {"x": x, "gate": gate}
    if None in inputs.values():
        raise TypeError(f"{activation.name} needs two numbers: exact(x, gate)")
    expression, _, order = activation.source("x", order)
    if expression == activation.formula and activation.definition is not None:
        definition = activation.definition
        expression = engine.form_for(digits, expression, definition, inputs, settings)
    return engine.evaluate(expression, inputs, settings, "x", order, digits)


def _check_callable(activation: Activation) -> None:
    if activation.kind == "layer":
        raise TypeError(
            f"{activation.name} is a layer with weights of its own and no function of its input "
            f"alone; make one with actlab.get({activation.name!r}).module(...), or in Keras with "
            f"actlab.keras_layer({activation.name!r}, ...)"
        )


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
        kinds = (type(x), type(gate), *(type(v) for v in parameters.values()))
        name = _plan_for(activation, wrt, order, tuple(parameters), *kinds)
    else:
        name = _plan_for(activation, wrt, order, (), type(x), type(gate))
    return getattr(activation.plans, name)(x, gate, axis, *parameters.values())


def _write(
    activation: Activation,
    x: Any,
    gate: Any,
    axis: int | None,
    parameters: dict[str, Any],
    wrt: str,
    order: int,
    out: Any,
) -> Any:
    from actlab.engines.into import write

    given = [value for value in (x, gate) if value is not None]
    whole = not parameters and len(given) == len(activation.variables)
    return write(
        activation,
        (*given, *parameters.values()),
        out,
        lambda: _evaluate(activation, x, gate, axis, parameters, wrt, order),
        engine=_engine_name(*(type(v) for v in (*given, *parameters.values(), out))),
        wrt=wrt,
        order=order,
        simple=whole and axis is None,
    )


Plan = Callable[..., Any]


@lru_cache(maxsize=4096)
def _plan_name(wrt: str, order: int, given: tuple[str, ...], *kinds: type) -> tuple[str, str]:
    engine = _engine_name(*kinds)
    return engine, f"{engine} {order} {wrt} {','.join(given)}"


@constant
def _plan_for(
    activation: Activation, wrt: str, order: int, given: tuple[str, ...], *kinds: type
) -> str:
    """Where among the plans `run(x, gate, axis, *given parameters)` is, made on the first call."""
    engine, name = _plan_name(wrt, order, given, *kinds)
    if not hasattr(activation.plans, name):
        module = import_module(f"{__name__}.{engine}")
        setattr(activation.plans, name, _prepare(activation, module, wrt, order, given))
    return name


def _prepare(
    activation: Activation, engine: Any, wrt: str, order: int, given: tuple[str, ...]
) -> Plan:
    _check_callable(activation)
    for name in given:
        if name not in activation.parameters and name not in activation.random:
            activation.with_parameters(**{name: 0.0})  # raises, naming those it has
    if hasattr(engine, "plan"):
        return cast("Plan", engine.plan(activation, wrt, order, given))
    if isinstance(activation.rule, VectorRule):
        return _prepare_vector(activation, activation.rule, engine, given)
    bounds = {bound for random in activation.random.values() for bound in random.bounds}
    means = _with_means(activation, activation.parameters)
    fixed = {name: value for name, value in means.items() if name not in given}
    names = tuple(name for name in given if name not in bounds)
    if len(names) != len(given):
        raise TypeError(f"give {activation.name} its bounds with get(), or a draw by keyword")
    if isinstance(activation.rule, ComplexRule):
        return _prepare_complex(activation, activation.rule, engine, fixed, names)
    expression, _, order = activation.source(wrt, order)
    options = (
        {}
        if order or activation.backward in {None, expression}
        else {"backward": activation.backward}
    )
    prepared = engine.prepare(expression, activation.variables, fixed, names, wrt, order, **options)
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


def _prepare_vector(
    activation: Activation, rule: VectorRule, engine: Any, given: tuple[str, ...]
) -> Plan:
    means = _with_means(activation, activation.parameters)

    def run_vector(x: Any, gate: Any, axis: int | None, *values: Any) -> Any:
        if gate is not None:
            raise TypeError(f"{activation.name} takes one input and no gate")
        settings = {**means, **dict(zip(given, values, strict=True))}
        return engine.vector(rule.apply, x, -1 if axis is None else axis, settings)

    return run_vector


def _prepare_complex(
    activation: Activation,
    rule: ComplexRule,
    engine: Any,
    fixed: Mapping[str, float],
    given: tuple[str, ...],
) -> Plan:
    real, imaginary = (
        engine.prepare(part, ("re", "im"), fixed, given, "re", 0)
        for part in rule.parts((*fixed, *given))
    )

    def run_complex(x: Any, gate: Any, axis: int | None, *values: Any) -> Any:
        if gate is not None or axis is not None:
            word = "gate" if gate is not None else "axis"
            raise TypeError(f"{activation.name} works on single numbers; it takes no {word}")
        parts = engine.parts(x)
        return engine.join(real(*parts, *values), imaginary(*parts, *values))

    return run_complex


def _with_means(activation: Activation, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Random parameters at their means, unless a draw was given."""
    means = {
        name: random.mean(settings)
        for name, random in activation.random.items()
        if name not in settings
    }
    bounds = {bound for random in activation.random.values() for bound in random.bounds}
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
