"""Figures and the tables behind them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

import actlab
from actlab.errors import ActlabError, FormulaError, UnknownNameError
from actlab.plots import curve_table, plot, plot_many, save_figure, why_no_curve

SIGNATURES = {"png": b"\x89PNG\r\n", "svg": b"<?xml", "pdf": b"%PDF-"}


@pytest.mark.parametrize("name", actlab.names())
def test_every_function_can_be_drawn_or_says_why_not(name: str) -> None:
    f = actlab.get(name)
    if reason := why_no_curve(f):
        assert f.kind in {"complex", "layer"} or f.rule.resizes
        for draw in (curve_table, plot, plot_many):
            with pytest.raises(ActlabError, match=re.escape(reason)):
                draw(f)
        return
    table = curve_table(f)
    x, y = table.values()
    assert x.shape == y.shape
    assert np.isfinite(y).all()
    axes = f.plot(derivative=f.kind != "vector")
    assert axes.get_title().startswith(name)
    assert axes.get_xlabel()
    assert axes.get_ylabel()


def test_the_table_holds_the_values_and_slopes() -> None:
    f = actlab.get("elu")
    table = curve_table(["elu", "relu"], low=-2, high=2, points=5)
    assert list(table) == ["x", "elu", "relu"]
    assert table["x"].tolist() == [-2, -1, 0, 1, 2]
    assert table["elu"].tolist() == f(table["x"]).tolist()
    slopes = curve_table("elu", order=1, low=-2, high=2, points=5)
    assert slopes["elu"].tolist() == f.derivative(table["x"]).tolist()


def test_a_figure_shows_what_its_table_says() -> None:
    figure = plot_many(["relu", "gelu", "tanh"], derivative=True)
    for axes, order in zip(figure.axes, (0, 1), strict=True):
        table = curve_table(["relu", "gelu", "tanh"], order=order)
        drawn = {line.get_label(): line for line in axes.lines if len(line.get_xdata()) > 2}
        assert list(drawn) == list(table)[1:]
        for label, line in drawn.items():
            assert np.array_equal(line.get_xdata(), table["x"])
            assert np.array_equal(line.get_ydata(), table[label])


def test_one_title_one_legend_labelled_axes() -> None:
    figure = plot_many(["relu", "leaky_relu", "elu", "selu"], derivative=True)
    assert figure.get_suptitle() == "relu, leaky_relu, elu, selu"
    assert len(figure.legends) == 1
    assert not any(axes.get_legend() for axes in figure.axes)
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["relu", "leaky_relu", "elu", "selu"]
    assert [axes.get_xlabel() for axes in figure.axes] == ["x", "x"]
    assert [axes.get_ylabel() for axes in figure.axes] == ["value", "derivative"]


def test_readable_without_colour() -> None:
    names = [name for name in actlab.names() if actlab.get(name).kind == "scalar"][:30]
    lines = [line for line in plot_many(names).axes[0].lines if len(line.get_xdata()) > 2]
    looks = {(line.get_linestyle(), line.get_marker()) for line in lines}
    assert len(looks) == len(names)


def test_functions_of_a_vector_are_bars() -> None:
    axes = plot("softmax")
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == actlab.get("softmax")([1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0]).tolist()
    assert [text.get_text() for text in axes.get_xticklabels()] == list("1234123")
    assert len(plot_many(["softmax", "softmin"]).axes[0].patches) == 14


def test_gated_pairs_are_drawn_against_the_gate() -> None:
    table = curve_table("swiglu", low=-2, high=2, points=5)
    silu = actlab.get("silu")
    np.testing.assert_allclose(table["swiglu (x = 1)"], silu(table["x"]), rtol=1e-15)
    slopes = curve_table("swiglu", order=1, low=-2, high=2, points=5)["swiglu (x = 1)"]
    np.testing.assert_allclose(slopes, silu.derivative(table["x"]), rtol=1e-14)
    assert plot("swiglu").get_xlabel() == "gate"


def test_the_range_shows_the_kinks() -> None:
    assert curve_table("relu")["x"][[0, -1]].tolist() == [-5, 5]
    assert curve_table("relu6")["x"][[0, -1]].tolist() == [-5, 7.5]
    assert curve_table(actlab.get("hard_tanh", min_val=-8))["x"][0] == -10


def test_same_names_get_different_labels() -> None:
    f = actlab.get("leaky_relu")
    table = curve_table([f, f.with_parameters(negative_slope=0.2), f])
    assert list(table)[1:] == [
        "leaky_relu (negative_slope=0.01)",
        "leaky_relu (negative_slope=0.2)",
        "leaky_relu (negative_slope=0.01) #2",
    ]


def test_what_is_not_finite_leaves_a_gap() -> None:
    table = curve_table("log(x)", low=-1, high=1, points=5)
    assert np.isnan(table["log(x)"][:2]).all()
    line = plot("1 / x").lines[0]
    assert np.isnan(line.get_ydata()).sum() == 1
    low, high = plot("exp(x**2)").get_ylim()
    assert -1 < low < high < 12


def test_drawing_into_given_axes() -> None:
    axes = Figure().subplots()
    assert plot("relu", ax=axes) is axes
    assert actlab.get("gelu").plot(ax=axes) is axes


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf", "PNG"])
def test_formats(suffix: str, tmp_path: Path) -> None:
    target = tmp_path / f"figure.{suffix}"
    assert save_figure(plot_many("relu"), target) == target
    assert target.read_bytes().startswith(SIGNATURES[suffix.lower()])
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("name", ["figure.gif", "figure", "figure.png.gz"])
def test_other_formats_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ActlabError, match=r"\.png, \.svg or \.pdf"):
        save_figure(plot_many("relu"), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "taken.png"
    target.mkdir()
    with pytest.raises(OSError, match=r"taken\.png"):
        save_figure(plot_many("relu"), target)
    assert list(tmp_path.iterdir()) == [target]
    with pytest.raises(FileNotFoundError, match=r"missing/figure\.png"):
        save_figure(plot_many("relu"), tmp_path / "missing" / "figure.png")


@pytest.mark.parametrize(
    ("given", "options", "error", "words"),
    [
        ([], {}, ActlabError, "no activation"),
        (["relu", "softmax"], {}, ActlabError, "bars"),
        ("softmax", {"order": 1}, ActlabError, "matrix"),
        ("relu", {"low": 1, "high": -1}, ActlabError, "low < high"),
        ("relu", {"low": float("nan")}, ActlabError, "low < high"),
        ("reluu", {}, UnknownNameError, "did you mean"),
        ("relu(x", {}, FormulaError, "relu"),
    ],
)
def test_refusals(
    given: object, options: dict[str, float], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        curve_table(given, **options)  # type: ignore[arg-type]


def test_no_global_state_and_no_window() -> None:
    before = dict(mpl.rcParams)
    plot_many(["relu", "gelu"], derivative=True)
    assert dict(mpl.rcParams) == before
    code = (
        "import sys, actlab; actlab.get('relu').plot(derivative=True);"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
