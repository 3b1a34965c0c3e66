"""How far each parameter can be moved on a page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from actlab.activation import Parameter
from actlab.export.subject import parameters_of

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["sliders"]

_USUAL: Final = (0.01, 100.0)
"""Positive defaults in here move by a factor of ten each way; others reach to ordinary sizes."""


def sliders(activation: Activation) -> list[dict[str, Any]]:
    """One slider for each number of the exported function, in its order.

    `log` sliders are even in the logarithm, `whole` ones go from count to count; `above` and
    `below` are what the formula needs the number strictly between, None for no bound.

    Example:
        >>> import actlab
        >>> [(s["low"], s["high"]) for s in sliders(actlab.get("leaky_relu"))]
        [(-1.0, 1.0)]
    """
    found = []
    for name, value in parameters_of(activation).items():
        spec = activation.specs.get(name, Parameter(value))
        low, high = _ends(spec, value)
        meaning = spec.meaning
        if name in activation.random:
            meaning = f"{activation.random[name]}; here its mean"
        found.append(
            {
                "name": name,
                "value": value,
                "low": low,
                "high": high,
                "log": spec.positive and not spec.whole,
                "whole": spec.whole,
                "above": _bound(spec.least),
                "below": _bound(spec.below),
                "meaning": meaning,
            }
        )
    return found


def _bound(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _ends(spec: Parameter, value: float) -> tuple[float, float]:
    if spec.whole:
        return 1.0, max(8.0, 2 * value)
    if spec.positive:
        least, most = _USUAL
        low = value / 10 if value <= most else 0.1
        high = value * 10 if value >= least else 1.0
        return _round(low), _round(high)
    reach = max(1.0, 2 * abs(value))
    low, high = value - reach, value + reach
    if value and reach == 1.0:  # a small number: even ends read better than 0.01 - 1
        low, high = -1.0, max(1.0, round(high))
    if low <= spec.above:
        low = spec.above + (value - spec.above) / 20
    if high >= spec.below:
        high = spec.below - (spec.below - value) / 20
    return _round(low), _round(high)


def _round(value: float) -> float:
    return float(f"{value:.4g}")
