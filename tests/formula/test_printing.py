"""Printing and parsing again gives the same expression; LaTeX is well formed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings

import actlab
from actlab.formula import PRIMITIVES, Call, Symbol, differentiate, parse, to_latex
from formula.strategies import expressions


def parse_again(expression):
    return parse(str(expression), variables=("x", "gate"), parameters=("beta",))


@settings(max_examples=400, deadline=None)
@given(expressions)
def test_printing_and_parsing_again_gives_the_same(expression):
    assert parse_again(expression) == expression


@settings(max_examples=100, deadline=None)
@given(expressions)
def test_printed_derivatives_parse_again(expression):
    slope = differentiate(expression)
    if len(str(slope)) <= 4000:
        assert parse_again(slope) == slope


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("x-(1-x)", "x - (1 - x)"),
        ("(x-1)-x", "x - 1 - x"),
        ("x/(2*x)", "x / (2 * x)"),
        ("(x**2)**3", "(x**2)**3"),
        ("-(x**2)", "-x**2"),
        ("(-2)**x", "(-2)**x"),
        ("-(2**x)", "-2**x"),
        ("x*-2", "x * -2"),
        ("max(x,0)", "maximum(x, 0)"),
        ("0.044715*x", "0.044715 * x"),
    ],
)
def test_prints(text, printed):
    assert str(parse(text)) == printed
    assert parse(printed) == parse(text)


def balanced(latex):
    depth = 0
    for character in re.sub(r"\\[{}]", "", latex):
        depth += (character == "{") - (character == "}")
        if depth < 0:
            return False
    return (
        depth == 0
        and latex.count(r"\left") == latex.count(r"\right")
        and latex.count(r"\begin{") == latex.count(r"\end{")
    )


@pytest.mark.parametrize("name", PRIMITIVES)
def test_latex_of_each_primitive_is_balanced(name):
    arguments = tuple(Symbol(s) for s in ("x", "beta", "negative_slope")[: PRIMITIVES[name].arity])
    if name == "where":
        arguments = (Call("gt", arguments[:2]), *arguments[1:])
    latex = to_latex(Call(name, arguments))
    assert balanced(latex), latex
    for place in "abc":
        assert f"{{{place}}}" not in latex.replace(r"\mathrm{e}", "")
    if PRIMITIVES[name].arity:
        assert "x" in latex


@settings(max_examples=200, deadline=None)
@given(expressions)
def test_latex_is_balanced(expression):
    assert balanced(to_latex(expression))


@pytest.mark.parametrize("name", actlab.names())
def test_latex_of_the_catalogue(name):
    f = actlab.get(name)
    for order in range(1 if f.kind == "vector" else 3):
        latex = f.latex(order)
        assert latex
        assert balanced(latex), latex


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("(x + 1) * 2", r"\left(x + 1\right) \cdot 2"),
        ("(x + 1)**2", r"\left(x + 1\right)^{2}"),
        ("x / (1 + abs(x))", r"\frac{x}{1 + \left|x\right|}"),
        ("exp(x)**2", r"\left(e^{x}\right)^{2}"),
    ],
)
def test_latex_keeps_the_order_of_operations(text, latex):
    assert to_latex(parse(text)) == latex
