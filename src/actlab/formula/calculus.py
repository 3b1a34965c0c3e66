"""Derivatives of formulas, by the chain rule over the vocabulary's own derivatives.

SymPy is not asked for them: its automatic rearrangement would undo the stable forms that the
vocabulary states, and importing it costs more than the first call of a function may take. The
tests hold every derivative against SymPy's and against mpmath's numerical one.
"""

from __future__ import annotations

from functools import cache, lru_cache

from actlab.formula.expression import Call, Expression, Number, Symbol, fold
from actlab.formula.parse import parse
from actlab.formula.vocabulary import PRIMITIVES

__all__ = ["differentiate"]

_ZERO = Number(0)
_ONE = Number(1)


@lru_cache(maxsize=4096)
def differentiate(expression: Expression, symbol: str = "x", order: int = 1) -> Expression:
    """The derivative of an expression with respect to one of its symbols.

    Args:
        expression: what to differentiate.
        symbol: name of the variable or of a parameter.
        order: how often; 0 returns the expression itself.

    Returns:
        An expression in stable form. At a kink it takes the branch that the comparison selects.

    Raises:
        ValueError: if `order` is negative.

    Example:
        >>> from actlab.formula import parse
        >>> str(differentiate(parse("sigmoid(x)")))
        'sigmoid(x) * sigmoid(-x)'
    """
    if order < 0:
        raise ValueError(f"the order of a derivative is 0 or more, {order} given")
    if order == 0:
        return expression
    if order > 1:
        return differentiate(differentiate(expression, symbol, order - 1), symbol)
    known: dict[Expression, Expression] = {}
    expression = _shared(expression, known)

    def rule(node: Expression, slopes: tuple[Expression, ...]) -> Expression:
        if isinstance(node, Symbol):
            return _ONE if node.name == symbol else _ZERO
        if not isinstance(node, Call) or PRIMITIVES[node.head].is_comparison:
            return _ZERO
        if all(slope == _ZERO for slope in slopes):
            return _ZERO
        if node.head == "mul" and _is_sigmoid_slope(*node.arguments):
            # the product rule would subtract sigmoid(a) from sigmoid(-a), which meet at 0
            inner = node.arguments[0].operands[0]
            return _build(_sigmoid_curve(), {"a": inner, "da": slopes[0]}, known)
        values = dict(zip("abc", node.arguments, strict=False))
        values.update(zip(("da", "db", "dc"), slopes, strict=False))
        return _build(_template(node.head), values, known)

    return fold(expression, rule)


def _shared(expression: Expression, known: dict[Expression, Expression]) -> Expression:
    """The same tree with equal parts as one object, which makes every later walk faster."""

    def rule(node: Expression, operands: tuple[Expression, ...]) -> Expression:
        made = Call(node.head, operands) if isinstance(node, Call) else node
        return known.setdefault(made, made)

    return fold(expression, rule)


def _is_sigmoid_slope(a: Expression, b: Expression) -> bool:
    """Whether a product is sigmoid(u) * sigmoid(-u)."""
    return (
        isinstance(a, Call)
        and isinstance(b, Call)
        and a.head == b.head == "sigmoid"
        and tidy("neg", a.arguments) == b.arguments[0]
    )


@cache
def _sigmoid_curve() -> Expression:
    """The derivative of that product, from the derivative `da` of its first factor."""
    return parse("-tanh(0.5 * a) * da", variables=("a", "da"))


@cache
def _template(head: str) -> Expression:
    if head == "where":  # its first argument is a condition, which no symbol of a formula is
        return Call("where", (Symbol("a"), Symbol("db"), Symbol("dc")))
    return parse(PRIMITIVES[head].derivative, variables=("a", "b", "c", "da", "db", "dc"))


def _build(
    template: Expression, values: dict[str, Expression], known: dict[Expression, Expression]
) -> Expression:
    """Fill a template in, leaving out terms that are exactly zero and factors that are one.

    Of equal expressions only the one that is `known` is used.
    """

    def rule(node: Expression, operands: tuple[Expression, ...]) -> Expression:
        if isinstance(node, Symbol):
            return values[node.name]
        if isinstance(node, Call):
            made = tidy(node.head, operands)
            return known.setdefault(made, made)
        return known.setdefault(node, node)

    return fold(template, rule)


def tidied(expression: Expression) -> Expression:
    """The same expression without zero terms and unit factors; nothing is rearranged."""

    def rule(node: Expression, operands: tuple[Expression, ...]) -> Expression:
        return tidy(node.head, operands) if isinstance(node, Call) else node

    return fold(expression, rule)


def tidy(head: str, operands: tuple[Expression, ...]) -> Expression:
    """A call without the zeros and ones that the chain rule leaves; nothing is rearranged."""
    if head in {"add", "sub", "mul", "div", "pow"}:
        return _tidy_binary(head, operands[0], operands[1])
    if head == "neg":
        inner = operands[0]
        if isinstance(inner, Number):
            return Number(-inner.value)
        if isinstance(inner, Call) and inner.head == "neg":
            return inner.arguments[0]
    if head == "where" and operands[1] == operands[2]:
        return operands[1]
    return Call(head, operands)


def _tidy_binary(head: str, a: Expression, b: Expression) -> Expression:
    if head == "mul" and _ZERO in (a, b):
        return _ZERO
    if head == "div" and a == _ZERO:
        return _ZERO
    if isinstance(a, Number) and isinstance(b, Number) and head in {"add", "sub", "mul"}:
        folded = {"add": a.value + b.value, "sub": a.value - b.value, "mul": a.value * b.value}
        return Number(folded[head])
    if a == _ZERO:
        if head == "add":
            return b
        if head == "sub":
            return tidy("neg", (b,))
    if b == _ZERO:
        if head in {"add", "sub"}:
            return a
        if head == "pow":
            return _ONE
    if a == _ONE and head == "mul":
        return b
    if b == _ONE and head in {"mul", "div", "pow"}:
        return a
    return Call(head, (a, b))
