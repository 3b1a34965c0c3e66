"""A formula and the catalogued functions that it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

import actlab
from actlab.cli import app
from actlab.formula import parse
from actlab.identity import identify
from actlab.identity.numbers import candidates
from actlab.identity.proof import agreeing_digits, is_proved


@pytest.mark.parametrize(
    ("formula", "answer"),
    [
        ("x*tanh(exp(x))", "telu (= tanhexp): proved"),
        ("x * (1 + erf(x / sqrt(2))) / 2", "gelu"),
        ("x / (1 + exp(-x))", "silu"),
        ("x * tanh(log(1 + exp(x)))", "mish"),
        ("0.5 * (x + abs(x))", "relu"),
        ("(exp(x) - exp(-x)) / (exp(x) + exp(-x))", "tanh"),
        ("2 * sigmoid(2 * x) - 1", "tanh"),
        ("min(max(x, 0), 6)", "relu6"),
        ("x - log(1 + exp(x))", "log_sigmoid"),
        ("where(x < 0, exp(x) - 1, x)", "elu"),
    ],
)
def test_equal(formula, answer):
    first = identify(formula).matches[0]
    assert first.relation == "equal"
    assert first.evidence == "proved"
    assert str(first).startswith(answer)


@pytest.mark.parametrize(
    ("formula", "name", "parameters"),
    [
        ("x*sigmoid(1.702*x)", "swish", {"beta": 1.702}),
        ("x*sigmoid(sqrt(8/pi)*x)", "swish", {"beta": 1.5957691216057308}),
        ("where(x > 0, x, 0.3 * x)", "leaky_relu", {"negative_slope": 0.3}),
        ("where(x > 0, x, 0.7 * (exp(x) - 1))", "elu", {"alpha": 0.7}),
        ("clip(x, 0, 2.5)", "clipped_relu", {"cap": 2.5}),
        ("1.5 * tanh(x / 3)", "lecun_tanh", {"a": 1.5, "b": 1 / 3}),
    ],
)
def test_equal_up_to_parameters(formula, name, parameters):
    match = next(m for m in identify(formula).matches if m.name == name)
    assert match.relation == "parameters"
    assert match.evidence == "proved"
    assert dict(match.parameters) == pytest.approx(parameters, rel=1e-15)
    again = actlab.get(name, **match.parameters)
    x = np.linspace(-5, 5, 101)
    np.testing.assert_allclose(again(x), actlab.define(formula)(x), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(
    ("formula", "written"),
    [
        ("3 * gelu(2 * x - 1) + 0.5", "3 * gelu(2 * x - 1) + 0.5"),
        ("log(1 + exp(x)) / log(2)", "1 / log(2) * softplus(x)"),
        ("cos(x)", "sin(x + 0.5 * pi)"),
        ("3 * tanh(2 * x + 1)", "3 * tanh(2 * x + 1)"),  # and not 3 * dyt(4 * x + 2)
        ("-mish(-x)", "-mish(-x)"),
        ("x * tanh(exp(x)) + 0.001", "telu(x) + 0.001"),
    ],
)
def test_equal_up_to_scale_and_shift(formula, written):
    match = identify(formula).matches[0]
    assert match.relation == "affine"
    assert match.written == written
    x = np.linspace(-3, 3, 41)
    f = actlab.get(match.name)
    mine = match.scale * f(match.stretch * x + match.shift) + match.offset
    np.testing.assert_allclose(mine, actlab.define(formula)(x), rtol=1e-12, atol=1e-14)
    assert written.replace(match.name, "") in str(identify(formula)).replace(match.name, "")


def test_close_says_how_far_and_where():
    found = identify("x * normcdf(x) + 0.001 * x")
    assert not found.is_known
    nearest = found.matches[0]
    assert nearest.name in {"gelu", "xgelu", "clipped_gelu"}
    assert nearest.difference == pytest.approx(0.008, rel=1e-3)
    assert abs(nearest.at[0]) == 8.0
    assert len(found.matches) == 3
    assert "no catalogued function" in str(found)
    assert found.matches[0].difference <= found.matches[1].difference


def test_gated_pairs():
    assert str(identify("x * sigmoid(gate)").matches[0]).startswith("glu (= ")
    assert str(identify("gate * sigmoid(x)").matches[0]).startswith("glu(gate, x)")
    assert identify("x * gate").matches[0].name == "bilinear"


def test_activations_and_names():
    assert identify(actlab.get("telu")).matches[0].name == "telu"
    assert identify("swish").matches[0].relation == "equal"
    assert actlab.identify is identify
    with pytest.raises(TypeError, match="maps whole vectors"):
        identify("softmax")


@pytest.mark.parametrize("name", ["gelu_tanh", "selu", "snake", "hard_swish", "pau", "logish"])
def test_catalogued_functions_find_themselves(name):
    text = str(actlab.get(name).bound)
    assert name in {m.name for m in identify(text).matches if m.relation == "equal"}


def test_what_is_not_equal_is_not_proved():
    x = parse("x")
    assert is_proved(parse("x + 0 * x"), x)
    for other in (
        "where(x == 1, 5, x)",  # at one point only
        "where(x > 1000, 1000, x)",
        "abs(x)",
        "x + 1e-60",
        "sin(x)",
        "where(x < 0, x, x + 1e-9)",
        "where(sin(x) > 2, 5, x)",  # equal, but no rule shows it
    ):
        assert not is_proved(parse(other), x), other
    assert not is_proved(parse("softplus(x)"), parse("softplus(x) + 1e-40 * x"))


def test_small_differences_are_seen():
    assert agreeing_digits(parse("tanh(x)"), parse("tanh(x)")) == 50
    assert agreeing_digits(parse("tanh(x)"), parse("tanh(x) + 1e-20 * x")) == 0
    nearly = identify("x * tanh(exp(x)) * (1 + 1e-35)")
    assert nearly.matches[0].name == "telu"
    assert nearly.matches[0].evidence == "measured"
    assert 30 <= nearly.matches[0].digits < 50
    assert not identify("tanh(x) + 1e-12 * x * x").is_known


def test_parameters_that_change_nothing_keep_their_default():
    for match in identify("where(x > 0, x, 0.3 * x)").matches:
        assert 1 not in match.parameters.values()
        assert len(match.parameters) == 1


@pytest.mark.parametrize(
    ("found", "written"),
    [
        (0.30000000001, "0.3"),
        (0.33333333331, "1 / 3"),
        (3.14159265358, "pi"),
        (0.79788456080, "sqrt(2 / pi)"),
        (1e-12, "0"),
    ],
)
def test_numbers_are_written_as_people_do(found, written):
    from actlab.formula.parse import constant_value

    wanted = constant_value(parse(written))
    values = [constant_value(c) for c in candidates(found, parse("x"))]
    assert wanted in values or any(abs(v - wanted) <= 2e-16 for v in values)


def test_json_is_plain():
    done = CliRunner().invoke(app, ["identify", "x*sigmoid(1.702*x)", "--json"])
    assert done.exit_code == 0
    answer = json.loads(done.stdout)
    assert answer["known"] is True
    assert answer["matches"][0]["name"] == "quick_gelu"
    assert answer["matches"][0]["evidence"] == "proved"


def test_errors_are_one_sentence():
    for asked, words in (("softmax", "maps whole vectors"), ("geluu", "did you mean")):
        done = CliRunner().invoke(app, ["identify", asked])
        assert done.exit_code == 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr


SCRIPT = """
import os, sys
from actlab.cli import app
try:
    app(["identify", sys.argv[1]])
except SystemExit:
    pass
used = os.times()
print(used.user + used.system, *(m for m in ("torch", "jax", "keras") if m in sys.modules))
"""


@pytest.mark.parametrize("formula", ["x*tanh(exp(x))", "max(x, 0)", "exp(sin(x)) * x"])
def test_a_fresh_process_takes_less_than_two_seconds(formula):
    def seconds():
        """Of the processor, as the machine may be shared."""
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, formula],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        taken, *frameworks = done.stdout.splitlines()[-1].split()
        assert frameworks == []
        return float(taken)

    # a shared processor takes longer over the same steps, so a slow one is asked again
    assert any(seconds() < 2.0 for _ in range(3))
