"""Expressions as text that parses to the same tree, and as LaTeX."""

from __future__ import annotations

from decimal import Context, Decimal
from fractions import Fraction

from actlab.formula.expression import Call, Expression, Number, Symbol, fold
from actlab.formula.vocabulary import PRIMITIVES

__all__ = ["number_text", "to_latex", "to_text"]

_ATOM = 9
_UNARY = PRIMITIVES["neg"].precedence
_POWER = PRIMITIVES["pow"].precedence

Printed = tuple[str, int]
"""Text and the precedence of its outermost operator."""


def number_text(value: Fraction) -> str:
    """The exact decimal digits of a number: `0.044715`, `2`, `1E-9`."""
    if value.denominator == 1 and abs(value) < 10**15:
        return str(value.numerator)
    digits = len(str(value.numerator)) + 3 * value.denominator.bit_length()
    quotient = Context(prec=max(digits, 20)).divide(
        Decimal(value.numerator), Decimal(value.denominator)
    )
    return str(quotient.normalize(Context(prec=max(digits, 20))))


def to_text(root: Expression) -> str:
    """Print an expression in the formula language.

    Args:
        root: any expression.

    Returns:
        Text that `parse` reads back as an equal expression.

    Example:
        >>> from actlab.formula import parse
        >>> to_text(parse("x*(1 + x)**2"))
        'x * (1 + x)**2'
    """

    def rule(node: Expression, parts: tuple[Printed, ...]) -> Printed:
        if isinstance(node, Number):
            return number_text(node.value), _UNARY if node.value < 0 else _ATOM
        if isinstance(node, Symbol):
            return node.name, _ATOM
        if not isinstance(node, Call):
            raise TypeError(f"not an expression: {node!r}")
        primitive = PRIMITIVES[node.head]
        if primitive.arity == 0:
            return node.head, _ATOM
        if not primitive.operator:
            return f"{node.head}({', '.join(text for text, _ in parts)})", _ATOM
        own = primitive.precedence
        if primitive.arity == 1:
            return primitive.operator + _wrap(parts[0], own), own
        if node.head == "pow":
            # binds its left side tighter than a sign, its right side looser
            return f"{_wrap(parts[0], own + 1)}**{_wrap(parts[1], _UNARY)}", own
        return (
            f"{_wrap(parts[0], own)} {primitive.operator} {_wrap(parts[1], own + 1)}",
            own,
        )

    return fold(root, rule)[0]


def _wrap(part: Printed, least: int) -> str:
    text, precedence = part
    return text if precedence >= least else f"({text})"


_GREEK = {
    "alpha", "beta", "gamma", "delta", "epsilon", "lambda", "mu", "nu", "sigma", "tau", "theta",
    "omega", "rho", "kappa", "zeta", "xi", "eta", "chi", "phi", "psi",
}  # fmt: skip


def _symbol_latex(name: str) -> str:
    head, _, tail = name.partition("_")
    head = head.strip("_")
    if head == "lambd":
        head = "lambda"
    if head in _GREEK:
        shown = rf"\{head}"
    elif len(head) == 1:
        shown = head
    else:
        return rf"\mathrm{{{name.replace('_', chr(92) + '_')}}}"
    return rf"{shown}_{{\mathrm{{{tail.replace('_', ' ')}}}}}" if tail else shown


def to_latex(root: Expression) -> str:
    r"""Typeset an expression for LaTeX's mathematics mode, in the order it was written.

    Args:
        root: any expression.

    Returns:
        LaTeX source without delimiters.

    Example:
        >>> from actlab.formula import parse
        >>> to_latex(parse("x * sigmoid(x)"))
        'x\\,\\sigma(x)'
    """

    def rule(node: Expression, parts: tuple[Printed, ...]) -> Printed:
        if isinstance(node, Number):
            return number_text(node.value), _UNARY if node.value < 0 else _ATOM
        if isinstance(node, Symbol):
            return _symbol_latex(node.name), _ATOM
        if not isinstance(node, Call):
            raise TypeError(f"not an expression: {node!r}")
        primitive = PRIMITIVES[node.head]
        own = primitive.precedence
        texts = [text for text, _ in parts]
        if node.head == "div":
            own = _ATOM  # a fraction line groups both sides
        elif node.head == "pow":
            texts[0] = _wrap_latex(parts[0], own + 1)
            own = _POWER
        elif node.head == "mul":
            texts = [_wrap_latex(parts[0], own), _wrap_latex(parts[1], _POWER)]
            if texts[1][:1].isdigit():
                return rf"{texts[0]} \cdot {texts[1]}", own
        elif primitive.operator:
            texts = [_wrap_latex(parts[0], own), *(_wrap_latex(p, own + 1) for p in parts[1:])]
        elif node.head == "exp":
            own = _POWER
        return primitive.latex.format(**dict(zip("abc", texts, strict=False))), own

    return fold(root, rule)[0]


def _wrap_latex(part: Printed, least: int) -> str:
    text, precedence = part
    return text if precedence >= least else rf"\left({text}\right)"
