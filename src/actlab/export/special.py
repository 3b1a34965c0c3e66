"""The special functions that languages lack, as polynomials; their digits are the engines' own.

With m(a) = normcdf(-a)·exp(a²/2), the ratio of Mills, of which `MILLS` is a polynomial in
(a - 4)/(a + 4): erfc(z) = 2·m(√2·z)·exp(-z²) for z >= 0. Near 0 erf(z) is z plus a polynomial.
The square in exp(-z²) is taken in two parts, since its rounding alone would cost z² ULP.
"""

from __future__ import annotations

from collections.abc import Sequence

from actlab.engines.vectormath.tables import ERF, MILLS, NORMCDF

__all__ = ["ERF", "MILLS", "NORMCDF", "polynomial"]


def polynomial(variable: str, table: Sequence[float], indent: str = "    ", wide: int = 88) -> str:
    """A polynomial as nested products, broken into lines.

    Example:
        >>> polynomial("t", (1.0, 2.0, 3.0))
        '1.0 + t * (2.0 + t * 3.0)'
    """
    pieces = [f"{c!r} + {variable} * (" for c in table[:-2]]
    pieces.append(f"{table[-2]!r} + {variable} * {table[-1]!r}" + ")" * (len(table) - 2))
    lines = [""]
    for piece in pieces:
        if len(lines[-1]) + len(piece) + len(indent) > wide and lines[-1]:
            lines[-1] = lines[-1].rstrip()
            lines.append("")
        lines[-1] += piece
    return f"\n{indent}".join(lines)
