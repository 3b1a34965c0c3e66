"""The definition of error itself."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

import actlab
from actlab.accuracy import FORMATS, Exact, bound_for, error_in_ulp, measure, peer
from actlab.accuracy.points import dense, edges, intervals, range_of, sample


@pytest.mark.parametrize(
    ("computed", "exact", "dtype", "error"),
    [
        (1.0, mpmath.mpf(1), "float32", 0.0),
        (1.0, 1 + mpmath.mpf(2) ** -24, "float32", 0.5),
        (1.0, 1 - mpmath.mpf(2) ** -24, "float32", 1.0),  # the binade below is twice as fine
        (-1.0, mpmath.mpf(1), "float16", 2.0**11),
        (0.0, mpmath.mpf(2) ** -149, "float32", 1.0),
        (0.0, mpmath.mpf(2) ** -160, "float32", 2.0**-11),
        (5e-324, mpmath.mpf(2) ** -1075, "float64", 0.5),
        (math.inf, mpmath.mpf(10) ** 400, "float64", 0.0),
        (math.inf, mpmath.mpf(65519.99), "float16", 0.5),
        (65504.0, mpmath.mpf(65520), "float16", 0.5),
        (math.inf, mpmath.mpf(65520), "float16", 0.0),
        (math.inf, mpmath.mpf(30000), "float16", math.inf),
        (-math.inf, mpmath.mpf(10) ** 400, "float64", math.inf),
        (math.nan, mpmath.nan, "float64", 0.0),
        (1.0, mpmath.nan, "float64", math.inf),
        (math.nan, mpmath.mpf(1), "float64", math.inf),
        (math.inf, mpmath.inf, "bfloat16", 0.0),
        (-math.inf, mpmath.inf, "bfloat16", math.inf),
        (3.4e38, mpmath.inf, "float32", math.inf),
        (-0.0, mpmath.mpf(0), "float64", 0.0),
    ],
)
def test_error_in_ulp(computed, exact, dtype, error):
    if error == math.inf or (computed == math.inf and exact == mpmath.mpf(30000)):
        assert error_in_ulp(computed, exact, dtype) > 1000
    else:
        assert error_in_ulp(computed, exact, dtype) == pytest.approx(error, rel=1e-3)


def test_error_near_a_zero_counts_in_the_unit_given():
    exact = Exact.of_floats(np.array([1e-9]))
    (error,) = error_in_ulp(np.array([3e-9]), exact, "float32", least=np.array([1e-9]))
    assert error == pytest.approx(2.0)


def test_exact_values_keep_more_digits_than_float64():
    with mpmath.workdps(40):
        third = mpmath.mpf(1) / 3
    exact = Exact.of_numbers([third, -third])
    assert exact.low[0] != 0
    assert error_in_ulp(1 / 3, third, "float64") == pytest.approx(1 / 3)
    assert exact.floats().tolist() == [1 / 3, -1 / 3]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_formats_are_those_of_numpy(dtype):
    form, info = FORMATS[dtype], np.finfo(dtype)
    assert form.maximum == float(info.max)
    assert form.smallest == float(info.smallest_subnormal)
    x = np.array([1.0, 1.5, 3.0, 1e-5, -7.0]).astype(dtype)
    assert form.spacing(x).tolist() == np.abs(np.spacing(x)).astype(float).tolist()


def test_bfloat16_rounds_as_torch_does():
    import torch

    values = np.random.default_rng(0).normal(size=2000) * np.exp2(np.arange(2000) % 250 - 125.0)
    values = np.concatenate([values, [0.0, -0.0, np.inf, 3.4e38, 1e-41, 1.00390625, 1.01171875]])
    theirs = torch.tensor(values).float().bfloat16().double().numpy()
    np.testing.assert_array_equal(FORMATS["bfloat16"].round(values), theirs)


def test_edges_and_zeros_are_found():
    assert edges(actlab.get("relu6")) == (0.0, 6.0)
    assert 0.5 in [abs(e) for e in edges(actlab.get("hard_shrink"))]
    ((low, high),) = intervals(actlab.define("x*x*x - 8"))
    assert low < 2 < high
    assert intervals(actlab.define("(x - 3)**2"))  # touches zero, without a change of sign
    assert intervals(actlab.define("where(x > 1, x, -x)")) == ()  # a jump, and 0 itself
    assert intervals(actlab.get("relu")) == ()


def test_the_sample_holds_kinks_and_all_numbers_of_16_bits():
    f = actlab.get("relu6")
    points = set(sample(f, "float32").tolist())
    assert {0.0, 6.0, float(np.nextafter(np.float32(6), np.float32(7)))} <= points
    assert len(set(dense(f, "float16").tolist())) == 2 * (2**15 - 2**10) - 1
    assert len(dense(f, "float32")) > 100_000


def test_sample_and_measurement_are_repeatable():
    f = actlab.define("x * tanh(softplus(x))")
    first, second = (measure(f, "numpy", "float64", 1) for _ in range(2))
    assert first == second
    assert 0 < first.max_ulp < 64


def test_peers_are_measured_by_the_same_code():
    f = actlab.get("relu6")
    theirs = peer(f, "torch")
    assert theirs is not None
    assert measure(f, theirs, "float32").max_ulp == 0.0
    assert measure(f, theirs, "float32").engine.startswith("torch.nn")
    assert peer(f, "nobody") is None


def test_exact_gelu_of_torch_loses_its_tail():
    import torch

    def theirs(x, *, dtype):
        return torch.nn.functional.gelu(torch.from_numpy(x).float()).double().numpy()

    f = actlab.define("x * normcdf(x)")
    assert measure(f, theirs, "float32").max_ulp > 1e6
    assert measure(f, "numpy", "float32").max_ulp <= bound_for("gelu", "numpy", "float32", 0)


def test_functions_that_oscillate_are_measured_over_a_stated_range():
    assert range_of(actlab.get("tanh")) == math.inf
    assert range_of(actlab.define("x + cos(x)")) == 64.0
    slow, fast = actlab.define("sin(x)"), actlab.define("sin(40 * x)")
    assert range_of(slow) == 64.0
    assert range_of(fast) == 1.0
    assert np.abs(sample(fast, "float32")).max() <= 1.0
