"""What the parser reads, and what it refuses: at once, with a caret and a suggestion."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import actlab
from actlab.errors import FormulaError
from actlab.formula import Call, Number, Symbol, parse, symbols_of
from clock import within
from formula.strategies import expressions

X = Symbol("x")

READ = {
    "x": X,
    " x\n+ 1 ": Call("add", (X, Number(1))),
    "-x**2": Call("neg", (Call("pow", (X, Number(2))),)),
    "(-x)**2": Call("pow", (Call("neg", (X,)), Number(2))),
    "2**-x": Call("pow", (Number(2), Call("neg", (X,)))),
    "x**2**3": Call("pow", (X, Call("pow", (Number(2), Number(3))))),
    "x - 1 - 2": Call("sub", (Call("sub", (X, Number(1))), Number(2))),
    "-0.5": Number(-parse("0.5").value),
    "+x": X,
    "max(x, 0)": Call("maximum", (X, Number(0))),
    "where(x > 0, x, 0)": Call("where", (Call("gt", (X, Number(0))), X, Number(0))),
    "pi * x": Call("mul", (Call("pi", ()), X)),
}


@pytest.mark.parametrize("text", READ)
def test_reads(text):
    assert parse(text) == READ[text]


def test_numbers_are_exact_decimals():
    assert parse("0.1 + x") == Call("add", (Number(parse("1").value / 10), X))
    assert parse("1e-3") == parse("0.001")


REFUSED = {
    # text: (what the message says, the suggestion)
    "sigmod(x)": ("unknown name 'sigmod'", "sigmoid"),
    "y": ("unknown name 'y'", "default"),
    "tanh(x, 1)": ("tanh takes 1 argument, 2 given", "tanh(x)"),
    "tanh()": ("tanh takes 1 argument, 0 given", "tanh(x)"),
    "maximum(x)": ("maximum takes 2 arguments, 1 given", "maximum(x, y)"),
    "clip(x, 0)": ("clip takes 3 arguments", "clip(x, y, z)"),
    "(x + 1": ("never closed", "close it"),
    "x + 1)": ("never opened", "remove it"),
    "np.tanh(x)": ("attributes", "write tanh(...), with nothing before it"),
    "x.real": ("attributes", "a formula holds numbers"),
    "x.__class__.__mro__": ("attributes", "a formula holds numbers"),
    "__import__('os')": ("unknown name '__import__'", ""),
    "__import__('os').system('true')": ("attributes", ""),
    "lambda x: x": ("lambda", "tanh(x)"),
    "[x for x in (1, 2)]": ("comprehension", "tanh(x)"),
    "sum(x for x in y)": ("sum", ""),
    "'x'": ("a string", "plain number"),
    "f'{x}'": ("a string", ""),
    "b'x'": ("a string", ""),
    "(y := x)": ("assignment", ""),
    "x = 1": ("not a formula", ""),
    "x; x": ("not a formula", ""),
    "x if x > 0 else 0": ("'if'", "where(x > 0"),
    "x ^ 2": ("'^'", "x**2"),
    "x // 2": ("this", ""),
    "x @ x": ("this", ""),
    "x > 0": ("comparison is true or false", "where("),
    "x + (x > 0)": ("comparison is true or false", "where("),
    "where(x, 1, 2)": ("where needs a comparison first", "where(x > 0"),
    "0 < x < 1": ("chained", "where"),
    "x is 1": ("compare", ""),
    "where(x > 0 and x < 1, x, 0)": ("'and' or 'or'", ""),
    "x[0]": ("an index", ""),
    "x(1)": ("'x' is not a function", "x * (...)"),
    "2(x + 1)": ("only a name can be called", "2 * (x + 1)"),
    "pi(x)": ("is a number", "pi"),
    "tanh": ("is a function", "tanh(x)"),
    "tanh(x=x)": ("no named arguments", ""),
    "tanh(*x)": ("star", ""),
    "True": ("True", "plain number"),
    "None": ("None", "plain number"),
    "1j": ("", "plain number"),
    "0x10": ("plain decimal", ""),
    "1e999": ("", ""),
    "x**1e9": ("exponents", ""),
    "9**9**9**9": ("exponents", ""),
    "x**(2**70)": ("exponents", ""),
    "(" * 200 + "x" + ")" * 200: ("nest", ""),
    "(" * 10_000 + "x" + ")" * 10_000: ("characters", ""),
    "-" * 3000 + "x": ("nest", ""),
    "x" + "+x" * 1900: ("nest", ""),
    "x" * 100_000: ("100000 characters", ""),
    "": ("empty", "x * sigmoid(x)"),
    "  \n ": ("empty", "x * sigmoid(x)"),
    "x\0": ("null", ""),
    "é(x)": ("unknown name", ""),
    "x +": ("not a formula", ""),
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: repr(text[:30]))
def test_refuses(text):
    what, hint = REFUSED[text]
    actlab.define("x")  # the modules of the language are loaded when a process first needs them
    with pytest.raises(FormulaError) as refusal, within(0.05):
        actlab.define(text)
    message = str(refusal.value)
    assert what in message
    assert hint in message
    assert len(message) < 1500
    if "\n" in message:
        assert "^" in message.splitlines()[2]


def test_refusal_shows_where():
    with pytest.raises(FormulaError) as refusal:
        actlab.define("x * sigmod(x)")
    lines = str(refusal.value).splitlines()
    assert lines[1] == "  x * sigmod(x)"
    assert lines[2] == "      ^^^^^^"
    assert "did you mean 'sigmoid'" in lines[3]


def test_caret_stands_right_in_a_long_formula():
    with pytest.raises(FormulaError) as refusal:
        actlab.define("x + 1 + " * 30 + "sigmod(x)")
    shown, caret = str(refusal.value).splitlines()[1:3]
    assert shown[caret.index("^") : caret.rindex("^") + 1] == "sigmod"


def test_parameter_without_a_default():
    for name in ("slope", "kappa"):  # "slope" resembles a word, which is offered as well
        with pytest.raises(FormulaError, match=f"give it a default: {name}=1"):
            actlab.define(f"{name} * x")


@pytest.mark.parametrize("name", ["tanh", "where", "x", "pi", "e", "gate", "max"])
def test_parameter_named_like_a_word(name):
    with pytest.raises((FormulaError, TypeError), match=name):
        actlab.define("x + 1", **{name: 1.0})


def test_unused_parameter():
    with pytest.raises(FormulaError, match="does not use"):
        actlab.define("x + 1", alpha=1.0)


def test_x_missing():
    with pytest.raises(FormulaError, match="does not contain x"):
        actlab.define("alpha * 2", alpha=1.0)


def test_constant_formula_is_allowed_with_a_note():
    f = actlab.define("2 + 3")
    assert f.is_constant
    assert "constant" in f.note
    assert f([1.0, 2.0]).tolist() == [5.0, 5.0]


def test_catalogued_names_expand_in_place():
    f = actlab.define("silu(gate) * x")
    assert f.kind == "gated"
    assert symbols_of(f.formula) == {"x", "gate"}
    assert actlab.define("leaky_relu(x, negative_slope=0.5)") == actlab.get(
        "leaky_relu", negative_slope=0.5
    )
    with pytest.raises(FormulaError, match="negative_slope"):
        actlab.define("leaky_relu(x, slope=0.5)")


def test_growth_by_expansion_is_bounded():
    text = "x"
    for _ in range(12):
        text = f"mish({text} * {text})" if len(text) < 1500 else text
    with within(0.5):
        try:
            actlab.define(text)
        except FormulaError as refusal:
            assert "grows" in str(refusal) or "characters" in str(refusal)  # noqa: PT017


ALPHABET = "x0123456789.+-*/()<>=, \n'\"_[]{}:;@#%^&|~!?\\eijlambd tanhsigmoidwhere"


def refuses_at_once(text):
    # generous: the machine may be busy; a refusal that grows with the text takes seconds
    with within(0.5):
        try:
            return parse(text, variables=("x", "gate"), parameters=("beta",))
        except FormulaError:
            return None


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(), st.text(alphabet=ALPHABET, max_size=60)))
@example("x if x else x")
@example("\ud800")
@example("1_000")
@example("0777")
@example("x**-0")
@example("１２")
@example("ℯ")
def test_random_text_is_read_or_refused(text):
    expression = refuses_at_once(text)
    if expression is not None:
        assert parse(str(expression), variables=("x", "gate"), parameters=("beta",)) == expression


@settings(max_examples=200, deadline=None)
@given(expressions, st.data())
def test_damaged_formulas_are_read_or_refused(expression, data):
    text = str(expression)
    place = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 4))
    extra = data.draw(st.text(alphabet=ALPHABET, max_size=3))
    refuses_at_once(text[:place] + extra + text[place + cut :])
