"""Gains against closed forms. The tolerance 1e-13 is some roundings of a sum of 100 panels."""

import math

import numpy as np
import pytest

import actlab
from actlab.formula import parse
from actlab.theory import backward_gain, gain
from actlab.theory.breakpoints import breakpoints
from actlab.theory.quadrature import expectation

EXACT = {
    "x": 1.0,
    "3 * x": 1 / 3,
    "2": 0.5,
    "sign(x)": 1.0,
    "abs(x)": 1.0,
    "max(x, 0)": math.sqrt(2),
    "max(x, 0)**2": math.sqrt(2 / 3),
    "where(x > 0, x, 0.01 * x)": math.sqrt(2 / 1.0001),
    "abs(max(x, 0) - max(-x, 0))": 1.0,
    "sqrt(abs(x))": (2 / math.pi) ** -0.25,
    "normcdf(x)": math.sqrt(3),
    "sin(x)": math.sqrt(2 / (1 - math.exp(-2))),
    "cos(20 * x)": math.sqrt(2 / (1 + math.exp(-800))),
    "exp(x)": math.exp(-1),
    "where(x > 0.3, 1, 0)": 1 / math.sqrt(math.erfc(0.3 / math.sqrt(2)) / 2),
    # E[(c + d*z)^2] on z > -c/d: the kink stands at no grid point
    "max(x - 1 / 3, 0)": (
        (1 + 1 / 9) * math.erfc(1 / 3 / math.sqrt(2)) / 2
        - (1 / 3) * math.exp(-1 / 18) / math.sqrt(2 * math.pi)
    )
    ** -0.5,
    "x * gate": 1.0,
    "max(x, 0) * gate": math.sqrt(2),
    "2 * gate / 4 * x": 2.0,
    "x + gate": math.sqrt(0.5),
}


@pytest.mark.parametrize("text", EXACT)
def test_gain_of_a_closed_form(text):
    assert gain(actlab.define(text)) == pytest.approx(EXACT[text], rel=1e-13)


def test_relu_is_the_square_root_of_two_to_fourteen_digits():
    # He et al. 2015, arXiv:1502.01852
    assert abs(gain(actlab.get("relu")) - math.sqrt(2)) < 1e-14
    assert abs(backward_gain(actlab.get("relu")) - math.sqrt(2)) < 1e-14


def test_a_pair_whose_inputs_do_not_part_is_split_along_its_kink():
    # the larger of two independent normals: E[max^2] = 1, and E[|x - gate|^2] = 2
    assert gain(actlab.define("max(x, gate)")) == pytest.approx(1, rel=1e-10)
    assert gain(actlab.define("abs(x - gate)")) == pytest.approx(math.sqrt(0.5), rel=1e-10)


def test_an_expectation_does_not_need_to_be_told_the_kinks():
    known = expectation(lambda z: np.abs(z - 0.123), (0.123,))
    assert float(expectation(lambda z: np.abs(z - 0.123))) == pytest.approx(known, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x - x", "maps every input to 0"),
        ("exp(x * x)", "infinite"),
        ("0.1 * exp(x**2 / 4)", "infinite"),
        ("1 / x", "singularity"),
        ("sqrt(x)", "not a number"),
    ],
)
def test_what_has_no_gain_says_why(text, message):
    with pytest.raises(ArithmeticError, match=message):
        gain(actlab.define(text))


def test_the_derivative_of_a_constant_or_a_pair_has_no_gain():
    with pytest.raises(ArithmeticError, match="derivative is 0"):
        backward_gain(actlab.define("sign(x)"))
    with pytest.raises(TypeError, match="no function of one number"):
        backward_gain(actlab.define("x * sigmoid(gate)"))


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("x * sigmoid(x)", ()),
        ("abs(abs(x) - 1)", (-1.0, 0.0, 1.0)),
        ("where(x > 1 / 3, x, 0)", (1 / 3,)),
        ("clip(x / 6 + 0.5, 0, 1)", (-3.0, 3.0)),
        ("abs(max(x, 0))", (0.0,)),
        ("max(sin(x), 0.5)", None),
        ("1 / (x - 2)", (2.0,)),
        ("sqrt(x + 0.001)", (-0.001,)),
    ],
)
def test_breakpoints_are_the_zeros_of_what_is_compared(text, points):
    found = breakpoints(parse(text))
    if points is None:
        expected = sorted(
            x
            for k in range(-8, 8)
            for x in (math.pi / 6 + 2 * math.pi * k, 5 * math.pi / 6 + 2 * math.pi * k)
            if abs(x) < 40
        )
        assert found == pytest.approx(expected, rel=1e-13)
    else:
        assert found == points
