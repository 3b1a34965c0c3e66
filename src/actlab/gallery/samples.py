"""Where a function is looked at, and its values there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from actlab.engines.numpy_operations import evaluate_steps
from actlab.plots import EXAMPLE_VECTOR, curve_table

if TYPE_CHECKING:
    from actlab.activation import Activation, ComplexRule

__all__ = ["bars", "curve", "net", "reach", "window"]

_FINE: Final = 4001
_MOST_TURNS: Final = 13
_LINES: Final = 9
_ALONG: Final = 25


def window(activation: Activation) -> tuple[float, float]:
    """The inputs that a picture shows: all kinks, and of what oscillates a few turns."""
    x = curve_table(activation, points=2)["x"]
    low, high = float(x[0]), float(x[-1])
    while high - low > 0.1:
        _, y = curve(activation, low, high, _FINE)
        steps = np.sign(np.diff(y[np.isfinite(y)]))
        turns = np.count_nonzero(np.diff(steps[steps != 0]))
        if turns <= _MOST_TURNS:
            break
        low, high = low / 2, high / 2
    return low, high


def curve(activation: Activation, low: float, high: float, points: int) -> tuple[Any, Any]:
    """Inputs and values; a gated pair at x = 1, by its gate."""
    columns = list(curve_table(activation, low=low, high=high, points=points).values())
    return columns[0], columns[1]


def bars(activation: Activation) -> tuple[list[float], list[float]]:
    """An example vector, and what a function of vectors makes of it."""
    x = list(EXAMPLE_VECTOR)
    try:
        y = activation(np.array(x))
    except ValueError:  # it works on pairs or other groups
        x = [*x, -1.0]
        y = activation(np.array(x))
    return x, [float(value) for value in np.asarray(y)]


def reach(activation: Activation) -> float:
    """Half the side of the square of the complex plane that is shown."""
    scale = activation.parameters.get("scale", 1.0)
    return 2.0 if scale <= 1 else 2.0 / scale


def net(activation: Activation, rule: ComplexRule) -> list[Any]:
    """The lines of a square grid in the complex plane, as the function maps them.

    Returns:
        Complex arrays: lines of equal imaginary part, then those of equal real part.
    """
    side = reach(activation)
    places = np.linspace(-side, side, _LINES)
    along = np.linspace(-side, side, _ALONG)
    real, imaginary = rule.parts(activation.parameters)
    numbers = dict(activation.parameters)
    found = []
    for turned in (False, True):
        for place in places:
            across = np.full_like(along, place)
            inputs = {"re": across, "im": along} if turned else {"re": along, "im": across}
            with np.errstate(all="ignore"):
                re = evaluate_steps(real, inputs, numbers, "float64")[real]
                im = evaluate_steps(imaginary, inputs, numbers, "float64")[imaginary]
            found.append(np.broadcast_to(re + 1j * im, along.shape))
    return found
