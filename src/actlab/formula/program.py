"""An expression as a straight line of steps, each value computed once.

This is what engines compile and printers print: common subexpressions are shared, so that the
derivative of `mish` needs one exponential.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from actlab.formula.expression import Call, Expression, Number, Symbol, nodes

__all__ = ["Operand", "Program", "Step", "linearise"]

Operand = int | str | Fraction
"""The number of an earlier step, the name of an input, or a constant."""


@dataclass(frozen=True)
class Step:
    """One primitive applied to earlier results."""

    head: str
    operands: tuple[Operand, ...]


@dataclass(frozen=True)
class Program:
    """Steps in order; `outputs` says where the results are."""

    steps: tuple[Step, ...]
    outputs: tuple[Operand, ...]


def linearise(*expressions: Expression) -> Program:
    """Order the distinct sub-expressions so that each comes after those it needs.

    Args:
        expressions: one or more; what they share is computed once.

    Returns:
        The program; it has as many outputs as there were expressions.

    Example:
        >>> from actlab.formula import parse
        >>> program = linearise(parse("tanh(x) * tanh(x)"))
        >>> [step.head for step in program.steps]
        ['tanh', 'mul']
    """
    places: dict[Expression, Operand] = {}
    steps: list[Step] = []
    for expression in expressions:
        for node in nodes(expression):
            if node in places:
                continue
            if isinstance(node, Number):
                places[node] = node.value
            elif isinstance(node, Symbol):
                places[node] = node.name
            elif isinstance(node, Call):
                places[node] = len(steps)
                steps.append(Step(node.head, tuple(places[o] for o in node.arguments)))
    return Program(tuple(steps), tuple(_places(expressions, places)))


def _places(expressions: Sequence[Expression], places: dict[Expression, Operand]) -> list[Operand]:
    return [places[expression] for expression in expressions]
