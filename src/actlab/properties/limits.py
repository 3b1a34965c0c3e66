"""Limits at infinity that follow from the formula alone.

Each part of a formula tends to a number or grows; of what grows and what decays the kind is
kept, so that x * exp(-x) is known to vanish. Rules, in words: an exponential decay beats every
power; what is bounded, as a sine, vanishes beside a zero and does not matter beside an infinity;
anything else that competes (inf - inf, 0 * inf, inf / inf) is left undecided.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from actlab.engines.numpy_operations import single
from actlab.formula import PRIMITIVES, Call, Expression, Number, Symbol
from actlab.formula.expression import fold

__all__ = ["limit"]

_SLOW: Final = 1
"""Grows like a logarithm."""
_POWER: Final = 2
"""Grows at least like a power of |x| and at most like another."""
_EXPONENTIAL: Final = 3
"""Grows, or decays, faster than every power, as exp of a power does."""
_CONSTANT: Final = 9
"""Is its limit everywhere."""
_DOUBLE: Final = 4
"""Grows, or decays, faster than that, as exp(exp(x)) does."""


@dataclass(frozen=True)
class Tendency:
    """A limit, and its speed.

    `kind` says how fast an infinite limit is run to, or how fast the distance from a finite one
    decays, at least; 0 if that is not known. Without a limit, the value is NaN.
    """

    value: float
    kind: int = 0

    @property
    def known(self) -> bool:
        return not math.isnan(self.value)

    @property
    def bounded(self) -> bool:
        """Whether it stays between two numbers in the end, with a limit or without."""
        return math.isfinite(self.value) or self is _BOUNDED


_UNKNOWN = Tendency(math.nan)
_BOUNDED = Tendency(math.nan)
"""What has no limit, and stays between two numbers."""
_DECAYS: Final = {
    "exp": -1, "sigmoid": -1, "softplus": -1, "normcdf": -1, "erfc": 1, "sech": 0, "normpdf": 0,
    "log_sigmoid": 1,
}  # fmt: skip
"""Functions that decay exponentially, and at which end (0: both)."""
_GROWS: Final = {
    "exp": _EXPONENTIAL, "expm1": _EXPONENTIAL, "sinh": _EXPONENTIAL, "cosh": _EXPONENTIAL,
    "softplus": _POWER, "log_sigmoid": _POWER, "sqrt": _POWER,
    "log": _SLOW, "log1p": _SLOW, "arcsinh": _SLOW,
}  # fmt: skip


def limit(expression: Expression, end: float) -> float:
    """The limit of a formula of `x` as x tends to +inf or -inf, or NaN if the rules do not tell.

    Args:
        expression: a formula without parameters and choices.
        end: math.inf or -math.inf.

    Returns:
        The limit, which may be infinite; it is a proof, not a measurement.

    Example:
        >>> from actlab.formula import parse
        >>> limit(parse("x * sigmoid(x)"), -math.inf)
        -0.0
    """

    def rule(node: Expression, parts: tuple[Tendency, ...]) -> Tendency:
        if isinstance(node, Number):
            return Tendency(float(node.value), _CONSTANT)
        if isinstance(node, Symbol):
            return Tendency(end, _POWER)
        if not isinstance(node, Call) or any(part is _UNKNOWN for part in parts):
            return _UNKNOWN
        if node.head in {"pi", "e"}:
            return Tendency(math.pi if node.head == "pi" else math.e, _CONSTANT)
        if any(part is _BOUNDED for part in parts):
            return _beside_bounded(node.head, parts)
        if PRIMITIVES[node.head].is_comparison:
            return _UNKNOWN
        if node.head in _RULES:
            return _RULES[node.head](*parts)
        return _of_function(node.head, parts)

    return fold(expression, rule).value


_EVERYWHERE: Final = {
    "neg", "sin", "cos", "arctan", "arcsinh", "sinh", "cosh", "tanh", "sech", "tanh_shrink", "exp",
    "expm1", "sigmoid", "softplus", "log_sigmoid", "erf", "erfc", "normcdf", "normpdf",
}  # fmt: skip
"""Continuous functions of all numbers, which keep bounded what is bounded."""


def _beside_bounded(head: str, parts: tuple[Tendency, ...]) -> Tendency:
    """A primitive of which at least one operand is bounded and has no limit."""
    if head in _EVERYWHERE:
        return _BOUNDED
    if head not in {"add", "sub", "mul", "div", "pow"}:
        return _UNKNOWN
    a, b = parts
    if head in {"add", "sub"}:
        if a.bounded and b.bounded:
            return _BOUNDED
        return a if a.known else (b if head == "add" else _neg(b))
    if head == "pow":
        whole = b.kind == _CONSTANT and b.value >= 0 and b.value == int(b.value)
        return _BOUNDED if whole else _UNKNOWN
    if head == "div":
        b = _inverse(b) if b.known else _UNKNOWN
    for zero, other in ((a, b), (b, a)):
        if zero.value == 0 and other.bounded:
            return Tendency(0.0, zero.kind)
    return _BOUNDED if a.bounded and b.bounded else _UNKNOWN


def _neg(a: Tendency) -> Tendency:
    return Tendency(-a.value, a.kind)


def _add(a: Tendency, b: Tendency) -> Tendency:
    if math.isinf(a.value) and math.isinf(b.value):
        if a.value != b.value:
            return _UNKNOWN
        return Tendency(a.value, _growth(a.kind, b.kind))
    if math.isinf(a.value) or math.isinf(b.value):
        return a if math.isinf(a.value) else b
    total = a.value + b.value
    if 0 < abs(total) <= 1e-12 * max(abs(a.value), abs(b.value)):
        return _UNKNOWN  # it may be a rounding
    return Tendency(total, min(a.kind, b.kind))


def _growth(*kinds: int) -> int:
    """The growth of a sum or product of what grows; unknown if one of them is."""
    return max(kinds) if all(kinds) else 0


def _mul(a: Tendency, b: Tendency) -> Tendency:
    if a.value == 0 and b.value == 0:
        return Tendency(a.value * b.value, max(a.kind, b.kind))
    for zero, other in ((a, b), (b, a)):
        if zero.value == 0:
            if math.isinf(other.value):
                beaten = other.kind and zero.kind > max(other.kind, _POWER)
                return (
                    Tendency(0.0 * math.copysign(1, other.value), zero.kind)
                    if beaten
                    else (_UNKNOWN)
                )
            return Tendency(0.0 * other.value, zero.kind)
    if math.isinf(a.value) or math.isinf(b.value):
        kinds = [part.kind for part in (a, b) if math.isinf(part.value)]
        return Tendency(a.value * b.value, _growth(*kinds))
    return Tendency(a.value * b.value, min(a.kind, b.kind))


def _inverse(a: Tendency) -> Tendency:
    if math.isinf(a.value):
        return Tendency(math.copysign(0.0, a.value), a.kind if a.kind >= _EXPONENTIAL else 0)
    return _UNKNOWN if a.value == 0 else Tendency(1 / a.value, a.kind)


def _div(a: Tendency, b: Tendency) -> Tendency:
    below = _inverse(b)
    return _mul(a, below) if below.known else _UNKNOWN


def _pow(a: Tendency, b: Tendency) -> Tendency:
    exponent = b.value
    if not math.isfinite(exponent):
        return _UNKNOWN
    if exponent < 0:
        powered = _pow(a, Tendency(-exponent, b.kind))
        return _inverse(powered) if powered.known else _UNKNOWN
    if a.value < 0 and exponent != int(exponent):
        return _UNKNOWN
    if exponent == 0:
        return Tendency(1.0, _CONSTANT)
    return Tendency(a.value**exponent, a.kind if b.kind == _CONSTANT else 0)


_RULES: Final[dict[str, Callable[..., Tendency]]] = {
    "neg": _neg,
    "add": _add,
    "sub": lambda a, b: _add(a, _neg(b)),
    "mul": _mul,
    "div": _div,
    "pow": _pow,
}


def _of_function(head: str, parts: tuple[Tendency, ...]) -> Tendency:
    if len(parts) != 1:
        return _UNKNOWN
    (a,) = parts
    if math.isinf(a.value):
        if head in {"sin", "cos"}:
            return _BOUNDED
        if head in {"sign", "where"}:
            return _UNKNOWN
        if head in _DECAYS and _DECAYS[head] in {0, math.copysign(1, a.value)}:
            zero = -0.0 if head == "log_sigmoid" else 0.0
            return Tendency(zero, _faster(a.kind))
    with np.errstate(all="ignore"):
        value = float(single(head, 1)(a.value))
    if math.isnan(value):
        return _UNKNOWN
    if not math.isinf(value):
        if math.isinf(a.value):  # a plateau
            return Tendency(value, 0 if head == "arctan" else _faster(a.kind))
        return Tendency(value, 0 if head in {"sqrt", "abs", "sign"} else a.kind)
    if not math.isinf(a.value):
        return _UNKNOWN  # a pole, whose side is not known
    kind = _GROWS.get(head, _POWER)
    if kind == _EXPONENTIAL:
        return Tendency(value, _faster(a.kind))
    if kind == _SLOW:
        return Tendency(value, {_SLOW: _SLOW, _POWER: _SLOW, _EXPONENTIAL: _POWER}.get(a.kind, 0))
    return Tendency(value, a.kind)


def _faster(kind: int) -> int:
    """The kind of the exponential of something that grows."""
    return {_POWER: _EXPONENTIAL, _EXPONENTIAL: _DOUBLE}.get(kind, 0)
