"""`actlab compare`: what it hands on, prints and writes."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from actlab.cli import app, comparison
from actlab.compare import Progress

SMALL = ("--epochs", "2", "--blocks", "3", "--hidden", "4,3", "--learning-rates", "0.01,0.03")


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["compare", *arguments], env={"COLUMNS": "150"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_study_from_words_to_files(tmp_path: Path) -> None:
    activations = "relu,max(x, 0.1*x),x * b; b=0.5"
    result = run("iris", "--activations", activations, *SMALL, "--seed", "3")
    assert result.exit_code == 0, result.stderr
    for words in ("relu", "max(x, 0.1*x)", "Verdict", "4 columns"):
        assert words in result.stdout
    assert "is recommended" in result.stdout or "A tie" in result.stdout
    out = tmp_path / "actlab-iris"
    assert {path.name for path in out.iterdir()} >= {
        "ledger.sqlite", "report.html", "result.json",
    }  # fmt: skip
    assert "report.html" in result.stderr
    assert "training" not in result.stderr  # nobody watches
    study = json.loads((out / "result.json").read_text())
    assert study["settings"]["hidden"] == [4, 3]
    assert study["settings"]["learning_rates"] == [0.01, 0.03]
    assert (study["settings"]["seed"], study["settings"]["epochs"]) == (3, 2)
    assert len(study["rows"]) == 3
    with sqlite3.connect(out / "ledger.sqlite") as ledger:
        assert ledger.execute("select count(*) from sqlite_master").fetchone()[0] > 0
    ledger.close()


def test_json_on_stdout_is_the_file(tmp_path: Path) -> None:
    out = tmp_path / "study"
    result = run("iris", "--activations", "relu,tanh", *SMALL, "--out", str(out), "--json")
    assert result.stdout == (out / "result.json").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"study"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no.csv"], "no.csv"),
        (["digitz"], "digitz"),
        (["iris", "--activations", "relu,sigmod"], "did you mean"),
        (["iris", "--activations", "relu,x * b; b=inf"], "finite"),
        (["iris", "--activations", ","], "no activation"),
        (["iris", "--family", "no"], "no family"),
        (["iris", "--optimizer", "sgdd"], "sgd"),
        (["iris", "--loss", "no"], "loss"),
        (["iris", "--epochs", "0"], "at least 1"),
        (["iris", "--hidden", ""], "hidden"),
        (["iris", "--margin", "nan"], "margin"),
        (["iris", "--target", "no"], "no"),
    ],
)
def test_a_mistake_is_one_sentence_and_writes_nothing(
    arguments: list[str], words: str, tmp_path: Path
) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert words in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    result = run("iris", "--activations", "relu,tanh", *SMALL, "--out", "taken")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert (tmp_path / "taken").read_text() == "mine"


def test_the_directory_is_named_after_the_data() -> None:
    assert comparison._plain("digits") == "digits"
    assert comparison._plain("some/where/my data.csv") == "my_data"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (41.4, "41 s"), (600, "10 min"), (9000, "2.5 h")],
)
def test_times(seconds: float, text: str) -> None:
    assert comparison.time_in_words(seconds) == text


def test_progress_is_drawn_for_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    from io import StringIO

    import rich.console

    stream = StringIO()

    class Terminal(rich.console.Console):
        def __init__(self, **options: object) -> None:
            assert options == {"stderr": True}
            super().__init__(file=stream, force_terminal=True, width=100)

    monkeypatch.setattr(rich.console, "Console", Terminal)
    with comparison.watched() as tell:
        assert tell is not None
        tell(Progress(0, 4, 0, 0.0, None))
        tell(Progress(3, 4, 0, 30.0, 10.0))
    assert "3/4 chunks" in stream.getvalue()
    assert "about 10 s left" in stream.getvalue()
