"""Numbers that are sums of two: their primitives, the formulas that need them, long double."""

from __future__ import annotations

import math
from functools import cache

import numba
import numpy as np
import pytest
import torch
from mpmath import mp

import actlab
from actlab.accuracy import error_in_ulp
from actlab.engines import cpu, numpy_long
from actlab.engines.cpu import Spec, spec
from actlab.engines.cpu.writing import PAIRS_TABLE
from actlab.engines.numpy_operations import single
from actlab.engines.vectormath import PERIODIC_LIMIT, pairs, primitives
from actlab.formula import PRIMITIVES, parse
from engines.vectors import EXACT

WORDS = (
    "arcsinh", "arctan", "cos", "cosh", "erf", "erfc", "exp", "expm1", "log", "log1p",
    "log_sigmoid", "normcdf", "normpdf", "sech", "sigmoid", "sin", "sinh", "softplus", "sqrt",
    "tanh", "tanh_shrink",
)  # fmt: skip
AS_FLOAT64 = {"arcsinh", "tanh_shrink"}
"""Those whose result is no longer than float64, at least somewhere."""

SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 1e308, -1e308, 5e-324, -3e-310, 740.0, -740.0]


@cache
def kernel(name):
    function = getattr(pairs, name)

    @numba.njit(error_model="numpy")
    def run(high, low, out):
        for i in range(high.size):
            out[i, 0], out[i, 1] = function((high[i], low[i]))

    return run


def run(name, high, low):
    out = np.empty((high.size, 2))
    kernel(name)(high, low, out)
    return out


@pytest.mark.parametrize("name", WORDS)
def test_primitive_has_more_digits_than_float64(name):
    random = np.random.default_rng(3)
    x = np.concatenate([random.uniform(-r, r, 60) for r in (1e-4, 0.5, 2.0, 20.0)])
    x = np.abs(x) if name in {"log", "sqrt"} else x
    x = np.maximum(x, -0.99) if name == "log1p" else x
    x = x[np.abs(x - 1) > 0.01] if name == "log" else x
    low = np.spacing(x) * random.uniform(-0.5, 0.5, x.size)
    if name == "tanh_shrink":  # a low part below 1 is nothing beside the series
        low[np.abs(x) < 0.1] = 0.0
    found = run(name, x, low)
    worst = 0.0
    with mp.workprec(160):
        for (high, rest), a, b in zip(found, x, low, strict=True):
            exact = EXACT[name](mp.mpf(a) + mp.mpf(b))
            worst = max(worst, float(abs((mp.mpf(high) + mp.mpf(rest)) / exact - 1)))
    assert worst < 2.0 ** (-51 if name in AS_FLOAT64 else -59)


@pytest.mark.parametrize("name", WORDS)
def test_special_values_are_those_of_float64(name):
    x = np.array(SPECIAL)
    with np.errstate(all="ignore"):
        expected = single(name, 1)(x)
    if name in {"sin", "cos"}:  # which then go to the library
        expected = np.where(np.abs(x) <= PERIODIC_LIMIT, expected, np.nan)
    found = run(name, x, np.zeros(x.size))
    high, low = found.T
    np.testing.assert_allclose(high, expected, rtol=1e-14)
    assert (np.signbit(high) == np.signbit(expected))[~np.isnan(expected)].all()
    assert np.isfinite(low).all()


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div"])
def test_arithmetic_beside_infinities_has_no_low_part(name):
    function = getattr(pairs, name)
    for a in SPECIAL:
        for b in SPECIAL:
            high, low = function((a, 0.0), (b, 0.0))
            with np.errstate(all="ignore"):
                symbol = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}
                assert np.array_equal(high, symbol[name](a, b), equal_nan=True)
            assert math.isfinite(low)


def test_every_word_of_the_language_has_its_pair():
    texts = (PAIRS_TABLE[word] for word in set(PRIMITIVES) - {"pi", "e"})
    assert {text.partition("(")[0] for text in texts} <= set(primitives("pairs"))


@pytest.mark.parametrize(
    ("name", "order", "least"),
    [("quick_gelu", 0, 100), ("gaussian", 1, 100), ("rational_c", 0, 100), ("xatlu", 1, 4)],
)
def test_formulas_that_lose_digits_are_found_and_mended(name, order, least):
    f = actlab.get(name)
    expression = f.filled(f.slope()) if order else f.bound
    assert numpy_long.error_in_float64(spec._guarded(expression), ("x",)) > least
    assert Spec((expression,), ("x",), "float64").arithmetic == "pairs"
    assert Spec((expression,), ("x",), "float32").arithmetic != "pairs"
    x = np.array([-20.3, -9.7, -3.1, -2.3, -0.59, -0.31, 0.7, 5.3])
    exact = np.array([f.exact(value, order=order, digits=20) for value in x])
    for start in (0, math.inf):
        with cpu.kernels_from(start):
            found = f.derivative(x) if order else f(x)
        assert error_in_ulp(found, exact, "float64").max() < 1.0


def test_without_pairs_the_digits_are_lost(monkeypatch):
    """The fault that the test above is to find."""
    monkeypatch.setattr(spec, "PROMISED", math.inf)
    assert Spec((parse("x * sigmoid(1.702 * x)"),), ("x",), "float64").arithmetic == "float64"


