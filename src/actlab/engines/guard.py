"""Mend what floating point breaks at the ends: 0·inf, inf/inf, and a swallowed NaN.

`x * sigmoid(x)` is NaN at -inf although its limit is 0, and a derivative such as
``x*exp(x)*sech(exp(x))**2`` is NaN at any x where `exp` overflows. The guard runs a formula
step by step on a probe of inputs, finds the steps that make a NaN of numbers, and rewrites only
those: a factor that overflows is held at the largest finite number, so that the zero beside it
wins; a quotient that settles before it overflows is taken where it has settled. What was not
broken is not touched, so most formulas come back as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from actlab.engines.numpy_operations import evaluate_steps
from actlab.formula import Call, Expression, Number, Symbol, substitute, symbols_of
from actlab.formula.expression import nodes
from actlab.formula.parse import number

__all__ = ["VARIABLES", "guard", "probe_points"]

_ROUNDS = 24
VARIABLES = ("x", "gate", "re", "im")
Values = Mapping[Expression, Any]


@lru_cache(maxsize=4096)
def guard(
    expression: Expression, parameters: tuple[tuple[str, float], ...], dtype: str
) -> Expression:
    """The same function, right at infinities and for inputs that overflow inside.

    Args:
        expression: a value or derivative.
        parameters: numbers to probe with, as sorted pairs.
        dtype: in which the engine computes, "float32" or "float64".

    Returns:
        An expression equal wherever the given one was a number.
    """
    numbers = dict(parameters)
    variables = [v for v in VARIABLES if v in symbols_of(expression) and v not in numbers]
    if not variables:
        return expression
    probe = _Probe(variables, dict(parameters), dtype)
    for _ in range(_ROUNDS):
        values = probe.run(expression)
        broken = probe.clean & np.isnan(values[expression])
        mended = _mend(expression, values, broken, probe) if broken.any() else expression
        if mended == expression:
            break
        expression = mended  # a step further on may break now
    numbers = ~np.isnan(probe.run(expression)[expression])
    for variable in variables:
        if np.any(np.isnan(probe.inputs[variable]) & numbers):
            x = Symbol(variable)
            expression = Call("where", (Call("eq", (x, x)), expression, x))
    return expression


def probe_points(variables: list[str], dtype: str) -> dict[str, Any]:
    """Inputs that try a formula: both ends, both tails, and the neighbourhood of zero."""
    limits = np.finfo(dtype)
    top = float(np.log10(limits.max))
    sizes = np.concatenate(
        [
            10.0 ** np.arange(-int(top), top, 0.5),
            np.arange(0.25, 120, 0.25),
            [150, 200, 500, 750],
        ]
    )
    if len(variables) > 1:
        sizes = 10.0 ** np.arange(-4, top, 2)
    ends = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, limits.max, limits.min])
    points = np.concatenate([sizes, -sizes, ends]).astype(dtype)
    axes = np.meshgrid(*(points for _ in variables))
    return {v: a.ravel() for v, a in zip(variables, axes, strict=True)}


class _Probe:
    """A formula with its numbers, run on inputs that try it."""

    def __init__(self, variables: list[str], numbers: dict[str, float], dtype: str) -> None:
        self.numbers = numbers
        self.dtype = dtype
        self.limits = np.finfo(dtype)
        self.inputs = probe_points(variables, dtype)
        self.clean = ~np.any([np.isnan(a) for a in self.inputs.values()], axis=0)

    def run(self, expression: Expression) -> dict[Expression, Any]:
        """The value of every sub-expression at every point."""
        return evaluate_steps(expression, self.inputs, self.numbers, self.dtype)


def _mend(root: Expression, values: Values, broken: Any, probe: _Probe) -> Expression:
    """Rewrite the steps where a NaN is born at the broken points."""
    new: dict[Expression, Expression] = {}
    for node in nodes(root):
        if not isinstance(node, Call):
            new[node] = node
            continue
        operands = tuple(new[o] for o in node.arguments)
        new[node] = Call(node.head, operands)
        if node.head in {"mul", "div"}:
            born = broken & np.isnan(values[node])
            for operand in node.arguments:
                born = born & ~np.isnan(values[operand])
            if born.any() and node.head == "mul":
                new[node] = _product(node, operands, values, born, probe)
            elif born.any():
                new[node] = _quotient(node, operands, born, probe)
    return new[root]


def _product(
    node: Call, operands: tuple[Expression, ...], values: Values, born: Any, probe: _Probe
) -> Call:
    """0·inf: hold the infinite factor at the largest finite number."""
    largest = float(probe.limits.max)
    held = list(operands)
    for place, other in ((0, 1), (1, 0)):
        mine, theirs = (np.asarray(values[node.arguments[p]]) for p in (place, other))
        for sign, head in ((1, "minimum"), (-1, "maximum")):
            overflows = mine == sign * np.inf
            if not np.any(born & overflows):
                continue
            if np.any(overflows & (theirs != 0) & ~np.isnan(theirs)):
                # it is also infinite beside a number, where it must stay so
                zero = operands[other]
                product = Call("mul", operands)
                return Call("where", (Call("eq", (zero, Number(0))), zero, product))
            held[place] = Call(head, (held[place], number(sign * largest)))
    return Call("mul", tuple(held))


def _quotient(node: Call, operands: tuple[Expression, ...], born: Any, probe: _Probe) -> Call:
    """inf/inf: hold x where the quotient has settled, if it settles before it overflows."""
    plain = Call("div", operands)
    variables = [v for v in VARIABLES if v in symbols_of(node)]
    if len(variables) != 1:
        return plain
    (variable,) = variables
    settled = 2.0 ** (int(probe.limits.maxexp) // 2 - 4)
    ends = np.array([settled, settled / 4, -settled, -settled / 4], probe.dtype)
    quotient = evaluate_steps(node, {variable: ends}, probe.numbers, probe.dtype)[node]
    held: Expression = Symbol(variable)
    for index, head, sign in ((0, "minimum", 1), (2, "maximum", -1)):
        here, before = quotient[index], quotient[index + 1]
        close = np.isfinite(here) and np.isclose(here, before, rtol=4 * probe.limits.eps, atol=0)
        if close and np.any(born & (probe.inputs[variable] == sign * np.inf)):
            held = Call(head, (held, number(sign * settled)))
    if held == Symbol(variable):
        return plain
    return Call("div", tuple(substitute(operand, {variable: held}) for operand in operands))
