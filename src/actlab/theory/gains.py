"""Gains: how the weights are scaled so that the signal, or the gradient, keeps its size."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from actlab.activation import Activation
from actlab.engines import numpy as engine
from actlab.formula import Call, Expression, Number, Symbol, substitute, symbols_of
from actlab.formula.calculus import tidy
from actlab.theory.breakpoints import breakpoints
from actlab.theory.pairs import expectation_of_pair
from actlab.theory.quadrature import expectation

__all__ = ["backward_gain", "gain", "second_moment"]


def gain(activation: Activation) -> float:
    r"""The gain that keeps the variance of a signal: 1/sqrt(E[f(z)^2]), z ~ N(0, 1).

    Weights with variance gain^2 / fan_in make the pre-activations of every layer N(0, 1) when
    those of the layer before are. A gated pair takes two independent inputs N(0, 1); a random
    parameter stands at its mean.

    Args:
        activation: one that maps number to number, or a gated pair.

    Returns:
        The gain, right to 11 digits or better.

    Raises:
        TypeError: for a function of whole vectors.
        ArithmeticError: if the second moment is zero or infinite.

    Example:
        >>> import actlab
        >>> round(gain(actlab.get("relu")), 12)  # sqrt(2)
        1.414213562373

    Source: He, Zhang, Ren, Sun (2015), Delving deep into rectifiers, arXiv:1502.01852, for
    ReLU; Poole et al. (2016), arXiv:1606.05340, in general.
    """
    return _inverse_root(second_moment(activation), activation, "it maps every input to 0")


def backward_gain(activation: Activation) -> float:
    r"""The gain that keeps the size of a gradient: 1/sqrt(E[f'(z)^2]), z ~ N(0, 1).

    Args:
        activation: one that maps number to number.

    Returns:
        The gain, right to 11 digits or better.

    Raises:
        TypeError: for a gated pair or a function of whole vectors.
        ArithmeticError: if the second moment of the derivative is zero or infinite.

    Example:
        >>> import actlab
        >>> round(backward_gain(actlab.get("relu")), 12)
        1.414213562373

    Source: Glorot, Bengio (2010), AISTATS; Schoenholz et al. (2017), arXiv:1611.01232.
    """
    if activation.kind != "scalar":
        raise TypeError(f"{activation.name} is no function of one number; it has no one derivative")
    return _inverse_root(
        second_moment(activation, order=1), activation, "its derivative is 0 everywhere"
    )


def _inverse_root(moment: float, activation: Activation, why: str) -> float:
    if moment == 0:
        raise ArithmeticError(f"{activation.name} has no gain: {why}")
    return 1 / math.sqrt(moment)


def second_moment(activation: Activation, order: int = 0) -> float:
    """E[f(z)^2] under N(0, 1), or that of a derivative.

    Raises:
        TypeError: for a function of whole vectors, and for the derivative of a gated pair.
        ArithmeticError: if it is infinite or undefined.
    """
    if activation.formula is None:
        raise TypeError(
            f"{activation.name} {activation.nature}; a gain exists for functions of one number "
            "and for gated pairs"
        )
    value = 1.0
    what = f"the second moment of {activation.name}"
    for factor in _factors(activation.filled(activation.slope("x", order))):
        names = tuple(sorted(symbols_of(factor), reverse=True))
        if names == ("x", "gate"):
            return value * expectation_of_pair(factor, what)
        value *= _moment_of_one(factor, names[0] if names else "x", what)
    return value


def _moment_of_one(factor: Expression, name: str, what: str) -> float:
    alone = substitute(factor, {name: Symbol("x")})
    function = engine.for_few_calls(alone)

    def square(z: Any) -> Any:
        return function(z) ** 2

    return float(expectation(square, breakpoints(alone), what))


def _factors(expression: Expression) -> Iterator[Expression]:
    """Factors that share no variable: x*sigmoid(gate) is cut, silu(x)*x is not."""
    by_variable: dict[frozenset[str], Expression] = {}
    for factor in _product(expression):
        key = symbols_of(factor) & {"x", "gate"}
        known = by_variable.get(key)
        by_variable[key] = factor if known is None else Call("mul", (known, factor))
    if frozenset({"x", "gate"}) in by_variable or len(by_variable) == 1:
        yield expression
    else:
        yield from by_variable.values()


def _product(expression: Expression) -> Iterator[Expression]:
    if isinstance(expression, Call) and expression.head == "mul":
        for operand in expression.arguments:
            yield from _product(operand)
    elif isinstance(expression, Call) and expression.head == "neg":
        yield from _product(expression.arguments[0])
    elif isinstance(expression, Call) and expression.head == "div":
        above, below = expression.arguments
        yield from _product(above)
        yield tidy("div", (Number(1), below))
    else:
        yield expression
