"""The guard mends what floating point breaks at the ends, and leaves the rest alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import actlab
from actlab.engines.guard import guard
from actlab.formula import differentiate, parse


@pytest.mark.parametrize(
    "text", ["maximum(x, 0)", "tanh(x)", "sigmoid(x)", "x + 1", "softplus(x)", "x / (1 + abs(x))"]
)
def test_what_is_not_broken_is_not_touched(text):
    expression = parse(text)
    if "/" in text:
        assert guard(expression, (), "float64") != expression  # inf/inf
    else:
        assert guard(expression, (), "float64") == expression


@pytest.mark.parametrize(
    ("text", "order", "low", "high"),
    [
        ("x * sigmoid(x)", 0, 0.0, math.inf),
        ("x * sigmoid(x)", 2, 0.0, 0.0),
        ("x * tanh(exp(x))", 0, 0.0, math.inf),
        ("x * tanh(exp(x))", 1, 0.0, 1.0),
        ("x * tanh(softplus(x))", 1, 0.0, 1.0),
        ("exp(-x * x)", 2, 0.0, 0.0),
        ("x / (1 + abs(x))", 0, -1.0, 1.0),
        ("x / sqrt(1 + x * x)", 0, -1.0, 1.0),
        ("x * normcdf(x)", 1, 0.0, 1.0),
        ("x * exp(-abs(x))", 0, 0.0, 0.0),
        ("where(x > 0, x, exp(x) * x)", 0, 0.0, math.inf),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_limits(text, order, low, high, dtype):
    import torch

    f = actlab.define(text)
    ends = np.array([-math.inf, math.inf], dtype)
    big = np.array([-np.finfo(dtype).max, np.finfo(dtype).max], dtype)
    assert f.derivative(ends, order=order).tolist() == [low, high]
    assert f.derivative(torch.from_numpy(ends), order=order).tolist() == [low, high]
    assert not np.isnan(f.derivative(big, order=order)).any()
    assert not torch.isnan(f.derivative(torch.from_numpy(big), order=order)).any()


def test_nan_is_not_swallowed():
    for text in ("where(x > 0, 1, 0)", "maximum(x, 0)", "where(x > 0, x, 0.0)", "sign(x)"):
        assert math.isnan(actlab.define(text)(math.nan)), text
    pair = actlab.define("where(gate > 0, x, 0)")
    assert math.isnan(pair(1.0, math.nan))
    assert math.isnan(pair(math.nan, -1.0))
    assert pair(1.0, -1.0) == 0.0


def test_an_infinity_that_is_right_stays():
    assert actlab.define("x * x")(np.array([math.inf, -math.inf])).tolist() == [math.inf] * 2
    assert actlab.define("x * exp(x)")(1e4) == math.inf
    assert math.isnan(actlab.define("sin(x)")(math.inf))


POINTS = np.array([-800.0, -40.0, -3.0, -0.5, 0.0, 0.25, 2.0, 35.0, 900.0])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["x", "exp(x)", "exp(-x)", "tanh(x)", "sigmoid(x)", "softplus(x)", "cosh(x)", "sech(x)",
             "x * x", "arctan(x)", "normcdf(x)", "exp(-x * x)"]
        ),
        min_size=2,
        max_size=4,
    ),
    st.integers(0, 2),
)  # fmt: skip
def test_guarded_values_equal_plain_ones_wherever_these_are_numbers(factors, order):
    from actlab.engines.numpy import _compiled

    expression = differentiate(parse(" * ".join(factors)), "x", order)
    guarded = guard(expression, (), "float64")
    with np.errstate(all="ignore"):
        plain = np.broadcast_to(_compiled(expression, ("x",))(POINTS), POINTS.shape)
        mended = np.broadcast_to(_compiled(guarded, ("x",))(POINTS), POINTS.shape)
    fine = ~np.isnan(plain)
    np.testing.assert_array_equal(mended[fine], plain[fine])
