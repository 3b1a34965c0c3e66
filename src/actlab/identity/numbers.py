"""The number that somebody would write down, from one that a fit found."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Final

from actlab.formula import Call, Expression, Number, parse
from actlab.formula.expression import nodes
from actlab.formula.parse import constant_value

__all__ = ["candidates"]

_CLOSE: Final = 1e-6
_CONSTANTS: Final = (
    "pi", "e", "sqrt(2)", "sqrt(3)", "sqrt(pi)", "sqrt(2 / pi)", "log(2)",
)  # fmt: skip


@lru_cache(maxsize=1)
def _known() -> tuple[Expression, ...]:
    return tuple(parse(text) for text in _CONSTANTS)


def candidates(found: float, formula: Expression) -> Iterator[Expression]:
    """Exact numbers close to one that was found, the simplest first.

    Short decimals, fractions, and products and quotients of fractions with the constants of the
    formula and a few famous ones.
    """
    if abs(found) < _CLOSE:
        yield Number(0)
        return
    for digits in range(1, 7):
        decimal = Fraction(f"{found:.{digits - 1}e}")
        if _near(float(decimal), found):
            yield Number(decimal)
            break
    ratio = Fraction(found).limit_denominator(64)
    if _near(float(ratio), found):
        yield Number(ratio)
    own = [n for n in nodes(formula) if isinstance(n, Call | Number)]
    for constant in (*own, *_known()):
        value = constant_value(constant)
        if not value or not math.isfinite(value):
            continue
        for head, other in (("mul", value), ("div", 1 / value)):
            factor = Fraction(found / other).limit_denominator(12)
            if factor and _near(float(factor) * other, found):
                yield Call(head, (Number(factor), constant))


def _near(value: float, found: float) -> bool:
    return abs(value - found) <= _CLOSE * max(abs(found), 1e-3)
