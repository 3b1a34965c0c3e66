"""The NumPy engine: any array-like in, a NumPy array out.

float16, bfloat16 and float32 are computed in float64 and rounded once. Integers keep their type
where the formula only chooses among integers (`relu`), and become float64 elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from actlab.engines.source import compile_function
from actlab.formula import Call, Expression, Number, Symbol, differentiate, linearise, symbols_of
from actlab.formula.expression import nodes
from actlab.formula.program import Operand

__all__ = ["TABLE", "as_array", "evaluate_steps", "keeps_integers", "prepare", "vector"]

TABLE = {
    "lt": "({a} < {b})", "le": "({a} <= {b})", "gt": "({a} > {b})", "ge": "({a} >= {b})",
    "eq": "({a} == {b})", "ne": "({a} != {b})",
    "add": "({a} + {b})", "sub": "({a} - {b})", "mul": "({a} * {b})",
    "div": "np.divide({a}, {b})", "neg": "(-{a})", "pow": "np.power({a}, {b})",
    "pi": "np.pi", "e": "np.e",
    "abs": "np.abs({a})", "sign": "np.sign({a})",
    "minimum": "np.minimum({a}, {b})", "maximum": "np.maximum({a}, {b})",
    "clip": "np.minimum(np.maximum({a}, {b}), {c})", "where": "np.where({a}, {b}, {c})",
    "exp": "np.exp({a})", "expm1": "np.expm1({a})", "log": "np.log({a})",
    "log1p": "np.log1p({a})", "sqrt": "np.sqrt({a})", "sin": "np.sin({a})", "cos": "np.cos({a})",
    "arctan": "np.arctan({a})", "arcsinh": "np.arcsinh({a})", "sinh": "np.sinh({a})",
    "cosh": "np.cosh({a})", "tanh": "np.tanh({a})", "sech": "_sech({a})",
    "sigmoid": "_sigmoid({a})", "softplus": "_softplus({a})", "log_sigmoid": "(-_softplus(-{a}))",
    "erf": "_special().erf({a})", "erfc": "_special().erfc({a})",
    "normcdf": "(0.5 * _special().erfc(-{a} * 0.7071067811865476))",
    "normpdf": "_normpdf({a})",
}  # fmt: skip
"""One NumPy operation per primitive."""


@lru_cache(maxsize=1)
def _special() -> Any:
    import scipy.special

    return scipy.special


def _sech(a: Any) -> Any:
    small = np.exp(-np.abs(a))
    return 2 * small / (1 + small * small)


def _sigmoid(a: Any) -> Any:
    small = np.exp(-np.abs(a))
    return np.where(np.signbit(a), small, 1.0) / (1 + small)


def _softplus(a: Any) -> Any:
    return np.maximum(a, 0.0) + np.log1p(np.exp(-np.abs(a)))


def _normpdf(a: Any) -> Any:
    # exp(-a²/2) with a² in two parts: rounding a² alone costs a²/4 units in the last place
    high = np.where(np.abs(a) < 1e8, np.round(a * 1048576.0) / 1048576.0, a)
    low = a - high
    low = np.where(np.isfinite(low), low, 0.0)
    return np.exp(-0.5 * high * high) * np.exp(-low * (high + 0.5 * low)) * 0.3989422804014327


_SCOPE = {
    "np": np,
    "_special": _special,
    "_sech": _sech,
    "_sigmoid": _sigmoid,
    "_softplus": _softplus,
    "_normpdf": _normpdf,
}


@lru_cache(maxsize=4096)
def _compiled(expression: Expression, inputs: tuple[str, ...]) -> Callable[..., Any]:
    return compile_function([expression], inputs, TABLE, _SCOPE)


@lru_cache(maxsize=4096)
def keeps_integers(expression: Expression) -> bool:
    """Whether integers in give integers out: the formula only chooses among them."""
    choosing = {
        "maximum", "minimum", "abs", "sign", "clip", "where", "neg",
        "lt", "le", "gt", "ge", "eq", "ne",
    }  # fmt: skip
    return all(
        (node.head in choosing)
        if isinstance(node, Call)
        else (node.value.denominator == 1 if isinstance(node, Number) else node.name in "x gate")
        for node in nodes(expression)
        if isinstance(node, Call | Number | Symbol)
    )


def as_array(value: Any) -> Any:
    array = np.asarray(value)
    if array.dtype.name == "bfloat16" or array.dtype in (np.float16, np.float32, np.float64):
        return array
    if array.dtype.kind in "biu":
        return array
    shown = "text" if array.dtype.kind in "US" else array.dtype.name
    raise TypeError(
        f"an activation takes real numbers, but {shown} was given; "
        "use floating-point or integer values"
    )


def prepare(
    expression: Expression,
    variables: tuple[str, ...],
    fixed: Mapping[str, float],
    given: tuple[str, ...],
    wrt: str = "x",
    order: int = 0,
) -> Callable[..., Any]:
    """A function of NumPy arrays that computes an expression or one of its derivatives.

    Args:
        expression: the formula.
        variables: names of the inputs.
        fixed: parameters with their numbers.
        given: parameters that come with each call, as numbers or arrays.
        wrt: symbol to differentiate by.
        order: order of the derivative; 0 is the value.

    Returns:
        A function of the variables and the given parameters, in that order. Its result is an
        array, or a NumPy scalar for scalars; the inputs broadcast.
    """
    from actlab.engines.guard import guard

    probe = tuple(sorted({**fixed, **dict.fromkeys(given, 0.5)}.items()))
    derived = guard(differentiate(expression, wrt, order), probe, "float64")
    function = _compiled(derived, (*variables, *given, *fixed))
    constants = tuple(fixed.values())
    integers = order == 0 and not fixed and not given and keeps_integers(expression)
    plain = _compiled(expression, variables) if integers else None

    def run(*values: Any) -> Any:
        arrays = [as_array(value) for value in values]
        dtype = np.result_type(*arrays[: len(variables)])
        if dtype.kind in "biu":
            if plain is not None and dtype.kind != "b":
                return np.asarray(plain(*arrays)).astype(dtype, copy=False)[()]
            dtype = np.dtype(np.float64)
        wide = [array.astype(np.float64, copy=False) for array in arrays]
        with np.errstate(all="ignore"):
            result = np.asarray(function(*wide, *constants))
            shape = np.broadcast_shapes(*(array.shape for array in arrays))
            if result.shape != shape:
                result = np.broadcast_to(result, shape)
            return result.astype(dtype, order="K")[()]

    return run


def evaluate_steps(
    expression: Expression, inputs: Mapping[str, Any], parameters: Mapping[str, float], dtype: str
) -> dict[Expression, Any]:
    """The value of every distinct sub-expression, computed in one dtype throughout."""
    scalar = np.dtype(dtype).type
    shape = np.broadcast_shapes(*(np.shape(v) for v in inputs.values()))
    symbols = {**inputs, **{name: scalar(value) for name, value in parameters.items()}}
    results: dict[Expression, Any] = {}
    program = linearise(expression)
    done: list[Any] = []

    def read(operand: Operand) -> Any:
        if isinstance(operand, int):
            return done[operand]
        return symbols[operand] if isinstance(operand, str) else scalar(float(operand))

    with np.errstate(all="ignore"):
        for step in program.steps:
            text = _single(step.head, len(step.operands))
            done.append(text(*map(read, step.operands)))
        place = iter(range(len(done)))
        for node in nodes(expression):
            if isinstance(node, Call):
                value = done[next(place)]
            elif isinstance(node, Symbol):
                value = symbols[node.name]
            else:
                value = scalar(float(node.value))  # type: ignore[attr-defined]
            results[node] = np.broadcast_to(value, shape)
    return results


@lru_cache(maxsize=256)
def _single(head: str, arity: int) -> Callable[..., Any]:
    names = ("a", "b", "c")[:arity]
    call = Call(head, tuple(Symbol(name) for name in names))
    return compile_function([call], names or ("a",), TABLE, _SCOPE) if arity else _constant(head)


def _constant(head: str) -> Callable[..., Any]:
    value = {"pi": np.pi, "e": np.e}[head]
    return lambda: value


class Operations:
    """What a vector rule may use, on NumPy arrays."""

    exp, log, log1p, sqrt = (staticmethod(f) for f in (np.exp, np.log, np.log1p, np.sqrt))
    abs, sign, where = (staticmethod(f) for f in (np.abs, np.sign, np.where))
    maximum = staticmethod(np.maximum)

    @staticmethod
    def max(x: Any, axis: int) -> Any:
        """Largest along an axis, which is kept."""
        return np.max(x, axis=axis, keepdims=True)

    @staticmethod
    def sum(x: Any, axis: int) -> Any:
        """Sum along an axis, which is kept."""
        return np.sum(x, axis=axis, keepdims=True)


def vector(
    rule: Callable[..., Any], x: Any, axis: int, parameters: Mapping[str, float]
) -> Any:
    """Apply a vector rule along an axis."""
    array = as_array(x)
    dtype = np.dtype(np.float64) if array.dtype.kind in "biu" else array.dtype
    _check_axis(axis, array.ndim)
    with np.errstate(all="ignore"):
        wide = array.astype(np.float64, copy=False)
        return rule(Operations, wide, axis, **parameters).astype(dtype)


def _check_axis(axis: int, dimensions: int) -> None:
    if dimensions == 0:
        raise TypeError("a vector function needs at least one dimension, but a scalar was given")
    if not -dimensions <= axis < dimensions:
        raise ValueError(f"axis {axis} is out of range for an array of {dimensions} dimensions")


