"""Functions of vectors in float64: their digits beside thresholds and in long rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import actlab
from actlab.accuracy import error_in_ulp
from actlab.engines import cpu, numpy, numpy_long

LOSING = ["entmax", "entmax15", "gaussian_topk_relu", "sparsemax"]
"""Those that subtract a threshold from what lies just above it."""


def rows():
    random = np.random.default_rng(31)
    return random.normal(size=(12, 7)) * np.repeat([0.1, 1.0, 5.0], 4)[:, None]


@pytest.mark.parametrize("start", [0, math.inf], ids=["kernels", "none"])
@pytest.mark.parametrize("name", [*LOSING, "normalised_sigmoid", "sigmoid_attention", "sigsoftmax"])
def test_float64_keeps_its_digits(name, start):
    f = actlab.get(name)
    x = rows()
    exact = np.array([f.exact(row, digits=25) for row in x])
    with cpu.kernels_from(start):
        results = f(x), f(torch.from_numpy(x)).numpy()
    for found in results:
        assert error_in_ulp(found.ravel(), exact.ravel(), "float64").max() <= 4


@pytest.mark.parametrize("name", LOSING)
def test_plain_float64_would_lose_them(name):
    f = actlab.get(name)
    assert numpy._lost(f.rule.apply, tuple(f.parameters.items())) > 4


@pytest.mark.parametrize("name", LOSING)
def test_gradients_are_those_of_the_composed_operations(name, monkeypatch):
    f = actlab.get(name)

    def gradient():
        x = torch.from_numpy(rows()).requires_grad_()
        weights = torch.arange(x.numel(), dtype=x.dtype).reshape(x.shape)
        (f(x) * weights).sum().backward()
        return x.grad

    long = gradient()
    monkeypatch.setattr(numpy_long, "AVAILABLE", False)
    torch.testing.assert_close(gradient(), long, rtol=0, atol=0)


def test_without_a_long_double_results_are_those_of_float64(monkeypatch):
    f, x = actlab.get("sparsemax"), rows()
    long = f(x)
    monkeypatch.setattr(numpy_long, "AVAILABLE", False)
    plain = f(x)
    assert not np.array_equal(plain, long)
    np.testing.assert_allclose(plain, long, rtol=0, atol=1e-14)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("log", [False, True], ids=["softmax", "log"])
def test_sums_of_long_rows_lose_nothing(axis, log):
    """Where sums in float64 alone were off by 40 units."""
    x = np.random.default_rng(32).normal(size=(2000, 2000))[:, :40]
    x = x if axis == 0 else np.ascontiguousarray(x.T)
    top = x.max(axis, keepdims=True)
    shifted = x.astype(np.longdouble) - top
    powers = np.exp(shifted)
    total = powers.sum(axis, keepdims=True)
    exact = shifted - np.log(total) if log else powers / total
    found = (actlab.log_softmax if log else actlab.softmax)(x, axis=axis)
    errors = np.abs(found - exact) / np.spacing(np.abs(exact.astype(float)))
    assert errors.max() <= 2


@pytest.mark.parametrize("name", ["sigsoftmax", "normalised_sigmoid", "sigmoid_attention"])
def test_slopes_at_zero_and_values_far_out(name):
    f = actlab.get(name)
    x = torch.zeros(1, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(f, x)
    far = np.array([[-800.0, -700.0, 0.0, 800.0], [-800.0, -801.0, -900.0, -799.5]])
    assert np.isfinite(f(far)).all()
    assert np.isnan(f(np.array([1.0, math.nan]))).any()
