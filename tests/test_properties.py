"""Properties against well-known facts. Formulas are written out, so that no entry can hide one."""

import dataclasses
import math

import numpy as np
import pytest

import actlab
from actlab.properties import Asymptote, Fact, Span, properties

SELU = "1.0507009873554805 * where(x > 0, x, 1.6732632423543772 * expm1(x))"
FORMULAS = {
    "relu": "max(x, 0)",
    "leaky_relu": "where(x > 0, x, 0.01 * x)",
    "elu": "where(x > 0, x, expm1(x))",
    "selu": SELU,
    "silu": "x * sigmoid(x)",
    "gelu": "x * normcdf(x)",
    "mish": "x * tanh(softplus(x))",
    "telu": "x * tanh(exp(x))",
    "softplus": "softplus(x)",
    "sigmoid": "sigmoid(x)",
    "tanh": "tanh(x)",
    "hard_tanh": "clip(x, -1, 1)",
    "hard_swish": "x * clip(x / 6 + 0.5, 0, 1)",
    "squared_relu": "max(x, 0)**2",
    "heaviside": "where(x > 0, 1, 0)",
    "abs": "abs(x)",
    "lisht": "x * tanh(x)",
    "gaussian": "exp(-x * x)",
    "sin": "sin(x)",
    "identity": "x",
    "square": "x * x",
    "constant": "3",
    "falling": "-x - tanh(x)",
    "ridge": "-abs(x)",
}
INF = math.inf

# monotone, convex, symmetry, smoothness
SHAPES = {
    "relu": ("nondecreasing", "convex", "no", 0),
    "leaky_relu": ("increasing", "convex", "no", 0),
    "elu": ("increasing", "convex", "no", 1),
    "selu": ("increasing", "no", "no", 0),
    "silu": ("no", "no", "no", INF),
    "gelu": ("no", "no", "no", INF),
    "mish": ("no", "no", "no", INF),
    "telu": ("no", "no", "no", INF),
    "softplus": ("increasing", "convex", "no", INF),
    "sigmoid": ("increasing", "no", "no", INF),
    "tanh": ("increasing", "no", "odd", INF),
    "hard_tanh": ("nondecreasing", "no", "odd", 0),
    "hard_swish": ("no", "no", "no", 0),
    "squared_relu": ("nondecreasing", "convex", "no", 1),
    "heaviside": ("nondecreasing", "no", "no", -1),
    "abs": ("no", "convex", "even", 0),
    "lisht": ("no", "no", "even", INF),
    "gaussian": ("no", "no", "even", INF),
    "identity": ("increasing", "linear", "odd", INF),
    "square": ("no", "convex", "even", INF),
    "constant": ("constant", "linear", "even", INF),
    "falling": ("decreasing", "no", "odd", INF),
    "ridge": ("no", "concave", "even", 0),
}


def of(name):
    return properties(actlab.define(FORMULAS[name], name=name))


def shape_errors(known, expected):
    """Which of the four statements are wrong; a proof may be missing only where it is said."""
    found = (known.monotone, known.curvature, known.symmetry, known.smoothness)
    return [f for f, e in zip(found, expected, strict=True) if f.value != e or not f.proved]


@pytest.mark.parametrize("name", SHAPES)
def test_shape_is_known_and_proved(name):
    assert shape_errors(of(name), SHAPES[name]) == []


def test_a_wrong_statement_is_caught():
    # SiLU is often called monotone
    silu = of("silu")
    planted = dataclasses.replace(silu, monotone=Fact("increasing", True))
    assert shape_errors(planted, SHAPES["silu"]) == [planted.monotone]
    doubtful = dataclasses.replace(silu, monotone=Fact("no", False))
    assert shape_errors(doubtful, SHAPES["silu"]) == [doubtful.monotone]


# infimum, where; supremum, where. Digits of SiLU and GELU: their minima by mpmath.findroot.
RANGES = {
    "relu": (0, (0.0,), INF, ()),
    "elu": (-1, (), INF, ()),
    "selu": (-1.0507009873554805 * 1.6732632423543772, (), INF, ()),
    "silu": (-0.278464542761074, (-1.278464542761074,), INF, ()),
    "gelu": (-0.16997120747990369, (-0.7517915246935645,), INF, ()),
    "softplus": (0, (), INF, ()),
    "sigmoid": (0, (), 1, ()),
    "tanh": (-1, (), 1, ()),
    "hard_tanh": (-1, (-1.0,), 1, (1.0,)),
    "hard_swish": (-0.375, (-1.5,), INF, ()),
    "gaussian": (0, (), 1, (0.0,)),
    "identity": (-INF, (), INF, ()),
    "square": (0, (0.0,), INF, ()),
    "constant": (3, (0.0,), 3, (0.0,)),
    "ridge": (-INF, (), 0, (0.0,)),
}


