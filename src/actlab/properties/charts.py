"""Sign charts: where a smooth formula is positive, negative and zero, with proof where it can be.

The line is cut into cells. In each, interval arithmetic shows the sign of the formula, or that it
is monotone there and so has at most one zero; else the cell is halved. On an infinite cell a
monotone formula lies between its value at the end and its limit at infinity. What remains
undecided is settled by evaluation and makes the chart measured instead of proved.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np

from actlab.formula import Call, Expression, Number, differentiate
from actlab.formula.calculus import tidy
from actlab.formula.expression import nodes
from actlab.properties.intervals import enclose
from actlab.properties.limits import limit
from actlab.properties.plain import plain

__all__ = ["Chart", "chart", "factored"]

_REACH: Final = 36.0
_STEP: Final = 0.37
_ROUNDS: Final = 26
_LARGE: Final = 1000
"""Formulas of more nodes are not multiplied out."""
_WORK: Final = 200_000
"""Steps of interval arithmetic that a chart may take; about a tenth of a second."""
_FAR: Final = 40.0
_CROSSES: Final = 2
_TOUCHES: Final = 3
_OSCILLATES: Final = 4
_SHIFT: Final = 0.0137
"""Cell ends avoid round numbers, so that a zero there lies inside a cell."""


@dataclass(frozen=True)
class Chart:
    """Signs of a formula between its zeros.

    Attributes:
        zeros: where the formula is zero, in order.
        signs: -1, 0 or 1 on the open intervals between `low`, the zeros, and `high`.
        proved: whether all of this is proved.
        low, high: the interval that was charted.
    """

    low: float
    high: float
    zeros: tuple[float, ...]
    signs: tuple[int, ...]
    proved: bool


@lru_cache(maxsize=1024)
def chart(
    expression: Expression, low: float = -math.inf, high: float = math.inf, depth: int = 2
) -> Chart:
    """The sign chart of a formula on an open interval on which it is smooth.

    Args:
        expression: a formula of `x` without parameters and choices.
        low: left end.
        high: right end.
        depth: how often the chart of a derivative may be asked to settle an infinite cell.

    Returns:
        The chart. Of a formula that oscillates for ever it holds the zeros within 36 of 0, and
        is measured.

    Example:
        >>> from actlab.formula import parse
        >>> found = chart(parse("tanh(x)"))
        >>> found.zeros, found.signs, found.proved
        ((0.0,), (-1, 1), True)
    """
    if isinstance(expression, Number):
        sign = (expression.value > 0) - (expression.value < 0)
        return Chart(low, high, (), (sign,), True)
    if expression.size <= _LARGE:
        number, factors = _as_product(_gathered_terms(expression))
        if number == 0:
            return Chart(low, high, (), (0,), True)
        if len(factors) > 1:
            return _of_product((number, factors), low, high, depth)
    return _Search(expression, low, high, depth).run()


def _of_product(
    term: tuple[int, tuple[Expression, ...]], low: float, high: float, depth: int
) -> Chart:
    """The chart of a product from those of its factors; zeros may be shared or touched."""
    number, factors = term
    charts = [chart(factor, low, high, depth) for factor in factors]
    zeros = sorted({zero for found in charts for zero in found.zeros})
    edges = [low, *zeros, high]
    signs = []
    for a in edges[:-1]:
        sign = (number > 0) - (number < 0)
        for found in charts:
            sign *= found.signs[bisect_right(found.zeros, a)]
        signs.append(sign)
    return Chart(low, high, tuple(zeros), tuple(signs), all(found.proved for found in charts))


class _Search:
    def __init__(self, expression: Expression, low: float, high: float, depth: int) -> None:
        self.low, self.high, self.depth = low, high, depth
        self.reduced = _without_positive_factors(expression)
        self.slope = _without_positive_factors(differentiate(self.reduced, "x"))
        self.cost = len(list(nodes(self.reduced))) + len(list(nodes(self.slope)))
        self.function = plain(self.reduced)

    def run(self) -> Chart:
        a, b = self._cells()
        done: list[tuple[float, float, int, bool]] = []  # low, high, sign or 2 for a zero, proved
        spent = 0
        for round_ in range(_ROUNDS):
            sign = self._signs(a, b, ask=round_ == 0)
            spent += len(a) * self.cost
            kept = sign != -2
            done += [
                (float(x), float(y), int(s), True)
                for x, y, s in zip(a[kept], b[kept], sign[kept], strict=True)
            ]
            a, b = a[~kept], b[~kept]
            if not len(a):
                break
            near = np.minimum(np.abs(a), np.abs(b)) < _FAR
            splittable = near & (b - a > 1e-9 * np.maximum(1, np.minimum(np.abs(a), np.abs(b))))
            if spent + 2 * splittable.sum() * self.cost > _WORK or round_ == _ROUNDS - 1:
                splittable[:] = False
            done += [self._measured(x, y) for x, y in _joined(a[~splittable], b[~splittable])]
            a, b = a[splittable], b[splittable]
            middle = _middle(a, b)
            a, b = np.concatenate([a, middle]), np.concatenate([middle, b])
        return self._assembled(sorted(done))

    def _cells(self) -> tuple[Any, Any]:
        inner = np.arange(-_REACH, _REACH, _STEP) + _SHIFT
        edges = inner[(inner > self.low) & (inner < self.high)]
        edges = np.concatenate([[self.low], edges, [self.high]])
        return edges[:-1], edges[1:]

    def _signs(self, a: Any, b: Any, ask: bool) -> Any:
        """Sign per cell: 1, -1, 0; 2 if it holds exactly one zero; -2 if undecided."""
        low, high = enclose(self.reduced, a, b)
        sign = np.where(low >= 0, 1, np.where(high <= 0, -1, -2))
        sign = np.where((low == 0) & (high == 0), 0, sign)
        open_ = np.flatnonzero(sign == -2)
        if len(open_):
            sign[open_] = self._by_slope(a[open_], b[open_], ask)
        return sign

    def _by_slope(self, a: Any, b: Any, ask: bool) -> Any:
        slope_low, slope_high = enclose(self.slope, a, b)
        rising, falling = slope_low >= 0, slope_high <= 0
        for place in np.flatnonzero((np.isinf(a) | np.isinf(b)) & ~rising & ~falling):
            if ask and self.depth and self.slope.size <= _LARGE:
                found = chart(self.slope, float(a[place]), float(b[place]), self.depth - 1)
                if found.proved and not found.zeros:
                    rising[place], falling[place] = found.signs[0] >= 0, found.signs[0] <= 0
        left, right = self._at(a), self._at(b)
        # mirrored where it falls, so that only rising cells are judged
        first = np.where(rising, left[0], -left[1]), np.where(rising, left[1], -left[0])
        last = np.where(rising, right[0], -right[1]), np.where(rising, right[1], -right[0])
        sign = np.full(len(a), -2)
        sign[first[0] >= 0] = 1
        sign[last[1] <= 0] = -1
        sign[(first[1] < 0) & (last[0] > 0)] = _CROSSES
        mirrored = np.where(falling & ~rising & (np.abs(sign) == 1), -sign, sign)
        return np.where(rising | falling, mirrored, -2)

    def _at(self, points: Any) -> Any:
        """Bounds of the formula at cell ends; at infinity they are the limit."""
        low, high = enclose(self.reduced, points, points)
        low, high = low.copy(), high.copy()
        for place in np.flatnonzero(np.isinf(points)):
            value = limit(self.reduced, float(points[place]))
            low[place], high[place] = (-np.inf, np.inf) if math.isnan(value) else (value, value)
        return low, high

    def _measured(self, a: float, b: float) -> tuple[float, float, int, bool]:
        """What evaluation says of a cell that interval arithmetic left open."""
        if math.isinf(a):
            points = b - np.geomspace(0.1, 1e6, 32)
        elif math.isinf(b):
            points = a + np.geomspace(0.1, 1e6, 32)
        else:
            points = np.linspace(a, b, 17)[1:-1]
        values = self.function(points)
        values = values[np.isfinite(values)]
        width = b - a
        if len(values) and math.isfinite(width) and width < 1e-7:
            scale = float(np.max(np.abs(self.function(np.array([a - 0.1, b + 0.1])))))
            if np.max(np.abs(values)) <= 1e-9 * scale:
                return a, b, _TOUCHES, False  # it touches zero, as x*x does at 0
        if np.all(values >= 0):
            return a, b, int(bool(np.any(values > 0))), False
        if np.all(values <= 0):
            return a, b, -1, False
        return a, b, _CROSSES if width < 2 * _STEP else _OSCILLATES, False

    def _assembled(self, cells: list[tuple[float, float, int, bool]]) -> Chart:
        zeros: list[float] = []
        signs = [0]
        crossings = [cell for cell in cells if cell[2] == _CROSSES]
        refined = iter(self._refined(crossings) if crossings else ())
        touched: list[float] = []
        for a, b, code, _ in cells:
            if code == _TOUCHES:
                touched += [a, b]
                continue
            if touched:
                zeros.append(_rounded((touched[0] + touched[-1]) / 2, self.function, 1e-7))
                signs.append(0)
                touched = []
            if code == _CROSSES:
                root, before = next(refined)
                signs[-1] = signs[-1] or before
                zeros.append(root)
                signs.append(-before)
            elif code in {-1, 1}:
                if signs[-1] == -code:  # it changed at the border of two cells
                    zeros.append(_rounded(a, self.function))
                    signs.append(code)
                signs[-1] = code
        proved = all(cell[3] for cell in cells)
        return Chart(self.low, self.high, tuple(zeros), tuple(signs), proved)

    def _refined(self, cells: list[tuple[float, float, int, bool]]) -> list[tuple[float, int]]:
        """The zero of each cell by bisection, and the sign to its left."""
        a = np.array([max(cell[0], -1e6) for cell in cells])
        b = np.array([min(cell[1], 1e6) for cell in cells])
        left = np.sign(self.function(a))
        left = np.where(left == 0, -np.sign(self.function(b)), left)
        for _ in range(80):
            middle = (a + b) / 2
            sign = np.sign(self.function(middle))
            a = np.where(sign != -left, middle, a)
            b = np.where(sign != left, middle, b)
        return [
            (_rounded(float(root), self.function), int(np.nan_to_num(before)) or 1)
            for root, before in zip((a + b) / 2, left, strict=True)
        ]


def _joined(a: Any, b: Any) -> Iterator[tuple[float, float]]:
    """Neighbouring cells as one, up to a width of 0.05."""
    order = np.argsort(a)
    start = end = math.nan
    for low, high in zip(a[order].tolist(), b[order].tolist(), strict=True):
        if low == end and high - start < 0.05:
            end = high
            continue
        if not math.isnan(start):
            yield start, end
        start, end = low, high
    if not math.isnan(start):
        yield start, end


def _middle(a: Any, b: Any) -> Any:
    """Where to cut cells; an infinite one at twice its end."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(a), 2 * b, np.where(np.isinf(b), 2 * a, (a + b) / 2))


