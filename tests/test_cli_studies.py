"""`actlab studies`: what it lists, writes and deletes, and what it asks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from actlab.cli import app

SMALL = ("--epochs", "1", "--blocks", "3", "--hidden", "4", "--learning-rates", "0.01,0.03")


def run(*arguments: str, answer: str | None = None) -> Result:
    result = CliRunner().invoke(app, arguments, input=answer, env={"COLUMNS": "150"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A finished study in actlab-iris; its key."""
    monkeypatch.chdir(tmp_path)
    done = run("compare", "iris", "--activations", "relu,tanh", *SMALL, "--json")
    assert done.exit_code == 0, done.stderr
    return str(json.loads(done.stdout)["study"])


def test_from_the_list_to_the_end(study: str, tmp_path: Path) -> None:
    for words in ([], ["--in", "."], ["list", "--in", "actlab-iris"], ["list"]):
        listed = run("studies", *words)
        assert listed.exit_code == 0, listed.stderr
        assert study[:8] in listed.stdout
        assert "2: relu, tanh" in listed.stdout
        assert "12/12" in listed.stdout
    (values,) = json.loads(run("studies", "--in", "actlab-iris", "--json").stdout)
    assert values["key"] == study
    assert values["complete"] is True
    assert values["ledger"] == "actlab-iris/ledger.sqlite"

    resumed = run("studies", "resume", study[:6], "--json", "--workers", "1")
    assert resumed.exit_code == 0, resumed.stderr
    assert json.loads(resumed.stdout)["study"] == study

    told = run("studies", "export", study[:6])
    assert json.loads(told.stdout)["runs_done"] == 12
    written = run("studies", "export", study[:6], "--save", "runs.csv", "--in", "actlab-iris")
    assert written.exit_code == 0
    assert "wrote runs.csv" in written.stderr
    assert len((tmp_path / "runs.csv").read_text().splitlines()) == 13
    wrong = run("studies", "export", study[:6], "--save", "runs.txt")
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert "neither .json nor .csv" in wrong.stderr

    refused = run("studies", "delete", study[:6], answer="y\n")
    assert refused.exit_code == 1
    assert "--yes" in refused.stderr, "nobody is at a terminal"
    deleted = run("studies", "delete", study[:6], "--yes")
    assert deleted.exit_code == 0
    assert "and 12 trainings" in deleted.stderr
    assert "holds no study" in run("studies").stderr


def test_deleting_asks_at_a_terminal(study: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actlab.cli.studies._watched_by_somebody", lambda: True)
    kept = run("studies", "delete", study[:6], answer="n\n")
    assert kept.exit_code == 0
    assert "12 finished trainings" in kept.stderr
    assert "nothing was deleted" in kept.stderr
    gone = run("studies", "delete", study[:6], answer="y\n")
    assert "and 12 trainings" in gone.stderr


def test_a_mistake_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ledger.sqlite").write_bytes(b"no ledger at all")
    for words, told in (
        (["studies", "--in", "nowhere"], "no ledger at 'nowhere'"),
        (["studies"], "is no ledger of actlab"),
        (["studies", "resume", "abc", "--in", "nowhere"], "no ledger at"),
    ):
        result = run(*words)
        assert result.exit_code == 1
        assert result.stdout == ""
        assert result.stderr.startswith("error: ")
        assert told in result.stderr
    assert (tmp_path / "ledger.sqlite").read_bytes() == b"no ledger at all"


def test_help_names_the_commands() -> None:
    told = run("studies", "--help")
    assert told.exit_code == 0
    for word in ("list", "resume", "export", "delete"):
        assert word in told.stdout
