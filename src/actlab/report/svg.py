"""Elements of HTML and SVG with every value escaped, and the scale of an axis."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, isfinite, log10
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup, escape

from actlab.report.wording import amount

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "Axis",
    "axis_of_epochs",
    "axis_of_rates",
    "axis_of_steps",
    "finite",
    "join",
    "linear_axis",
    "log_axis",
    "tag",
]


def tag(name: str, *children: object, **attributes: Any) -> Markup:
    """Return an element; `class_`, `stroke_width` become `class`, `stroke-width`.

    Texts and attribute values are escaped unless they are elements already. An attribute that
    is None is left out.
    """
    said = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _number(value))
        for key, value in attributes.items()
        if value is not None
    )
    return Markup("<{0}{1}>{2}</{0}>").format(name, said, join(children))


def join(children: Iterable[object]) -> Markup:
    """Return texts (escaped) and elements, one after the other."""
    return Markup("").join(escape(child) for child in children)


def _number(value: Any) -> Any:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else value


@dataclass(frozen=True)
class Axis:
    """A scale from values to 0 … 1, and the marks on it."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    logarithmic: bool = False
    cut: bool = False
    """Whether some values lie outside."""

    def place(self, value: float) -> float:
        """Return where a value lies: 0 at the lower end, 1 at the upper one."""
        if not self.logarithmic:
            return (value - self.low) / (self.high - self.low)
        if value <= 0:
            return -1.0
        return log10(value / self.low) / log10(self.high / self.low)


_STEPS: Final = ((1.0, 0), (2.0, 0), (2.5, 1), (5.0, 0), (10.0, 0))
"""Factors of a power of ten that make round steps, and how many digits each adds."""


def linear_axis(low: float, high: float, *, wanted: int = 5, cut: bool = False) -> Axis:
    """Return an axis over [low, high], a little wider, with marks at round numbers."""
    if high - low < 1e-12 * max(abs(low), abs(high), 1e-300):
        pad = abs(high) * 0.05 or 1.0
        low, high = low - pad, high + pad
    pad = 0.04 * (high - low)
    low, high = low - pad, high + pad
    rough = (high - low) / wanted
    power = 10.0 ** floor(log10(rough))
    factor, digits = next(pair for pair in _STEPS if power * pair[0] >= rough * 0.999)
    step = power * factor
    decimals = max(0, digits - floor(log10(step) + 1e-9))
    first = ceil(low / step - 1e-9)
    last = floor(high / step + 1e-9)
    ticks = tuple(
        (index * step, f"{index * step + 0.0:,.{decimals}f}".replace("-", "−"))
        for index in range(first, last + 1)
    )
    return Axis(low, high, ticks, cut=cut)


def log_axis(low: float, high: float, *, cut: bool = False) -> Axis:
    """Return a logarithmic axis over [low, high] (both positive)."""
    low, high = low / 1.08, high * 1.08
    decades = range(floor(log10(low)), ceil(log10(high)) + 1)
    few = log10(high / low) < 2.2
    steps = (1, 2, 5) if few else (1,)
    every = ceil(len(decades) / 8)
    found = [step * 10.0**decade for decade in decades[::every] for step in steps]
    ticks = tuple((value, amount(value)) for value in found if low <= value <= high)
    return Axis(low, high, ticks, logarithmic=True, cut=cut)


def axis_of_rates(rates: Sequence[float]) -> Axis:
    """Return the axis of a grid of learning rates; every rate is a mark while there is room."""
    low, high = min(rates), max(rates)
    if low == high:
        low, high = low / 2, high * 2
    every = ceil(len(rates) / 7)
    ticks = tuple((rate, amount(rate)) for rate in sorted(rates)[::every])
    margin = (high / low) ** 0.04
    return Axis(low / margin, high * margin, ticks, logarithmic=True)


_WHOLE: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 100_000, 1_000_000)
"""Distances of the marks on an axis of whole numbers."""


def axis_of_epochs(epochs: int) -> Axis:
    """Return the axis of epochs 1 … n."""
    if epochs < 2:
        return Axis(0.5, 1.5, ((1.0, "1"),))
    step = next((step for step in _WHOLE if epochs / step <= (8 if step == 1 else 6)), epochs)
    marks = [mark for mark in range(step, epochs + 1, step) if mark - 1 > epochs / 12]
    return Axis(1.0, float(epochs), tuple((float(mark), f"{mark:,}") for mark in (1, *marks)))


def axis_of_steps(last: int) -> Axis:
    """Return the axis of steps 0 … last."""
    step = next((step for step in _WHOLE if last / step <= 6), last)
    marks = tuple((float(mark), f"{mark:,}") for mark in range(0, last + 1, step))
    return Axis(0.0, float(last), marks)


def finite(values: Iterable[float | None]) -> list[float]:
    """Return the numbers among these."""
    return [value for value in values if value is not None and isfinite(value)]