@pytest.mark.parametrize("name", RANGES)
def test_range_is_known_and_proved(name):
    low, low_at, high, high_at = RANGES[name]
    found = of(name).range
    assert found.proved
    # a minimum is flat: its place is known to half the digits of its value, or better
    assert found.value.low == pytest.approx(low, rel=1e-15, abs=0)
    assert found.value.high == pytest.approx(high, rel=1e-15, abs=0)
    assert found.value.low_at == pytest.approx(low_at, rel=1e-13)
    assert found.value.high_at == pytest.approx(high_at, rel=1e-13)


def test_ranges_hold_on_a_million_points():
    x = np.linspace(-50, 50, 1_000_001)
    for name in RANGES:
        extent, values = of(name).range.value, actlab.define(FORMULAS[name])(x)
        assert values.min() >= extent.low - 1e-16, name
        assert values.max() <= extent.high, name


LIPSCHITZ = {
    "relu": (1, INF),
    "elu": (1, 1),
    "selu": (1.0507009873554805 * 1.6732632423543772, INF),
    "sigmoid": (1 / 4, 1 / (6 * math.sqrt(3))),
    "tanh": (1, 4 / (3 * math.sqrt(3))),
    "softplus": (1, 1 / 4),
    "gelu": (
        math.erfc(-1) / 2 + math.sqrt(2) * math.exp(-1) / math.sqrt(2 * math.pi),
        2 / math.sqrt(2 * math.pi),
    ),
    "hard_swish": (1.5, INF),
    "gaussian": (math.sqrt(2 / math.e), 2),
    "heaviside": (INF, INF),
    "square": (INF, 2),
    "squared_relu": (INF, 2),
    "sin": (1, 1),
}


@pytest.mark.parametrize("name", LIPSCHITZ)
def test_lipschitz_constants(name):
    known = of(name)
    found = known.lipschitz.value, known.lipschitz_slope.value
    # gelu' is largest at sqrt(2): Phi(sqrt 2) + sqrt 2 phi(sqrt 2)
    assert found == pytest.approx(LIPSCHITZ[name], rel=1e-12)


def test_kinks_have_their_slopes_on_both_sides():
    (kink,) = of("relu").kinks.value
    assert (kink.at, kink.order, kink.left, kink.right) == (0.0, 1, 0.0, 1.0)
    (kink,) = of("elu").kinks.value
    assert (kink.at, kink.order, kink.left, kink.right) == (0.0, 2, 1.0, 0.0)
    (kink,) = of("heaviside").kinks.value
    assert (kink.at, kink.order, kink.left, kink.right) == (0.0, 0, 0.0, 1.0)
    left, right = of("hard_swish").kinks.value
    assert (left.at, left.left, right.at, right.right) == (-3.0, 0.0, 3.0, 1.0)
    assert of("gelu").kinks == Fact((), True, of("gelu").kinks.how)


def test_asymptotes_saturation_and_dead_regions():
    assert of("gelu").right == Fact(Asymptote(1.0, 0.0), True, of("gelu").right.how)
    assert of("gelu").left.value == Asymptote(0.0, 0.0)
    assert of("selu").right.value == Asymptote(1.0507009873554805, 0.0)
    assert of("square").right.value is None
    assert [of(n).saturates.value for n in ("tanh", "elu", "ridge")] == ["both", "left", "no"]
    assert of("relu").dead.value == ((-INF, 0.0),)
    assert of("hard_tanh").dead.value == ((-INF, -1.0), (1.0, INF))
    assert of("sigmoid").dead.value == ()  # saturation is not death


def test_zeros_and_fixed_points():
    assert of("gelu").zeros.value == (0.0,)
    assert of("hard_swish").zeros.value == (-3.0, 0.0)
    assert of("softplus").zeros.value == ()
    assert of("hard_swish").fixed_points.value == (0.0, 3.0)
    (fixed,) = of("sigmoid").fixed_points.value
    assert 1 / (1 + math.exp(-fixed)) == pytest.approx(fixed, rel=1e-14)
    zeros = np.array([z for z in of("sin").zeros.value if abs(z) < 36])
    assert np.allclose(zeros, math.pi * np.arange(-11, 12), rtol=1e-14, atol=0)


def test_intervals_of_zeros_and_fixed_points_are_told_as_such():
    said = {
        "relu": ("(-∞, 0]", "[0, ∞)"),
        "identity": ("0", "everywhere"),
        "hard_swish": ("(-∞, -3], 0", "[3, ∞), 0"),
        "hard_tanh": ("0", "[-1, 1]"),
        "hard_shrink": ("[-0.5, 0.5]", "(-∞, -0.5), (0.5, ∞), 0"),
        "heaviside": ("(-∞, 0)", "1"),
        "sparse_plus": ("(-∞, -1]", "[1, ∞)"),
    }
    for name, (zeros, fixed) in said.items():
        lines = dict(properties(actlab.get(name)).lines())
        assert (lines["zeros"].split("  ")[0], lines["fixed points"].split("  ")[0]) == (
            zeros, fixed,
        ), name  # fmt: skip
    assert properties(actlab.relu).zero_spans == (Span(-INF, 0.0, False, True),)


