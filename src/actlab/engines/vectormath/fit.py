"""Fits every polynomial of the primitives and prints `tables.py`.

Run ``python -m actlab.engines.vectormath.fit > tables.py`` to reproduce the numbers; it takes a
few minutes and needs mpmath only. Each polynomial is the minimax one in the stated weight, found
by the exchange algorithm of E. Remez (1934). The leading terms stand in the primitives and are
exact, so that rounding the coefficients costs next to nothing; the printed error is that of the
rounded table, evaluated exactly.
"""

from __future__ import annotations

import math
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
    stepwise: bool = False
    """Whether each coefficient makes up for the rounding of those before it."""
    long: bool = False
    """Whether coefficients are sums of two float64."""


@dataclass(frozen=True)
class Quotient:
    """Two polynomials whose quotient is near a target on [0, high], relative to the target."""

    name: str
    meaning: str
    target: Function
    high: Any
    above: int
    below: int


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


def _stepwise(table: Table, points: list[Any]) -> list[Any]:
    """Coefficients of which each is rounded to float32 before those of higher terms are fitted.

    Least squares with weights times the last errors, which levels them (C. Lawson 1961).
    """
    points = points[:: len(points) // (6 * (table.degree + 1))]
    weights = [abs(table.weight(t)) for t in points]
    rest = [table.target(t) for t in points]
    done: list[Any] = []
    for first in range(table.degree + 1):
        level = [mp.mpf(1)] * len(points)
        count = table.degree + 1 - first
        rows = [
            [t**k * w for k in range(first, table.degree + 1)]
            for t, w in zip(points, weights, strict=True)
        ]
        solved: list[Any] = []
        for _ in range(12):
            normal, right = mp.matrix(count, count), mp.matrix(count, 1)
            for row, value, weight, part in zip(rows, rest, weights, level, strict=True):
                for i in range(count):
                    right[i] += part * row[i] * value * weight
                    for j in range(count):
                        normal[i, j] += part * row[i] * row[j]
            solved = list(mp.lu_solve(normal, right))
            errors = [
                abs(mp.fdot(row, solved) - value * weight)
                for row, value, weight in zip(rows, rest, weights, strict=True)
            ]
            level = [
                part * (error / max(errors) + mp.mpf("0.003"))
                for part, error in zip(level, errors, strict=True)
            ]
            level = [part / max(level) for part in level]
        done.append(mp.mpf(float(np.float32(float(solved[0])))))
        rest = [value - done[-1] * t**first for value, t in zip(rest, points, strict=True)]
    return done


def fit(table: Table) -> tuple[list[float], list[float], float]:
    """The rounded coefficients, constant term first, what rounding left, and the largest error.

    The error is that of the table, low parts included where it is long.
    """
    nodes = _nodes(mp.mpf(table.low), mp.mpf(table.high), GRID * (table.degree + 2))
    points = [t for t in nodes if table.weight(t) != 0]
    exact = _stepwise(table, points) if table.stepwise else _exchange(table, points)
    rounded = [float(np.float32(float(c))) if table.single else float(c) for c in exact]
    low = [float(c - r) if table.long else 0.0 for c, r in zip(exact, rounded, strict=True)]
    kept = [mp.mpf(high) + rest for high, rest in zip(rounded, low, strict=True)]
    worst = max(
        abs(table.weight(t) * (table.target(t) - mp.polyval(kept[::-1], t))) for t in points
    )
    return rounded, low, float(worst)


def fit_quotient(wanted: Quotient) -> tuple[list[float], list[float], float]:
    """The rounded coefficients above and below the line, and the largest relative error.

    Weighted least squares on `above - target*below`: the weight is one over the last `below`
    (H. Loeb 1957), times the last errors, which levels them (C. Lawson 1961).
    """
    count = wanted.above + wanted.below + 1
    ends = (mp.mpf(-1), (wanted.high - MILLS_SHIFT) / (wanted.high + MILLS_SHIFT))
    points = [MILLS_SHIFT * (1 + t) / (1 - t) for t in _nodes(*ends, 6 * count)]
    values = [wanted.target(a) for a in points]
    rows = [
        [a**k / v for k in range(wanted.above + 1)] + [-(a**k) for k in range(1, wanted.below + 1)]
        for a, v in zip(points, values, strict=True)
    ]
    level = [mp.mpf(1)] * len(points)
    weights = list(level)
    best: tuple[list[float], list[float], float] = ([], [], math.inf)
    for _ in range(15):
        normal, right = mp.matrix(count, count), mp.matrix(count, 1)
        for row, weight, part in zip(rows, weights, level, strict=True):
            square = weight**2 * part
            for i in range(count):
                right[i] += square * row[i]
                for j in range(count):
                    normal[i, j] += square * row[i] * row[j]
        solved = list(mp.lu_solve(normal, right))
        above, below = solved[: wanted.above + 1], [mp.mpf(1), *solved[wanted.above + 1 :]]
        rounded = ([float(c) for c in above], [float(c) for c in below])
        errors = [
            abs(mp.polyval(rounded[0][::-1], a) / mp.polyval(rounded[1][::-1], a) / v - 1)
            for a, v in zip(points, values, strict=True)
        ]
        if max(errors) < best[2]:
            best = (*rounded, float(max(errors)))
        weights = [1 / mp.polyval(below[::-1], a) for a in points]
        level = [
            w * (e / max(errors) + mp.mpf("0.001")) for w, e in zip(level, errors, strict=True)
        ]
        level = [w / max(level) for w in level]
    return best


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
    yield Table("EXP_LONG", meaning, first, _relative(first), -HALF_LN2, HALF_LN2, 12, long=True)


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

    def rest_of_log1p(t: Any) -> Any:
        return -mp.mpf(1) / 2 if t == 0 else (mp.log1p(t) - t) / t**2

    def log1p_weight(t: Any) -> Any:
        return 0 if t == 0 else t**2 / mp.log1p(t)

    ninth = mp.mpf("0.11112")
    meaning = "(ln((1 + s) / (1 - s)) - 2*s) / s**3 in t = s**2, relative to the logarithm"
    yield Table("LOG", meaning, series, weight, 0, LOG_RANGE, 6)
    yield Table("LOG_MIXED", meaning, series, weight, 0, LOG_RANGE, 3)
    yield Table("LOG1P_UNIT", meaning, series, weight, 0, ninth, 10)
    yield Table("LOG1P_UNIT_MIXED", meaning, series, weight, 0, ninth, 4)
    meaning = "(ln(1 + t) - t) / t**2, relative to the logarithm"
    yield Table("LOG1P_SINGLE", meaning, rest_of_log1p, log1p_weight, 0, 1, 10, single=True)
    meaning = "the same as LOG less its first term 2/3, over t, relative to the logarithm"
    yield Table("LOG_REST", meaning, rest, rest_weight, 0, LOG_RANGE, 7)


def _normal() -> Iterator[Table | Quotient]:
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
    ends = place("0.7"), place("39")
    yield Table("MILLS_LONG", meaning, mills, _relative(mills), *ends, 26, long=True)
    yield Quotient(
        "MILLS_MIXED",
        "normcdf(-a) * exp(a**2 / 2) as a quotient of polynomials in a, relative",
        lambda a: mp.erfc(a / mp.sqrt(2)) / 2 * mp.exp(a * a / 2),
        39,
        5,
        6,
    )

    def erf(u: Any) -> Any:
        return (2 / mp.sqrt(mp.pi) if u == 0 else mp.erf(mp.sqrt(u)) / mp.sqrt(u)) - 1

    meaning = "erf(x) / x - 1 in t = x**2, relative to erf(x)"
    yield Table("ERF", meaning, erf, lambda u: 1 / (1 + erf(u)), 0, 1, 13)
    whole = "erf(x) / x in t = x**2, relative"
    long = mp.mpf("0.51")
    yield Table(
        "ERF_LONG", whole, lambda u: 1 + erf(u), lambda u: 1 / (1 + erf(u)), 0, long, 11, long=True
    )

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

    def tanh(u: Any) -> Any:
        return -mp.mpf(1) / 3 if u == 0 else (mp.tanh(mp.sqrt(u)) / mp.sqrt(u) - 1) / u

    meaning = "(tanh(x) / x - 1) / x**2 in t = x**2, relative to tanh(x)"
    yield Table(
        "TANH_SINGLE", meaning, tanh, lambda u: u / (1 + u * tanh(u)), 0, 0.3136, 4, single=True
    )
    yield from _squares(tanh)
    meaning = "(tanh(x) / x - 1) / x**2 in t = x**2, relative"
    yield Table("TANH_SHRINK", meaning, tanh, _relative(tanh), 0, 1, 15)
    yield Table("TANH_SHRINK_MIXED", meaning, tanh, _relative(tanh), 0, 1, 8)
    for name, meaning, target in (
        ("SIN_LONG", "sin(r) / r in t = r**2, relative", lambda u: 1 + u * sine(u)),
        ("COS_LONG", "cos(r) in t = r**2, relative", lambda u: mp.cos(mp.sqrt(u))),
    ):
        yield Table(name, meaning, target, _relative(target), 0, QUARTER_PI**2, 7, long=True)
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


def _squares(tanh: Function) -> Iterator[Table]:
    """What is made of tanh near 0, in float32 and t = x**2."""

    def sech(u: Any) -> Any:
        return (mp.sech(mp.sqrt(u)) ** 2 - 1) / u if u else -mp.mpf(1)

    def lisht_slope(u: Any) -> Any:
        return tanh(u) + sech(u)

    def squared(u: Any) -> Any:
        return 2 * tanh(u) + u * tanh(u) ** 2

    def shrink(u: Any) -> Any:
        return (mp.mpf(1) / 3 + tanh(u)) / u if u > 1e-20 else mp.mpf(2) / 15

    def single(name: str, meaning: str, target: Function, weight: Function, *rest: Any) -> Table:
        high, degree = rest
        return Table(name, meaning, target, weight, 0, mp.mpf(high), degree, single=True)

    meaning = "the same"
    yield single("TANH_UNIT_SINGLE", meaning, tanh, lambda u: u / (1 + u * tanh(u)), 1, 7)
    meaning = "(1/3 - (x - tanh(x)) / x**3) / x**2 in t = x**2, relative to x - tanh(x)"
    yield single("TANH_SHRINK_SINGLE", meaning, shrink, lambda u: -u / tanh(u), "1.33", 8)
    meaning = "((tanh(x) / x)**2 - 1) / x**2 in t = x**2, relative to tanh(x)**2"
    yield single("TANH_SQUARED", meaning, squared, lambda u: u / (1 + u * squared(u)), 1, 8)
    meaning = "(sech(x)**2 - 1) / x**2 in t = x**2, relative"
    yield single("SECH_SQUARED", meaning, sech, _relative(sech), 1, 8)
    meaning = "(tanh(x) / x + sech(x)**2 - 2) / x**2 in t = x**2, relative to the slope of lisht"
    near = "0.81"
    yield single(
        "LISHT_SLOPE", meaning, lisht_slope, lambda u: u / (2 + u * lisht_slope(u)), near, 7
    )


TELU_MIDDLE = mp.mpf("0.875")
"""Where the polynomial for TeLU above 0 is centred, so that its first coefficient is a float32."""


def _telu() -> Iterator[Table]:
    def root(t: Any) -> Any:
        return mp.sqrt(1 - mp.tanh(mp.exp(t + TELU_MIDDLE)))

    ends = -TELU_MIDDLE - mp.mpf("0.001"), mp.mpf("2.35") - TELU_MIDDLE
    meaning = "sqrt(1 - tanh(exp(t + 0.875))), absolute"
    yield Table("TELU_ROOT", meaning, root, lambda _: mp.mpf(1), *ends, 15, single=True)


GELU_SHIFT = mp.mpf("1.78125")
"""s in `t = (a - s) / (a + s)` for GELU far from 0: the value there is almost a float32."""

GELU_SLOPE_SHIFT = mp.mpf("2.5")
"""The same for its slope."""


def _gelu() -> Iterator[Table]:
    """Two parts each of GELU and its slope in float32; what they lack stands in `single.py`."""

    def rounded(value: Any) -> Any:
        return mp.mpf(float(np.float32(float(value))))

    def tail(a: Any) -> Any:
        return mp.erfc(a / mp.sqrt(2)) / 2

    @cache
    def mills(a: Any) -> Any:
        return tail(a) * mp.exp(a * a / 2)

    def half_line(t: Any, shift: Any) -> Any:
        return shift * (1 + t) / (1 - t)

    def place(a: str, shift: Any) -> Any:
        return (mp.mpf(a) - shift) / (mp.mpf(a) + shift)

    density = 1 / mp.sqrt(2 * mp.pi)
    first = rounded(density)

    def near(u: Any) -> Any:
        root = mp.sqrt(u)
        return (mp.erf(root / mp.sqrt(2)) / 2 / root - first) / u

    def near_weight(u: Any) -> Any:
        return mp.sqrt(u) * u / tail(mp.sqrt(u))

    middle = rounded(GELU_SHIFT * mills(GELU_SHIFT))

    def far(t: Any) -> Any:
        a = half_line(t, GELU_SHIFT)
        return (a * mills(a) - middle) / t

    def far_weight(t: Any) -> Any:
        a = half_line(t, GELU_SHIFT)
        return abs(t) / (a * mills(a))

    def slope(a: Any) -> Any:
        return mills(a) - density * a

    zero = rounded(mp.findroot(slope, 0.75))
    at_zero = rounded(slope(zero))

    def slope_near(d: Any) -> Any:
        return (slope(zero + d) - at_zero) / d

    def slope_near_weight(d: Any) -> Any:
        return abs(d / slope(zero + d))

    slope_middle = rounded(slope(GELU_SLOPE_SHIFT) + first * GELU_SLOPE_SHIFT)

    def slope_far(t: Any) -> Any:
        a = half_line(t, GELU_SLOPE_SHIFT)
        return (slope(a) + first * a - slope_middle) / t

    def slope_far_weight(t: Any) -> Any:
        return abs(t / slope(half_line(t, GELU_SLOPE_SHIFT)))

    def single(name: str, meaning: str, target: Function, weight: Function, *rest: Any) -> Table:
        low, high, degree = rest
        return Table(name, meaning, target, weight, low, high, degree, single=True, stepwise=True)

    meaning = "((normcdf(x) - 1/2)/x - density(0)) / x**2 in t = x**2, relative to normcdf(-x)"
    yield single("GELU_NEAR", meaning, near, near_weight, mp.mpf("1e-5"), mp.mpf("0.75"), 4)
    meaning = "(a*normcdf(-a)*exp(a**2/2) - value at s) / t in t = (a - s)/(a + s), relative"
    ends = place("0.85", GELU_SHIFT), place("14.6", GELU_SHIFT)
    yield single("GELU_FAR", meaning, far, far_weight, *ends, 8)
    meaning = "s = normcdf(-a)*exp(a**2/2) - a/sqrt(2*pi) over t = a - its zero, relative"
    yield single(
        "GELU_SLOPE_NEAR", meaning, slope_near, slope_near_weight, -zero, mp.mpf("0.55"), 8
    )
    meaning = "(s + 0.39894229*a - value at 2.5) / t in t = (a - 2.5)/(a + 2.5), relative"
    ends = place("1.27", GELU_SLOPE_SHIFT), place("15.6", GELU_SLOPE_SHIFT)
    yield single("GELU_SLOPE_FAR", meaning, slope_far, slope_far_weight, *ends, 6)


TABLES: tuple[Callable[[], Iterator[Table | Quotient]], ...] = (
    _exponentials,
    _logarithms,
    _normal,
    _circular,
    _gelu,
    _telu,
)


def _print(name: str, comment: str, coefficients: list[float], single: bool = False) -> None:
    kind = "np.float32" if single else "float"
    numbers = [f"np.float32({c!r})" if single else repr(c) for c in coefficients]
    sys.stdout.write(f"\n{comment}{name}: Final[tuple[{kind}, ...]] = (\n")
    sys.stdout.write("".join(f"    {number},\n" for number in numbers) + ")\n")


def main() -> None:
    """Print the module with all the tables."""
    write = sys.stdout.write
    write('"""Polynomials of the primitives, constant term first; printed by `fit.py`."""\n\n')
    write("from __future__ import annotations\n\nfrom typing import Final\n\nimport numpy as np\n")
    with mpmath.workdps(60):
        for table in (table for group in TABLES for table in group()):
            if isinstance(table, Quotient):
                above, below, worst = fit_quotient(table)
                comment = (
                    f"# {table.meaning}.\n# a in [0, {table.high}], degrees {table.above} and "
                )
                comment += f"{table.below}, largest error {worst:.2g} = 2^{np.log2(worst):.1f}.\n"
                _print(f"{table.name}_ABOVE", comment, above)
                _print(f"{table.name}_BELOW", "", below)
                continue
            coefficients, rest, worst = fit(table)
            low, high = (mp.nstr(mp.mpf(end), 6) for end in (table.low, table.high))
            comment = f"# {table.meaning}.\n# t in [{low}, {high}], degree {table.degree}, "
            comment += f"largest error {worst:.2g} = 2^{np.log2(worst):.1f}.\n"
            _print(table.name, comment, coefficients, table.single)
            if table.long:
                _print(f"{table.name}_REST", "", rest)


if __name__ == "__main__":
    main()
