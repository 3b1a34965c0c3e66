"""Every formula keeps its digits: near 0, in the tails, for tiny and for huge inputs.

The bound is the condition of the problem, not a tolerance: an input is known to half a unit in its
last place, which moves the result by |x f'/f| of such units. A formula that loses more than a
few times that loses it by cancellation or overflow, and has a better form. (Measured: at most 2.8
times, but for the two that are named below.)
"""

from __future__ import annotations

import math
from dataclasses import replace

import mpmath
import numpy as np
import pytest

import actlab
from actlab.accuracy import error_in_ulp
from actlab.accuracy.points import intervals

NAMES = [n for n in actlab.names() if actlab.get(n).kind == "scalar"]
SIZES = [
    1e-300, 1e-150, 1e-20, 1e-8, 1e-5, 1e-3, 0.01, 0.13, 0.49, 0.7, 0.99, 1.01, 1.7, 2.7, 4.1,
    6.7, 10.3, 19.9, 37.1, 50.3, 103.7, 350.1, 1e3, 1e5, 1e10, 1e30, 1e150,
]  # fmt: skip
POINTS = [sign * size for size in SIZES for sign in (1, -1)]
OSCILLATES = 20.0
"""A function with a sine has zeros without end; beyond this they are nowhere far."""
FACTOR = 5
"""Steps of a formula, each of which may lose half a unit and be conditioned like the whole."""
SMALLEST = 2.0**-1021
"""Below it a float64 has lost digits already."""
INNER = {
    # near 0 its condition is that of mu, not of x
    "laplace_mega": 4,
    # polynomials of degree 5 whose terms alternate for x < 0
    "pau": 4, "rational_b": 4, "rational_c": 4, "rational_n": 4,
}  # fmt: skip
"""Further factors for formulas whose inner argument is a sum or a polynomial."""


def losses(f, orders=(0, 1)):
    """Where a value or slope has lost more than the condition allows."""
    found = []
    sine = any(word in str(f.formula) for word in ("sin(", "cos("))
    for order in orders:
        x = np.array([p for p in POINTS if not sine or abs(p) < OSCILLATES])
        computed = np.broadcast_to(f.derivative(x, order=order), x.shape)
        near = intervals(f, order)
        for point, value in zip(map(float, x), map(float, computed), strict=True):
            if any(low <= point <= high for low, high in near):
                continue
            exact, slope = (f.exact(point, order=o, digits=25) for o in (order, order + 1))
            if abs(exact) < SMALLEST:
                if not abs(value) <= 2 * SMALLEST:
                    found.append((f.name, order, point, value, exact))
                continue
            condition = abs(point * slope / exact) if mpmath.isfinite(slope) else 0
            allowed = FACTOR * INNER.get(f.name, 1) * (1 + condition)
            if not error_in_ulp(value, exact, "float64") <= allowed:
                found.append((f.name, order, point, value, exact))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_no_digits_are_lost(name):
    assert losses(actlab.get(name)) == []


@pytest.mark.parametrize(
    ("formula", "place"),
    [
        ("x * (1 + erf(x / sqrt(2))) / 2", -6.7),
        ("where(x > 0, x, exp(x) - 1)", -1e-20),
        ("x - tanh(x)", 1e-8),
        ("x / (1 + abs(x))", 1e30),  # its slope: 1 - |x|/(1 + |x|)
        ("x / sqrt(1 + x * x)", 1e10),
        ("(x + sqrt(x * x + 4)) / 2", -1e10),
        ("x * (arctan(x) / pi + 0.5)", -1e5),
        ("log(1 + sigmoid(x)) * x", -50.3),
        ("sqrt(1 + x * x)", 1e300),
    ],
)
def test_plain_forms_are_caught(formula, place):
    """The forms that the catalogue avoids lose their digits where it is expected."""
    plain = replace(actlab.define(formula), name="plain")
    worst = losses(plain)
    if abs(place) <= max(SIZES):
        assert any(math.isclose(point, place) for _, _, point, _, _ in worst)
    else:
        assert not math.isfinite(plain(place))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_warns_and_no_finite_input_gives_nan(name):
    f = actlab.get(name)
    if f.name == "soft_exponential" or any(w in str(f.formula) for w in ("sin(", "cos(")):
        sizes = np.array([s for s in SIZES if s < 1e30])
    else:
        sizes = np.array([*SIZES, 1e200, 1e307])
    x = np.concatenate([sizes, -sizes, [0.0, -0.0]])
    for order in (0, 1, 2):
        assert not np.isnan(f.derivative(x, order=order)).any(), order
