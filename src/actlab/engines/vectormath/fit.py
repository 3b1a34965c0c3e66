"""Fits every polynomial of the primitives and prints `tables.py`.

Run ``python -m actlab.engines.vectormath.fit > tables.py`` to reproduce the numbers; it takes a
few minutes and needs mpmath only. Each polynomial is the minimax one in the stated weight, found
by the exchange algorithm of E. Remez (1934). The leading terms stand in the primitives and are
exact, so that rounding the coefficients costs next to nothing; the printed error is that of the
rounded table, evaluated exactly.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import mpmath
import numpy as np
from mpmath import mp

Function = Callable[[Any], Any]
GRID = 40


@dataclass(frozen=True)
class Table:
    """A polynomial `P(t)` of one degree with `weight * (target - P)` small on an interval."""

    name: str
    meaning: str
    target: Function
    weight: Function
    low: Any
    high: Any
    degree: int
    single: bool = False
    """Whether coefficients are float32."""


def _nodes(low: Any, high: Any, count: int) -> list[Any]:
    """Chebyshev points of the second kind, ascending, both ends included."""
    return [
        (low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * i / (count - 1)) for i in range(count)
    ]


def _extrema(errors: list[Any], count: int) -> list[int]:
    """Places of `count` alternating extrema, the largest among those that alternate."""
    places: list[int] = []
    for i, error in enumerate(errors):
        if places and (errors[places[-1]] >= 0) == (error >= 0):
            if abs(error) > abs(errors[places[-1]]):
                places[-1] = i
        else:
            places.append(i)
    while len(places) > count:
        places.pop(0 if abs(errors[places[0]]) < abs(errors[places[-1]]) else -1)
    return places


def _exchange(table: Table, points: list[Any]) -> list[Any]:
    """The minimax coefficients, constant term first."""
    count = table.degree + 2
    weights = [abs(table.weight(t)) for t in points]
    values = [table.target(t) for t in points]
    places = [round(j * (len(points) - 1) / (count - 1)) for j in range(count)]
    while True:
        rows, right = mp.matrix(count, count), mp.matrix(count, 1)
        for row, i in enumerate(places):
            for column in range(count - 1):
                rows[row, column] = points[i] ** column * weights[i]
            rows[row, count - 1] = (-1) ** row
            right[row] = values[i] * weights[i]
        solution = list(mp.lu_solve(rows, right))
        coefficients, level = solution[:-1], abs(solution[-1])
        errors = [
            w * (v - mp.polyval(coefficients[::-1], t))
            for t, v, w in zip(points, values, weights, strict=True)
        ]
        found = _extrema(errors, count)
        if max(abs(errors[i]) for i in found) <= level * mp.mpf("1.001") or found == places:
            return coefficients
        places = found


def fit(table: Table) -> tuple[list[float], float]:
    """The rounded coefficients, constant term first, and their largest weighted error."""
    nodes = _nodes(mp.mpf(table.low), mp.mpf(table.high), GRID * (table.degree + 2))
    points = [t for t in nodes if table.weight(t) != 0]
    exact = _exchange(table, points)
    rounded = [float(np.float32(float(c))) if table.single else float(c) for c in exact]
    worst = max(
        abs(table.weight(t) * (table.target(t) - mp.polyval(rounded[::-1], t))) for t in points
    )
    return rounded, float(worst)


def _ratio(numerator: Function, divisor: Function, at_zero: Any) -> Function:
    """`numerator / divisor`, with its limit where both vanish."""
    return lambda t: mp.mpf(at_zero) if t == 0 else numerator(t) / divisor(t)


HALF_LN2 = mp.mpf("0.34660")
"""A little over ln(2)/2: the reduced argument of `exp`, with room for its rounding."""

LOG_RANGE = mp.mpf("0.17160") ** 2
"""A little over `((sqrt(2) - 1) / (sqrt(2) + 1))**2`."""

QUARTER_PI = mp.mpf("0.78545")
"""A little over pi/4: the reduced argument of `sin` and `cos`."""

EIGHTH_TURN = mp.mpf("0.41430")
"""A little over tan(pi/8): the reduced argument of `arctan`."""

MILLS_SHIFT = 4
"""The scale of `t = (a - 4) / (a + 4)`, which maps a half line onto an interval."""


def _relative(target: Function) -> Function:
    return lambda t: 1 / target(t)


def _exponentials() -> Iterator[Table]:
    second = _ratio(lambda t: mp.expm1(t) - t, lambda t: t * t, 0.5)
    meaning = "(exp(t) - 1 - t) / t**2, error relative to exp(t) - 1"
    weight = _ratio(lambda t: t * t, mp.expm1, 0)
    yield Table("EXP", meaning, second, weight, -HALF_LN2, HALF_LN2, 10)
    yield Table("EXP_SINGLE", meaning, second, weight, -HALF_LN2, HALF_LN2, 4, single=True)
    first = _ratio(mp.expm1, lambda t: t, 1)
    meaning = "(exp(t) - 1) / t, relative"
    yield Table("EXP_MIXED", meaning, first, _relative(first), -HALF_LN2, HALF_LN2, 6)


def _logarithms() -> Iterator[Table]:
    def series(u: Any) -> Any:
        if u == 0:
            return mp.mpf(2) / 3
        s = mp.sqrt(u)
        return (mp.log1p(2 * s / (1 - s)) - 2 * s) / (s * u)

    def rest(u: Any) -> Any:
        return mp.mpf(2) / 5 if u == 0 else (series(u) - mp.mpf(2) / 3) / u

    def weight(u: Any) -> Any:
        return u / (2 + u * series(u))

    def rest_weight(u: Any) -> Any:
        return u * weight(u)

    ninth = mp.mpf("0.11112")
    meaning = "(ln((1 + s) / (1 - s)) - 2*s) / s**3 in t = s**2, relative to the logarithm"
    yield Table("LOG", meaning, series, weight, 0, LOG_RANGE, 6)
    yield Table("LOG_MIXED", meaning, series, weight, 0, LOG_RANGE, 3)
    yield Table("LOG1P_UNIT", meaning, series, weight, 0, ninth, 10)
    yield Table("LOG1P_UNIT_MIXED", meaning, series, weight, 0, ninth, 4)
    meaning = "the same less its first term 2/3, over t, relative to the logarithm"
    yield Table("LOG_REST", meaning, rest, rest_weight, 0, LOG_RANGE, 7)


def _normal() -> Iterator[Table]:
    def argument(t: Any) -> Any:
        return MILLS_SHIFT * (1 + t) / (1 - t)

    @cache
    def mills(t: Any) -> Any:
        a = argument(t)
        return mp.erfc(a / mp.sqrt(2)) / 2 * mp.exp(a * a / 2) * (a + MILLS_SHIFT)

    def place(a: str) -> Any:
        return (mp.mpf(a) - MILLS_SHIFT) / (mp.mpf(a) + MILLS_SHIFT)

    meaning = "normcdf(-a) * exp(a**2 / 2) * (a + 4) in t = (a - 4) / (a + 4), relative"
    yield Table("MILLS", meaning, mills, _relative(mills), place("0.7"), place("39"), 21)
    yield Table("MILLS_MIXED", meaning, mills, _relative(mills), -1, place("39"), 12)

    def erf(u: Any) -> Any:
        return (2 / mp.sqrt(mp.pi) if u == 0 else mp.erf(mp.sqrt(u)) / mp.sqrt(u)) - 1

    meaning = "erf(x) / x - 1 in t = x**2, relative to erf(x)"
    yield Table("ERF", meaning, erf, lambda u: 1 / (1 + erf(u)), 0, 1, 13)

    def middle(u: Any) -> Any:
        root = mp.sqrt(u)
        return 1 / mp.sqrt(2 * mp.pi) if u == 0 else mp.erf(root / mp.sqrt(2)) / 2 / root

    yield Table("ERF_MIXED", meaning, erf, lambda u: 1 / (1 + erf(u)), 0, mp.mpf("0.25"), 5)
    meaning = "(normcdf(x) - 1/2) / x in t = x**2, relative"
    yield Table("NORMCDF", meaning, middle, _relative(middle), 0, 1, 11)


def _circular() -> Iterator[Table]:
    def sine(u: Any) -> Any:
        return -mp.mpf(1) / 6 if u == 0 else (mp.sin(mp.sqrt(u)) / mp.sqrt(u) - 1) / u

    def cosine(u: Any) -> Any:
        return mp.mpf(1) / 24 if u == 0 else (mp.cos(mp.sqrt(u)) - 1 + u / 2) / u**2

    def arctan(u: Any) -> Any:
        return -mp.mpf(1) / 3 if u == 0 else (mp.atan(mp.sqrt(u)) / mp.sqrt(u) - 1) / u

    for name, meaning, target, weight, high, degree, mixed in (
        (
            "SIN",
            "(sin(r) / r - 1) / r**2 in t = r**2, relative to sin(r)",
            sine,
            lambda u: u / (1 + u * sine(u)),
            QUARTER_PI**2,
            6,
            3,
        ),
        (
            "COS",
            "(cos(r) - 1 + r**2 / 2) / r**4 in t = r**2, relative to cos(r)",
            cosine,
            lambda u: u**2 / mp.cos(mp.sqrt(u)),
            QUARTER_PI**2,
            6,
            3,
        ),
        (
            "ARCTAN",
            "(arctan(z) / z - 1) / z**2 in t = z**2, relative to arctan(z)",
            arctan,
            lambda u: u / (1 + u * arctan(u)),
            EIGHTH_TURN**2,
            10,
            5,
        ),
    ):
        yield Table(name, meaning, target, weight, 0, high, degree)
        yield Table(f"{name}_MIXED", meaning, target, weight, 0, high, mixed)


TABLES: tuple[Callable[[], Iterator[Table]], ...] = (
    _exponentials,
    _logarithms,
    _normal,
    _circular,
)


def main() -> None:
    """Print the module with all the tables."""
    write = sys.stdout.write
    write('"""Polynomials of the primitives, constant term first; printed by `fit.py`."""\n\n')
    write("from __future__ import annotations\n\nfrom typing import Final\n\nimport numpy as np\n")
    with mpmath.workdps(60):
        for table in (table for group in TABLES for table in group()):
            coefficients, worst = fit(table)
            low, high = (mp.nstr(mp.mpf(end), 6) for end in (table.low, table.high))
            kind = "np.float32" if table.single else "float"
            numbers = [f"np.float32({c!r})" if table.single else repr(c) for c in coefficients]
            write(f"\n# {table.meaning}.\n")
            write(f"# t in [{low}, {high}], degree {table.degree}, ")
            write(f"largest error {worst:.2g} = 2^{np.log2(worst):.1f}.\n")
            write(f"{table.name}: Final[tuple[{kind}, ...]] = (\n")
            write("".join(f"    {number},\n" for number in numbers) + ")\n")


if __name__ == "__main__":
    main()
