"""The properties of one activation, put together from its pieces and their sign charts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any, Final

import numpy as np

from actlab.activation import Activation
from actlab.engines import numpy as engine
from actlab.formula import Expression, Number, Symbol, differentiate, symbols_of
from actlab.formula.calculus import tidy
from actlab.properties.charts import Chart, chart, factored
from actlab.properties.facts import (
    Asymptote,
    Extent,
    Fact,
    Kink,
    Properties,
    VectorProperties,
)
from actlab.properties.limits import limit
from actlab.properties.plain import plain
from actlab.properties.structure import parity, switches_are_known
from actlab.theory.breakpoints import Piece, pieces, settled
from actlab.theory.meanfield import moments

__all__ = ["properties"]

_INTERVALS: Final = "interval arithmetic on the derivatives"
_EVALUATED: Final = "evaluation"
_ORDERS: Final = 4
_LARGE: Final = 20_000
"""Derivatives of more nodes are not compared at breakpoints."""
_SAME: Final = 1e-11
"""One-sided derivatives closer than this are rounding apart."""


def properties(activation: Activation) -> Properties | VectorProperties:
    """What can be known of an activation.

    Args:
        activation: a function of one number, or of a whole vector.

    Returns:
        `Properties` with a `Fact` for each statement (`VectorProperties` for a function of whole
        vectors); `lines()` is for a terminal.

    Raises:
        TypeError: for a gated pair; ask for the properties of the function of its gate. Also
            for functions of complex numbers and for layers with weights of their own.

    Example:
        >>> import actlab
        >>> known = properties(actlab.define("tanh(x)"))
        >>> known.monotone.value, known.monotone.proved
        ('increasing', True)
        >>> known.lipschitz.value
        1.0
    """
    if activation.kind == "vector":
        return _of_vectors(activation)
    if activation.kind in {"complex", "layer"}:
        raise TypeError(
            f"{activation.name} {activation.nature}; properties are those of real functions"
        )
    if activation.kind == "gated":
        raise TypeError(
            f"{activation.name} is a gated pair; properties are those of a function of one "
            "number, such as the one that is applied to its gate"
        )
    return _of_formula(activation.name, settled(activation), activation)


@lru_cache(maxsize=256)
def _of_formula(name: str, formula: Expression, activation: Activation) -> Properties:
    survey = _Survey(formula, pieces(formula), switches_are_known(formula))
    mean, second = _moments(activation, survey.symmetry)
    left, right = survey.asymptote(-math.inf), survey.asymptote(math.inf)
    return Properties(
        name=name,
        range=survey.range,
        monotone=survey.monotone,
        curvature=survey.curvature,
        symmetry=survey.symmetry,
        smoothness=survey.smoothness,
        kinks=Fact(survey.kinks, survey.all_kinks, "one-sided derivatives at each breakpoint"),
        zeros=survey.roots(formula, lambda e: e),
        fixed_points=survey.roots(
            tidy("sub", (formula, Symbol("x"))), lambda e: tidy("sub", (e, Symbol("x")))
        ),
        left=left,
        right=right,
        lipschitz=survey.lipschitz,
        lipschitz_slope=survey.lipschitz_slope,
        saturates=survey.saturates,
        dead=survey.dead,
        mean=mean,
        second_moment=second,
        value_at_0=Fact(survey.value(0.0), False, _EVALUATED),
        slope_at_0=Fact(survey.value(0.0, 1), False, "evaluation; the branch chosen at 0"),
    )


def _moments(
    activation: Activation, symmetry: Fact[str]
) -> tuple[Fact[float | None], Fact[float | None]]:
    how = "quadrature, two rules agree to 11 digits"
    try:
        found = moments(activation)
    except ArithmeticError as error:
        return Fact(None, False, str(error)), Fact(None, False, str(error))
    if symmetry.value == "odd" and symmetry.proved:
        return Fact(0.0, True, "it is odd"), Fact(found.second, False, how)
    return Fact(found.mean, False, how), Fact(found.second, False, how)


@dataclass(frozen=True)
class _Survey:
    formula: Expression
    pieces: tuple[Piece, ...]
    complete: bool
    """Whether it is certain that there are no other breakpoints."""

    # -- evaluation -------------------------------------------------------------------------

    def value(self, x: float, order: int = 0) -> float:
        """The value of the formula itself, as an engine gives it."""
        return float(engine.prepare(self.formula, ("x",), {}, (), "x", order)(float(x)))

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
            left = _one_sided(before.expression, at, order, -1)
            right = _one_sided(after.expression, at, order, 1)
            if order == 0:
                here = self.value(at)
                if _differ(here, left) and not _differ(left, right):
                    return Kink(at, 0, left, here)
            if _differ(left, right):
                return Kink(at, order, left, right)
        return None

    @property
    def all_kinks(self) -> bool:
        """Whether no breakpoint is left that only seems smooth, as far as derivatives agree."""
        smooth_by_form = sum(
            before.expression == after.expression
            for before, after in zip(self.pieces[:-1], self.pieces[1:], strict=True)
        )
        return self.complete and len(self.kinks) + smooth_by_form == len(self.borders)

    @cached_property
    def smoothness(self) -> Fact[float]:
        """How many continuous derivatives there are."""
        orders = [kink.order for kink in self.kinks]
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
        found = set()
        for before, after in zip(self.pieces[:-1], self.pieces[1:], strict=True):
            left = _one_sided(before.expression, before.high, order, -1)
            right = _one_sided(after.expression, before.high, order, 1)
            steps = [(left, right)]
            if order == 0:
                here = self.value(before.high)
                steps = [(left, here), (here, right)]
            found |= {(1 if b > a else -1) if _differ(a, b) else 0 for a, b in steps}
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
        size = _SAME * np.maximum(np.abs(here), np.abs(there))
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
            points += [(x, _one_sided(expression, x, 0, 0)) for x in found.zeros]
            for end, side in ((piece.low, 1), (piece.high, -1)):
                if math.isinf(end):
                    value, sure = _limit(expression, end)
                    proved &= sure
                    limits += [value] if not math.isnan(value) else []
                else:
                    limits.append(_one_sided(expression, end, 0, side))
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
        return Fact(
            Extent(low, high, self._where(low, points), self._where(high, points)),
            proved,
            _INTERVALS if proved else _EVALUATED,
        )

    def _where(self, value: float, points: Iterable[tuple[float, float]]) -> tuple[float, ...]:
        if math.isinf(value):
            return ()
        found = {x for x, y in points if not _differ(y, value)}
        for piece in self.pieces:
            if isinstance(piece.expression, Number) and not _differ(
                float(piece.expression.value), value
            ):
                found |= {end for end in (piece.low, piece.high) if math.isfinite(end)} or {0.0}
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
        """The largest second derivative, by evaluation."""
        if any(kink.order <= 1 for kink in self.kinks):
            return Fact(math.inf, True, "it has a kink")
        most = 0.0
        for piece in self.pieces:
            most = max(most, _largest(differentiate(piece.expression, "x", 2), piece))
        constant = all(self._is_constant(p, 2) for p in self.pieces)
        return Fact(most, constant, "constant pieces" if constant else _EVALUATED)

    @staticmethod
    def _is_constant(piece: Piece, order: int) -> bool:
        return not symbols_of(differentiate(piece.expression, "x", order))

    # -- zeros and ends ---------------------------------------------------------------------

    def roots(
        self, whole: Expression, of_piece: Callable[[Expression], Expression]
    ) -> Fact[tuple[float, ...]]:
        """Where an expression made from the formula is 0."""
        found: set[float] = set()
        proved = self.complete
        for piece in self.pieces:
            expression = of_piece(piece.expression)
            made = chart(expression, piece.low, piece.high)
            proved &= made.proved
            found |= set(made.zeros)
            if made.signs == (0,) and not made.zeros:
                found |= {end for end in (piece.low, piece.high) if math.isfinite(end)}
        function = engine.prepare(whole, ("x",), {}, ())
        found |= {x for x in self.borders if abs(float(function(x))) <= 1e-15}
        kept: list[float] = []
        for x in sorted(found):
            if not kept or x - kept[-1] > 1e-12:
                kept.append(x)
        return Fact(tuple(kept), proved, "sign chart" if proved else _EVALUATED)

    def asymptote(self, end: float) -> Fact[Asymptote | None]:
        """The line that the curve approaches at one end."""
        expression = (self.pieces[-1] if end > 0 else self.pieces[0]).expression
        value, sure = _limit(expression, end)
        if math.isfinite(value):
            return Fact(Asymptote(0.0, value), sure and self.complete, "limit")
        derived = differentiate(expression, "x")
        if isinstance(derived, Number):
            straight = Asymptote(float(derived.value), _one_sided(expression, 0.0, 0, 0) + 0.0)
            return Fact(straight, self.complete, "the outermost piece is a straight line")
        slope, slope_sure = _limit(derived, end)
        if math.isnan(value) or not math.isfinite(slope) or slope == 0:
            # no limit of the slope does not by itself rule a line out, so this is measured
            known = sure and slope_sure and not math.isnan(value) and self.complete
            return Fact(None, known, "limits of value and slope")
        rest = tidy("sub", (expression, tidy("mul", (Number(Fraction(slope)), Symbol("x")))))
        intercept, rest_sure = _limit(rest, end)
        if not math.isfinite(intercept):
            return Fact(None, False, "limits of value and slope")
        proved = slope_sure and rest_sure and self.complete
        return Fact(Asymptote(slope, intercept), proved, "limits of slope and remainder")

    @cached_property
    def saturates(self) -> Fact[str]:
        """The ends at which the function tends to a number."""
        ends, proved = [], self.complete
        for word, piece, end in (
            ("left", self.pieces[0], -math.inf),
            ("right", self.pieces[-1], math.inf),
        ):
            value, sure = _limit(piece.expression, end)
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


def _differ(a: float, b: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return False
    return a != b and not abs(a - b) <= _SAME * max(1.0, abs(a), abs(b))


def _one_sided(expression: Expression, x: float, order: int, side: int) -> float:
    """A derivative of a smooth piece at its end; a step inside if it has no value there."""
    function = plain(differentiate(expression, "x", order))
    value = float(function(float(x)))
    if math.isnan(value) and side:
        value = float(function(float(x) + side * 1e-7 * max(1.0, abs(x))))
    return value


def _limit(expression: Expression, end: float) -> tuple[float, bool]:
    """The limit at infinity and whether it follows from the formula."""
    for form in (expression, factored(expression)):
        value = limit(form, end)
        if not math.isnan(value):
            return value + 0.0, True
    from actlab.engines import exact

    found = float(exact.evaluate(expression, {"x": end}, {}, digits=140))
    near = round(found, 12)
    return (near if abs(found - near) < 1e-15 else found) + 0.0, False


def _largest(expression: Expression, piece: Piece) -> float:
    """Largest size of a smooth formula on a piece: the largest on a grid, then refined."""
    function = plain(expression)
    low, high = max(piece.low, -60.0), min(piece.high, 60.0)
    x = np.linspace(low, high, 6001)
    if low < 8 and high > -8:
        x = np.concatenate([x, np.linspace(max(low, -8.0), min(high, 8.0), 4001)])
    x = np.unique(np.round(x, 6))  # neighbours that differ by rounding would end the search
    for _ in range(12):
        size = np.abs(function(x))
        size = np.where(np.isnan(size), -1.0, size)
        best = int(np.argmax(size))
        around = x[max(best - 1, 0)], x[min(best + 1, len(x) - 1)]
        if around[1] - around[0] < 1e-9:
            break
        x = np.linspace(*around, 41)
    values = [float(size[best])]
    for end in (piece.low, piece.high):
        if math.isinf(end):
            value, _ = _limit(expression, end)
            values += [abs(value)] if not math.isnan(value) else []
    return max(values)


def _of_vectors(activation: Activation) -> VectorProperties:
    """Statements on 200 fixed vectors of 2 to 9 entries."""
    random = np.random.default_rng(20240607)
    vectors = [random.normal(size=2 + k % 8) * 3 for k in range(200)]
    if activation.family == "channels":  # some of them work on pairs of neighbours
        vectors = [v for v in vectors if len(v) % 2 == 0]
    results = [np.asarray(activation(v)) for v in vectors]
    pairs = list(zip(vectors, results, strict=True))

    def near(a: Any, b: Any) -> bool:
        return bool(np.all(np.abs(a - b) <= 1e-9 * np.maximum(1, np.abs(b))))

    how = "200 fixed vectors"
    same = all(v.shape == r.shape for v, r in pairs)
    return VectorProperties(
        activation.name,
        sums_to_one=Fact(all(near(r.sum(), 1.0) for r in results), False, how),
        nonnegative=Fact(all(bool(np.all(r >= 0)) for r in results), False, how),
        translation_invariant=Fact(
            all(near(np.asarray(activation(v + 1.5)), r) for v, r in pairs), False, how
        ),
        order_preserving=Fact(
            same and all(bool(np.all(np.diff(r[np.argsort(v)]) >= -1e-12)) for v, r in pairs),
            False,
            how,
        ),
    )
