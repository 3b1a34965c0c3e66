"""Sign charts: where a smooth formula is positive, negative and zero, with proof where it can be.

The line is cut into cells. In each, interval arithmetic shows the sign of the formula, or that it
is monotone there and so has at most one zero; else the cell is halved. On an infinite cell a
monotone formula lies between its value at the end and its limit at infinity. What remains
undecided is settled by evaluation and makes the chart measured instead of proved.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np

from actlab.formula import Expression, Number, differentiate
from actlab.formula.expression import nodes
from actlab.properties.factors import LARGE, as_product, gathered_terms, without_positive_factors
from actlab.properties.intervals import enclose
from actlab.properties.limits import limit
from actlab.properties.plain import plain

__all__ = ["Chart", "chart"]

_REACH: Final = 36.0
_STEP: Final = 0.37
_ROUNDS: Final = 26
_WORK: Final = 1_000_000
"""Steps of interval arithmetic that a chart may take; about a tenth of a second."""
_CALL: Final = 500
"""What one operation costs beside its cells, counted in cells."""
_FAR: Final = 40.0
_SAMPLES: Final = 32
"""Points at which a cell is evaluated that interval arithmetic left open."""
_SHARES: Final = np.sort(np.modf(np.arange(1, _SAMPLES + 1) * 0.6180339887498949)[0])
"""Where they lie; spread evenly, but in step with no oscillation."""
_FINE: Final = 1e-3
"""In cells narrower than this rounding may make one crossing look rough."""
_CROSSES: Final = 2
_TOUCHES: Final = 3
_OSCILLATES: Final = 4
_ROUNDING: Final = 1e-5
"""Where the rounding of a difference may hide a triple zero: the third root of 1e-16, about."""
_MOST_ZEROS: Final = 200
"""Of more zeros than these only the nearest to 0 are told."""
_SHIFT: Final = 0.0137
"""Cell ends avoid round numbers, so that a zero there lies inside a cell."""

Cell = tuple[float, float, int, bool]
"""Low, high, a sign or one of the codes above, and whether that is proved."""


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
    if expression.size <= LARGE:
        number, factors = as_product(gathered_terms(expression))
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
        self.reduced = without_positive_factors(expression)
        self.slope = without_positive_factors(differentiate(self.reduced, "x"))
        self.cost = len(list(nodes(self.reduced))) + len(list(nodes(self.slope)))
        self.function = plain(self.reduced)

    def run(self) -> Chart:
        a, b = self._cells()
        done: list[Cell] = []
        spent = 0
        for round_ in range(_ROUNDS):
            sign = self._signs(a, b, ask=round_ == 0)
            spent += (len(a) + _CALL) * self.cost
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
            if spent + (2 * splittable.sum() + _CALL) * self.cost > _WORK or round_ == _ROUNDS - 1:
                splittable[:] = False
            done += self._measured(list(_joined(a[~splittable], b[~splittable])))
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
            if ask and self.depth and self.slope.size <= LARGE:
                found = chart(self.slope, float(a[place]), float(b[place]), self.depth - 1)
                if found.proved and not found.zeros:
                    rising[place], falling[place] = found.signs[0] >= 0, found.signs[0] <= 0
        sign = np.full(len(a), -2)
        known = np.flatnonzero(rising | falling)
        if not len(known):
            return sign
        low, high = self._at(np.concatenate([a[known], b[known]]))
        # mirrored where it falls, so that only rising cells are judged
        up = np.tile(rising[known], 2)
        low, high = np.where(up, low, -high), np.where(up, high, -low)
        first, last = (
            (low[: len(known)], high[: len(known)]),
            (low[len(known) :], high[len(known) :]),
        )
        told = np.full(len(known), -2)
        told[first[0] >= 0] = 1
        told[last[1] <= 0] = -1
        told[(first[1] < 0) & (last[0] > 0)] = _CROSSES
        sign[known] = np.where(rising[known] | (np.abs(told) != 1), told, -told)
        return sign

    def _at(self, points: Any) -> Any:
        """Bounds of the formula at cell ends; at infinity they are the limit."""
        low, high = enclose(self.reduced, points, points)
        low, high = low.copy(), high.copy()
        for place in np.flatnonzero(np.isinf(points)):
            value = limit(self.reduced, float(points[place]))
            low[place], high[place] = (-np.inf, np.inf) if math.isnan(value) else (value, value)
        return low, high

    def _measured(self, cells: list[tuple[float, float]]) -> list[Cell]:
        """What evaluation says of cells that interval arithmetic left open."""
        if not cells:
            return []
        points = np.stack([_inside(a, b) for a, b in cells])
        values = self.function(points)
        finite = np.isfinite(values)
        largest = np.max(np.where(finite, values, -np.inf), axis=1)
        smallest = np.min(np.where(finite, values, np.inf), axis=1)
        once = np.sum(np.diff(np.sign(values), axis=1) != 0, axis=1) == 1
        with np.errstate(invalid="ignore"):  # far out values may be infinite
            steps = np.diff(values, axis=1)
        straight = np.all(steps >= 0, axis=1) | np.all(steps <= 0, axis=1)
        found = []
        for place, (a, b) in enumerate(cells):
            low, high, width = float(smallest[place]), float(largest[place]), b - a
            if low >= 0:
                code = int(high > 0)
            elif high <= 0:
                code = -1
            else:
                told = once[place] and (straight[place] or width < _FINE)
                code = _CROSSES if told and width < 2 * _STEP else _OSCILLATES
            if width < 1e-7 and math.isfinite(low):
                scale = float(np.max(np.abs(self.function(np.array([a - 0.1, b + 0.1])))))
                if max(-low, high) <= 1e-9 * scale:
                    code = _TOUCHES  # it touches zero, as x*x does at 0
            found.append((a, b, code, False))
        return found

    def _assembled(self, cells: list[Cell]) -> Chart:
        zeros: list[float] = []
        signs = [0]
        cells = _nearest(cells)
        crossings = [cell for cell in cells if cell[2] == _CROSSES]
        refined = iter(self._refined(crossings) if crossings else ())
        touched: list[float] = []
        lost = False  # after an oscillation a change of sign is no news
        sure = True
        for a, b, code, known in cells:
            before_sure, sure = sure, known
            if code == _TOUCHES:
                touched += [a, b]
                continue
            if touched:
                if touched[0] > self.low and touched[-1] < self.high:  # the ends are not inside
                    zeros.append(self._touching(touched[0], touched[-1]))
                    signs.append(0)
                touched = []
            if code == _CROSSES:
                root, before = next(refined)
                signs[-1] = signs[-1] or before
                zeros.append(root)
                signs.append(-before)
            elif code in {-1, 1}:
                turned = signs[-1] == -code and not lost  # at the border of two cells
                if turned and ((before_sure and sure) or self._vanishes(a)):
                    zeros.append(a)
                    signs.append(code)
                signs[-1] = signs[-1] or code
            lost = code == _OSCILLATES or (lost and code == 0)
        proved = all(cell[3] for cell in cells)
        if not proved:
            self._settle_at_0(zeros, signs)
        return Chart(self.low, self.high, tuple(zeros), tuple(signs), proved)

    def _vanishes(self, x: float) -> bool:
        """Whether it is 0 there, as far as evaluation can tell."""
        here, before, after = np.abs(self.function(np.array([x, x - 0.1, x + 0.1])))
        return bool(here <= 1e-9 * max(before, after))

    def _settle_at_0(self, zeros: list[float], signs: list[int]) -> None:
        """Zeros that rounding has scattered around 0, as those of arctan(x) - x, become 0."""
        near = [place for place, zero in enumerate(zeros) if abs(zero) < _ROUNDING]
        if near and float(self.function(0.0)) == 0:
            zeros[near[0] : near[-1] + 1] = [0.0]
            del signs[near[0] + 1 : near[-1] + 1]

    def _touching(self, a: float, b: float) -> float:
        """Where it touches zero, between two points that are very near to each other."""
        return float(_rounded(np.array([(a + b) / 2]), self.function, 1e-7)[0])

    def _refined(self, cells: list[Cell]) -> list[tuple[float, int]]:
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
        roots = _rounded((a + b) / 2, self.function)
        if float(self.function(0.0)) == 0:  # rounding may hide it among its neighbours
            roots = np.where([low < 0 < high for low, high, _, _ in cells], 0.0, roots)
        before = np.where(np.nan_to_num(left) == 0, 1, left)
        return list(zip(roots.tolist(), before.astype(int).tolist(), strict=True))


def _nearest(cells: list[Cell]) -> list[Cell]:
    """The cells, without the zeros of an oscillation that are too many to be told one by one."""
    crossings = sorted(min(abs(a), abs(b)) for a, b, code, _ in cells if code == _CROSSES)
    if len(crossings) <= _MOST_ZEROS:
        return cells
    reach = crossings[_MOST_ZEROS]
    return [
        (a, b, _OSCILLATES, False)
        if code == _CROSSES and min(abs(a), abs(b)) >= reach
        else (a, b, code, known)
        for a, b, code, known in cells
    ]


def _inside(a: float, b: float) -> Any:
    """Points of an open cell, towards infinity further and further apart."""
    if math.isinf(a) or math.isinf(b):
        steps = np.geomspace(0.1, 1e6, _SAMPLES)
        return b - steps if math.isinf(a) else a + steps
    return a + (b - a) * _SHARES


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


def _rounded(roots: Any, function: Any, near_zero: float = 1e-12) -> Any:
    """Nearby short decimals, where the formula is zero there."""
    plain = np.array([float(f"{root:.12g}") for root in roots])
    near = np.abs(plain - roots) <= 1e-12 * np.maximum(1.0, np.abs(roots))
    rounded = np.where(near & (function(plain) == 0), plain, roots)
    if np.any(np.abs(roots) < near_zero) and float(function(0.0)) == 0:
        rounded = np.where(np.abs(roots) < near_zero, 0.0, rounded)
    return rounded
