"""Sums as products: the factors that all terms share, and sums without the positive ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from actlab.formula import Call, Expression, Number
from actlab.formula.calculus import tidy

__all__ = [
    "LARGE",
    "as_product",
    "factored",
    "gathered_terms",
    "without_positive_factors",
]

LARGE: Final = 1000
"""Formulas of more nodes are not multiplied out."""

_POSITIVE = {"exp", "sigmoid", "sech", "normpdf", "cosh", "normcdf", "softplus", "erfc"}

_Term = tuple[int, tuple[Expression, ...]]


def without_positive_factors(expression: Expression) -> Expression:
    """The same signs, without the positive factors that all terms of a sum share.

    ``sigmoid(x) + x * (sigmoid(x) * sigmoid(-x))`` becomes ``1 + x * sigmoid(-x)``, whose sign
    interval arithmetic can tell where the factor has all but vanished.
    """
    if expression.size > LARGE:
        return expression
    return _sum_of(gathered_terms(expression))


def gathered_terms(expression: Expression) -> list[tuple[int, tuple[Expression, ...]]]:
    """Number and factors of each term, without the positive factors that all share."""
    terms = list(_terms(expression, 1))
    for factor in dict.fromkeys(terms[0][1]):
        if _is_positive(factor):
            while all(factor in factors for _, factors in terms):
                terms = [(sign, _minus(factors, factor)) for sign, factors in terms]
    return _gathered(terms)


def as_product(terms: list[_Term]) -> _Term:
    """Number and factors; of a sum the factors that all terms share, and the rest of the sum.

    ``x * sigmoid(x) - x`` becomes x times ``sigmoid(x) - 1``.
    """
    if len(terms) == 1:
        return terms[0]
    shared: list[Expression] = []
    for factor in dict.fromkeys(terms[0][1]):
        while not isinstance(factor, Number) and all(factor in own for _, own in terms):
            terms = [(number, _minus(own, factor)) for number, own in terms]
            shared.append(factor)
    return 1, (*shared, _sum_of(terms))


def factored(expression: Expression) -> Expression:
    """The same formula with the factors that all terms share in front, positive ones too."""
    if expression.size > LARGE:
        return expression
    terms = _gathered(list(_terms(expression, 1)))
    number, factors = as_product(terms)
    return _sum_of([(number, factors)])


def _sum_of(terms: list[_Term]) -> Expression:
    total: Expression = Number(0)
    for number, factors in terms:
        product: Expression = Number(number)
        for factor in factors:
            product = tidy("mul", (product, factor))
        total = tidy("add", (total, product))
    return total


def _gathered(terms: list[_Term]) -> list[tuple[int, tuple[Expression, ...]]]:
    """Equal terms counted once, with their number."""
    counts: dict[frozenset[tuple[Expression, int]], tuple[int, tuple[Expression, ...]]] = {}
    for sign, factors in terms:
        key = frozenset(Counter(factors).items())
        count, first = counts.get(key, (0, factors))
        counts[key] = count + sign, first
    return [found for found in counts.values() if found[0]] or [(0, ())]


def _is_positive(expression: Expression) -> bool:
    if not isinstance(expression, Call):
        return isinstance(expression, Number) and expression.value > 0
    if expression.head == "div":
        return all(map(_is_positive, expression.arguments))
    return expression.head in _POSITIVE


def _minus(factors: tuple[Expression, ...], factor: Expression) -> tuple[Expression, ...]:
    place = factors.index(factor)
    return factors[:place] + factors[place + 1 :]


def _terms(expression: Expression, sign: int) -> Iterator[_Term]:
    if isinstance(expression, Call) and expression.head in {"add", "sub"}:
        a, b = expression.arguments
        yield from _terms(a, sign)
        yield from _terms(b, sign if expression.head == "add" else -sign)
    elif isinstance(expression, Call) and expression.head == "neg":
        yield from _terms(expression.arguments[0], -sign)
    elif isinstance(expression, Call) and expression.head == "mul":
        own, factors = _factors(expression)
        # a factor that is a sum is multiplied out, once, if it stands alone beside products
        sums = [f for f in factors if isinstance(f, Call) and f.head in {"add", "sub"}]
        if len(sums) == 1:
            rest = _minus(factors, sums[0])
            for inner, parts in _terms(sums[0], sign * own):
                yield inner, (*rest, *parts)
        else:
            yield sign * own, factors
    else:
        own, factors = _factors(expression)
        yield sign * own, factors


def _factors(expression: Expression) -> tuple[int, tuple[Expression, ...]]:
    if isinstance(expression, Call) and expression.head == "mul":
        parts = [_factors(operand) for operand in expression.arguments]
        return parts[0][0] * parts[1][0], parts[0][1] + parts[1][1]
    if isinstance(expression, Call) and expression.head == "neg":
        sign, factors = _factors(expression.arguments[0])
        return -sign, factors
    if isinstance(expression, Call) and expression.head == "pow":
        base, exponent = expression.arguments
        if isinstance(exponent, Number) and exponent.value in {2, 3, 4}:
            return 1, (base,) * int(exponent.value)
    if isinstance(expression, Number):
        if expression.value == 0:
            return 0, ()
        sign = 1 if expression.value > 0 else -1
        return sign, () if abs(expression.value) == 1 else (Number(abs(expression.value)),)
    return 1, (expression,)
