"""Mean-field theory against closed forms and published values."""

import math

import numpy as np
import pytest

import actlab
from actlab.theory import (
    correlation_map,
    dead_probability,
    edge_of_chaos,
    fixed_point,
    forecast,
    moments,
    variance_map,
)

RELU = actlab.define("max(x, 0)")
TANH = actlab.define("tanh(x)")
ERF = actlab.define("erf(x)")
SELU = actlab.define(
    "1.0507009873554804934 * where(x > 0, x, 1.6732632423543772848 * expm1(x))", name="selu"
)


def arccosine(c):
    """Correlation map of ReLU; Cho, Saul (2009), Kernel methods for deep learning, NeurIPS."""
    return (math.sqrt(1 - c * c) + c * (math.pi - math.acos(c))) / math.pi


@pytest.mark.parametrize("c", [-1, -0.9, -0.2, 0, 0.1, 0.5, 0.9, 0.999, 0.999999, 1])
def test_correlation_map_of_relu_is_the_arccosine_kernel(c):
    found = correlation_map(RELU, c, q=2.3, sigma_w=math.sqrt(2))
    assert found == pytest.approx(arccosine(c), abs=1e-12)  # it is 0 at c = -1


@pytest.mark.parametrize("c", [-0.7, 0.3, 0.99])
@pytest.mark.parametrize("q", [0.1, 4.0])
def test_correlation_map_of_erf_is_the_arcsine_kernel(c, q):
    # Williams (1997), Computing with infinite networks, NeurIPS
    covariance = 2 / math.pi * math.asin(2 * q * c / (1 + 2 * q))
    variance = 2 / math.pi * math.asin(2 * q / (1 + 2 * q))
    assert variance_map(ERF, q) == pytest.approx(variance, rel=1e-12)
    assert correlation_map(ERF, c, q) == pytest.approx(covariance / variance, rel=1e-9)


def test_moments_of_relu_and_of_a_jump():
    found = moments(RELU, q=4.0)
    assert found.mean == pytest.approx(2 / math.sqrt(2 * math.pi), rel=1e-13)
    assert found.second == pytest.approx(2.0, rel=1e-13)
    assert found.variance == pytest.approx(2 - 2 / math.pi, rel=1e-12)
    assert moments(actlab.define("where(x > 1, 1, 0)"), q=4.0).mean == pytest.approx(
        math.erfc(0.5 / math.sqrt(2)) / 2, rel=1e-13
    )


def test_selu_keeps_mean_zero_and_variance_one():
    # Klambauer et al. (2017), arXiv:1706.02515: the fixed point (0, 1), stable; the constants
    # are printed with enough digits for float64
    found = moments(SELU)
    assert abs(found.mean) < 1e-15
    assert found.variance == pytest.approx(1, abs=1e-14)
    point = fixed_point(SELU, sigma_w=1.0)
    assert point.q == pytest.approx(1, abs=1e-12)
    assert 0 < point.response < 1


def test_selus_constants_come_out_of_the_moments():
    # the fixed point (0, 1) asks E[f] = 0 and E[f^2] = 1 of f = scale * (relu + alpha * tail);
    # Klambauer et al. (2017), arXiv:1706.02515, print alpha = 1.6733 and scale = 1.0507, their
    # code 1.6732632423543772848170429916717 and 1.0507009873554804934193349852946
    rising, tail = moments(RELU), moments(actlab.define("where(x > 0, 0, expm1(x))"))
    alpha = -rising.mean / tail.mean
    scale = (rising.second + alpha**2 * tail.second) ** -0.5
    assert alpha == pytest.approx(1.6732632423543772848, rel=1e-14)
    assert scale == pytest.approx(1.0507009873554804934, rel=1e-14)


def test_tanh_has_its_published_edge_of_chaos():
    # Schoenholz et al. (2017), arXiv:1611.01232: sigma_w = 1 without biases
    assert edge_of_chaos(TANH).sigma_w == 1.0
    # Xiao et al. (2018), arXiv:1806.05393: sigma_w^2 = 1.05 at sigma_b^2 = 2.01e-5
    assert round(edge_of_chaos(TANH, math.sqrt(2.01e-5)).sigma_w ** 2, 3) == 1.05
    # sigma_w^2 = 1.76 at sigma_b^2 = 0.05 is used throughout that literature
    assert round(edge_of_chaos(TANH, math.sqrt(0.05)).sigma_w ** 2, 2) == 1.76


def test_relu_has_one_point_at_the_edge():
    # Hayou, Doucet, Rousseau (2019), arXiv:1902.06853
    assert edge_of_chaos(RELU).sigma_w == pytest.approx(math.sqrt(2), rel=1e-12)
    with pytest.raises(ArithmeticError, match="no edge of chaos"):
        edge_of_chaos(RELU, 0.1)
    assert edge_of_chaos(actlab.define("x * sigmoid(x)")).sigma_w == 2.0


