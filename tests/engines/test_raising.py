"""Formulas times a power of two: the same numbers as the formulas, at 25 digits."""

from __future__ import annotations

import mpmath
import pytest

from actlab.engines.cpu.raising import raised
from actlab.engines.exact import evaluate
from actlab.formula import parse

TEXTS = [
    "x * sigmoid(x) + 2 * 3 * x * exp(-x * x)",
    "0.5 * (2 * 3) + x * sigmoid(x)",
    "x * erfc(x)",
    "x * normcdf(x)",
    "x * normpdf(x)",
    "erf(x) * x",
    "x / (1 + exp(x))",
    "(x + 6) * log_sigmoid(x) * sech(x)",
    "maximum(x, 0) * softplus(-x)",
    "clip(x, -3, 3) * exp(x)",
    "x * log1p(exp(x))",
    "sinh(x) * sech(x)**3",
    "where(x > 0, x**3 * exp(-x), tanh(x) / 30)",
]
PLACES = (-701.0, -50.5, -36.2, -3.1, 0.7, 1e-305, 27.3, 39.9)


@pytest.mark.parametrize("text", TEXTS)
def test_raised_formulas_are_the_formulas_times_a_power_of_two(text):
    formula = parse(text)
    for x in PLACES:
        usual = evaluate(formula, {"x": x}, {}, digits=25)
        high = evaluate(raised(formula), {"x": x}, {}, digits=25)
        with mpmath.workdps(30):
            assert abs(high - usual * mpmath.mpf(2) ** 900) <= abs(high) * mpmath.mpf(10) ** -19
