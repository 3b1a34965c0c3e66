"""`actlab boundary`: shapes that networks can draw, the picture, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import actlab
from actlab.cli import app
from actlab.compare.candidates import candidates_for
from actlab.errors import DataError, SettingError
from actlab.lessons.boundary import Boundary, boundary
from actlab.lessons.planes import GENERATED, plane

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def circles() -> Boundary:
    return boundary("circles", activations="identity,relu,swiglu,x*tanh(exp(x))", epochs=25)


def decision_values(found: Boundary, label: str) -> np.ndarray:
    """What the network's single output is on the grid, from the probabilities."""
    grid = next(panel.grid for panel in found.panels if panel.label == label)
    return np.log(grid[..., 1] / grid[..., 0])


def bend(values: np.ndarray) -> float:
    """Largest second difference beside the largest first one: 0 for a plane."""
    steps = max(np.abs(np.diff(values, axis=axis)).max() for axis in (0, 1))
    return max(np.abs(np.diff(values, 2, axis=axis)).max() for axis in (0, 1)) / steps


def test_without_a_nonlinearity_the_boundary_is_a_line(circles: Boundary) -> None:
    # float32 outputs on a grid of 240 points: differences of neighbours keep about four digits
    assert bend(decision_values(circles, "identity")) < 1e-2
    assert bend(decision_values(circles, "relu")) > 0.1


def test_a_line_can_not_part_circles_and_the_others_can(circles: Boundary) -> None:
    line, *others = (panel.accuracy for panel in circles.panels)
    assert line < 0.7
    assert min(others) > 0.95


def test_the_accuracy_is_that_of_the_held_out_points(circles: Boundary) -> None:
    for panel in circles.panels:
        assert panel.accuracy == pytest.approx(panel.right.mean())
    # and the grid shows the same network: the cell of a held-out point has the class it was given
    task, panel = circles.task, circles.panels[1]
    x, y = (column.values[circles.held_out] for column in task.columns)
    cell = panel.grid[
        np.abs(circles.y[:, None] - y).argmin(0), np.abs(circles.x[:, None] - x).argmin(0)
    ]
    agree = (cell.argmax(-1) == task.target[circles.held_out]) == panel.right
    assert agree.mean() > 0.98  # a point beside the boundary may lie in a cell across it


def test_the_same_seed_gives_the_same_numbers(circles: Boundary) -> None:
    again = actlab.boundary("circles", activations="relu", epochs=25)
    assert np.array_equal(again.panels[0].grid, circles.panels[1].grid)
    other = actlab.boundary("circles", activations="relu", epochs=2, seed=1)
    assert other.task.fingerprint != again.task.fingerprint


def test_the_figure_names_everything(circles: Boundary) -> None:
    figure = circles.figure
    assert figure.get_suptitle() == "circles: networks 2–16–16–1, Adam, seed 0"
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[0] == f"identity\naccuracy {circles.panels[0].accuracy:.3f}"
    limits = {(axes.get_xlim(), axes.get_ylim()) for axes in figure.axes}
    assert len(limits) == 1  # equal axes
    classes = figure.legends[0].get_lines()[:2]
    assert len({line.get_marker() for line in classes}) == 2  # told apart without colour


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_generated_points_follow_their_seed(name: str) -> None:
    task = plane(name, seed=3)
    assert task == plane(name, seed=3)
    assert task != plane(name, seed=4)
    assert np.bincount(task.target).tolist() == [500, 500]


def rows_of(classes: int, count: int = 60) -> list[tuple[float, float, str]]:
    random = np.random.default_rng(5)
    own = np.arange(count) % classes
    return [
        (k + random.normal(0, 0.2), 1000 * (k % 2) + random.normal(0, 90), f"c{k}") for k in own
    ]


def written(path: Path, rows: list, header: str = "a,b,kind") -> str:
    lines = [header, *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def test_a_file_with_its_own_units_and_gaps(tmp_path: Path) -> None:
    rows = [*rows_of(3), ("", 7.0, "c0")]
    found = boundary(
        written(tmp_path / "own.csv", rows), target="kind", activations="tanh", epochs=20
    )
    assert found.panels[0].accuracy > 0.9
    assert found.task.notes[-1] == "1 row without both coordinates left out."
    assert found.figure.axes[0].get_ylabel() == "b"
    assert found.title.startswith("own: networks 2–16–16–3")


def test_a_network_without_finite_answers_has_a_panel_that_says_so(tmp_path: Path) -> None:
    found = boundary("moons", activations="log(x),relu", epochs=1)
    assert found.panels[0].accuracy is None
    assert found.figure.axes[0].get_title() == "log(x)\ndiverged"
    found.save(tmp_path / "out.png")


@pytest.mark.parametrize(
    ("rows", "header", "told"),
    [
        ([(*row[:2], i % 7, row[2]) for i, row in enumerate(rows_of(2))], "a,b,c,kind",
         "two columns of numbers beside the target 'kind', but there are 3 ('a', 'b', 'c')"),
        ([(row[0], row[2]) for row in rows_of(2)], "a,kind", "but there are 1 ('a')"),
        ([(row[0], "uv"[i % 2], row[2]) for i, row in enumerate(rows_of(2))], "a,b,kind",
         "'b' is text"),
        (rows_of(1), "a,b,kind", "one class only"),
        (rows_of(11, 110), "a,b,kind", "11 classes; at most 10"),
        ([(*row[:2], row[0] * 1.5) for row in rows_of(2)], "a,b,kind", "is a quantity"),
    ],
    ids=["three columns", "one column", "text", "one class", "eleven classes", "quantity"],
)  # fmt: skip
def test_tables_that_are_no_plane(tmp_path: Path, rows: list, header: str, told: str) -> None:
    with pytest.raises(DataError) as caught:
        plane(written(tmp_path / "t.csv", rows, header), target="kind")
    assert told in str(caught.value)


def test_more_than_a_figure_holds_is_refused() -> None:
    many = actlab.names("rectifiers")[:13]
    assert len(candidates_for(many)) == 13
    with pytest.raises(SettingError, match="13 activations were given; a figure has room for 12"):
        boundary("moons", activations=many)


def test_the_command(tmp_path: Path) -> None:
    path = tmp_path / "out.svg"
    words = ["--data", "moons", "--activations", "identity,relu", "--epochs", "3", "--json"]
    result = RUNNER.invoke(app, ["boundary", *words, "--save", str(path)])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert [row["activation"] for row in told["activations"]] == ["identity", "relu"]
    assert told["held_out"] == 300
    assert path.read_text(encoding="utf-8").startswith("<?xml")
    assert f"wrote {path}" in result.stderr


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        ("--data mons", 1, "the nearest is 'moons'"),
        ("--data nowhere.csv --target t", 1, "there is no file 'nowhere.csv'"),
        ("--data moons --target kind", 1, "brings its own classes"),
        ("--save out.gif", 1, "a figure is written as .png, .svg or .pdf"),
        ("--hidden 16,x", 2, "is not a list of numbers"),
        ("--hidden 0", 1, "a hidden layer's width is 0"),
        ("--activations relo", 1, "relu"),
        ("--activations ,", 1, "no activation was given"),
        ("--seed -1", 1, "seed is -1"),
    ],
)
def test_one_sentence_for_what_can_not_be(words: str, status: int, told: str) -> None:
    result = RUNNER.invoke(app, ["boundary", *words.split()])
    assert result.exit_code == status
    assert told in result.stderr
    assert "Traceback" not in result.stderr
