"""What is exported, the same for every target: names, header, and the expressions to print.

The expressions are those that the engines run: stable derivatives, guarded at the ends.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from actlab.activation import VectorRule
from actlab.engines.exact import evaluate
from actlab.engines.guard import guard
from actlab.export.names import identifier, one_line, parameter_names
from actlab.export.vectors import DIRECTION, VectorProgram, program_of
from actlab.formula import PRIMITIVES, Call, Expression, Number, Symbol, symbols_of
from actlab.formula.expression import fold

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["LARGEST", "SETTLED", "Subject", "parameters_of"]

LARGEST, SETTLED = "largest", "settled"
"""Symbols of the two numbers that the guard takes from a format, where both formats are meant."""

_LIMITS = {
    "float32": (float(np.finfo("float32").max), 2.0**60),
    "float64": (float(np.finfo("float64").max), 2.0**508),
}


def parameters_of(activation: Activation) -> dict[str, float]:
    """The parameters of the exported function: those drawn in training are at their means."""
    numbers, drawn = activation.parameters, activation.random
    bounds = {bound for random in drawn.values() for bound in random.bounds}
    own = {name: value for name, value in numbers.items() if name not in bounds}
    if activation.rule is not None:
        return own
    return {**own, **{name: float(random.mean(numbers)) for name, random in drawn.items()}}


@dataclass(frozen=True)
class Subject:
    """An activation as a printer sees it."""

    activation: Activation
    derivative: bool
    reserved: frozenset[str]
    """Words that no name may be in the target."""

    @cached_property
    def name(self) -> str:
        """Name of the exported function."""
        return identifier(self.activation.name, self.reserved)

    @cached_property
    def parameters(self) -> dict[str, float]:
        """Numbers by the names of the formula."""
        return parameters_of(self.activation)

    @cached_property
    def names(self) -> dict[str, str]:
        """How each symbol of the formula is called in the source."""
        own = {self.name, "x", "gate", LARGEST, SETTLED}
        if self.activation.kind == "vector":
            own |= {"axis", "n", "i", "y", DIRECTION}
        taken: Collection[str] = self.reserved | own
        variables = {name: name for name in (*self.activation.variables, LARGEST, SETTLED)}
        return {**variables, **parameter_names(self.parameters, taken)}

    @cached_property
    def arguments(self) -> dict[str, float]:
        """Parameters of the exported function and their defaults, under the names used there."""
        return {self.names[name]: value for name, value in self.parameters.items()}

    def program(self, derivative: bool = False) -> VectorProgram:
        """What a vector rule does, or its derivative along a direction."""
        return program_of(self.activation, derivative)

    def slopes(self, *, parameters: bool = False) -> list[str]:
        """What the derivatives are taken by."""
        own = list(self.activation.variables)
        return own + list(self.parameters) if parameters else own

    def expression(self, wrt: str = "", dtype: str = "float64", order: int = 1) -> Expression:
        """The value, or a derivative, as a program for one format."""
        wanted = self.activation.slope(wrt, order if wrt else 0)
        probe = tuple(sorted(self.parameters.items()))
        return _folded(guard(wanted, probe, dtype))

    def both(self, wrt: str = "") -> tuple[Expression, Expression | None]:
        """A program for float32 and float64 alike, or one for each where they differ."""
        narrow, wide = (
            _named_limits(self.expression(wrt, dtype), *limits) for dtype, limits in _LIMITS.items()
        )
        return (narrow, None) if narrow == wide else (narrow, wide)

    @property
    def has_slope(self) -> bool:
        """Whether a derivative is written: some vector rules have one on purpose unlike it."""
        rule = self.activation.rule
        return self.derivative and not (isinstance(rule, VectorRule) and rule.surrogate)

    def header(self) -> list[str]:
        """Lines that say what the source is, safe inside any comment.

        The first two are the package's own: Python reads an encoding from what stands there.
        """
        f = self.activation
        lines = [f"An activation function{' and its derivative' if self.has_slope else ''}.", ""]
        formula = f.rule.text if f.rule is not None else str(f.definition)
        rows = [("name", f.name), ("formula", formula)]
        if f.formula is not None and f.formula != f.definition:
            rows.append(("computed as", str(f.formula)))
        for name, value in self.parameters.items():
            meaning = f.specs[name].meaning if name in f.specs else ""
            if name in f.random:
                meaning = "drawn for each element in training; this is its mean"
            shown = f"{self.names[name]} = {value!r}" + (f"  ({meaning})" if meaning else "")
            rows.append(("parameter", shown))
        if f.backward is not None:
            rows.append(("derivative", "on purpose not that of the value"))
        if f.reference is not None:
            rows.append(("source", str(f.reference)))
        return lines + [f"{label}: {one_line(text)}" for label, text in rows]


def _folded(expression: Expression) -> Expression:
    """Without anything that does not depend on a symbol: constants are numbers."""

    def rule(node: Expression, operands: tuple[Expression, ...]) -> Expression:
        if not isinstance(node, Call):
            return node
        call = Call(node.head, operands)
        if node.head == "where" and not symbols_of(operands[0]):
            return operands[1] if _holds(operands[0]) else operands[2]
        if symbols_of(call) or PRIMITIVES[node.head].is_comparison:
            return call
        value = float(evaluate(call, {}, {}, digits=25))
        return Number(Fraction(value)) if math.isfinite(value) else call

    return fold(expression, rule)


def _holds(comparison: Expression) -> bool:
    chosen = evaluate(Call("where", (comparison, Number(1), Number(0))), {}, {}, digits=25)
    return bool(chosen == 1)


def _named_limits(expression: Expression, largest: float, settled: float) -> Expression:
    """The guard's numbers as symbols, so that one text serves several formats."""
    limits: Mapping[Fraction, str] = {
        Fraction(repr(largest)): LARGEST,
        Fraction(settled): SETTLED,
    }

    def rule(node: Expression, operands: tuple[Expression, ...]) -> Expression:
        if isinstance(node, Number) and abs(node.value) in limits:
            symbol = Symbol(limits[abs(node.value)])
            return symbol if node.value > 0 else Call("neg", (symbol,))
        return Call(node.head, operands) if isinstance(node, Call) else node

    return fold(expression, rule)