def test_what_loses_digits_does_not_depend_on_subnormal_numbers_being_flushed():
    expression = parse("x * sigmoid(x)")
    usual = numpy_long._errors.__wrapped__(expression, ("x",))
    assert usual[0] > 2
    torch.set_flush_denormal(True)
    try:
        while_flushed = numpy_long._errors.__wrapped__(expression, ("x",))
        assert float(torch.tensor(1e-310, dtype=torch.float64) * 1) == 0  # still so, afterwards
    finally:
        torch.set_flush_denormal(False)
    assert while_flushed == usual


def test_plain_formulas_stay_plain():
    for text in ("tanh(x)", "x * sigmoid(x)", "maximum(x, 0)", "where(x > 0, x, expm1(x))"):
        assert Spec((parse(text),), ("x",), "float64").arithmetic == "float64"


@pytest.mark.parametrize("name", ["erf", "erfc", "normcdf", "normpdf"])
def test_long_double_has_its_own_error_functions(name):
    x = np.linspace(-6, 6, 61).astype(np.longdouble) + np.longdouble("0.0173")
    found = numpy_long.program(parse(f"{name}(x)"), ("x",))(x)
    with mp.workprec(160):
        for value, a in zip(found, x, strict=True):
            parts = float(value), float(value - np.longdouble(float(value)))
            rest = mp.mpf(float(a - np.longdouble(float(a))))
            exact = EXACT[name](mp.mpf(float(a)) + rest)
            assert abs((mp.mpf(parts[0]) + mp.mpf(parts[1])) / exact - 1) < 2.0**-58


def test_parameters_of_a_call_take_part():
    """A parameter that comes with the call is no constant of the program."""
    f = actlab.get("swish")
    x = np.array([-300.25, -7.3])
    exact = np.array([f.with_parameters(beta=1.3).exact(value, digits=20) for value in x])
    assert error_in_ulp(f(x, beta=1.3), exact, "float64").max() < 200
    whole = f.with_parameters(beta=1.3)(x)
    assert error_in_ulp(whole, exact, "float64").max() < 1.0


def test_explain_tells_of_the_digits():
    assert "sums of two" in actlab.explain("quick_gelu", np.zeros(5000)).reason
    assert "long double" in actlab.explain("quick_gelu", np.zeros(5)).reason
    assert "long double" not in actlab.explain("tanh", np.zeros(5)).reason
    assert "long double" not in actlab.explain("quick_gelu", np.zeros(5, np.float32)).reason


# -- results below the normal numbers --------------------------------------------------------


BELOW_NORMAL = [
    ("soft_cap", 0, 2.2250738585072014e-308),
    ("silu", 0, -741.3),
    ("silu", 0, -747.1),
    ("swish_sign", 1, -145.1),
    ("clipped_gelu", 0, -38.3),
    ("serf", 0, -735.2),
]


@pytest.mark.parametrize(("name", "order", "at"), BELOW_NORMAL)
def test_kernels_keep_the_digits_of_results_whose_parts_are_below_the_normal_numbers(
    name, order, at
):
    f = actlab.get(name)
    x = np.array([1.5, at, 0.0, -2.0])
    exact = np.array([f.exact(value, order=order, digits=20) for value in x])
    with cpu.kernels_from(0):
        found = f.derivative(x) if order else f(x)
        assert error_in_ulp(found, exact, "float64").max() < 4


def test_gradients_keep_those_digits_too():
    f, x = actlab.get("gaussian"), torch.tensor([26.9, -26.8, 0.5], dtype=torch.float64)
    exact = np.array([-3 * f.exact(float(value), order=1, digits=20) for value in x])
    x.requires_grad_()
    with cpu.kernels_from(0):
        (-3 * f(x)).sum().backward()
    assert error_in_ulp(x.grad.numpy(), exact, "float64").max() < 4


@pytest.mark.parametrize(("name", "order", "at"), BELOW_NORMAL)
def test_without_raising_those_digits_are_lost(name, order, at):
    """The fault that the test above is to find."""
    f = actlab.get(name)
    expression = f.filled(f.slope()) if order else f.bound
    exact = f.exact(at, order=order, digits=20)
    plain = single_steps(expression, at)
    assert error_in_ulp(plain, exact, "float64") > 4
    assert Spec((expression,), ("x",), "float64").loses_below


def single_steps(expression, at):
    from actlab.engines.numpy_operations import evaluate_steps

    return float(evaluate_steps(expression, {"x": np.array([at])}, {}, "float64")[expression][0])


@pytest.mark.parametrize("text", ["x", "exp(x)", "maximum(x, 0)", "where(x > 0, x, expm1(x))"])
def test_formulas_that_keep_small_results_are_compiled_once(text):
    assert not Spec((parse(text),), ("x",), "float64").loses_below
    assert not Spec((parse("x * sigmoid(x)"),), ("x",), "float32").loses_below


@pytest.mark.parametrize(("name", "far"), [("silu", -741.3), ("snake", 3e7)])
def test_in_place_where_a_kernel_reads_its_input_twice(name, far):
    f = actlab.get(name)
    x = np.full(3000, far) + np.arange(3000) % 3
    expected = f(x)
    assert f(x, out=x) is x
    assert np.array_equal(x, expected)
