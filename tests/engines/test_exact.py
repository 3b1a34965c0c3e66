"""The exact engine: any number of digits, derivatives, limits, and cancellations."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest

import actlab
from actlab.formula import PRIMITIVES, Call, Symbol


def test_digits_are_right_and_as_many_as_asked_for():
    with mpmath.workdps(120):
        expected = mpmath.tanh(mpmath.mpf(1) / 2)
        assert abs(actlab.tanh.exact(0.5, digits=100) - expected) < mpmath.mpf(10) ** -100
    few = actlab.tanh.exact(0.5, digits=5)
    assert abs(few - mpmath.tanh(0.5)) < 1e-5


def test_floats_are_binary_and_text_is_decimal():
    f = actlab.define("x")
    assert f.exact(0.1, digits=30) != f.exact("0.1", digits=30)
    assert f.exact("0.1", digits=30) == f.exact(Fraction(1, 10), digits=30)
    with mpmath.workdps(60):
        assert f.exact(0.1, digits=60) == mpmath.mpf(0.1)


def test_parameters_are_decimals():
    f = actlab.get("leaky_relu", negative_slope=0.1)
    with mpmath.workdps(50):
        assert f.exact(-1) == -mpmath.mpf("0.1")


def test_cancellations_cost_time_and_not_digits():
    naive = actlab.define("x * 0.5 * (1 + erf(x / sqrt(2)))")
    stable = actlab.define("x * normcdf(x)")
    for x in (-6, -12, -30):
        for order in (0, 1, 2):
            mine = naive.exact(x, order=order, digits=40)
            theirs = stable.exact(x, order=order, digits=40)
            assert mpmath.almosteq(mine, theirs, rel_eps=mpmath.mpf(10) ** -38), (x, order)
    tiny = actlab.define("(1 + x) - 1").exact("1e-100")
    assert mpmath.almosteq(tiny, mpmath.mpf("1e-100"), rel_eps=mpmath.mpf(10) ** -15)


def test_zeros_are_exact():
    assert actlab.relu.exact(-3) == 0
    assert actlab.define("x - x").exact(0.3) == 0
    assert actlab.relu6.exact(3, order=2) == 0


@pytest.mark.parametrize(
    ("formula", "order", "at_minus_infinity", "at_infinity"),
    [
        ("x * sigmoid(x)", 0, 0, mpmath.inf),
        ("x * sigmoid(x)", 1, 0, 1),
        ("tanh(x)", 0, -1, 1),
        ("x / (1 + abs(x))", 0, -1, 1),
        ("x * tanh(softplus(x))", 1, 0, 1),
        ("exp(-x * x)", 0, 0, 0),
        ("x**3 - x**2", 0, -mpmath.inf, mpmath.inf),
        ("x", 1, 1, 1),
    ],
)
def test_limits_at_infinity(formula, order, at_minus_infinity, at_infinity):
    f = actlab.define(formula)
    assert f.exact(-mpmath.inf, order=order) == at_minus_infinity
    assert f.exact(float("inf"), order=order) == at_infinity


def test_no_limit_is_nan():
    assert mpmath.isnan(actlab.define("sin(x)").exact(mpmath.inf))
    assert mpmath.isnan(actlab.define("log(x)").exact(-1))
    assert mpmath.isnan(actlab.relu.exact(float("nan")))


def test_extreme_inputs_take_no_time():
    for name in PRIMITIVES:
        if PRIMITIVES[name].arity == 1 and name not in {"sin", "cos"}:
            f = actlab.Activation("probe", Call(name, (Symbol("x"),)))
            for x in (1.7e308, -1.7e308, 5e-324):
                f.exact(x, digits=20)  # a missing bound would hang or overflow here


def test_vectors():
    values = actlab.softmax.exact([1000, 1001, 999.5], digits=40)
    with mpmath.workdps(40):
        assert abs(sum(values) - 1) < mpmath.mpf(10) ** -38
    assert [float(v) for v in values] == pytest.approx(actlab.softmax([1000, 1001, 999.5]).tolist())


def test_mpmath_numbers_in_give_mpmath_numbers_out():
    with mpmath.workdps(40):
        value = actlab.silu(mpmath.mpf("0.5"))
        assert isinstance(value, mpmath.mpf)
        assert abs(value - actlab.silu.exact("0.5", digits=45)) < mpmath.mpf(10) ** -39


def test_wrong_requests():
    with pytest.raises(ValueError, match="at least one digit"):
        actlab.silu.exact(1.0, digits=0)
    with pytest.raises(TypeError, match="two numbers"):
        actlab.glu.exact(1.0)
    with pytest.raises((TypeError, ValueError)):
        actlab.silu.exact("one half")


def test_precision_of_the_user_is_left_alone():
    before = mpmath.mp.prec
    actlab.mish.exact(0.5, digits=200)
    assert mpmath.mp.prec == before
    assert np.isfinite(float(actlab.mish.exact(0.5)))


@pytest.mark.parametrize(("name", "order"), [("sinc", 0), ("sinc", 2), ("calu", 1)])
def test_more_digits_than_a_series_holds(name, order):
    # the stable forms of these hold a series of some fifty digits
    with mpmath.workdps(110):
        x = mpmath.mpf("0.4") if name == "sinc" else mpmath.mpf("9.5")
        wanted = {
            ("sinc", 0): lambda t: mpmath.sin(t) / t,
            ("sinc", 2): lambda t: ((2 - t * t) * mpmath.sin(t) - 2 * t * mpmath.cos(t)) / t**3,
            ("calu", 1): lambda t: mpmath.atan(t) / mpmath.pi + 0.5 + t / (mpmath.pi * (1 + t * t)),
        }[name, order](x)
        found = actlab.get(name).exact(x, order=order, digits=90)
        assert abs(found / wanted - 1) < mpmath.mpf(10) ** -88
    # at 0 the definition of sinc names its value, whose derivative is not the function's
    assert actlab.get("sinc").exact(0, order=2, digits=55) == pytest.approx(-1 / 3, rel=1e-15)
