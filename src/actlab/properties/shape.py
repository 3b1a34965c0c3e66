"""What is true of a formula that is cut into smooth pieces: kinks, shape, extremes, ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Final

import numpy as np

from actlab.engines import numpy as engine
from actlab.formula import Expression, Number, Symbol, differentiate, symbols_of
from actlab.formula.calculus import tidy
from actlab.properties.charts import Chart, chart
from actlab.properties.facts import Asymptote, Extent, Fact, Kink, Span
from actlab.properties.pointwise import (
    at_0,
    differ,
    far_away,
    largest,
    limit_of,
    line_far_away,
    one_sided,
)
from actlab.properties.structure import parity
from actlab.theory.breakpoints import Piece

__all__ = ["Shape"]

_INTERVALS: Final = "interval arithmetic on the derivatives"
_EVALUATED: Final = "evaluation"
_ORDERS: Final = 4
_AFFORDED: Final = 3000
"""Fourth derivatives of more nodes are not charted."""
_LARGE: Final = 20_000
"""Derivatives of more nodes are not compared at breakpoints."""
_CLOSE: Final = 1e-11
"""Values at x and -x closer than this are rounding apart."""


@dataclass(frozen=True)
class Shape:
    """A formula that is cut into smooth pieces, and what is true of it."""

    formula: Expression
    pieces: tuple[Piece, ...]
    complete: bool
    """Whether it is certain that there are no other breakpoints."""
    smooth: bool
    """Whether the function is known to be smooth, whatever its pieces."""

    # -- evaluation -------------------------------------------------------------------------

    def value(self, x: float, order: int = 0) -> float:
        """The value of the formula itself, as an engine gives it."""
        return float(engine.prepare(self.formula, ("x",), {}, (), "x", order)(float(x)))

    def at_0(self, order: int) -> Fact[float]:
        """The value or slope at 0; at a kink that of the branch which is chosen there."""
        value = self.value(0.0, order)
        proved = at_0(differentiate(self.formula, "x", order), value)
        return Fact(value, proved, "interval arithmetic at 0" if proved else _EVALUATED)

    def charts(self, order: int) -> list[Chart]:
        """The sign chart of a derivative on each piece."""
        return [chart(differentiate(p.expression, "x", order), p.low, p.high) for p in self.pieces]

    def _proved(self, *orders: int) -> bool:
        return self.complete and all(c.proved for k in orders for c in self.charts(k))

    @cached_property
    def borders(self) -> tuple[float, ...]:
        """The breakpoints."""
        return tuple(piece.low for piece in self.pieces[1:])

    # -- kinks ------------------------------------------------------------------------------

    @cached_property
    def kinks(self) -> tuple[Kink, ...]:
        """The first derivative that jumps at each breakpoint."""
        if self.smooth:
            return ()
        found = []
        for before, after in zip(self.pieces[:-1], self.pieces[1:], strict=True):
            kink = self._kink(before, after)
            if kink is not None:
                found.append(kink)
        return tuple(found)

    def _kink(self, before: Piece, after: Piece) -> Kink | None:
        at = before.high
        if before.expression == after.expression:
            return None
        for order in range(_ORDERS + 1):
            if differentiate(before.expression, "x", order).size > _LARGE:
                break
            left = one_sided(before.expression, at, order, -1)
            right = one_sided(after.expression, at, order, 1)
            if order == 0:
                here = self.value(at)
                if differ(here, left) and not differ(left, right):
                    return Kink(at, 0, left, here)
            if differ(left, right):
                return Kink(at, order, left, right)
        return None

    @property
    def all_kinks(self) -> bool:
        """Whether no breakpoint is left that only seems smooth, as far as derivatives agree."""
        if self.smooth:
            return True
        smooth_by_form = sum(
            before.expression == after.expression
            for before, after in zip(self.pieces[:-1], self.pieces[1:], strict=True)
        )
        return self.complete and len(self.kinks) + smooth_by_form == len(self.borders)

    @cached_property
    def smoothness(self) -> Fact[float]:
        """How many continuous derivatives there are."""
        orders = [kink.order for kink in self.kinks]
        if self.smooth:
            return Fact(math.inf, True, "no choice in its definition")
        if not orders:
            known = self.complete and not self.borders
            how = (
                "no choice in the formula"
                if known
                else f"derivatives up to {_ORDERS} agree on both sides"
            )
            return Fact(math.inf, known, how)
        return Fact(float(min(orders) - 1), self.complete, "one-sided derivatives")

    # -- shape ------------------------------------------------------------------------------

    def _signs(self, order: int) -> set[int]:
        return {sign for found in self.charts(order) for sign in found.signs}

    def _jumps(self, order: int) -> set[int]:
        """Signs of the jumps of a derivative; of the function, those of the value as well."""
        if self.smooth:
            return set()
        found = set()
        for before, after in zip(self.pieces[:-1], self.pieces[1:], strict=True):
            left = one_sided(before.expression, before.high, order, -1)
            right = one_sided(after.expression, before.high, order, 1)
            steps = [(left, right)]
            if order == 0:
                here = self.value(before.high)
                steps = [(left, here), (here, right)]
            found |= {(1 if b > a else -1) if differ(a, b) else 0 for a, b in steps}
        return found

    @cached_property
    def monotone(self) -> Fact[str]:
        """Increasing, decreasing, ... or no."""
        signs, jumps = self._signs(1), self._jumps(0) - {0}
        strict = 0 not in signs
        both = signs | jumps
        if both <= {0}:
            word = "constant"
        elif -1 not in both:
            word = "increasing" if strict else "nondecreasing"
        elif 1 not in both:
            word = "decreasing" if strict else "nonincreasing"
        else:
            return Fact("no", self._shows_both(1) or self._proved(1), _INTERVALS)
        return self._fact(word, 1)

    def _fact(self, word: str, *orders: int) -> Fact[str]:
        proved = self._proved(*orders)
        return Fact(word, proved, _INTERVALS if proved else _EVALUATED)

    def _shows_both(self, order: int) -> bool:
        """Whether both signs of a derivative are shown at single points; that needs no chart."""
        from actlab.properties.intervals import enclose

        seen = set()
        grid = np.arange(-9.87, 10, 0.25)
        for piece in self.pieces:
            inside = grid[(grid > piece.low) & (grid < piece.high)]
            if len(inside):
                low, high = enclose(differentiate(piece.expression, "x", order), inside, inside)
                seen |= {1} if np.any(low > 0) else set()
                seen |= {-1} if np.any(high < 0) else set()
        return seen == {-1, 1}

    @cached_property
    def curvature(self) -> Fact[str]:
        """Convex, concave, linear or no."""
        signs = self._signs(2)
        steps = self._jumps(1) - {0}
        both = signs | steps
        if self._jumps(0) - {0}:
            return Fact("no", True, "it jumps")
        if both <= {0}:
            return self._fact("linear", 2)
        if -1 not in both:
            return self._fact("convex", 2)
        if 1 not in both:
            return self._fact("concave", 2)
        return Fact("no", self._shows_both(2) or self._proved(2), _INTERVALS)

    @cached_property
    def symmetry(self) -> Fact[str]:
        """Odd, even or no."""
        if self.formula == Number(0):
            return Fact("zero", True, "the formula is 0")
        word = parity(self.formula)
        if word:
            return Fact(word, True, "the structure of the formula")
        x = np.array([0.0137, 0.31, 0.777, 1.9, 3.3, 7.1, 19.0])
        function = engine.prepare(self.formula, ("x",), {}, ())
        here, there = function(x), function(-x)
        size = _CLOSE * np.maximum(np.abs(here), np.abs(there))
        if np.all(np.abs(here - there) <= size):
            return Fact("even", False, _EVALUATED)
        if np.all(np.abs(here + there) <= size):
            return Fact("odd", False, _EVALUATED)
        return Fact("no", True, "values at x and -x")

    # -- extremes ---------------------------------------------------------------------------

    def _extremes(self, order: int) -> tuple[list[tuple[float, float]], list[float], bool]:
        """Where a derivative can be extreme, with its values, its other limits, and the proof."""
        points: list[tuple[float, float]] = []
        limits: list[float] = []
        proved = self._proved(order + 1)
        for piece, found in zip(self.pieces, self.charts(order + 1), strict=True):
            expression = differentiate(piece.expression, "x", order)
            points += [(x, one_sided(expression, x, 0, 0)) for x in found.zeros]
            for end, side in ((piece.low, 1), (piece.high, -1)):
                if math.isinf(end):
                    value, sure = limit_of(expression, end)
                    proved &= sure
                    ends = far_away(expression, end) if math.isnan(value) else (value,)
                    limits += [v for v in ends if not math.isnan(v)]
                else:
                    limits.append(one_sided(expression, end, 0, side))
        points += [(x, self.value(x, order)) for x in self.borders]
        return points, limits, proved

    @cached_property
    def range(self) -> Fact[Extent]:
        """Infimum and supremum, and where they are attained."""
        points, limits, proved = self._extremes(0)
        everything = [v for _, v in points] + limits
        if not everything:
            everything = [self.value(0.0)]
        low, high = min(everything), max(everything)
        for piece in self.pieces:
            if isinstance(piece.expression, Number):  # what lies next to a level is the level
                level = float(piece.expression.value)
                low, high = (level if not differ(end, level) else end for end in (low, high))
        return Fact(
            Extent(low, high, self._where(low, points), self._where(high, points)),
            proved,
            _INTERVALS if proved else _EVALUATED,
        )

    def _where(self, value: float, points: Iterable[tuple[float, float]]) -> tuple[float, ...]:
        if math.isinf(value):
            return ()
        found = {x for x, y in points if not differ(y, value)}
        for piece in self.pieces:
            if isinstance(piece.expression, Number) and not differ(
                float(piece.expression.value), value
            ):
                ends = {end for end in (piece.low, piece.high) if math.isfinite(end)}
                attained = {end for end in ends if not differ(self.value(end), value)}
                found |= attained or {_within(piece)}
        return tuple(sorted(found))

    @cached_property
    def lipschitz(self) -> Fact[float]:
        """The largest slope."""
        if any(kink.order == 0 for kink in self.kinks):
            return Fact(math.inf, True, "it jumps")
        points, limits, proved = self._extremes(1)
        sizes = [abs(v) for v in [*(y for _, y in points), *limits] if not math.isnan(v)]
        return Fact(max(sizes, default=0.0), proved, _INTERVALS if proved else _EVALUATED)

    @cached_property
    def lipschitz_slope(self) -> Fact[float]:
        """The largest second derivative."""
        if any(kink.order <= 1 for kink in self.kinks):
            return Fact(math.inf, True, "it has a kink")
        if all(self._is_constant(p, 2) for p in self.pieces):
            most = max(largest(differentiate(p.expression, "x", 2), p) for p in self.pieces)
            return Fact(most, self.complete, "constant pieces")
        small = all(differentiate(p.expression, "x", 4).size <= _AFFORDED for p in self.pieces)
        if small and self._proved(3):
            points, limits, proved = self._extremes(2)
            sizes = [abs(v) for v in [*(y for _, y in points), *limits]]
            if proved and not any(map(math.isnan, sizes)):
                return Fact(max(sizes, default=0.0), True, _INTERVALS)
        most = max(largest(differentiate(p.expression, "x", 2), p) for p in self.pieces)
        return Fact(most, False, _EVALUATED)

    @staticmethod
    def _is_constant(piece: Piece, order: int) -> bool:
        return not symbols_of(differentiate(piece.expression, "x", order))

    # -- zeros and ends ---------------------------------------------------------------------

    def roots(
        self, whole: Expression, of_piece: Callable[[Expression], Expression]
    ) -> tuple[Fact[tuple[float, ...]], tuple[Span, ...]]:
        """Where an expression made from the formula is 0: numbers with ends, and intervals."""
        found: set[float] = set()
        spans: list[Span] = []
        proved = self.complete
        function = engine.prepare(whole, ("x",), {}, ())
        at_border = {x for x in self.borders if abs(float(function(x))) <= 1e-15}
        for piece in self.pieces:
            expression = of_piece(piece.expression)
            made = chart(expression, piece.low, piece.high)
            proved &= made.proved
            found |= set(made.zeros)
            if made.signs == (0,) and not made.zeros:
                found |= {end for end in (piece.low, piece.high) if math.isfinite(end)}
                low, low_in = piece.low, piece.low in at_border
                if spans and low_in and spans[-1].high == low:
                    before = spans.pop()
                    low, low_in = before.low, before.low_in
                spans.append(Span(low, piece.high, low_in, piece.high in at_border))
        kept: list[float] = []
        for x in sorted(found | at_border):
            if not kept or x - kept[-1] > 1e-12:
                kept.append(x)
        how = "sign chart" if proved else _EVALUATED
        return Fact(tuple(kept), proved, how), tuple(spans)

    def asymptote(self, end: float) -> Fact[Asymptote | None]:
        """The line that the curve approaches at one end."""
        expression = (self.pieces[-1] if end > 0 else self.pieces[0]).expression
        value, sure = limit_of(expression, end)
        if math.isfinite(value):
            return Fact(Asymptote(0.0, value), sure and self.complete, "limit")
        derived = differentiate(expression, "x")
        if isinstance(derived, Number):
            straight = Asymptote(float(derived.value), one_sided(expression, 0.0, 0, 0) + 0.0)
            return Fact(straight, self.complete, "the outermost piece is a straight line")
        slope, slope_sure = limit_of(derived, end)
        if math.isfinite(slope) and slope != 0 and not math.isnan(value):
            short = Fraction(slope).limit_denominator(1000)  # 3/10 and not the float next to it
            for number in {short if float(short) == slope else Fraction(slope), Fraction(slope)}:
                rest = tidy("sub", (expression, tidy("mul", (Number(number), Symbol("x")))))
                intercept, rest_sure = limit_of(rest, end)
                if math.isfinite(intercept):
                    proved = slope_sure and rest_sure and self.complete
                    how = "limits of slope and remainder"
                    return Fact(Asymptote(slope, intercept), proved, how)
        elif sure and slope_sure and not math.isnan(value) and self.complete:
            return Fact(None, True, "limits of value and slope")
        # no limit of the slope does not by itself rule a line out
        line = line_far_away(expression, end)
        if line is not None:
            return Fact(Asymptote(*line), False, "values at 1e30 and 1e40")
        return Fact(None, False, "limits of value and slope")

    @cached_property
    def saturates(self) -> Fact[str]:
        """The ends at which the function tends to a number."""
        ends, proved = [], self.complete
        for word, piece, end in (
            ("left", self.pieces[0], -math.inf),
            ("right", self.pieces[-1], math.inf),
        ):
            value, sure = limit_of(piece.expression, end)
            proved &= sure
            ends += [word] if math.isfinite(value) else []
        word = "both" if len(ends) == 2 else (ends[0] if ends else "no")
        return Fact(word, proved, "the limits at both ends")

    @cached_property
    def dead(self) -> Fact[tuple[tuple[float, float], ...]]:
        """Intervals on which the formula is constant."""
        found: list[tuple[float, float]] = []
        for piece in self.pieces:
            if not self._is_constant(piece, 0) and not self._flat(piece):
                continue
            if found and found[-1][1] == piece.low:
                found[-1] = found[-1][0], piece.high
            else:
                found.append((piece.low, piece.high))
        return Fact(tuple(found), self.complete, "the formula of each piece")

    @staticmethod
    def _flat(piece: Piece) -> bool:
        return differentiate(piece.expression, "x") == Number(0)


def _within(piece: Piece) -> float:
    """A point inside of a piece."""
    if math.isinf(piece.low):
        return piece.high - 1 if math.isfinite(piece.high) else 0.0
    return piece.low + 1 if math.isinf(piece.high) else (piece.low + piece.high) / 2