def _rounded(root: float, function: Any, near_zero: float = 1e-12) -> float:
    """A nearby short decimal, if the formula is zero there."""
    if abs(root) < near_zero and float(function(0.0)) == 0:
        return 0.0
    plain = float(f"{root:.12g}")
    near = abs(plain - root) <= 1e-12 * max(1.0, abs(root))
    return plain if near and float(function(plain)) == 0 else root


# -- sums without their common positive factors -----------------------------------------------

_POSITIVE = {"exp", "sigmoid", "sech", "normpdf", "cosh", "normcdf", "softplus", "erfc"}

Term = tuple[int, tuple[Expression, ...]]


def _without_positive_factors(expression: Expression) -> Expression:
    """The same signs, without the positive factors that all terms of a sum share.

    ``sigmoid(x) + x * (sigmoid(x) * sigmoid(-x))`` becomes ``1 + x * sigmoid(-x)``, whose sign
    interval arithmetic can tell where the factor has all but vanished.
    """
    if expression.size > _LARGE:
        return expression
    return _sum_of(_gathered_terms(expression))


def _gathered_terms(expression: Expression) -> list[tuple[int, tuple[Expression, ...]]]:
    """Number and factors of each term, without the positive factors that all share."""
    terms = list(_terms(expression, 1))
    for factor in dict.fromkeys(terms[0][1]):
        if _is_positive(factor):
            while all(factor in factors for _, factors in terms):
                terms = [(sign, _minus(factors, factor)) for sign, factors in terms]
    return _gathered(terms)


def _as_product(terms: list[Term]) -> Term:
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
    if expression.size > _LARGE:
        return expression
    terms = _gathered(list(_terms(expression, 1)))
    number, factors = _as_product(terms)
    return _sum_of([(number, factors)])


def _sum_of(terms: list[Term]) -> Expression:
    total: Expression = Number(0)
    for number, factors in terms:
        product: Expression = Number(number)
        for factor in factors:
            product = tidy("mul", (product, factor))
        total = tidy("add", (total, product))
    return total


def _gathered(terms: list[Term]) -> list[tuple[int, tuple[Expression, ...]]]:
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


def _terms(expression: Expression, sign: int) -> Iterator[Term]:
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
