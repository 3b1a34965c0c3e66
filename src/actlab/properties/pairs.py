"""What can be known of a gated pair: how each of its inputs enters."""

from __future__ import annotations

from actlab.activation import Activation
from actlab.formula import Call, Expression, Symbol, differentiate, substitute, symbols_of
from actlab.formula.calculus import tidied
from actlab.formula.expression import fold
from actlab.properties.facts import Fact, PairProperties, Properties
from actlab.theory.gains import second_moment

__all__ = ["gate_function", "of_pair"]


def gate_function(activation: Activation) -> Activation | None:
    """The function s of a pair x * s(gate), as a function of x; None where a pair is no such.

    Example:
        >>> import actlab
        >>> str(gate_function(actlab.get("swiglu")).formula)
        'x * sigmoid(x)'
    """
    slope = differentiate(activation.bound, "x")
    if "x" in symbols_of(slope) or not _vanishes_with_x(activation.bound):
        return None
    return Activation(
        f"the gate of {activation.name}", tidied(substitute(slope, {"gate": Symbol("x")}))
    )


def _vanishes_with_x(expression: Expression) -> bool:
    """Whether a product, quotient or sum is 0 at x = 0 by its form."""

    def rule(node: Expression, parts: tuple[bool, ...]) -> bool:
        if isinstance(node, Symbol):
            return node.name == "x"
        if not isinstance(node, Call):
            return False
        if node.head == "mul":
            return any(parts)
        if node.head in {"div", "neg"}:
            return parts[0]
        return node.head in {"add", "sub"} and all(parts)

    return fold(expression, rule)


def of_pair(activation: Activation, gate: Properties | None) -> PairProperties:
    """The properties of a gated pair, given those of its gate function, if it has one."""
    try:
        moment: Fact[float | None] = Fact(
            second_moment(activation), False, "quadrature, two rules agree to 8 digits or more"
        )
    except ArithmeticError as error:
        moment = Fact(None, False, str(error))
    linear = Fact(gate is not None, True, "the structure of the formula")
    return PairProperties(activation.name, linear, gate, moment)
