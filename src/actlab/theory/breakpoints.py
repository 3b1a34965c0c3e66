"""Where a formula changes its branch: kinks, jumps and ends of its domain.

A formula of this language is smooth except where one of its choices is made (`where`, `abs`,
`sign`, `minimum`, `maximum`, `clip`) or where one of its operations ends (`sqrt`, `log`, a
division, a fractional power). Each such place is a zero of an expression that stands in the
formula, so it is found there, and not guessed from the curve.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

import numpy as np

from actlab.activation import Activation
from actlab.engines import numpy as engine
from actlab.engines.numpy_operations import evaluate_steps
from actlab.formula import PRIMITIVES, Call, Expression, Number, symbols_of
from actlab.formula.calculus import tidy
from actlab.formula.expression import nodes

__all__ = ["REACH", "Piece", "breakpoints", "pieces", "settled", "switches"]

REACH: Final = 40.0
"""Half the width of the line that is searched; beyond it N(0, 1) has no weight in float64."""

_UNDEFINED: Final = 2
_HALVINGS: Final = 80


def settled(activation: Activation) -> Expression:
    """The formula with all numbers put in; random parameters stand at their means.

    Raises:
        TypeError: for a function of whole vectors, of complex numbers, and for a layer.
    """
    return activation.bound


def switches(expression: Expression) -> Iterator[Expression]:
    """The distinct expressions at whose zeros a formula changes its branch or ends."""
    found: dict[Expression, None] = {}
    for node in nodes(expression):
        if not isinstance(node, Call) or not symbols_of(node):
            continue
        a, *others = node.arguments or (Number(0),)
        if PRIMITIVES[node.head].is_comparison or node.head in {"minimum", "maximum", "clip"}:
            found.update(dict.fromkeys(tidy("sub", (a, other)) for other in others))
        elif node.head in {"abs", "sign", "sqrt", "log"}:
            found[a] = None
        elif node.head == "log1p":
            found[tidy("add", (Number(1), a))] = None
        elif node.head == "div":
            found[others[0]] = None
        elif node.head == "pow" and not _is_whole(others[0]):
            found[a] = None
    yield from (switch for switch in found if symbols_of(switch))


def _is_whole(exponent: Expression) -> bool:
    return isinstance(exponent, Number) and exponent.value.denominator == 1 and exponent.value >= 0


@lru_cache(maxsize=1)
def _grid() -> Any:
    small = 10.0 ** np.arange(-15, -2, 0.25)
    even = np.linspace(-REACH, REACH, 8001)
    even[np.abs(even) < 1e-9] = 0.0
    return np.unique(np.concatenate([even, small, -small]))


@lru_cache(maxsize=1024)
def breakpoints(expression: Expression) -> tuple[float, ...]:
    """Where a formula of `x` alone may have a kink, a jump, a pole or an end, in order.

    Args:
        expression: a formula without parameters.

    Returns:
        Points within `REACH`, each to the last digit of float64. A point may turn out harmless
        (both branches of a `where` can meet smoothly); a kink that is none of these points does
        not exist, unless two of them lie within 0.01 of each other and cancel.

    Example:
        >>> from actlab.formula import parse
        >>> breakpoints(parse("clip(x / 6 + 0.5, 0, 1)"))
        (-3.0, 3.0)
    """
    points: list[float] = []
    for switch in switches(expression):
        points += _changes(switch)
    return _merged(sorted(points))


def _codes(function: Any, x: Any) -> Any:
    value = function(x)
    return np.where(np.isnan(value), _UNDEFINED, np.sign(value)).astype(np.int8)


def _changes(switch: Expression) -> list[float]:
    """Where the sign of an expression changes, by bisection down to neighbouring numbers."""
    function = engine.for_few_calls(switch)
    grid = _grid()
    codes = _codes(function, grid)
    zeros = [
        float(grid[i])
        for i in np.flatnonzero(codes == 0)
        if (i and codes[i - 1] != 0) or (i + 1 < len(grid) and codes[i + 1] != 0)
    ]
    # a bracket that ends at a zero is settled by that zero, if the zero is a single point
    lone = np.zeros(len(codes), bool)
    lone[1:-1] = (codes[1:-1] == 0) & (codes[:-2] != 0) & (codes[2:] != 0)
    place = np.flatnonzero((codes[:-1] != codes[1:]) & ~lone[:-1] & ~lone[1:])
    zeros = [z for z in zeros if lone[np.searchsorted(grid, z)]]
    low, high = grid[place], grid[place + 1]
    start = codes[place]
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if not ((low < middle) & (middle < high)).any():
            break
        same = _codes(function, middle) == start
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    best = np.where(start == 0, low, high)
    return [*zeros, *(float(p) for p in best)]


def _merged(points: list[float]) -> tuple[float, ...]:
    """One point for those that differ by rounding alone, the shortest decimal if one is near."""
    groups: list[list[float]] = []
    for point in points:
        if groups and point - groups[-1][-1] <= 1e-13 + 1e-14 * abs(point):
            groups[-1].append(point)
        else:
            groups.append([point])
    found = []
    for group in groups:
        middle = group[len(group) // 2]
        plain = float(f"{middle:.12g}")
        near = abs(plain - middle) <= 1e-15 + 4e-16 * abs(middle)
        found.append(plain + 0.0 if near else middle)
    return tuple(found)


@dataclass(frozen=True)
class Piece:
    """An open interval on which no choice of a formula changes, and the formula there."""

    low: float
    high: float
    expression: Expression


@lru_cache(maxsize=256)
def pieces(expression: Expression) -> tuple[Piece, ...]:
    """A formula of `x` cut at its breakpoints; in each piece its choices are made.

    Args:
        expression: a formula without parameters.

    Returns:
        Pieces from left to right, whose expressions have no choices left. Beyond `REACH` the
        outermost choices are taken to stand.

    Example:
        >>> from actlab.formula import parse
        >>> [str(piece.expression) for piece in pieces(parse("max(x, 0) + abs(x - 1)"))]
        ['-(x - 1)', 'x + -(x - 1)', 'x + (x - 1)']
    """
    points = breakpoints(expression)
    edges = (-np.inf, *points, np.inf)
    found = []
    for low, high in pairwise(edges):
        inside = (max(low, -2 * REACH) + min(high, 2 * REACH)) / 2
        if low == -np.inf and high == np.inf:
            inside = 0.123  # no choice changes, so any point tells them
        found.append(Piece(low, high, _resolved(expression, inside)))
    return tuple(found)


_CHOICES: Final = {"where", "abs", "sign", "minimum", "maximum", "clip"}


def _resolved(expression: Expression, x: float) -> Expression:
    """The formula with every choice made as it is made at a point."""
    values = evaluate_steps(expression, {"x": np.float64(x)}, {}, "float64")
    made: dict[Expression, Expression] = {}
    for node in nodes(expression):
        if not isinstance(node, Call):
            made[node] = node
            continue
        operands = tuple(made[o] for o in node.arguments)
        if node.head not in _CHOICES or not symbols_of(node):
            made[node] = tidy(node.head, operands)
            continue
        at = [float(values[o]) for o in node.arguments]
        made[node] = _chosen(node.head, operands, at)
    return made[expression]


def _chosen(head: str, operands: tuple[Expression, ...], at: list[float]) -> Expression:
    if head == "where":
        return operands[1] if at[0] else operands[2]
    if head == "abs":
        return operands[0] if at[0] >= 0 else tidy("neg", (operands[0],))
    if head == "sign":
        return Number((at[0] > 0) - (at[0] < 0))
    if head == "minimum":
        return operands[0] if at[0] < at[1] else operands[1]
    if head == "maximum":
        return operands[0] if at[0] > at[1] else operands[1]
    return operands[1] if at[0] <= at[1] else (operands[2] if at[0] >= at[2] else operands[0])
