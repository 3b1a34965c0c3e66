"""What is known of a function: the values, and how each is known."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

__all__ = [
    "Asymptote",
    "Extent",
    "Fact",
    "Kink",
    "PairProperties",
    "Properties",
    "Span",
    "VectorProperties",
    "shown",
]

T = TypeVar("T")

_FEW: Final = 7
"""Places that are shown one by one."""


@dataclass(frozen=True)
class Fact(Generic[T]):
    """One statement.

    Attributes:
        value: what is stated.
        proved: True if interval arithmetic, or the structure of the formula, leaves no other
            possibility; False if it was found by evaluating the formula.
        how: in a few words.
    """

    value: T
    proved: bool
    how: str = ""


@dataclass(frozen=True)
class Extent:
    """The range of a function.

    Attributes:
        low, high: infimum and supremum.
        low_at, high_at: where they are attained; empty if they are only approached.
    """

    low: float
    high: float
    low_at: tuple[float, ...] = ()
    high_at: tuple[float, ...] = ()


@dataclass(frozen=True)
class Kink:
    """Where a derivative jumps: `order` 0 is the function itself, 1 its slope."""

    at: float
    order: int
    left: float
    right: float


@dataclass(frozen=True)
class Asymptote:
    """The line slope * x + intercept that the curve approaches at one end."""

    slope: float
    intercept: float

    @property
    def horizontal(self) -> bool:
        """Whether the function itself tends to a number."""
        return self.slope == 0


@dataclass(frozen=True)
class Span:
    """An interval; `low_in` and `high_in` say whether its ends belong to it."""

    low: float
    high: float
    low_in: bool
    high_in: bool

    def __str__(self) -> str:
        if math.isinf(self.low) and math.isinf(self.high):
            return "everywhere"
        opening, closing = "[" if self.low_in else "(", "]" if self.high_in else ")"
        return f"{opening}{shown(self.low)}, {shown(self.high)}{closing}"


def shown(value: float) -> str:
    """A number for people: up to six digits, infinity as a sign."""
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value + 0.0:.6g}"


@dataclass(frozen=True)
class Properties:
    """What can be known of a function of one number; each statement says whether it is proved.

    Attributes:
        range: infimum and supremum, and where they are attained.
        monotone: "increasing", "nondecreasing", "decreasing", "nonincreasing", "constant", "no".
        curvature: "convex", "concave", "linear" or "no".
        symmetry: "odd", "even", "zero" or "no".
        smoothness: how many continuous derivatives there are; -1 if it jumps, infinite if smooth.
        kinks: where a derivative jumps, with its values on both sides.
        zeros: where it is 0; of an interval of zeros the ends, which a jump may leave out. Those of
            a function that oscillates for ever are looked for within 36 of 0.
        zero_spans: the intervals of zeros.
        fixed_points, fixed_spans: where f(x) = x, told in the same way.
        left, right: the asymptotes at -inf and +inf; None if there is none.
        lipschitz: `sup |f'|`; infinite if it jumps.
        lipschitz_slope: `sup |f''|`; infinite if it has a kink.
        saturates: the ends at which it tends to a number: "left", "right", "both" or "no".
        dead: intervals on which it is constant, so that no gradient passes.
        mean, second_moment: of f(z), z ~ N(0, 1); None if infinite.
        value_at_0, slope_at_0: f(0) and f'(0).
    """

    name: str
    range: Fact[Extent]
    monotone: Fact[str]
    curvature: Fact[str]
    symmetry: Fact[str]
    smoothness: Fact[float]
    kinks: Fact[tuple[Kink, ...]]
    zeros: Fact[tuple[float, ...]]
    fixed_points: Fact[tuple[float, ...]]
    left: Fact[Asymptote | None]
    right: Fact[Asymptote | None]
    lipschitz: Fact[float]
    lipschitz_slope: Fact[float]
    saturates: Fact[str]
    dead: Fact[tuple[tuple[float, float], ...]]
    mean: Fact[float | None]
    second_moment: Fact[float | None]
    value_at_0: Fact[float]
    slope_at_0: Fact[float]
    zero_spans: tuple[Span, ...] = ()
    fixed_spans: tuple[Span, ...] = ()

    def lines(self) -> list[tuple[str, str]]:
        """Label and text of every statement, for a terminal."""
        extent = self.range.value
        smooth = self.smoothness.value
        kinks = self.kinks.value
        words: list[tuple[str, str, Fact[Any]]] = [
            ("range", _interval(extent), self.range),
            ("infimum", _attained(extent.low, extent.low_at), self.range),
            ("supremum", _attained(extent.high, extent.high_at), self.range),
            ("monotone", self.monotone.value, self.monotone),
            ("convex", self.curvature.value, self.curvature),
            ("symmetry", self.symmetry.value, self.symmetry),
            ("smoothness", _smoothness(smooth), self.smoothness),
            ("kinks", _several([_kink(k) for k in kinks]), self.kinks),
            ("zeros", _where(self.zeros.value, self.zero_spans), self.zeros),
            ("fixed points", _where(self.fixed_points.value, self.fixed_spans),
             self.fixed_points),
            ("as x → -∞", _line(self.left.value), self.left),
            ("as x → ∞", _line(self.right.value), self.right),
            ("Lipschitz", shown(self.lipschitz.value), self.lipschitz),
            ("Lipschitz of f'", shown(self.lipschitz_slope.value), self.lipschitz_slope),
            ("saturates", self.saturates.value, self.saturates),
            ("dead", _several([_region(a, b) for a, b in self.dead.value]),
             self.dead),
            ("mean, N(0, 1)", _moment(self.mean.value), self.mean),
            ("second moment", _moment(self.second_moment.value), self.second_moment),
            ("f(0), f'(0)", f"{shown(self.value_at_0.value)}, {shown(self.slope_at_0.value)}",
             self.slope_at_0),
        ]  # fmt: skip
        return [
            (label, f"{text}  ({'proved' if fact.proved else 'measured'})")
            for label, text, fact in words
        ]


@dataclass(frozen=True)
class PairProperties:
    """What can be known of a gated pair f(x, gate).

    Attributes:
        linear: whether it is x times a function of the gate, "no" meaning that the formula
            is not of that form.
        gate: the properties of that function; None where there is none.
        second_moment: of f under independent x, gate ~ N(0, 1); None if infinite.
    """

    name: str
    linear: Fact[bool]
    gate: Properties | None
    second_moment: Fact[float | None]

    def lines(self) -> list[tuple[str, str]]:
        """Label and text of every statement, for a terminal."""
        told = "proved" if self.linear.proved else "measured"
        rows = [("linear in x", f"{'yes' if self.linear.value else 'no'}  ({told})")]
        if self.gate is not None:
            rows += [
                (f"gate: {label}", text)
                for label, text in self.gate.lines()
                if label not in {"fixed points", "mean, N(0, 1)", "second moment"}
            ]
        rows.append(("second moment", f"{_moment(self.second_moment.value)}  (measured)"))
        return rows


@dataclass(frozen=True)
class VectorProperties:
    """What was measured of a function of whole vectors, on a fixed set of vectors.

    Attributes:
        sums_to_one: whether the entries of every result add up to 1.
        nonnegative: whether no entry is negative.
        translation_invariant: whether adding one number to all entries changes nothing.
        order_preserving: whether a larger entry never gets a smaller result.
    """

    name: str
    sums_to_one: Fact[bool]
    nonnegative: Fact[bool]
    translation_invariant: Fact[bool]
    order_preserving: Fact[bool]
    notes: tuple[str, ...] = field(default=())

    def lines(self) -> list[tuple[str, str]]:
        """Label and text of every statement, for a terminal."""
        rows = [
            ("sums to one", self.sums_to_one),
            ("nonnegative", self.nonnegative),
            ("translation invariant", self.translation_invariant),
            ("keeps the order", self.order_preserving),
        ]
        return [(label, f"{'yes' if fact.value else 'no'}  (measured)") for label, fact in rows]


def _interval(extent: Extent) -> str:
    opening = "[" if extent.low_at else "("
    closing = "]" if extent.high_at else ")"
    return f"{opening}{shown(extent.low)}, {shown(extent.high)}{closing}"


def _region(low: float, high: float) -> str:
    opening = "(" if math.isinf(low) else "["
    closing = ")" if math.isinf(high) else "]"
    return f"{opening}{shown(low)}, {shown(high)}{closing}"


def _attained(value: float, at: tuple[float, ...]) -> str:
    if math.isinf(value):
        return "none"
    where = f" at {_places(at)}" if at else ", not attained"
    return f"{shown(value)}{where}"


def _where(places: tuple[float, ...], spans: tuple[Span, ...]) -> str:
    """Intervals, and the numbers outside of them."""
    alone = tuple(x for x in places if not any(span.low <= x <= span.high for span in spans))
    numbers = [_places(alone)] if alone or not spans else []
    return ", ".join([*map(str, spans), *numbers])


def _places(places: tuple[float, ...]) -> str:
    """Numbers in order; of many those that are nearest to 0."""
    near = sorted(sorted(places, key=abs)[:_FEW])
    rest = f", ... ({len(places)} found)" if len(places) > _FEW else ""
    return (", ".join(map(shown, near)) or "none") + rest


def _several(items: list[str]) -> str:
    if not items:
        return "none"
    rest = f", ... ({len(items)} found)" if len(items) > _FEW else ""
    return ", ".join(items[:_FEW]) + rest


def _smoothness(order: float) -> str:
    if order == -1:
        return "discontinuous"
    return "smooth" if math.isinf(order) else f"C^{order:.0f}"


def _kink(kink: Kink) -> str:
    what = "f" + "'" * kink.order if kink.order < 4 else f"derivative {kink.order}"
    return f"{shown(kink.at)} ({what}: {shown(kink.left)} | {shown(kink.right)})"


def _line(line: Asymptote | None) -> str:
    if line is None:
        return "no asymptote"
    if line.horizontal:
        return f"y = {shown(line.intercept)}"
    slope = "x" if line.slope == 1 else f"{shown(line.slope)} x"
    if line.intercept == 0:
        return f"y = {slope}"
    sign = "+" if line.intercept > 0 else "-"
    return f"y = {slope} {sign} {shown(abs(line.intercept))}"


def _moment(value: float | None) -> str:
    if value is None:
        return "infinite"
    return shown(0.0 if abs(value) < 1e-13 else value)
