"""How far one network of a finite width is from the forecast."""

from __future__ import annotations

import math

import numpy as np
import pytest

import actlab
from actlab.theory import forecast
from actlab.theory.meanfield import slope_kurtosis

DEPTH, WIDTH, NETWORKS = 12, 64, 400


def simulated(name: str, sigma_w: float, draw: np.random.Generator) -> list[float]:
    """ln of the gradient norm at layer 1, relative to the last layer, of many networks."""
    f = actlab.get(name)
    found = []
    for _ in range(NETWORKS):
        z = draw.standard_normal(WIDTH)
        slopes, weights = [f.derivative(z)], []
        for _ in range(DEPTH - 1):
            weights.append(draw.standard_normal((WIDTH, WIDTH)) * sigma_w / math.sqrt(WIDTH))
            z = weights[-1] @ f(z)
            slopes.append(f.derivative(z))
        delta = draw.standard_normal(WIDTH) * slopes[-1]
        start = np.linalg.norm(delta)
        for matrix, slope in zip(reversed(weights), reversed(slopes[:-1]), strict=True):
            delta = (matrix.T @ delta) * slope
        found.append(math.log(np.linalg.norm(delta) / start))
    return found


@pytest.mark.parametrize("name", ["relu", "elu", "sigmoid"])
def test_the_scatter_is_that_of_simulated_networks(name: str) -> None:
    known = forecast(name, DEPTH, width=WIDTH)
    found = simulated(name, known.sigma_w, np.random.default_rng(11))
    # a standard deviation from 400 draws is itself random by 3.5 %; and the wandering of the
    # variance, which is left out, adds some percent
    assert np.std(found) == pytest.approx(known.scatter[0], rel=0.15)
    if name == "relu":  # whose slopes do not depend on the variance, so that nothing is left out
        # the mean of a logarithm lies below the logarithm of the mean
        slack = 4 * known.scatter[0] / math.sqrt(NETWORKS)
        assert np.mean(found) == pytest.approx(known.gradient[0] - known.scatter[0] ** 2, abs=slack)


def test_scatter_of_relu_is_published() -> None:
    # Hanin, Nica (2018), arXiv:1812.05994: the variance of ln of the squared norm is 5/n a layer
    known = forecast("relu", 51, width=100_000)
    assert (2 * known.scatter[0]) ** 2 == pytest.approx(50 * 5 / 100_000, rel=1e-4)
    assert known.scatter[-1] == 0.0
    assert forecast("relu", 51).scatter == ()


def test_kurtosis_of_slopes() -> None:
    assert slope_kurtosis(actlab.get("relu"), 3.0) == pytest.approx(2.0, rel=1e-12)
    assert slope_kurtosis(actlab.get("identity"), 3.0) == pytest.approx(1.0, rel=1e-12)
    # f' = 2x: E[x^4] / E[x^2]^2
    assert slope_kurtosis(actlab.define("x*x"), 0.7) == pytest.approx(3.0, rel=1e-9)
    assert slope_kurtosis(actlab.get("heaviside"), 1.0) == math.inf
    assert slope_kurtosis(actlab.define("exp(x*x/5)"), 1.0) == math.inf


def test_verdicts() -> None:
    assert forecast("heaviside", 4).verdict == "vanishing"
    assert forecast("x*x", 60, variance=3.0).verdict == "unknown"
    assert dict(forecast("heaviside", 4).lines())["gradient"].endswith("reaches layer 1")
