"""Derivatives, held against SymPy's and against mpmath's numerical ones."""

from __future__ import annotations

import itertools

import mpmath
import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from actlab.engines.exact import evaluate
from actlab.formula import PRIMITIVES, Call, Number, Symbol, differentiate, parse, symbols_of
from formula.strategies import smooth_expressions

X = Symbol("x")
ALWAYS = (0.3, 1.7, 0.9, 2.6)
"""Where every primitive is defined and smooth."""


def value(expression, x, digits=60, **parameters):
    return evaluate(expression, {"x": x}, parameters, digits=digits)


def quotient(expression, x):
    """Difference quotient at 60 digits; its error is of the order of 1e-40."""
    with mpmath.workdps(80):
        step = mpmath.mpf(2) ** -70
        low, high = (value(expression, mpmath.mpf(x) + s, 80) for s in (-step, step))
        return (high - low) / (2 * step)


def close(a, b):
    with mpmath.workdps(60):
        return abs(a - b) <= mpmath.mpf(10) ** -28 * (1 + abs(a))


@pytest.mark.parametrize("name", [n for n, row in PRIMITIVES.items() if not row.is_comparison])
@pytest.mark.parametrize("order", [1, 2])
def test_derivative_of_each_primitive(name, order):
    arity = PRIMITIVES[name].arity
    if arity == 0:
        assert differentiate(Call(name, ())) == Number(0)
        return
    # x in each place, with others that vary with it and with constants
    inner = {1: [(X,)], 2: [(X, Number(2)), (Number(2), X), (X, parse("1 + x*x"))]}
    condition = parse("where(x > 1, x, x)").arguments[0]
    inner[3] = [(X, Number(-1), Number(1)), (Number(5), parse("-x"), parse("x*x"))]
    if name == "where":
        inner[3] = [(condition, parse("x*x"), parse("x*x*x"))]
    for arguments in inner[arity]:
        expression = differentiate(Call(name, arguments), "x", order - 1)
        slope = differentiate(expression)
        for x in ALWAYS:
            assert close(value(slope, x), quotient(expression, x)), f"{expression} at {x}"


SYMPY = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
    "neg": lambda a: -a, "sin": sympy.sin, "cos": sympy.cos, "arctan": sympy.atan,
    "arcsinh": sympy.asinh, "tanh": sympy.tanh, "sech": sympy.sech, "erf": sympy.erf,
    "erfc": sympy.erfc, "sigmoid": lambda a: 1 / (1 + sympy.exp(-a)),
    "softplus": lambda a: sympy.log(1 + sympy.exp(a)),
    "log_sigmoid": lambda a: -sympy.log(1 + sympy.exp(-a)),
    "normcdf": lambda a: sympy.erfc(-a / sympy.sqrt(2)) / 2,
    "normpdf": lambda a: sympy.exp(-a * a / 2) / sympy.sqrt(2 * sympy.pi),
}  # fmt: skip


def to_sympy(expression):
    if isinstance(expression, Number):
        return sympy.Rational(expression.value.numerator, expression.value.denominator)
    if isinstance(expression, Symbol):
        return sympy.Symbol(expression.name)
    return SYMPY[expression.head](*map(to_sympy, expression.arguments))


@settings(max_examples=60, deadline=None)
@given(smooth_expressions, st.floats(-2.5, 2.5), st.integers(1, 2))
def test_random_formulas_against_sympy(expression, x, order):
    assume(all(node in SYMPY for node in _heads(expression)))
    theirs = sympy.diff(to_sympy(expression), sympy.Symbol("x"), order)
    number = theirs.evalf(50, subs={"x": sympy.Float(x, 60)}, maxn=500)
    assume(number.is_real)
    mine = value(differentiate(expression, "x", order), x)
    with mpmath.workdps(60):
        assert close(mine, mpmath.mpf(str(number)))


def _heads(expression):
    if isinstance(expression, Call):
        yield expression.head
        for argument in expression.arguments:
            yield from _heads(argument)


@settings(max_examples=100, deadline=None)
@given(smooth_expressions, st.floats(-2.5, 2.5))
def test_random_formulas_against_difference_quotients(expression, x):
    slope = value(differentiate(expression), x)
    assume(abs(slope) < 1e12)
    steep = value(differentiate(expression, "x", 3), x)
    assume(abs(steep) < 1e9)  # the quotient's own error is step² times this
    assert close(slope, quotient(expression, x))


def test_derivative_by_a_parameter():
    expression = parse("x * sigmoid(beta * x)", parameters=("beta",))
    slope = differentiate(expression, "beta")
    by_hand = value(parse("x*x * sigmoid(1.5*x) * sigmoid(-1.5*x)"), 0.7)
    assert close(value(slope, 0.7, beta=1.5), by_hand)
    assert symbols_of(differentiate(parse("x"), "beta")) == frozenset()


def test_kinks_take_the_branch_that_the_comparison_selects():
    at_zero = {
        "maximum(x, 0)": 0, "where(x > 0, x, 0)": 0, "where(x >= 0, x, 0)": 1, "abs(x)": 0,
        "minimum(maximum(x, 0), 6)": 0, "where(x > 0, x, 0.25*x)": 0.25, "clip(x, 0, 1)": 0,
        "clip(x, -1, 0)": 0, "minimum(x, 0)": 0,
    }  # fmt: skip
    for text, slope in at_zero.items():
        assert value(differentiate(parse(text)), 0) == slope, text


def test_stable_forms_are_kept():
    assert str(differentiate(parse("sigmoid(x)"))) == "sigmoid(x) * sigmoid(-x)"
    assert str(differentiate(parse("tanh(x)"))) == "sech(x)**2"
    for name in ("sigmoid", "tanh", "softplus", "normcdf", "log_sigmoid"):
        for x in (-40.0, 40.0):
            slope = float(value(differentiate(parse(f"{name}(x)")), x))
            assert slope >= 0


def test_order_zero_and_negative():
    assert differentiate(X, "x", 0) == X
    with pytest.raises(ValueError, match="0 or more"):
        differentiate(X, "x", -1)


def test_high_orders_stay_small_for_polynomials():
    expression = parse("x**3 + 2*x")
    sizes = [differentiate(expression, "x", order) for order in range(6)]
    assert [float(value(e, 2.0)) for e in sizes] == [12.0, 14.0, 12.0, 6.0, 0.0, 0.0]
    assert all(a.size >= b.size for a, b in itertools.pairwise(sizes[1:]))


@pytest.mark.parametrize("text", ["sigmoid(x)", "softplus(x)", "x * sigmoid(x)", "sigmoid(-3 * x)"])
def test_no_digits_are_lost_where_the_slope_of_the_sigmoid_turns(text):
    # sigmoid'' = sigmoid' * (sigmoid(-x) - sigmoid(x)), whose difference vanishes at 0
    from actlab.engines import numpy as engine

    expression = parse(text)
    for order in (2, 3):
        function = engine.prepare(expression, ("x",), {}, (), "x", order)
        for x in (1e-7, -3e-5, 1e-3):
            exact = float(evaluate(expression, {"x": x}, {}, "x", order, digits=30))
            # some ten roundings; the plain rule loses seven digits at 1e-7
            assert float(function(x)) == pytest.approx(exact, rel=3e-15, abs=0)


def test_equal_parts_of_a_derivative_are_one_object():
    slope = differentiate(parse("exp(x) * tanh(exp(x))"))
    seen = {}
    stack = [slope]
    while stack:
        node = stack.pop()
        assert seen.setdefault(node, node) is node
        stack.extend(node.operands)