def test_a_point_at_the_edge_is_critical():
    edge = edge_of_chaos(TANH, 0.2)
    point = fixed_point(TANH, edge.sigma_w, edge.sigma_b)
    assert point.phase == "critical"
    assert point.q == pytest.approx(edge.q, rel=1e-9)
    assert point.xi_c == math.inf


def test_phases_and_depth_scales():
    ordered = fixed_point(TANH, 0.9, 0.0)
    assert (ordered.q, ordered.c, ordered.phase) == (0.0, 1.0, "ordered")
    # near 0 tanh is x, so that variance and correlation both shrink by 0.81
    assert ordered.xi_q == pytest.approx(-1 / math.log(0.81), rel=1e-9)
    chaotic = fixed_point(TANH, 2.0, 0.3)
    assert chaotic.phase == "chaotic"
    again = correlation_map(TANH, chaotic.c, chaotic.q, 2.0, 0.3)
    assert again == pytest.approx(chaotic.c, abs=1e-8)
    # ReLU: q* = sigma_b^2 / (1 - sigma_w^2 / 2), and everything shrinks by sigma_w^2 / 2
    relu = fixed_point(RELU, 1.0, 0.1)
    assert relu.q == pytest.approx(0.02, rel=1e-12)
    assert relu.xi_c == pytest.approx(1 / math.log(2), rel=1e-9)


def test_a_variance_that_does_not_settle_is_said():
    with pytest.raises(ArithmeticError, match="every variance"):
        fixed_point(RELU, math.sqrt(2))
    with pytest.raises(ArithmeticError, match="without bound"):
        fixed_point(RELU, 1.5)


def test_dead_units():
    assert dead_probability(RELU) == 0.5
    assert dead_probability(RELU, inputs=10) == pytest.approx(2.0**-10, rel=1e-12)
    assert dead_probability(RELU, inputs=10, correlation=1.0) == 0.5
    for c in (0.2, 0.9):
        orthant = 0.25 + math.asin(c) / (2 * math.pi)
        assert dead_probability(RELU, 2, c) == pytest.approx(orthant, rel=1e-9)
    band = dead_probability(actlab.define("clip(x, -1, 1)"), q=4.0)
    assert band == pytest.approx(math.erfc(0.5 / math.sqrt(2)), rel=1e-12)
    assert dead_probability(actlab.define("sigmoid(x)"), q=100.0) == 0
    with pytest.raises(ValueError, match="correlation"):
        dead_probability(RELU, 2, 1.5)


def test_forecast_of_known_networks():
    relu = forecast(RELU, 50)
    assert relu.verdict == "steady"
    assert np.allclose(relu.variance, 1, rtol=1e-12)
    assert abs(relu.rate) < 1e-12
    # sigma_w^2 = 1: variance and squared gradient are halved by each layer
    half = forecast(RELU, 11, sigma_w=1.0)
    assert half.variance[-1] == pytest.approx(2.0**-10, rel=1e-9)
    assert half.rate == pytest.approx(-math.log(2) / 2, rel=1e-9)
    assert half.verdict == "vanishing"
    assert forecast(TANH, 50).verdict == "exploding"
    assert forecast(actlab.define("sigmoid(x)"), 50).verdict == "vanishing"


def test_a_forecast_that_no_finite_network_keeps_says_so():
    square = forecast(actlab.define("x * x"), 50)
    assert square.variance[-1] == 1.0  # the fixed point repels, and is not left by a rounding
    assert square.sensitivity == pytest.approx(2.0**49, rel=1e-6)
    assert "stability" in dict(square.lines())
    assert "stability" not in dict(forecast(RELU, 50).lines())
    blown = forecast(actlab.define("x * x"), 50, variance=2.0)
    assert blown.variance[-1] == math.inf


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 0}, "one layer"),
        ({"variance": 0.0}, "positive"),
        ({"sigma_w": -1.0}, "0 or more"),
        ({"sigma_b": math.inf}, "0 or more"),
    ],
)
def test_a_forecast_refuses_what_makes_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        forecast(RELU, **options)


def test_only_functions_of_one_number_have_a_theory():
    with pytest.raises(TypeError, match="gated pair"):
        forecast(actlab.define("x * sigmoid(gate)"))
    with pytest.raises(TypeError, match="whole vectors"):
        moments(actlab.get("softmax"))


def test_the_theory_is_that_of_a_simulated_network():
    # width 4000, one layer: the second moment of 4000 tanh units scatters by about 1 %
    random = np.random.default_rng(3)
    z = random.standard_normal(4000) * 1.3
    assert np.mean(np.tanh(z) ** 2) == pytest.approx(moments(TANH, 1.69).second, rel=0.05)


def test_a_wrong_map_is_caught():
    wrong = actlab.define("max(x, 0) + 0.001 * x")
    found = correlation_map(wrong, 0.5, sigma_w=math.sqrt(2))
    assert found != pytest.approx(arccosine(0.5), abs=1e-6)
