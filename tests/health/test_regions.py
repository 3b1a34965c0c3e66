"""Where a function is flat, read off its formula."""

from __future__ import annotations

import math

import mpmath
import pytest

import actlab
from actlab.properties.regions import DEAD_SLOPE, SATURATED_SLOPE, regions


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [
        ("relu", 0.0, math.inf),
        ("relu6", 0.0, 6.0),
        ("hard_tanh", -1.0, 1.0),
        ("identity", -math.inf, math.inf),
    ],
)
def test_ends_of_piecewise_functions(name, left, right):
    found = regions(actlab.get(name))
    assert found.left == pytest.approx(left, abs=0.01)
    assert found.right == pytest.approx(right, abs=0.01)


def test_sigmoid_ends_where_its_exact_slope_says():
    found = regions(actlab.get("sigmoid"))
    slope = mpmath.diff(lambda x: 1 / (1 + mpmath.exp(-x)), found.right)
    # the grid is 0.005 wide, over which the slope changes by half a percent
    assert float(slope) == pytest.approx(SATURATED_SLOPE * found.slope, rel=0.01)
    assert found.left == pytest.approx(-found.right, abs=0.01)
    assert found.squashes


def test_a_minimum_is_no_tail():
    gelu = actlab.get("gelu")
    found = regions(gelu)
    assert abs(gelu.derivative(-0.7518)) < 1e-3  # flat there, yet inputs pass through
    assert found.left < -2
    assert found.right == math.inf
    assert not found.squashes


def test_leaky_units_are_not_dead():
    found = regions(actlab.get("leaky_relu"))
    assert found.dead_left == -math.inf
    assert regions(actlab.get("elu")).dead_left < -6
    assert DEAD_SLOPE < SATURATED_SLOPE


def test_vectors_and_constants_have_none():
    assert regions(actlab.get("softmax")) is None
    assert regions(actlab.define("0 * x + 1", name="one")) is None
