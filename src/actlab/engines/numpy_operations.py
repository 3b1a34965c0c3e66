"""NumPy operations: one per primitive, and a formula run step by step with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from actlab.engines.source import compile_function
from actlab.formula import Call, Expression, Symbol, linearise
from actlab.formula.expression import nodes
from actlab.formula.program import Operand

__all__ = ["SCOPE", "TABLE", "evaluate_steps", "single"]

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
    "tanh_shrink": "_tanh_shrink({a})",
    "sigmoid": "_sigmoid({a})", "softplus": "_softplus({a})", "log_sigmoid": "(-_softplus(-{a}))",
    "erf": "_special().erf({a})", "erfc": "_erfc({a})",
    "normcdf": "_normcdf({a})",
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


def _tanh_shrink(a: Any) -> Any:
    # near zero Lambert's continued fraction of tanh, whose terms are all positive
    square = np.minimum(a * a, 1.0)
    tail: Any = 0.0
    for odd in range(19, 1, -2):
        tail = square / (odd + tail)
    return np.where(np.abs(a) < 1, a * (tail / (1 + tail)), a - np.tanh(a))


def _sigmoid(a: Any) -> Any:
    small = np.exp(-np.abs(a))
    return np.where(np.signbit(a), small, 1.0) / (1 + small)


def _softplus(a: Any) -> Any:
    return np.maximum(a, 0.0) + np.log1p(np.exp(-np.abs(a)))


def _exp_of_square(a: Any, scale: float) -> Any:
    """exp(-scale·a²), the square in two parts: rounding a² alone costs scale·a²/2 ULP."""
    size = np.minimum(np.abs(a), 1e4)  # it is 0 long before
    high = np.round(size * 1048576.0) / 1048576.0
    low = size - high
    return np.exp(-scale * high * high) * np.exp(-scale * low * (2 * high + low))


def _erfc(a: Any) -> Any:
    special = _special()  # its erfc loses digits in the tail as exp(-a²) does
    return np.where(a > 0.5, special.erfcx(np.abs(a)) * _exp_of_square(a, 1.0), special.erfc(a))


def _normcdf(a: Any) -> Any:
    z = a * -0.7071067811865476
    special = _special()
    tail = special.erfcx(np.abs(z)) * _exp_of_square(a, 0.5)
    return 0.5 * np.where(a < -1, tail, special.erfc(z))


def _normpdf(a: Any) -> Any:
    return _exp_of_square(a, 0.5) * 0.3989422804014327


SCOPE = {
    "np": np,
    "_special": _special,
    "_sech": _sech,
    "_sigmoid": _sigmoid,
    "_tanh_shrink": _tanh_shrink,
    "_softplus": _softplus,
    "_erfc": _erfc,
    "_normcdf": _normcdf,
    "_normpdf": _normpdf,
}


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
            text = single(step.head, len(step.operands))
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
def single(head: str, arity: int) -> Callable[..., Any]:
    """One operation as a function of its operands."""
    names = ("a", "b", "c")[:arity]
    call = Call(head, tuple(Symbol(name) for name in names))
    return compile_function([call], names or ("a",), TABLE, SCOPE) if arity else _constant(head)


def _constant(head: str) -> Callable[..., Any]:
    value = {"pi": np.pi, "e": np.e}[head]
    return lambda: value
