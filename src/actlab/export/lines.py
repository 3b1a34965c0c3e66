"""Expressions as lines of source: what is used once stands in its place, the rest gets a name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from actlab.formula import PRIMITIVES, Call, Expression, Number, Program, linearise
from actlab.formula.expression import fold
from actlab.formula.program import Operand

__all__ = ["Language", "helpers_of", "write_lines"]

_ATOM = 9
_LONGEST = 56
_UNARY = PRIMITIVES["neg"].precedence

Printed = tuple[str, int]
"""Text and the precedence of its outermost operator."""


@dataclass(frozen=True)
class Language:
    """How a target writes primitives, numbers and assignments."""

    table: Mapping[str, str]
    """Primitive to text with the places `{a}`, `{b}`, `{c}`; operators are written alike by all."""
    helpers: Mapping[str, str]
    """Source of the functions that the table calls, by name, callers before those they call."""
    assign: str = "{name} = {value}"
    number: Callable[[float], str] = repr
    loose: frozenset[str] = frozenset()
    """Primitives whose text must be put in brackets wherever it is an operand."""


def write_lines(
    expressions: Sequence[Expression], names: Mapping[str, str], language: Language
) -> tuple[list[str], list[str]]:
    """Lines that compute the expressions, and the text of each result.

    Args:
        expressions: what is computed.
        names: how each symbol is called in the source.
        language: how things are written.
    """
    program: Program = linearise(*map(_plain_powers, expressions))
    uses = Counter(o for step in program.steps for o in step.operands if isinstance(o, int))
    uses.update(o for o in program.outputs if isinstance(o, int))
    done: list[Printed] = []
    lines: list[str] = []

    def read(operand: Operand) -> Printed:
        if isinstance(operand, int):
            return done[operand]
        if isinstance(operand, str):
            return names[operand], _ATOM
        value = float(operand)
        return language.number(value), _UNARY if value < 0 else _ATOM

    for place, step in enumerate(program.steps):
        text, precedence = _text(step.head, [read(o) for o in step.operands], language)
        keep = uses[place] == 1 and (len(text) <= _LONGEST or place in program.outputs)
        if not keep and not PRIMITIVES[step.head].is_comparison:
            name = f"v{len(lines)}"
            lines.append(language.assign.format(name=name, value=text))
            text, precedence = name, _ATOM
        done.append((text, precedence))
    return lines, [read(output)[0] for output in program.outputs]


def _text(head: str, parts: list[Printed], language: Language) -> Printed:
    if head in language.table:
        texts = [text for text, _ in parts]
        if head in language.loose:
            texts = [_wrap(part, 2) for part in parts]
        places = dict(zip("abc", texts, strict=False))
        return language.table[head].format(**places), 0 if head in language.loose else _ATOM
    row = PRIMITIVES[head]
    if row.arity == 1:
        return f"-{_wrap(parts[0], _UNARY + 1)}", _UNARY
    own = row.precedence
    left, right = _wrap(parts[0], own), _wrap(parts[1], own + 1)
    return f"{left} {row.operator} {right}", own


def _wrap(part: Printed, least: int) -> str:
    text, precedence = part
    return text if precedence >= least else f"({text})"


def _plain_powers(expression: Expression) -> Expression:
    """Small whole powers as products: faster, as accurate, and the same in every language."""

    def rule(node: Expression, operands: tuple[Expression, ...]) -> Expression:
        if not isinstance(node, Call):
            return node
        if node.head == "pow" and isinstance(operands[1], Number):
            exponent: Fraction = operands[1].value
            if exponent.denominator == 1 and 1 <= abs(exponent) <= 8:
                return _power(operands[0], int(exponent))
        return Call(node.head, operands)

    return fold(expression, rule)


def _power(base: Expression, exponent: int) -> Expression:
    result = base
    for bit in bin(abs(exponent))[3:]:
        result = Call("mul", (result, result))
        if bit == "1":
            result = Call("mul", (result, base))
    return result if exponent > 0 else Call("div", (Number(1), result))


def helpers_of(text: str, language: Language) -> list[str]:
    """Source of the helpers that a text calls, and of those that they call, callees first."""
    wanted: list[str] = []
    for name in language.helpers:  # a helper calls only those after it
        call = re.compile(rf"(?<!\w){name}\(")
        if call.search(text) or any(call.search(language.helpers[w]) for w in wanted):
            wanted.insert(0, name)
    return [language.helpers[name] for name in wanted]
