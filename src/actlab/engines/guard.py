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

from actlab.engines.numpy import evaluate_steps
from actlab.formula import Call, Expression, Number, Symbol, substitute, symbols_of
from actlab.formula.expression import nodes
from actlab.formula.parse import number

__all__ = ["guard"]

_ROUNDS = 8
_VARIABLES = ("x", "gate")


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
    variables = [v for v in _VARIABLES if v in symbols_of(expression)]
    if not variables:
        return expression
    inputs = _probe(variables, dtype)
    numbers = dict(parameters)
    clean = ~np.any([np.isnan(inputs[v]) for v in variables], axis=0)
    previous = None
    for _ in range(_ROUNDS):
        values = evaluate_steps(expression, inputs, numbers, dtype)
        broken = clean & np.isnan(values[expression])
        count = int(broken.sum())
        if not count or count == previous:
            break
        previous = count
        expression = _mend(expression, values, broken, inputs, numbers, dtype)
    values = evaluate_steps(expression, inputs, numbers, dtype)
    for variable in variables:
        if np.any(np.isnan(inputs[variable]) & ~np.isnan(values[expression])):
            x = Symbol(variable)
            expression = Call("where", (Call("eq", (x, x)), expression, x))
    return expression


def _probe(variables: list[str], dtype: str) -> dict[str, Any]:
    limits = np.finfo(dtype)
    top = float(np.log10(limits.max))
    sizes = np.concatenate(
        [10.0 ** np.arange(-int(top), top, 0.5), np.arange(0.25, 120, 0.25), [150, 200, 500, 750]]
    )
    if len(variables) > 1:
        sizes = 10.0 ** np.arange(-4, top, 2)
    ends = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, limits.max, limits.min])
    points = np.concatenate([sizes, -sizes, ends]).astype(dtype)
    if len(variables) == 1:
        return {variables[0]: points}
    grid = np.meshgrid(points, points)
    return dict(zip(variables, (axis.ravel() for axis in grid), strict=True))


def _mend(
    root: Expression,
    values: Mapping[Expression, Any],
    broken: Any,
    inputs: Mapping[str, Any],
    numbers: Mapping[str, float],
    dtype: str,
) -> Expression:
    """Rewrite the steps where a NaN is born at the broken points."""
    new: dict[Expression, Expression] = {}
    for node in nodes(root):
        if not isinstance(node, Call):
            new[node] = node
            continue
        operands = tuple(new[o] for o in node.arguments)
        node_again = Call(node.head, operands)
        if node.head in {"mul", "div"}:
            born = broken & np.isnan(values[node])
            for operand in node.arguments:
                born = born & ~np.isnan(values[operand])
            if born.any():
                mended = _product if node.head == "mul" else _quotient
                node_again = mended(node, operands, values, born, inputs, numbers, dtype)
        new[node] = node_again
    return new[root]


def _product(
    node: Call,
    operands: tuple[Expression, ...],
    values: Mapping[Expression, Any],
    born: Any,
    inputs: Mapping[str, Any],
    numbers: Mapping[str, float],
    dtype: str,
) -> Call:
    largest = number(float(np.finfo(dtype).max))
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
                return Call(
                    "where", (Call("eq", (zero, Number(0))), zero, Call("mul", operands))
                )
            bound = largest if sign > 0 else Number(-largest.value)  # type: ignore[attr-defined]
            held[place] = Call(head, (held[place], bound))
    return Call("mul", tuple(held))


def _quotient(
    node: Call,
    operands: tuple[Expression, ...],
    values: Mapping[Expression, Any],
    born: Any,
    inputs: Mapping[str, Any],
    numbers: Mapping[str, float],
    dtype: str,
) -> Call:
    """inf/inf: hold x where the quotient has settled, if it settles before it overflows."""
    plain = Call("div", operands)
    variables = [v for v in _VARIABLES if v in symbols_of(node)]
    settled = 2.0 ** (int(np.finfo(dtype).maxexp) // 2 - 4)
    ends = {v: np.array([settled, settled / 4, -settled, -settled / 4], dtype) for v in variables}
    quotient = evaluate_steps(node, ends, numbers, dtype)[node]
    step = 4 * np.finfo(dtype).eps
    held: dict[str, Expression] = {}
    for index, head, sign in ((0, "minimum", 1), (2, "maximum", -1)):
        here, before = quotient[index], quotient[index + 1]
        close = np.isfinite(here) and abs(here - before) <= step * abs(here)
        if len(variables) == 1 and np.any(born & (inputs[variables[0]] == sign * np.inf)) and close:
            inner = held.get(variables[0], Symbol(variables[0]))
            held[variables[0]] = Call(head, (inner, number(sign * settled)))
    if not held:
        return plain
    return Call("div", tuple(substitute(operand, held) for operand in operands))
