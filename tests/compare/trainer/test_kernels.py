"""Value and slope in one sweep: the numbers of the engine, for every catalogued function."""

from __future__ import annotations

import pytest
import torch

import actlab
from actlab.compare import kernels
from actlab.compare.kernels import Kernel

SCALAR = [name for name in actlab.names() if actlab.get(name).kind == "scalar"]
# The kernel writes sech, normcdf and others in other steps than the engine: a few roundings
# apart, of which a difference of nearly equal terms makes some thousands. A wrong formula shows
# in the first digits.
CLOSE = {"rtol": 1e-12, "atol": 1e-290}


def grid():
    ends = [0.0, -0.0, 1e-8, -1e-8, 20.0, -20.0, 88.0, -88.0, 700.0, -700.0, 1e6, -1e6]
    return torch.cat(
        [
            torch.linspace(-12, 12, 4001, dtype=torch.float64),
            torch.tensor(ends, dtype=torch.float64),
        ]
    )


def run(activation, x, *, slope=True):
    value, derivative = torch.full_like(x, 9.0), torch.full_like(x, 9.0)
    kernel = Kernel(activation, x.dtype)
    for call in kernel.bind(x, value, derivative if slope else None):
        call()
    return value, derivative


@pytest.mark.parametrize("name", SCALAR)
def test_numbers_of_the_engine(name):
    f, x = actlab.get(name), grid()
    value, slope = run(f, x)
    torch.testing.assert_close(value, f(x), **CLOSE)
    torch.testing.assert_close(slope, f.derivative(x), **CLOSE)
    alone, untouched = run(f, x, slope=False)
    assert torch.equal(alone, value)
    assert (untouched == 9).all()


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "2",
        "x + pi / e",
        "where(x > 1, 3, 0.5)",
        "where(2 > 1, x, 0.5)",
        "where(x > 0, where(x > 1, 1, x), -x)",
        "clip(x, -1, 2) ** 3",
        "(1 + x * x) ** -2",
        "(1 + x * x) ** 0.25",
        "where(x <= 0, exp(x), 1)",
        "sech(x) * normpdf(x)",
        "log_sigmoid(x) + softplus(x)",
        "sin(x) + x * cos(x)",
        "maximum(minimum(x, 2), abs(x) - 3)",
        "arctan(x) + arcsinh(x)",
    ],
)
def test_any_formula(text):
    f, x = actlab.define(text, name="f"), grid()
    value, slope = run(f, x)
    # Near a zero of a sum of functions the sum has fewer right digits than its terms.
    torch.testing.assert_close(value, f(x), rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(slope, f.derivative(x), rtol=1e-12, atol=1e-14)


def test_nan_stays_nan():
    x = torch.tensor([torch.nan, 1.0])
    for name in SCALAR:
        assert run(actlab.get(name), x)[0].isnan().tolist() == [True, False], name


def test_sizes_around_a_piece():
    f = actlab.define("x * tanh(exp(x))", name="f")
    for size in (1, kernels.PIECE - 1, kernels.PIECE, kernels.PIECE + 1, 3 * kernels.PIECE + 5):
        x = torch.linspace(-5, 5, size)
        value, slope = run(f, x)
        for part in (slice(0, 1), slice(-1, None), slice(size // 2, size // 2 + 1)):
            torch.testing.assert_close(value[part], f(x[part]), rtol=1e-6, atol=1e-7)
            torch.testing.assert_close(slope[part], f.derivative(x[part]), rtol=1e-5, atol=1e-6)


def test_input_is_left_as_it_was():
    x = grid()
    before = x.clone()
    run(actlab.define("x * sigmoid(x) + where(x > 0, x, 1)", name="f"), x)
    assert torch.equal(x, before)
