"""The command line: what it prints where, and how it ends."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

import actlab
from actlab.cli import app


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "150", "TERM": "dumb"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def strict(text: str) -> Any:
    def refuse(name: str) -> float:
        raise ValueError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_list_names_everything_once() -> None:
    result = run("list")
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == actlab.names()
    assert result.stderr == ""
    assert result.exit_code == 0


@pytest.mark.parametrize("family", actlab.families())
def test_list_of_a_family(family: str) -> None:
    rows = strict(run("list", "--family", family, "--json").stdout)
    assert [row["name"] for row in rows] == actlab.names(family)
    assert {row["family"] for row in rows} == {family}


SHOWN = ["gelu", "rrelu", "softmax", "swiglu", "hard_concrete", "modrelu", "kan_rbf", "ste_sign"]
SHOWN += actlab.names()[::8]
"""Enough to meet every kind and family; the properties of all would take minutes."""


@pytest.mark.parametrize("name", SHOWN)
def test_show_says_what_a_function_is(name: str) -> None:
    f = actlab.get(name)
    result = run("show", name)
    assert result.exit_code == 0, result.stderr
    definition = f.rule.text if f.rule is not None else str(f.definition)
    assert definition in result.stdout
    assert f.latex() in result.stdout
    for alias in f.aliases:
        assert alias in result.stdout
    for parameter, value in f.parameters.items():
        assert f"{parameter} = {value:.6g}" in result.stdout
    if f.reference is not None:
        assert str(f.reference) in result.stdout
    for items in f.shipped.values():
        for shipped in items:
            assert shipped.path in result.stdout
    facts = strict(run("show", name, "--json").stdout)
    assert facts["name"] == name
    assert {key: value["value"] for key, value in facts["parameters"].items()} == f.parameters
    assert (facts["derivative"] == {}) == (f.formula is None)


def test_show_tells_how_the_special_ones_work() -> None:
    assert "made by      module(channels, kernel_size=3)" in run("show", "funnel_relu").stdout
    text = run("show", "atan_spike").stdout
    assert "gradient     0.5 * alpha / (1 + (0.5 * pi * alpha * x)**2)" in text
    assert "properties of the value" in text
    text = run("show", "noisy_relu").stdout
    assert "in training  maximum(x + noise * sqrt(sigmoid(x)), 0)" in text
    assert "noise, drawn from the standard normal law" in text
    refused = run("show", "CReLU")
    assert refused.exit_code == 1
    assert "ask for one of: complex_relu, concatenated_relu" in refused.stderr
    refused = run("plot", "zrelu")
    assert refused.exit_code == 1
    assert "zrelu maps complex numbers; a curve shows" in refused.stderr


def test_show_tells_the_frameworks_apart() -> None:
    text = run("show", "leaky_relu").stdout
    differences = text[text.index("differences") :]
    assert "keras.layers.LeakyReLU: negative_slope is 0.3 there, 0.01 here" in differences
    assert "torch.nn.LeakyReLU" not in differences
    assert "jax.nn.gelu: the name means gelu_tanh there" in run("show", "gelu").stdout
    assert "no differences between them" in run("show", "relu").stdout


def test_show_like_a_framework() -> None:
    facts = strict(run("show", "gelu", "--like", "jax", "--json").stdout)
    assert facts["name"] == "gelu_tanh"
    text = run("show", "LeakyReLU", "--like", "keras.layers").stdout
    assert "negative_slope = 0.3" in text


def test_show_a_formula() -> None:
    text = run("show", "x * tanh(exp(beta * x)); beta=1.5").stdout
    assert "x * tanh(exp(beta * x))" in text
    assert "beta = 1.5" in text
    assert "shipped" not in text
    assert "derivative" in text
    assert "-x**2" in run("show", "--", "-x**2").stdout
    gated = run("show", "x * tanh(gate)").stdout
    assert "d/d gate" in gated
    assert "gate, at x = 1" in gated
    assert "it ignores its input" in run("show", "2").stdout


def test_show_json_keeps_infinity_strict() -> None:
    from actlab.cli.output import _strict

    assert strict(json.dumps(_strict({"range": (0.0, float("inf"))}), allow_nan=False)) == {
        "range": [0.0, "inf"]
    }


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_plot_writes_a_file(suffix: str, tmp_path: Path) -> None:
    target = tmp_path / f"out.{suffix}"
    result = run("plot", "relu", "x*tanh(exp(x))", "--derivative", "--save", str(target))
    assert result.exit_code == 0
    assert target.stat().st_size > 1000
    assert result.stdout == ""
    assert str(target) in result.stderr


def test_plot_in_the_terminal() -> None:
    text = run("plot", "relu", "elu", "--derivative").stdout
    for title in ("relu", "derivative of relu", "elu", "derivative of elu"):
        assert title in text.splitlines()
    assert len(run("plot", "softmax").stdout.splitlines()) == 8


def test_plot_table() -> None:
    options = ("--table", "--derivative", "--low", "-1", "--high", "1")
    rows = list(csv.reader(io.StringIO(run("plot", "max(x, 0)", "tanh", *options).stdout)))
    assert rows[0] == ["x", "max(x, 0)", "tanh", "derivative of max(x, 0)", "derivative of tanh"]
    x, relu, tanh, step, slope = np.array(rows[1:], dtype=float).T
    assert x[[0, -1]].tolist() == [-1, 1]
    assert relu.tolist() == np.maximum(x, 0).tolist()
    assert tanh.tolist() == actlab.get("tanh")(x).tolist()
    assert slope.tolist() == actlab.get("tanh").derivative(x).tolist()
    assert step.tolist() == (x > 0).astype(float).tolist()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "sigmod"], "did you mean sigmoid"),
        (["show", "sigmod(x)"], "^^^^^^"),
        (["show", ""], "empty"),
        (["show", "relu", "--like", "no"], "does not ship relu"),
        (["show", "x + 1", "--like", "torch"], "is a formula"),
        (["show", "x * b; b=inf"], "finite"),
        (["show", "x * b; b"], "not a parameter"),
        (["show", "__import__('os')"], "__import__"),
        (["show", "(" * 10_000], "formula"),
        (["list", "--family", "no"], "rectifiers"),
        (["plot", "relu", "softmax"], "bars"),
        (["plot", "softmax", "--derivative"], "matrix"),
        (["plot", "relu", "--low", "2", "--high", "1"], "low < high"),
        (["plot", "relu", "--save", "out.gif"], ".png, .svg or .pdf"),
        (["plot", "relu", "--save", "missing/out.png"], "no such file or directory"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr) < 1000
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["show"],
        ["show", "relu", "--no-such-option"],
        ["show", "-x"],
        ["plot"],
        ["plot", "relu", "--low", "far"],
        ["compare", "iris", "--hidden", "wide"],
        ["compare", "iris", "--learning-rates", "0.1,fast"],
        ["compare", "iris", "--epochs", "1.5"],
    ],
)
def test_wrong_usage(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage:" in result.stderr


def test_version_and_help() -> None:
    assert run("--version").stdout == f"actlab {actlab.__version__}\n"
    for arguments in (["--help"], ["list", "-h"], ["show", "-h"], ["plot", "-h"]):
        assert "Usage:" in run(*arguments).stdout


@pytest.mark.parametrize("formula", ["3", "x*sin(1/x)", "log(x)", "1/x", "sqrt(-1-x**2)"])
def test_show_of_a_formula_that_is_not_defined_everywhere(formula: str) -> None:
    result = run("show", formula)
    assert result.exit_code == 0
    assert "properties" in result.stdout
