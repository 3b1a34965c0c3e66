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
    from actlab.theory import Forecast

__all__ = ["PERCENTILES", "Layers", "expected_layers", "measured_layers"]

PERCENTILES: Final = (5, 25, 50, 75, 95)

_POINTS: Final = 4001
"""Quantiles of the normal distribution that stand for all of it."""

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
    """Standard deviation of `gradient` between networks, in a forecast that knows the width."""

    @classmethod
    def of_forecast(cls, f: Activation, known: Forecast) -> Layers:
        """What `actlab.forecast` says, with the distribution that follows from the variance."""
        return cls(
            percentiles=_percentiles(f, known.variance),
            variance=np.array(known.variance),
            gradient=np.array(known.gradient),
            last_gradient=None,
            scatter=np.array(known.scatter) if known.scatter else None,
        )

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


def expected_layers(network: StackedNetwork, power: float) -> Layers:
    r"""What to expect of a wide random network whose weights are as large as these.

    .. math:: q_l = \sigma_{w,l}^2 E[f(\sqrt{q_{l-1}} z)^2] + \sigma_{b,l}^2, \quad
              |\delta_{l-1}|^2 = \sigma_{w,l}^2 E[f'(\sqrt{q_{l-1}} z)^2] \, |\delta_l|^2

    where σ_w,l² is the mean square of the layer's weights times its fan-in, σ_b,l² that of its
    biases.

    Args:
        network: a stack of one.
        power: mean square of its inputs.
    """
    f = network.activation
    variances: list[float] = []
    rates = []
    at = None
    for place in range(len(network.shapes) - 1):
        weight, bias = network.weights[place][0, 0], network.biases(place)[0]
        scale = float(np.mean(weight**2)) * len(weight)
        if variances:
            at = _expectations(f, variances[-1])
            rates.append(0.5 * _log(scale * at[1]))
        signal = power if at is None else at[0]
        variances.append(scale * signal + float(np.mean(bias**2)))
    gradient = np.cumsum([0.0, *reversed(rates)])[::-1]
    return Layers(_percentiles(f, variances), np.array(variances), gradient, None)


def _expectations(f: Activation, q: float) -> tuple[float, float]:
    """E[f²] and E[f'²] at pre-activations N(0, q); what can't be represented is infinite."""
    if not math.isfinite(q):
        return math.inf, math.nan
    try:
        at = layer(f, q)
    except ArithmeticError:
        return math.inf, math.nan
    return at.second, at.slope


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf if value == 0 else math.nan


def _percentiles(f: Activation, variances: Sequence[float]) -> NDArray[np.float64]:
    """Percentiles of f(z), z ~ N(0, q), for every q."""
    normal = _normal_quantiles()
    rows = [
        np.percentile(f(math.sqrt(q) * normal), PERCENTILES)
        if math.isfinite(q)
        else np.full(len(PERCENTILES), math.nan)
        for q in variances
    ]
    return np.array(rows)


@cache
def _normal_quantiles() -> NDArray[np.float64]:
    from scipy.special import ndtri

    found: NDArray[np.float64] = ndtri((np.arange(_POINTS) + 0.5) / _POINTS)
    return found
