"""Forward unlike backward: both formulas, and that every gradient is the stated one."""

from __future__ import annotations

import math
import pickle

import mpmath
import numpy as np
import pytest
import torch

import actlab
from actlab.accuracy import bound_for, error_in_ulp

NAMES = actlab.names("surrogates")
X = np.array([-7.3, -2.1, -1.0, -0.6, -0.3, -0.02, 0.0, 0.04, 0.35, 0.5, 0.8, 1.0, 1.9, 6.4])


def sig(x):
    return 1 / (1 + np.exp(-x))


def normal(x, width):
    return np.exp(-(x**2) / (2 * width**2)) / (width * math.sqrt(2 * math.pi))


def bsilu(x):
    return sig(x) + (x + 1.67) * sig(x) * (1 - sig(x))


def relu(x):
    return np.maximum(x, 0)


def step(x):
    return 1.0 * (x >= 0)


def sign(x):
    return np.where(x >= 0, 1.0, -1.0)


WRITTEN_AGAIN = {
    "ste_sign": (sign, lambda x: 1.0 * (np.abs(x) <= 1)),
    "approx_sign": (sign, lambda x: np.where(np.abs(x) <= 1, 2 - 2 * np.abs(x), 0)),
    "swish_sign": (
        sign,
        lambda x: 5 * (2 - 5 * x * np.tanh(2.5 * x)) / (1 + np.cosh(5 * x)),
    ),
    "ste_heaviside": (step, lambda x: 1.0 * (np.abs(x) <= 1)),
    "straight_through_step": (step, np.ones_like),
    "atan_spike": (step, lambda x: 1 / (1 + (math.pi * x) ** 2)),
    "fast_sigmoid_spike": (step, lambda x: 1 / (1 + 25 * np.abs(x)) ** 2),
    "soft_sign_spike": (step, lambda x: 1 / (2 * 2 * (1 / 2 + np.abs(x)) ** 2)),
    "sigmoid_spike": (step, lambda x: 4 * sig(4 * x) * (1 - sig(4 * x))),
    "gaussian_spike": (step, lambda x: normal(x, 1 / (2 * math.sqrt(2)))),
    "rectangular_spike": (step, lambda x: 1.0 * (np.abs(x) < 0.5)),
    "triangular_spike": (step, lambda x: relu(1 - np.abs(x))),
    "dampened_triangular_spike": (step, lambda x: 0.3 * relu(1 - np.abs(x))),
    "exponential_spike": (step, lambda x: np.exp(-np.abs(x)) / 2),
    "piecewise_leaky_spike": (step, lambda x: np.where(np.abs(x) < 1, 0.5, 0.01)),
    "leaky_spike": (step, lambda x: np.where(x > 0, 1, 0.1)),
    "multi_gaussian_spike": (
        step,
        lambda x: (
            0.5
            * (1.15 * normal(x, 0.5) - 0.15 * normal(x - 0.5, 3.0) - 0.15 * normal(x + 0.5, 3.0))
        ),
    ),
    "sugar_relu": (relu, bsilu),
    "helu": (relu, lambda x: 1.0 * (x > -0.05)),
}
AREAS = {  # of the gradient: what the step would be if it were smooth
    "approx_sign": 2, "atan_spike": 1, "soft_sign_spike": 1, "sigmoid_spike": 1,
    "gaussian_spike": 1, "rectangular_spike": 1, "triangular_spike": 1, "exponential_spike": 1,
    "swish_sign": 2,
}  # fmt: skip


def test_all_are_written_again():
    assert set(WRITTEN_AGAIN) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_both_formulas_are_those_of_the_papers(name):
    f, (forward, backward) = actlab.get(name), WRITTEN_AGAIN[name]
    np.testing.assert_array_equal(f(X), forward(X))
    np.testing.assert_allclose(f.derivative(X), backward(X), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_both_formulas_are_exact_to_fifty_digits(name):
    f = actlab.get(name)
    for x in map(float, X):
        for order in (0, 1):
            few, many = (f.exact(x, order=order, digits=digits) for digits in (50, 70))
            with mpmath.workdps(70):
                assert abs(few - many) <= abs(many) * mpmath.mpf(10) ** -49
            error = error_in_ulp(f.derivative(x, order=order), many, "float64")
            assert error <= max(1, bound_for(name, "numpy", "float64", order))


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_the_stated_ones(name):
    f = actlab.get(name)
    x = torch.tensor(X, requires_grad=True)
    upstream = torch.linspace(-1, 2, len(X), dtype=torch.float64)
    f(x).backward(upstream)
    expected = upstream.numpy() * f.derivative(X)
    np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-15, atol=0)
    layer = f.module()
    y = torch.tensor(X, requires_grad=True)
    layer(y).backward(upstream)
    assert torch.equal(x.grad, y.grad)


@pytest.mark.parametrize("name", AREAS)
def test_the_gradient_adds_up_to_the_jump(name):
    f = actlab.get(name)
    places = [-math.inf, -20, -2, -1, -0.5, 0, 0.5, 1, 2, 20, math.inf]
    with mpmath.workdps(20):
        area = mpmath.quad(lambda x: f.exact(x, order=1, digits=20), places)
    assert float(area) == pytest.approx(AREAS[name], rel=1e-8)


def test_what_the_gradients_are_derivatives_of():
    x = np.linspace(-3, 3, 25)
    np.testing.assert_allclose(
        actlab.get("sugar_relu").derivative(x), actlab.get("b_silu").derivative(x), rtol=1e-13
    )
    smooth = actlab.define("2 * sigmoid(5 * x) * (1 + 5 * x * sigmoid(-5 * x)) - 1")
    np.testing.assert_allclose(
        actlab.get("swish_sign").derivative(x), smooth.derivative(x), rtol=1e-9, atol=1e-14
    )
    atan = actlab.define("arctan(pi * x) / pi + 0.5")
    np.testing.assert_allclose(
        actlab.get("atan_spike").derivative(x), atan.derivative(x), rtol=1e-14
    )


def test_a_backward_formula_is_part_of_what_a_function_is():
    helu, relu_, sugar = (actlab.get(n) for n in ("helu", "relu", "sugar_relu"))
    assert len({helu, relu_, sugar}) == 3
    again = pickle.loads(pickle.dumps(helu))  # noqa: S301
    assert again == helu
    assert again.derivative(-0.01) == 1
    assert helu.latex() == relu_.latex()
    assert helu.latex(1) != relu_.latex(1)
    with pytest.raises(actlab.FormulaError, match="sugar_relu"):
        actlab.define("x * sugar_relu(x)")  # a formula would lose the gradient


def test_parameters_of_the_gradient_reach_it():
    f = actlab.get("atan_spike", alpha=5.0)
    assert f.derivative(0.0) == 2.5
    assert f.derivative(0.0, alpha=8.0) == 4.0
    x = torch.zeros(1, requires_grad=True)
    f(x, alpha=torch.tensor(3.0)).backward()
    assert x.grad.item() == 1.5
