"""Series and continued fractions as formula text, for functions whose plain form cancels.

``x - arctan(x)`` loses all digits near 0, and so does the derivative of ``sin(x) / x``. On a short
interval such a function is a polynomial or a quotient of two polynomials. They are carried on to
beyond 50 digits, so that a stable form equals its definition also in the exact engine; what a
floating-point format can't hold of the last coefficients is harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Context, Decimal
from fractions import Fraction

__all__ = ["arctan_defect", "horner", "sinc_series"]

_DIGITS = 55


def _text(value: Fraction) -> str:
    context = Context(prec=_DIGITS)
    quotient = context.divide(Decimal(value.numerator), Decimal(value.denominator))
    return str(quotient.normalize(context))


def horner(variable: str, coefficients: Sequence[Fraction | int]) -> str:
    """A polynomial as text, lowest power first.

    Example:
        >>> horner("t", [1, 2, 3])
        '(1 + t * (2 + t * 3))'
    """
    *low, top = (Fraction(c) for c in coefficients)
    text = _text(top)
    for coefficient in reversed(low):
        text = f"({_text(coefficient)} + {variable} * {text})"
    return text


def sinc_series(square: str) -> str:
    """`sin(t)/t` as a polynomial of `square`, the text of t², for |t| at most 1."""
    coefficients, term = [], Fraction(1)
    for k in range(23):
        coefficients.append(term)
        term /= -(2 * k + 2) * (2 * k + 3)
    return horner(square, coefficients)


def arctan_defect(square: str) -> str:
    """`(1 - arctan(t)/t)/t²` as a quotient of polynomials of `square`, for |t| at most 1/4.

    A convergent of Gauss's continued fraction arctan(t)/t = 1/(1 + t²/(3 + 4t²/(5 + 9t²/...))).
    """
    top, bottom = _convergent(lambda k: (k * k, 2 * k + 1), 30)
    padded = [*top, *[Fraction(0)] * (len(bottom) - len(top))]
    defect = [b - a for a, b in zip(padded, bottom, strict=True)][1:]
    # both divided by the same number, so that no coefficient overflows single precision
    above, below = (horner(square, [c / bottom[0] for c in side]) for side in (defect, bottom))
    return f"{above} / {below}"


def _convergent(
    term: Callable[[int], tuple[int, int]], depth: int
) -> tuple[list[Fraction], list[Fraction]]:
    """Numerator and denominator of ``1/(b₀ + a₁u/(b₁ + a₂u/(b₂ + ...)))``, lowest power first."""
    top, bottom = [Fraction(1)], [Fraction(term(depth)[1])]
    for k in range(depth - 1, -1, -1):
        # 1 / (b + u * a * top / bottom) = bottom / (b * bottom + u * a * top)
        a, b = term(k + 1)[0], term(k)[1]
        below = [Fraction(0)] * max(len(bottom), len(top) + 1)
        for i, coefficient in enumerate(bottom):
            below[i] += b * coefficient
        for i, coefficient in enumerate(top, 1):
            below[i] += a * coefficient
        top, bottom = bottom, below
    return top, bottom