def test_lines_that_the_curve_approaches():
    # of xielu -0.3 x - 0.8, whose slope is not the float next to -0.3
    assert properties(actlab.get("xielu")).left == Fact(
        Asymptote(-0.3, -0.8), True, "limits of slope and remainder"
    )
    swat, slope = properties(actlab.get("swat")).right, 1 / (1 + math.exp(-math.pi / 2))
    assert swat.value.slope == pytest.approx(slope, rel=1e-12)
    assert swat.value.intercept == pytest.approx(-slope * (1 - slope), rel=1e-12)
    assert not swat.proved
    for name in ("snake", "coslu", "sin"):
        assert properties(actlab.get(name)).right.value is None


def test_moments_and_values_at_zero():
    relu = of("relu")
    assert relu.mean.value == pytest.approx(1 / math.sqrt(2 * math.pi), rel=1e-12)
    assert relu.second_moment.value == pytest.approx(0.5, rel=1e-12)
    assert of("tanh").mean == Fact(0.0, True, "it is odd")
    assert (of("gelu").value_at_0.value, of("gelu").slope_at_0.value) == (0.0, 0.5)
    assert properties(actlab.define("exp(x * x)")).second_moment.value is None


# oscillating for ever: range, Lipschitz constant, both asymptotes, saturation
OSCILLATING = {
    "sin(x)": ((-1, 1), 1, (None, None), "no"),
    "x + sin(x)**2": ((-INF, INF), 2, (None, None), "no"),
    "x * sin(x)": ((-INF, INF), INF, (None, None), "no"),
    "sigmoid(x) * (x + cos(x))": ((None, INF), None, (Asymptote(0.0, 0.0), None), "left"),
    "where(x == 0, 1, sin(x) / x)": (
        (-0.21723362821122166, 1), 0.4361818172714585, (Asymptote(0.0, 0.0),) * 2, "both"
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", OSCILLATING)
def test_what_oscillates_for_ever(text):
    extent, slope, sides, saturates = OSCILLATING[text]
    known = properties(actlab.define(text))
    for found, wanted in zip((known.range.value.low, known.range.value.high), extent, strict=True):
        assert wanted is None or found == pytest.approx(wanted, rel=1e-12)
    assert slope is None or known.lipschitz.value == pytest.approx(slope, rel=1e-9)
    assert (known.left.value, known.right.value) == sides
    assert known.saturates.value == saturates


def test_of_many_zeros_only_true_ones_are_told():
    # sin(30 (|x| + 1) x) has 12,000 zeros within 36 of 0
    f = actlab.get("finer")
    zeros = np.array(properties(f).zeros.value)
    assert 50 < len(zeros) < 500
    assert np.all(np.abs(f(zeros)) < 1e-10)
    line = dict(properties(f).lines())["zeros"]
    assert line.startswith("-0.251105, -0.17782, -0.0955835, 0, 0.0955835, 0.17782, 0.251105, ...")


def test_a_triple_zero_is_told_once():
    for text in ("arctan(x)", "tanh(x)", "sin(x)"):  # x less them is x**3 next to 0
        assert properties(actlab.define(text)).fixed_points.value == (0.0,)


def test_the_papers_form_tells_the_smoothness():
    # cut in pieces against rounding, smooth all the same
    for name in ("smu1", "calu", "squareplus"):
        known = properties(actlab.get(name))
        assert known.smoothness == Fact(INF, True, "no choice in its definition")
        assert known.kinks.value == ()


def test_values_at_0_are_proved_where_arithmetic_is_exact():
    silu = of("silu")
    assert (silu.value_at_0.proved, silu.slope_at_0.proved) == (True, True)
    step = of("heaviside")
    assert step.value_at_0 == Fact(0.0, True, step.value_at_0.how)
    assert not properties(actlab.define("sin(x + pi)")).value_at_0.proved  # 0 but for a rounding


def test_lines_are_text_for_a_terminal():
    lines = dict(of("gelu").lines())
    assert lines["infimum"] == "-0.169971 at -0.751792  (proved)"
    assert lines["monotone"] == "no  (proved)"
    assert lines["mean, N(0, 1)"].endswith("(measured)")


def test_vector_functions_have_properties_of_their_own():
    known = properties(actlab.get("softmax"))
    assert known.sums_to_one.value
    assert known.translation_invariant.value
    assert not known.sums_to_one.proved
    assert not properties(actlab.get("log_softmax")).sums_to_one.value
    assert len(known.lines()) == 4


def test_complex_functions_and_layers_are_refused():
    kinds = {actlab.get(name).kind: name for name in actlab.names()}
    for kind in ("complex", "layer"):
        with pytest.raises(TypeError, match="properties are those of real functions"):
            properties(actlab.get(kinds[kind]))
