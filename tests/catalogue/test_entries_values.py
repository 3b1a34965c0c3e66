"""Values against PyTorch, and against the papers' forms written here a second time."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

import actlab

NUMBERS = np.concatenate([np.linspace(-6, 6, 241), [-8.5, 7.25, 11.0]])

MODULES = {
    "identity": nn.Identity(), "relu": nn.ReLU(), "leaky_relu": nn.LeakyReLU(),
    "prelu": nn.PReLU(dtype=torch.float64), "rrelu": nn.RReLU().eval(), "relu6": nn.ReLU6(),
    "elu": nn.ELU(), "selu": nn.SELU(), "celu": nn.CELU(), "silu": nn.SiLU(), "gelu": nn.GELU(),
    "gelu_tanh": nn.GELU(approximate="tanh"), "mish": nn.Mish(), "sigmoid": nn.Sigmoid(),
    "hard_sigmoid": nn.Hardsigmoid(), "tanh": nn.Tanh(), "hard_tanh": nn.Hardtanh(),
    "softplus": nn.Softplus(threshold=1e9), "softsign": nn.Softsign(),
    "log_sigmoid": nn.LogSigmoid(), "hard_swish": nn.Hardswish(), "hard_shrink": nn.Hardshrink(),
    "soft_shrink": nn.Softshrink(), "tanh_shrink": nn.Tanhshrink(),
}  # fmt: skip
CONFIGURED = [
    ("leaky_relu", {"negative_slope": 0.2}, nn.LeakyReLU(0.2)),
    ("elu", {"alpha": 0.7}, nn.ELU(0.7)),
    ("celu", {"alpha": 0.7}, nn.CELU(0.7)),
    ("hard_tanh", {"min_val": -2.0, "max_val": 0.5}, nn.Hardtanh(-2.0, 0.5)),
    ("softplus", {"beta": 3.0}, nn.Softplus(3.0, threshold=1e9)),
    ("hard_shrink", {"lambd": 1.5}, nn.Hardshrink(1.5)),
    ("soft_shrink", {"lambd": 1.5}, nn.Softshrink(1.5)),
    ("threshold", {"threshold": 0.1, "value": 20.0}, nn.Threshold(0.1, 20.0)),
    ("rrelu", {"lower": 0.25, "upper": 0.75}, nn.RReLU(0.25, 0.75).eval()),
]
KINKS = {
    "relu": [0], "leaky_relu": [0], "prelu": [0], "relu6": [0, 6], "elu": [0], "selu": [0],
    "celu": [0], "hard_sigmoid": [-3, 3], "hard_tanh": [-1, 1], "hard_swish": [-3, 3],
    "hard_shrink": [-0.5, 0.5], "soft_shrink": [-0.5, 0.5], "softsign": [0],
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_values_are_those_of_torch(name):
    f, module = actlab.get(name), MODULES[name]
    expected = module(torch.tensor(NUMBERS)).detach().numpy()
    # PyTorch computes (1 + erf) and x - tanh(x); what they cancel to is its error, not ours
    cancels = {"gelu": 1e-15, "gelu_tanh": 1e-15, "tanh_shrink": 1e-15, "mish": 1e-15}
    np.testing.assert_allclose(f(NUMBERS), expected, rtol=1e-12, atol=cancels.get(name, 0))


@pytest.mark.parametrize(("name", "parameters", "module"), CONFIGURED)
def test_parameters_mean_what_torch_means(name, parameters, module):
    f = actlab.get(name, **parameters)
    expected = module(torch.tensor(NUMBERS)).detach().numpy()
    np.testing.assert_allclose(f(NUMBERS), expected, rtol=1e-12)


@pytest.mark.parametrize("name", KINKS)
def test_slopes_at_kinks_are_those_of_torch(name):
    x = torch.tensor(KINKS[name], dtype=torch.float64, requires_grad=True)
    MODULES[name](x).sum().backward()
    np.testing.assert_allclose(actlab.get(name).derivative(x.detach().numpy()), x.grad, rtol=1e-15)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin"])
def test_vector_functions_are_those_of_torch(name):
    x = np.random.default_rng(1).normal(0, 3, (4, 7))
    for axis in (0, 1, -1):
        expected = getattr(torch.nn.functional, name)(torch.tensor(x), dim=axis).numpy()
        np.testing.assert_allclose(actlab.get(name)(x, axis=axis), expected, rtol=1e-13)


def test_logarithm_of_a_probability_near_one_keeps_its_digits():
    f = actlab.get("log_softmax")
    assert f([100.0, 0.0])[0] == pytest.approx(-math.exp(-100), rel=1e-14)
    assert list(f([2.0, 2.0])) == pytest.approx([-math.log(2)] * 2, rel=1e-15)


def _sig(x):
    return 1 / (1 + math.exp(-x))


def _phi(x):
    return (1 + math.erf(x / math.sqrt(2))) / 2


def _sp(x):
    return math.log(1 + math.exp(x))


def _sinc(x):
    return math.sin(x) / x


def _clip(x, low, high):
    return max(low, min(x, high))


def _rational(version, x):
    numbers = actlab.get(f"rational_{version}").parameters
    top, bottom = (
        sum(value * x ** int(name[1:]) for name, value in numbers.items() if name[0] == letter)
        for letter in "ab"
    )
    return top / {
        "b": 1 + abs(bottom), "c": 0.1 + abs(bottom), "n": 1 + bottom, "relu": bottom,
    }[version]  # fmt: skip


PAPERS = {
    "hard_sigmoid_onnx": lambda x: _clip(0.2 * x + 0.5, 0, 1),
    "sparse_sigmoid": lambda x: _clip((x + 1) / 2, 0, 1),
    "lecun_tanh": lambda x: 1.7159 * math.tanh(2 * x / 3),
    "soft_cap": lambda x: 30 * math.tanh(x / 30),
    "elliott": lambda x: x / (2 * (1 + abs(x))) + 0.5,
    "scaled_softsign": lambda x: x / (1 + abs(x)),
    "gudermannian": lambda x: 2 * math.atan(math.exp(x)) - math.pi / 2,
    "sqnl": lambda x: math.copysign(1 if abs(x) > 2 else abs(x) - x * x / 4, x),
    "rectified_tanh": lambda x: max(0, math.tanh(x)),
    "gompertz": lambda x: math.exp(-math.exp(-x)),
    "laplace_mega": lambda x: 0.5 * (1 + math.erf((x - 0.707107) / (0.282095 * math.sqrt(2)))),
    "heaviside": lambda x: 1 if x > 0 else 0,
    "sign": lambda x: math.copysign(1, x),
    "isru": lambda x: x / math.sqrt(1 + x * x),
    "penalized_tanh": lambda x: math.tanh(x) * (1 if x > 0 else 0.25),
    "gaussian": lambda x: math.exp(-x * x),
    "clipped_relu": lambda x: min(max(x, 0), 20),
    "shifted_relu": lambda x: max(x, -1),
    "squared_relu": lambda x: max(x, 0) ** 2,
    "star_relu": lambda x: max(x, 0) ** 2 / math.sqrt(1.25) - 0.5 / math.sqrt(1.25),
    "repu": lambda x: max(x, 0) ** 3,
    "thresholded_relu": lambda x: x if x > 1 else 0,
    "nlrelu": lambda x: math.log(max(0, x) + 1),
    "slu": lambda x: x if x >= 0 else 2 * math.log((math.exp(x) + 1) / 2),
    "isrlu": lambda x: x if x >= 0 else x / math.sqrt(1 + x * x),
    "elish": lambda x: (x if x >= 0 else math.exp(x) - 1) * _sig(x),
    "hard_elish": lambda x: (x if x >= 0 else math.exp(x) - 1) * _clip((x + 1) / 2, 0, 1),
    "soft_exponential": lambda x: x,
    "flatten_t_swish": lambda x: max(x, 0) * _sig(x) - 0.2,
    "pflu": lambda x: x * 0.5 * (1 + x / math.sqrt(1 + x * x)),
    "fpflu": lambda x: x if x >= 0 else x + x * x / math.sqrt(1 + x * x),
    "bent_identity": lambda x: (math.sqrt(x * x + 1) - 1) / 2 + x,
    "xielu": lambda x: (
        0.8 * x * x + 0.5 * x if x > 0 else 0.8 * (math.exp(x) - 1) - 0.8 * x + 0.5 * x
    ),
    "swish": lambda x: x * _sig(x),
    "e_swish": lambda x: 1.75 * x * _sig(x),
    "dsilu": lambda x: _sig(x) * (1 + x * (1 - _sig(x))),
    "quick_gelu": lambda x: x * _sig(1.702 * x),
    "clipped_gelu": lambda x: _clip(x * _phi(x), -10, 10),
    "sgelu": lambda x: x * math.erf(x / math.sqrt(2)),
    "beta_mish": lambda x: x * math.tanh(1.5 * _sp(x)),
    "mila": lambda x: x * math.tanh(_sp(x - 0.25)),
    "hard_mish": lambda x: x / 2 * _clip(x + 2, 0, 2),
    "telu": lambda x: x * math.tanh(math.exp(x)),
    "serf": lambda x: x * math.erf(_sp(x)),
    "lisht": lambda x: x * math.tanh(x),
    "logish": lambda x: x * math.log(1 + _sig(x)),
    "smish": lambda x: x * math.tanh(math.log(1 + _sig(x))),
    "phish": lambda x: x * math.tanh(x * _phi(x)),
    "gish": lambda x: x * math.log(2 - math.exp(-math.exp(x))),
    "golu": lambda x: x * math.exp(-math.exp(-x)),
    "loglogish": lambda x: x * (1 - math.exp(-math.exp(x))),
    "colu": lambda x: x / (1 - x * math.exp(-(x + math.exp(x)))),
    "sinsig": lambda x: x * math.sin(math.pi / 2 * _sig(x)),
    "calu": lambda x: x * (math.atan(x) / math.pi + 0.5),
    "lalu": lambda x: x * (1 - 0.5 * math.exp(-x) if x >= 0 else 0.5 * math.exp(x)),
    "xatlu": lambda x: x * (math.atan(x) / math.pi + 0.5),
    "xgelu": lambda x: x * _phi(x),
    "xsilu": lambda x: x * _sig(x),
    "swat": lambda x: x * _sig(math.atan(x)),
    "suish": lambda x: max(x, x * math.exp(-abs(x))),
    "double_silu": lambda x: x * _sig(x * _sig(x)),
    "eanaf": lambda x: x * math.exp(x) / (math.exp(x) + 2),
    "b_silu": lambda x: (x + 1.67) * _sig(x) - 1.67 / 2,
    "squareplus": lambda x: (x + math.sqrt(x * x + 4)) / 2,
    "sparse_plus": lambda x: 0 if x <= -1 else x if x >= 1 else (x + 1) ** 2 / 4,
    "smelu": lambda x: 0 if x <= -2 else x if x >= 2 else (x + 2) ** 2 / 8,
    "smu": lambda x: (1.25 * x + 0.75 * x * math.erf(1e6 * 0.75 * x)) / 2,
    "smu1": lambda x: (1.25 * x + math.sqrt((0.75 * x) ** 2 + 4.352665993287951e-9**2)) / 2,
    "sqrt_softplus": lambda x: math.sqrt(_sp(x)),
    "log_cosh": lambda x: math.log(math.cosh(x)),
    "siren": lambda x: math.sin(30 * x),
    "snake": lambda x: x + math.sin(x) ** 2,
    "snake_beta": lambda x: x + math.sin(x) ** 2,
    "gcu": lambda x: x * math.cos(x),
    "asu": lambda x: x * math.sin(x),
    "ncu": lambda x: x - x**3,
    "ssu": lambda x: math.pi * _sinc(x - math.pi),
    "dsu": lambda x: math.pi / 2 * (_sinc(x - math.pi) - _sinc(x + math.pi)),
    "sinc": _sinc,
    "cosid": lambda x: math.cos(x) - x,
    "minsin": lambda x: min(x, math.sin(x)),
    "sinlu": lambda x: (x + math.sin(x)) * _sig(x),
    "coslu": lambda x: (x + math.cos(x)) * _sig(x),
    "vlu": lambda x: max(x, 0) + math.sin(x),
    "sine_relu": lambda x: x if x > 0 else 0.0025 * (math.sin(x) - math.cos(x)),
    "hosc": lambda x: math.tanh(math.sin(x)),
    "finer": lambda x: math.sin(30 * (abs(x) + 1) * x),
    "pelu": lambda x: x if x >= 0 else math.exp(x) - 1,
    "mpelu": lambda x: x if x >= 0 else math.exp(x) - 1,
    "s_shaped_relu": lambda x: x if x > 0 else 0.2 * x,
    "dual_parametric_relu": lambda x: x if x > 0 else 0.01 * x,
    "acon_b": lambda x: 0.75 * x * _sig(0.75 * x) + 0.25 * x,
    "polyrelu": lambda x: (max(x, 0) + max(x, 0) ** 2 + max(x, 0) ** 3) / 3,
    "dyt": lambda x: math.tanh(0.5 * x),
    "derf": lambda x: math.erf(0.5 * x),
    **{f"rational_{version}": partial(_rational, version) for version in ("b", "c", "n", "relu")},
}
PAIRS = {
    "glu": lambda x, g: x * _sig(g),
    "reglu": lambda x, g: x * max(g, 0),
    "geglu": lambda x, g: x * g * _phi(g),
    "swiglu": lambda x, g: x * g * _sig(g),
    "bilinear": lambda x, g: x * g,
    "gtu": lambda x, g: math.tanh(x) * _sig(g),
    "seglu": lambda x, g: (
        x * 1.0507009873554805 * (g if g > 0 else 1.6732632423543772 * (math.exp(g) - 1))
    ),
    "relu2glu": lambda x, g: x * max(g, 0) ** 2,
    "geglu_tanh": lambda x, g: (
        x * g / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (g + 0.044715 * g**3)))
    ),
    "xatglu": lambda x, g: x * g * (math.atan(g) / math.pi + 0.5),
    "swiglu_oai": lambda x, g: (
        (_clip(x, -7, 7) + 1) * min(g, 7) * _sig(1.702 * min(g, 7))
    ),
    "swiglu_clamped": lambda x, g: _clip(x, -10, 10) * min(g, 10) * _sig(min(g, 10)),
    "situ_glu": lambda x, g: (
        4 * math.tanh(g / 4) * _sig(g) * 25 * math.tanh(x / 25)
    ),
}  # fmt: skip
PLACES = (-11.5, -3.7, -2.3, -1.1, -0.6, -0.2, 0.3, 0.8, 1.2, 2.6, 4.1, 12.25)


@pytest.mark.parametrize("name", PAPERS)
def test_value_is_that_of_the_paper(name):
    f, paper = actlab.get(name), PAPERS[name]
    # the papers' forms cancel in float64; what is compared is the function, not the last digit
    np.testing.assert_allclose(
        f(np.array(PLACES)), [paper(x) for x in PLACES], rtol=1e-9, atol=3e-15
    )


@pytest.mark.parametrize("name", PAIRS)
def test_pair_is_that_of_the_paper(name):
    f, paper = actlab.get(name), PAIRS[name]
    pairs = [(x, g) for x in PLACES for g in PLACES]
    x, gate = np.array(pairs).T
    expected = [paper(*pair) for pair in pairs]
    np.testing.assert_allclose(f(x, gate), expected, rtol=1e-9, atol=3e-14)


def test_every_scalar_function_is_held_against_something():
    elementary = {"exponential", "abs", "erf", "arctan", "sin"}
    same = {"acon_c", "flexible_relu", "shilu", "shrink", "threshold", "pau"}  # compared elsewhere
    listed = {*MODULES, *PAPERS, *PAIRS, *elementary, *same}
    listed |= {*actlab.names("surrogates"), *actlab.names("stochastic")}  # in their own tests
    listed |= {n for n in actlab.names() if actlab.get(n).kind in {"vector", "complex", "layer"}}
    assert set(actlab.names()) - listed == set()


def test_functions_with_a_form_for_each_number():
    x = np.array(PLACES)
    np.testing.assert_array_equal(actlab.get("flexible_relu", b=-0.5)(x), np.maximum(x, 0) - 0.5)
    np.testing.assert_array_equal(
        actlab.get("shilu", alpha=2.0, beta=-0.5)(x), 2 * np.maximum(x, 0) - 0.5
    )
    for alpha in (-0.25, 0.5):
        f = actlab.get("soft_exponential", alpha=alpha)
        inside = x[1 - alpha * (x + alpha) > 0]
        expected = (
            -np.log(1 - alpha * (inside + alpha)) / alpha
            if alpha < 0
            else (np.exp(alpha * inside) - 1) / alpha + alpha
        )
        np.testing.assert_allclose(f(inside), expected, rtol=1e-12)


def test_rational_starts_as_a_leaky_relu():
    x = np.linspace(-3, 3, 61)
    for name in ("pau", "rational_b", "rational_c", "rational_n"):
        worst = np.max(np.abs(actlab.get(name)(x) - actlab.get("leaky_relu")(x)))
        assert worst < 0.04, "the authors' coefficients are closer than that on [-3, 3]"
    x = np.linspace(-1, 1, 61)
    worst = np.max(np.abs(actlab.get("rational_relu")(x) - actlab.get("relu")(x)))
    assert worst < 0.03, "as its paper says of the degrees 3 and 2"
