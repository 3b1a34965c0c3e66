"""Signal and gradient, layer by layer: measured in a network, and as theory has them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from actlab.theory.meanfield import layer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from actlab.activation import Activation
    from actlab.compare.losses import Loss
    from actlab.compare.networks import StackedNetwork

__all__ = ["PERCENTILES", "Layers", "expected_layers", "measured_layers"]

PERCENTILES: Final = (5, 25, 50, 75, 95)

_POINTS: Final = 1001
"""Quantiles of the normal distribution, in the middle of equal shares, that stand for it."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Layers:
    """Arrays with one entry for each hidden layer, the first layer first."""

    percentiles: NDArray[np.float64]
    """Of the activations f(z), (layers, percentiles)."""
    variance: NDArray[np.float64]
    """Mean square of the pre-activations z."""
    gradient: NDArray[np.float64]
    """Natural logarithm of the norm of the loss's gradient with respect to z, relative to that
    of the last layer."""
    last_gradient: float | None
    """The norm in the last layer; None in a forecast, which does not know the loss."""
    scatter: NDArray[np.float64] | None = None
    """Standard deviation of `gradient` between networks of this width, in a forecast."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "percentiles": self.percentiles.tolist(),
            "variance": self.variance.tolist(),
            "ln_gradient": self.gradient.tolist(),
            "last_gradient": self.last_gradient,
            "scatter": None if self.scatter is None else self.scatter.tolist(),
        }


def measured_layers(network: StackedNetwork, x: Array, y: Array, loss: Loss) -> Layers:
    """One network on these rows: x (1, 1, rows, inputs), y (1, rows)."""
    now = network.rows(y.shape[1])
    np.copyto(now.x, x)
    for call in now.value:
        call()
    percentiles = np.array([np.percentile(hidden.after, PERCENTILES) for hidden in now.hidden])
    variance = np.array([np.mean(np.square(hidden.before)) for hidden in now.hidden])
    for call in now.forward:
        call()
    loss.add(now.outputs, y, now.gradient, np.zeros(1))
    for call in now.backward:
        call()
    norms = np.array([np.linalg.norm(hidden.gradient) for hidden in now.hidden])
    logarithms = np.log(norms)
    relative = logarithms - logarithms[-1]
    return Layers(percentiles, variance, relative, float(norms[-1]))


def expected_layers(
    f: Activation, powers: Array, scales: Sequence[float], offsets: Sequence[float]
) -> Layers:
    r"""What to expect of a wide random network.

    .. math:: q_1 = \sigma_{w,1}^2 p + \sigma_{b,1}^2, \quad
              q_l = \sigma_{w,l}^2 E[f(\sqrt{q_{l-1}} z)^2] + \sigma_{b,l}^2, \quad
              |\delta_{l-1}|^2 = \sigma_{w,l}^2 E[f'(\sqrt{q_{l-1}} z)^2] \, |\delta_l|^2

    Rows differ in their power p, so the map is followed for each of several powers; the pictures
    of all of them together are those of the rows.

    Args:
        f: the activation.
        powers: mean square of the inputs, of rows that stand for equally many.
        scales: σ_w² of each layer, the mean square of its weights times its fan-in.
        offsets: σ_b² of each layer.
    """
    variances, rates = np.empty((2, len(scales), len(powers)))
    signal, slope = powers, np.full(len(powers), math.nan)
    for place, (scale, offset) in enumerate(zip(scales, offsets, strict=True)):
        rates[place] = 0.5 * np.log(scale * slope)
        variances[place] = scale * signal + offset
        signal, slope = np.array([_expectations(f, q) for q in variances[place]]).T
    above = np.vstack([rates[1:], np.zeros(len(powers))])
    gradients = np.cumsum(above[::-1], axis=0)[::-1]
    mean = 0.5 * (np.logaddexp.reduce(2 * gradients, axis=1) - math.log(len(powers)))
    return Layers(_percentiles(f, variances), variances.mean(axis=1), mean, None)


def _expectations(f: Activation, q: float) -> tuple[float, float]:
    """E[f²] and E[f'²] at pre-activations N(0, q); what can't be represented is infinite."""
    if not math.isfinite(q):
        return math.inf, math.nan
    try:
        at = layer(f, q)
    except ArithmeticError:
        return math.inf, math.nan
    return at.second, at.slope


def _percentiles(f: Activation, variances: Array) -> NDArray[np.float64]:
    """Percentiles in each layer of f(z), z from N(0, q) for each of the layer's q in turn."""
    normal = _normal_quantiles()
    spread = np.sqrt(variances)[..., None] * normal
    return np.array([np.percentile(f(row), PERCENTILES, method="hazen") for row in spread])


@cache
def _normal_quantiles() -> NDArray[np.float64]:
    from scipy.special import ndtri

    found: NDArray[np.float64] = ndtri((np.arange(_POINTS) + 0.5) / _POINTS)
    return found
