"""Whole functions of float64 data: their error, their ends, and that kernels take them."""

from __future__ import annotations

import math
from functools import cache

import numba
import numpy as np
import pytest

import actlab
from actlab.accuracy import error_in_ulp
from actlab.engines import cpu, numpy_long
from actlab.engines.cpu import Spec
from actlab.engines.vectormath import BOUNDS, WHOLE_FLOAT64, primitives, whole
from actlab.formula import parse

FORMULAS = {name: parse(text) for text, name in WHOLE_FLOAT64.items()}
NAMES = sorted(FORMULAS)
SOURCES = {
    "gelu": ("gelu", 0),
    "gelu_slope": ("gelu", 1),
    "mish_slope": ("mish", 1),
    "sigmoid_slope": ("sigmoid", 1),
    "silu_slope": ("silu", 1),
    "tanh_slope": ("tanh", 1),
}
ZEROS = {"gelu_slope": -0.7518, "mish_slope": -1.1924, "silu_slope": -1.2785}
"""Around them, half as far out and half as far again, errors count by the size at the ends."""


@cache
def kernel(name):
    function = primitives("whole")[name]

    @numba.njit(error_model="numpy")
    def run(x, out):
        for i in range(x.size):
            out[i] = function(x[i])

    return run


def run(name, x):
    out = np.empty_like(x)
    kernel(name)(x, out)
    return out


def sample(count):
    random = np.random.default_rng(41)
    sizes = np.exp2(random.uniform(-1074, 4, count))
    return np.concatenate(
        [
            random.uniform(-4, 4, 2 * count),
            random.uniform(-40, 40, count),
            random.uniform(-760, 760, count),
            sizes,
            -sizes,
        ]
    )


@pytest.mark.parametrize("name", NAMES)
def test_against_exact_values(name):
    x = sample(30)
    x = x[np.abs(x - ZEROS.get(name, 1e9)) > 0.65]
    f, order = actlab.get(SOURCES[name][0]), SOURCES[name][1]
    exact = np.array([f.exact(value, order=order, digits=25) for value in x])
    assert error_in_ulp(run(name, x), exact, "float64").max() <= BOUNDS["whole"][name]


@pytest.mark.skipif(not numpy_long.AVAILABLE, reason="needs a long double of 64 bits")
@pytest.mark.parametrize("name", NAMES)
def test_densely_against_long_double(name):
    x = sample(20_000)
    exact = numpy_long.program(FORMULAS[name], ("x",))(x.astype(np.longdouble))
    unit = np.spacing(np.abs(exact.astype(np.float64)))
    zero = ZEROS.get(name)
    if zero is not None:
        inside = np.abs(x - zero) <= abs(zero) / 2
        ends = run(name, np.array([1.5, 0.5]) * zero)
        unit[inside] = np.maximum(unit[inside], np.spacing(np.abs(ends)).min())
    errors = np.abs(run(name, x) - exact) / unit
    at = int(np.argmax(errors))
    assert errors[at] <= BOUNDS["whole"][name], x[at]


@pytest.mark.parametrize("name", NAMES)
def test_at_the_ends(name):
    x = np.array([0.0, -0.0, math.inf, -math.inf, math.nan, 1e308, -1e308, 5e-324, -5e-324])
    f, order = actlab.get(SOURCES[name][0]), SOURCES[name][1]
    with cpu.kernels_from(math.inf):
        usual = f.derivative(x) if order else f(x)
    found = run(name, x)
    np.testing.assert_array_equal(found, usual)
    # what has a zero comes to 0 from below
    from_below = (usual == 0) & (x < -1) if name in ZEROS else np.signbit(usual)
    numbers = ~np.isnan(usual)
    np.testing.assert_array_equal(np.signbit(found[numbers]), from_below[numbers])


@pytest.mark.parametrize("name", NAMES)
def test_kernels_take_the_whole_function(name):
    f, order = actlab.get(SOURCES[name][0]), SOURCES[name][1]
    expression = f.filled(f.slope()) if order else f.bound
    for backward in (False, True):
        spec = Spec((expression,), ("x",), "float64", backward=backward)
        assert (spec.arithmetic, spec.whole, spec.loses_below) == ("whole", name, False)
    assert Spec((expression,), ("x",), "float64", sums=(expression,)).arithmetic != "whole"
    assert Spec((expression,), ("x",), "float32").arithmetic != "whole"
    x = np.linspace(-3, 3, 50)
    with cpu.kernels_from(0):
        found = f.derivative(x) if order else f(x)
    np.testing.assert_array_equal(found, run(name, x))


def test_what_is_kept_beside_the_denominator_shows(monkeypatch):
    """The fault that the tests above are to find."""

    def without_rest(high, _, d, __):
        return high / d, 0.0

    plain = numba.njit(error_model="numpy", forceinline=True)(without_rest)
    monkeypatch.setattr(whole, "_quotient", plain)
    function = numba.njit(error_model="numpy")(whole.sigmoid_slope.py_func)
    x = np.linspace(0.1, 3, 5000)
    exact = numpy_long.program(FORMULAS["sigmoid_slope"], ("x",))(x.astype(np.longdouble))
    found = np.array([function(value) for value in x])
    errors = np.abs(found - exact) / np.spacing(found)
    assert errors.max() > BOUNDS["whole"]["sigmoid_slope"]
