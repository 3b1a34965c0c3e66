"""Intervals must enclose, limits must be limits, charts must not claim what they cannot know."""

import math

import numpy as np
import pytest

import actlab
from actlab.engines import numpy as engine
from actlab.formula import differentiate, parse
from actlab.properties import intervals
from actlab.properties.charts import chart
from actlab.properties.factors import factored
from actlab.properties.intervals import enclose
from actlab.properties.limits import limit
from actlab.properties.structure import parity, switches_are_known
from actlab.theory.breakpoints import settled

SCALAR = [name for name in actlab.names() if actlab.get(name).kind == "scalar"]


def escapes(expression, count=300):
    """Values outside of their enclosure, on random intervals of all sizes.

    The float64 value may itself be off by some rounding, hence 1e-12 of its size and of 1.
    """
    random = np.random.default_rng(7)
    low = random.normal(size=count) * random.choice([1e-3, 1, 10], size=count)
    width = np.abs(random.normal(size=count)) * random.choice([1e-6, 1e-2, 1], size=count)
    lower, upper = enclose(expression, low, low + width)
    function = engine.prepare(expression, ("x",), {}, ())
    total = 0
    for part in (0.0, 0.37, 1.0):
        x = np.minimum(low + part * width, low + width)
        y = function(x)
        slack = 1e-12 * (1 + np.abs(y))
        total += int(np.sum((y < lower - slack) | (y > upper + slack)))
    return total


@pytest.mark.parametrize("name", SCALAR)
def test_enclosures_hold(name):
    formula = settled(actlab.get(name))
    for order in (0, 1):
        assert escapes(differentiate(formula, "x", order)) == 0


def test_a_wrong_enclosure_is_caught(monkeypatch):
    assert escapes(parse("x * tanh(x)")) == 0
    # Plans hold the rules they were made with: none may outlive the planted fault.
    with monkeypatch.context() as planted:
        planted.setitem(intervals._RULES, "mul", lambda a, b: (a[0] * b[0], a[1] * b[1]))
        intervals._planned.cache_clear()
        assert escapes(parse("x * tanh(x)")) > 0
    intervals._planned.cache_clear()
    assert escapes(parse("x * tanh(x)")) == 0


@pytest.mark.parametrize(
    ("text", "left", "right"),
    [
        ("x * sigmoid(x)", 0, math.inf),
        ("x * normcdf(x)", 0, math.inf),
        ("x * tanh(exp(x)) - x", math.inf, math.nan),
        ("x * (tanh(exp(x)) - 1)", math.inf, 0),
        ("x * exp(-exp(-x))", 0, math.inf),
        ("x**5 * exp(-x * x)", 0, 0),
        ("exp(x) * sech(exp(x))", 0, 0),
        ("softplus(x)", 0, math.inf),
        ("tanh(x)", -1, 1),
        ("x * arctan(x)", math.inf, math.inf),
        # what competes without a clear winner is left open
        ("x - x", math.nan, math.nan),
        ("x * (arctan(x) - 1.5707963267948966)", math.inf, math.nan),
        ("exp(x) * exp(-x)", math.nan, math.nan),
        ("exp(-x) * exp(x * x)", math.inf, math.nan),
        ("log1p(x * x) * (1 / x)", math.nan, math.nan),
        ("sin(x)", math.nan, math.nan),
        ("x * (1.1915 / 2.383 - 0.5)", math.nan, math.nan),  # 0 but for a rounding
        # what oscillates between two numbers
        ("sin(x) / x", 0, 0),
        ("x + sin(x)**2", -math.inf, math.inf),
        ("sigmoid(x) * (x + cos(3 * x))", 0, math.inf),
        ("exp(sin(x)) * sech(x)", 0, 0),
        ("x * sin(x)", math.nan, math.nan),
        ("sin(x) / sin(2 * x)", math.nan, math.nan),
        ("sin(x) / cos(1 / x)", math.nan, math.nan),
    ],
)
def test_limits(text, left, right):
    found = [limit(parse(text), end) for end in (-math.inf, math.inf)]
    assert found == pytest.approx([left, right], nan_ok=True, abs=0)


def test_charts_find_zeros_and_prove_them():
    found = chart(differentiate(parse("x * sigmoid(x)"), "x"))
    assert (found.signs, found.proved) == ((-1, 1), True)
    # W(1/e) + 1, the omega of SiLU
    assert found.zeros == pytest.approx((-1.278464542761074,), rel=1e-15)
    found = chart(parse("x * x"))
    assert (found.zeros, found.signs, found.proved) == ((0.0,), (1, 1), True)
    found = chart(parse("(x - 1) * (x + 2) * exp(-x * x)"))
    assert (found.zeros, found.signs, found.proved) == ((-2.0, 1.0), (1, -1, 1), True)


def test_what_is_not_certain_is_not_proved():
    assert not chart(parse("sin(x)")).proved
    # a dip below 0 of 1e-13 near 3, narrower than any sampling
    dip = parse("(x - 3) * (x - 3) + 0.0001 - 0.00010000000000001")
    found = chart(dip)
    assert not (found.proved and -1 not in found.signs)
    # never negative, but so near that arithmetic cannot tell
    touching = chart(parse("(x - 1 / 3) * (x - 1 / 3) * (1 + x * x) - 0 * x"))
    assert set(touching.signs) <= {0, 1}


def test_structure():
    assert parity(parse("x * tanh(x)")) == "even"
    assert parity(parse("sin(x)**3 / (1 + x**2)")) == "odd"
    assert parity(parse("clip(x, -1, 1)")) == "odd"
    assert parity(parse("clip(x, -1, 2)")) == ""
    assert parity(parse("x + 1")) == ""
    assert switches_are_known(parse("min(max(x, 0), 6)"))
    assert switches_are_known(parse("sqrt(1 + x * x)"))
    assert not switches_are_known(parse("max(sin(x), 0.5)"))


def test_factoring_keeps_the_value():
    x = np.linspace(-5, 5, 101)
    for text in ("x * sigmoid(x) - x", "tanh(x) * x * x + x * exp(x) - 3 * x", "x + 1"):
        plain, made = actlab.define(text)(x), actlab.define(str(factored(parse(text))))(x)
        assert np.allclose(plain, made, rtol=1e-12, atol=1e-12)
