"""`actlab forecast`: what it prints, draws and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import actlab
from actlab.cli import app

RUNNER = CliRunner()


def run(*words: str, status: int = 0) -> str:
    result = RUNNER.invoke(app, ["forecast", *words])
    assert result.exit_code == status, result.output
    assert "nan" not in result.stdout.lower()
    return result.stdout if status == 0 else result.stderr


def test_it_says_what_happens_and_draws_it() -> None:
    out = run("sigmoid", "--depth", "50")
    assert "vanishing: layer 1 has 10^-19.99 of layer 50" in out
    assert "N(0, 1.84623²/width)" in out
    rows = [line.split() for line in out.splitlines() if line.strip()[:1].isdigit()]
    assert [row[0] for row in rows[:3]] == ["1", "6", "11"]
    assert "log10 of the gradient norm" in out
    assert "⠒" in out


def test_settings_are_those_of_the_theory() -> None:
    known = actlab.forecast("tanh", 12, sigma_w=1.3, sigma_b=0.2, variance=2.0, width=64)
    words = "tanh --depth 12 --gain 1.3 --sigma-b 0.2 --variance 2 --width 64 --json"
    out = json.loads(run(*words.split()))
    assert out["variance"] == list(known.variance)
    assert out["gradient"] == list(known.gradient)
    assert out["scatter"] == list(known.scatter)
    assert out["verdict"] == known.verdict


def test_every_layer_as_csv() -> None:
    lines = run("relu", "--depth", "4", "--sigma-w", "1", "--table").splitlines()
    assert lines[0] == "layer,variance,ln_gradient"
    assert [float(line.split(",")[1]) for line in lines[1:]] == pytest.approx([1, 0.5, 0.25, 0.125])


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_a_figure_is_written(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out.{suffix}"
    out = run("gelu", "--depth", "9", "--width", "32", "--save", str(path))
    assert path.stat().st_size > 5000
    assert "⠒" not in out  # the curves are in the file


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("relu --depth 1", "steady"),
        ("heaviside --depth 3", "no gradient reaches layer 1"),
        ("x*x --depth 60 --variance 3", "unknown: the variance leaves"),
        ("gelu", "a deviation of the variance grows"),
    ],
)
def test_extremes_are_told_in_words(words: str, told: str) -> None:
    assert told in run(*words.split())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("swiglu", "swiglu is a gated pair"),
        ("softmax", "softmax maps whole vectors"),
        ("relu --depth 0", "one layer or more"),
        ("relu --width 0", "one unit or more"),
        ("relu --variance -1", "positive number"),
        ("relu --sigma-b -1", "0 or more"),
        ("exp(x*x)", "give the weights with --sigma-w"),
        ("relu --save out.gif", "written as .png, .svg or .pdf"),
        ("rleu", "did you mean"),
    ],
)
def test_what_can_not_be_forecast_is_one_sentence(words: str, told: str) -> None:
    err = run(*words.split(), status=1)
    assert told in err
    assert err.count("\n") == 1
