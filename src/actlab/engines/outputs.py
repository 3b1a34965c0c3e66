"""Slopes that follow from the output, so that a layer need not keep its input.

The next layer keeps the output anyway, for its own gradient. Where the slope follows from it
without loss, that is always done. Where digits are lost in a tail (at 20, `s*(1 - s)` of a sigmoid
is 0), it is done on request alone.
"""

from __future__ import annotations

from functools import lru_cache

from actlab.formula import Call, Expression, Number, Symbol, parse, substitute
from actlab.formula.parse import number

__all__ = ["lossless", "lossy"]

_X = Symbol("x")
_POSITIVE = Call("gt", (_X, Number(0)))

_LOSSY = {
    "sigmoid": "x * (1 - x)",
    "tanh": "(1 - x) * (1 + x)",
    "elu": "where(x > 0, 1, x + alpha)",
    "selu": "where(x > 0, scale, x + scale * alpha)",
    "celu": "where(x > 0, 1, x / alpha + 1)",
}
"""By function, the slope as a formula of the output x; its loss is in the tail."""


@lru_cache(maxsize=4096)
def lossless(expression: Expression) -> Expression | None:
    """The slope of an expression as an expression of its value, in place of x; None without one."""
    if expression == parse("maximum(x, 0)"):
        return parse("where(x > 0, 1, 0)")
    if expression == parse("softplus(x)"):
        return parse("-expm1(-x)")
    slope = _leak(expression)
    if slope is not None and slope.value > 0:  # the sign of the output is that of the input
        return Call("where", (_POSITIVE, Number(1), slope))
    return None


def _leak(expression: Expression) -> Number | None:
    """The factor a of `where(x > 0, x, a * x)`."""
    if isinstance(expression, Call) and expression.head == "where":
        condition, above, below = expression.arguments
        if condition == _POSITIVE and above == _X and isinstance(below, Call):
            first, *rest = below.arguments
            if below.head == "mul" and rest == [_X] and isinstance(first, Number):
                return first
    return None


def lossy(name: str, parameters: dict[str, float]) -> Expression | None:
    """The slope of a catalogued function as a formula of its output, with a loss in the tails.

    None where the function has none; the parameters must leave it increasing.
    """
    if name not in _LOSSY or any(value <= 0 for value in parameters.values()):
        return None
    numbers = {key: number(value) for key, value in parameters.items()}
    return substitute(parse(_LOSSY[name], parameters=tuple(parameters)), numbers)


def kinds() -> tuple[str, ...]:
    """Functions whose slope follows from the output on request."""
    return tuple(_LOSSY)
