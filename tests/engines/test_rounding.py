"""The bound on float32 arithmetic: what it admits, and that it is above every error there is."""

from __future__ import annotations

import math

import numpy as np
import pytest

import actlab
from actlab.engines import cpu
from actlab.engines.cpu.rounding import ENOUGH, error_in_float32
from actlab.engines.numpy_operations import evaluate_steps
from actlab.formula import parse


def bound(text, enough=ENOUGH):
    return error_in_float32(parse(text), enough)


def measured(text, values):
    """The largest error of NumPy's float32 steps, against float64, whose errors don't count."""
    x = np.asarray(values, np.float32)
    expression = parse(text)
    made = evaluate_steps(expression, {"x": x}, {}, "float32")[expression].astype(np.float64)
    exact = evaluate_steps(expression, {"x": x.astype(np.float64)}, {}, "float64")[expression]
    with np.errstate(over="ignore"):
        infinite = np.isinf(exact.astype(np.float32))
    assert np.array_equal(np.isinf(made), infinite)
    unit = np.ldexp(1.0, np.maximum(np.frexp(exact)[1] - 24, -149))
    return float(np.max(np.abs(made - exact)[~infinite] / unit[~infinite]))


ADMITTED = {
    "x": 0.0,
    "maximum(x, 0)": 0.0,
    "0.5 * x": 0.5,  # a subnormal number
    "2 * x": 0.0,
    "x + 3": 1.0,
    "x * x": 1.0,  # 0.5, but a cell is as bad as its worse end
    "x / 3": 1.0,
    "1 / (1 + abs(x))": 1.6,
    "(x + 3) / 6": 1.7,
    "0.01 * x": 1.4,
    "sqrt(abs(x))": 1.0,
    "where(x < 0, sign(x), 1)": 0.0,
    "where(abs(x) <= 0.5, 0, x - sign(x) * 0.5)": 0.5,
}


@pytest.mark.parametrize("text", ADMITTED)
def test_bound_is_above_every_error_and_not_far(text):
    patterns = np.arange(0, 2**32, 9973, dtype=np.uint64).astype(np.uint32)
    values = patterns.view(np.float32)
    values = np.concatenate([values[np.isfinite(values)], np.linspace(-8, 8, 100_003)])
    found = bound(text)
    assert measured(text, values) <= found <= ADMITTED[text]


@pytest.mark.parametrize(
    "text",
    [
        "0.1 * (0.3 * x)",  # three roundings of constants and products
        "x + 1 - x",  # the difference keeps what the sum has lost
        "x * x * x",  # overflows before the result, and underflows
        "1 / (1 + x * x)",  # x*x overflows where the result is no zero yet
        "x * x / x",
        "sqrt(x * x)",  # 0 where x*x underflows
        "where(x + 0.000000001 > 1, x, -x)",  # float32 decides otherwise at 1
        "(x + 3) * x / 6",
        "exp(x)",
    ],
)
def test_what_is_not_good_enough(text):
    assert bound(text) == math.inf


def test_numbers_next_to_a_kink_are_decided_one_by_one():
    assert bound("where(x < 0.7, 0, 1)") == math.inf  # the float32 nearest to 0.7 is smaller
    assert bound("where(x < 0.1, 0, 1)") == 0.0  # and that nearest to 0.1 is larger
    assert bound("where(x * x < 1, x, 1)") == 0.0  # x*x rounds to 1 for no smaller x


@pytest.mark.parametrize("name", ["softsign", "hard_sigmoid", "squared_relu", "sqnl", "smelu"])
def test_kernel_in_float32_is_within_its_bound(name):
    f = actlab.get(name)
    x = np.concatenate([np.linspace(-7, 7, 200_001), 10.0 ** np.linspace(-44, 38.5, 50_000)])
    x = x.astype(np.float32)
    assert cpu.Spec((f.bound,), ("x",), "float32").arithmetic == "plain"
    with np.errstate(over="ignore"), cpu.kernels_from(0):
        made = f(x).astype(np.float64)
        exact = f(x.astype(np.float64))
        finite = np.isfinite(exact.astype(np.float32))
    unit = np.ldexp(1.0, np.maximum(np.frexp(exact)[1] - 24, -149))
    errors = np.abs(made - exact)[finite] / unit[finite]
    assert errors.max() <= bound(str(f.bound))
    assert np.isinf(made[~finite]).all()
