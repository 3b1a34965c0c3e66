"""What the shape of a formula alone proves: symmetry, and that none of its choices can happen."""

from __future__ import annotations

from functools import lru_cache

from actlab.formula import Call, Expression, Number, Symbol
from actlab.formula.expression import fold
from actlab.properties.charts import chart
from actlab.theory.breakpoints import breakpoints, pieces, switches

__all__ = ["parity", "switches_are_known"]

_ODD = {"sin", "arctan", "arcsinh", "sinh", "tanh", "erf", "sign"}
_EVEN = {"abs", "cos", "cosh", "sech", "normpdf"}


def parity(expression: Expression) -> str:
    """Tell "odd" or "even" from the structure of a formula; "" if the rules do not tell.

    Example:
        >>> from actlab.formula import parse
        >>> parity(parse("x * tanh(x)"))
        'even'
    """

    def rule(node: Expression, parts: tuple[str, ...]) -> str:
        if isinstance(node, Symbol):
            return "odd"
        if isinstance(node, Number) or (isinstance(node, Call) and not parts):
            return "even"
        if not isinstance(node, Call):
            return ""
        if all(part == "even" for part in parts):
            return "even"
        return _of_call(node, parts)

    return fold(expression, rule)


def _of_call(node: Call, parts: tuple[str, ...]) -> str:
    head = node.head
    if head in {"add", "sub"}:
        return parts[0] if parts[0] == parts[1] else ""
    if head in {"mul", "div"}:
        return ("even" if parts[0] == parts[1] else "odd") if all(parts) else ""
    if head == "pow":
        exponent = node.arguments[1]
        if isinstance(exponent, Number) and exponent.value.denominator == 1 and parts[0] == "odd":
            return "odd" if exponent.value % 2 else "even"
        return ""
    if head == "neg" or head in _ODD:
        return parts[0]
    if head in _EVEN:
        return "even" if parts[0] else ""
    if head == "where" and parts[0] == "even":
        return parts[1] if parts[1] == parts[2] else ""
    if head == "clip" and parts[0] == "odd":
        low, high = node.arguments[1:]
        if isinstance(low, Number) and isinstance(high, Number) and low.value == -high.value:
            return "odd"
    return ""


@lru_cache(maxsize=512)
def switches_are_known(expression: Expression) -> bool:
    """Whether it is certain that the breakpoints found are all there are.

    It is, if every expression that could switch has a proved sign chart whose zeros were found.
    """
    known = breakpoints(expression)
    for switch in switches(expression):
        if not switches_are_known(switch):
            return False
        for piece in pieces(switch):
            found = chart(piece.expression, piece.low, piece.high)
            missed = [z for z in found.zeros if all(abs(z - k) > 1e-9 for k in known)]
            if missed or not found.proved:
                return False
    return True
