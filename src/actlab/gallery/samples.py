"""Where a function is looked at, and its values there."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from actlab.engines.numpy_operations import evaluate_steps
from actlab.plots import EXAMPLE_VECTOR, curve_table

if TYPE_CHECKING:
    from actlab.activation import Activation, ComplexRule

__all__ = ["bars", "curve", "net", "reach", "start", "window"]

_FINE: Final = 1001
"""Points that a turn is looked for on; with more a kernel would be compiled, which takes longer."""
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


START: Final = (-4.0, 4.0)
"""The inputs on which a layer is shown."""


@lru_cache(maxsize=64)
def start(activation: Activation) -> tuple[list[float], bool]:
    """A layer with one channel as it starts, on 161 inputs, and whether each one starts so.

    Returns:
        No values where PyTorch is not installed, where the layer takes images, and where one
        channel alone says nothing.
    """
    if find_spec("torch") is None:
        return [], True
    import torch

    x = torch.linspace(*START, 161)[:, None]
    draws = []
    for seed in (0, 1):
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            layer = _layer(activation)
            if layer is None:
                return [], True
            draws.append(layer.eval()(x).flatten().numpy().astype(np.float64))
    if np.ptp(draws[0]) < 1e-3 * np.ptp(draws[1]) + 1e-6:
        return [], True
    return [float(f"{y:.5g}") for y in draws[0]], bool(np.array_equal(*draws))


def _layer(activation: Activation) -> Any:
    """The smallest layer there is; None if it takes more than one number."""
    for options in _SMALLEST:
        try:
            layer = activation.module(**options)
            layer.eval()(layer_input())
        except (TypeError, ValueError, RuntimeError):
            continue
        return layer
    return None


_SMALLEST: Final[tuple[dict[str, Any], ...]] = (
    {"channels": 1},
    {"channels": 1, "groups": 1},
    {"inputs": 1, "outputs": 1},
    {"functions": ["relu", "tanh"]},
)


def layer_input() -> Any:
    """One row with one number."""
    import torch

    return torch.zeros(1, 1)
