"""Value and slope in one sweep: the numbers of the engine."""

from __future__ import annotations

import numpy as np
import pytest

import actlab
from actlab.compare import kernels
from actlab.compare.kernels import Kernel

# Of each way to compute: choices alone, shared exponentials, kinks, tails, a random slope.
NAMES = ("relu", "selu", "gelu", "mish", "rrelu", "tanh", "softplus")
TEXTS = ("x", "2", "x + pi / e", "where(x > 0, where(x > 1, 1, x), -x)", "sin(x) + 2 * x")


def grid(dtype):
    ends = [0.0, 1e-8, 20.0, 88.0, 700.0, 1e6]
    x = np.concatenate([np.linspace(-12, 12, 4001), ends, np.negative(ends)])
    return x.astype(dtype)


def run(activation, x, *, slope=True):
    value, derivative = np.full_like(x, 9.0), np.full_like(x, 9.0)
    for call in Kernel(activation, x.dtype).bind(x, value, derivative if slope else None):
        call()
    return value, derivative


def assert_numbers_of_the_engine(f, x):
    value, slope = run(f, x)
    exact = x.astype(np.float64)
    # float32 is computed in float64 and rounded once: the same float or its neighbour.
    close = {"rtol": 1.2e-7, "atol": 1.5e-45} if x.dtype == np.float32 else {"rtol": 1e-14}
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(value, f(exact).astype(x.dtype), **close)
        np.testing.assert_allclose(slope, f.derivative(exact).astype(x.dtype), **close)


@pytest.mark.parametrize("name", NAMES)
def test_numbers_of_the_engine(name):
    assert_numbers_of_the_engine(actlab.get(name), grid(np.float32))


def test_float64():
    assert_numbers_of_the_engine(actlab.get("mish"), grid(np.float64))


@pytest.mark.parametrize("text", TEXTS)
def test_any_formula(text):
    assert_numbers_of_the_engine(actlab.define(text, name="f"), grid(np.float32))


@pytest.mark.parametrize(("name", "apart"), [("golu", 0), ("mish", 1)])
def test_value_alone(name, apart):
    """Mish alone comes from float32 arithmetic within 1.14 ULP, beside its slope from float64."""
    f, x = actlab.get(name), grid(np.float32)
    before = x.copy()
    value, untouched = run(f, x, slope=False)
    together = run(f, x)[0]
    assert np.array_equal(value, f(x))
    assert np.abs(value.view(np.int32) - together.view(np.int32)).max() <= apart
    assert (untouched == 9).all()
    assert np.array_equal(x, before)


def test_nan_stays_nan():
    x = np.array([np.nan, 1.0], dtype=np.float32)
    for name in NAMES:
        value, slope = run(actlab.get(name), x)
        # The way back multiplies the slope with a gradient that is NaN as well.
        assert np.isnan(value).tolist() == [True, False], name
        assert not np.isnan(slope[1]), name


@pytest.mark.parametrize("size", [1, 7, 1025])
def test_any_size(size):
    """What is left over from a vector has the same bits."""
    f, x = actlab.get("mish"), np.linspace(-5, 5, 2000, dtype=np.float32)
    whole, part = run(f, x), run(f, x[:size].copy())
    for a, b in zip(whole, part, strict=True):
        assert np.array_equal(a[:size], b)


def test_without_a_compiler(monkeypatch):
    """The engine computes what can not be compiled."""
    f, x = actlab.get("golu"), grid(np.float32)
    compiled = run(f, x)
    monkeypatch.setattr(kernels, "address_of", lambda _: None)
    for mine, engines in zip(compiled, run(f, x), strict=True):
        np.testing.assert_allclose(mine, engines, rtol=2.5e-7, atol=1e-45)
