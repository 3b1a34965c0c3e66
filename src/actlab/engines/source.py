"""Straight-line Python source of a program, and the function made from it.

Every engine that runs Python operations shares this: an engine is a table from primitives to
the text of one operation. The source comes from a validated expression only: its names are
`v0, v1, ...` and the inputs' own, which the parser admitted as identifiers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from actlab.formula import Call, Expression, Number, Program, Symbol, linearise
from actlab.formula.expression import fold
from actlab.formula.parse import constant_value
from actlab.formula.program import Operand, Step

__all__ = [
    "compile_function",
    "fold_constants",
    "fold_exactly",
    "operand_text",
    "parts_of",
    "write_function",
]

Table = Mapping[str, str]
"""Primitive to source with the places `{a}`, `{b}`, `{c}`, and `{x}` for the first input."""


Literal = str | Callable[[Fraction], str]
"""How a constant is written: a pattern around the nearest float64, or a function of the exact."""


def operand_text(operand: Operand, literal: Literal = "{}") -> str:
    """An operand in Python: the name of a step or input, or the nearest binary number."""
    if isinstance(operand, Fraction):
        if not isinstance(literal, str):
            return literal(operand)
        value = float(operand)
        return literal.format(repr(value) if value >= 0 else f"({value!r})")
    return f"v{operand}" if isinstance(operand, int) else f"p_{operand}"


def _step_text(step: Step, table: Table, first: str, literal: Literal) -> str:
    if step.head == "pow" and isinstance(step.operands[1], Fraction):
        exponent = step.operands[1]
        if exponent.denominator == 1 and 1 <= abs(exponent) <= 8:
            base = operand_text(step.operands[0])
            return _power_text(base, int(exponent))
    texts = (operand_text(operand, literal) for operand in step.operands)
    places = dict(zip("abc", texts, strict=False))
    return table[step.head].format(**places, x=first)


def _power_text(base: str, exponent: int) -> str:
    """A small whole power by repeated squaring, which is faster and as accurate."""
    text = base
    for bit in bin(abs(exponent))[3:]:
        text = f"({text} * {text})" if text == base else f"_square({text})"
        if bit == "1":
            text = f"({text} * {base})"
    return text if exponent > 0 else f"(1.0 / {text})"


def write_function(
    expressions: Sequence[Expression],
    inputs: Sequence[str],
    table: Table,
    name: str = "f",
    literal: Literal = "{}",
) -> str:
    """Source of a function that computes the expressions from the inputs, in that order.

    Args:
        expressions: one gives a plain result, several a tuple.
        inputs: names of the arguments; the first is the array that the others are used with.
        table: one operation per primitive.
        name: name of the function.
        literal: how a constant is written.

    Returns:
        Python source.
    """
    program: Program = linearise(*map(fold_constants, expressions))
    first = f"p_{inputs[0]}"
    lines = [f"def {name}({', '.join('p_' + i for i in inputs)}):"]
    lines += [
        f"    v{place} = {_step_text(step, table, first, literal)}"
        for place, step in enumerate(program.steps)
    ]
    results = (operand_text(output, literal) for output in program.outputs)
    lines.append("    return " + ", ".join(results))
    return "\n".join(lines) + "\n"


def fold_constants(expression: Expression) -> Expression:
    """The same expression with its constant parts as numbers: `sqrt(2 / pi)` is not run again."""
    varying: set[Expression] = set()

    def rule(node: Expression, operands: tuple[Expression, ...]) -> Expression:
        if not isinstance(node, Call):
            if isinstance(node, Symbol):
                varying.add(node)
            return node
        made = Call(node.head, operands)
        value = constant_value(made) if varying.isdisjoint(operands) else None
        if value is None:
            varying.add(made)
        return made if value is None or not math.isfinite(value) else Number(Fraction(value))

    return fold(expression, rule)


def fold_exactly(expression: Expression) -> Expression:
    """The same with constant parts as numbers of 40 digits, where float64 is not enough."""

    def rule(node: Expression, operands: tuple[Expression, ...]) -> Expression:
        if not isinstance(node, Call):
            return node
        made = Call(node.head, operands)
        if not all(isinstance(operand, Number) for operand in operands):
            return made
        value = constant_value(made)
        if value is None or not math.isfinite(value):
            return made
        from actlab.engines.exact import evaluate

        mantissa, exponent = evaluate(made, {}, {}, digits=40).man_exp
        exact = Fraction(mantissa) * Fraction(2) ** exponent
        return Number(exact if value >= 0 else -abs(exact))

    return fold(expression, rule)


def parts_of(value: Fraction) -> tuple[float, float]:
    """The nearest float64 of a constant, and of what that leaves."""
    high = float(value)
    return high, float(value - Fraction(high))


def compile_function(
    expressions: Sequence[Expression],
    inputs: Sequence[str],
    table: Table,
    namespace: Mapping[str, Any],
    literal: Literal = "{}",
) -> Callable[..., Any]:
    """The function that `write_function` writes, ready to call."""
    source = write_function(expressions, inputs, table, literal=literal)
    scope: dict[str, Any] = {**namespace, "_square": _square}
    code = compile(source, f"<actlab: {expressions[0]}>"[:200], "exec")
    exec(code, scope)  # noqa: S102  the source is generated from a validated expression
    function: Callable[..., Any] = scope["f"]
    return function


def _square(value: Any) -> Any:
    return value * value
