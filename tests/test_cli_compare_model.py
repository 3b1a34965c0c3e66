"""`actlab compare my.py:build --data my.py:loaders`."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from actlab.cli import app

FILE = """
import torch
from torch import nn
import beside

def build():
    return nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 2))

def loaders(seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(60, 3, generator=generator)
    batches = [(x[i : i + 10], (x[i : i + 10, 0] > beside.LIMIT).long()) for i in range(0, 60, 10)]
    return batches[:3], batches[3:4], batches[4:]

def loss(output, target):
    return nn.functional.cross_entropy(output, target)

def wrong(outputs, targets):
    return (outputs.argmax(1) != targets).double().mean().item()
"""

OPTIONS = [
    "--activations", "relu,tanh", "--epochs", "1", "--blocks", "3", "--learning-rates", "0.01",
    "--workers", "1",
]  # fmt: skip


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "beside.py").write_text("LIMIT = 0.1\n")
    (tmp_path / "my.py").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    return tmp_path


def run(*words):
    return CliRunner().invoke(app, [*map(str, words)])


def test_a_model_of_a_file_is_compared_and_its_study_resumed(place):
    words = ("compare", "my.py:build", "--data", "my.py:loaders", *OPTIONS)
    told = run(*words, "--loss", "my.py:loss", "--metric", "my.py:wrong", "--lower-is-better")
    assert told.exit_code == 0, told.output
    assert "Exchanged in the model: relu." in told.stdout
    assert "lower is better" in " ".join(told.stdout.split())
    assert "wrote actlab-my-build/report.html" in told.stderr
    listed = json.loads(run("studies", "--in", "actlab-my-build", "--json").stdout)
    assert (listed[0]["name"], listed[0]["kind"]) == ("build", "own model")
    again = run("studies", "resume", listed[0]["key"][:8], "--in", "actlab-my-build", "--json")
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["study"] == listed[0]["key"]
    # The same command, from another place: the same study.
    (place / "my.py").write_text(FILE.replace("randn", "rand"))
    changed = run("studies", "resume", listed[0]["key"][:8], "--in", "actlab-my-build")
    assert changed.exit_code == 1
    assert "has changed since the study was begun" in changed.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["my.py:build"], "without data="),
        (["my.py:nothing", "--data", "my.py:loaders"], "has no function 'nothing'; it has build"),
        (["none.py:build", "--data", "my.py:loaders"], "there is no file 'none.py'"),
        (["my.py:build", "--data", "my.csv"], "names no function"),
        (["broken.py:build", "--data", "my.py:loaders"], "broken.py failed: SyntaxError"),
        (["my.py:build", "--data", "my.py:loaders", "--loss", "none"], "'none' is no loss"),
        (["my.py:build", "--data", "my.py:loaders", "--hidden", "3"], "hidden= is for tables"),
    ],
    ids=["no data", "no function", "no file", "no such words", "broken", "no loss", "hidden"],
)
def test_bad_input_is_one_sentence(place, words, message):
    (place / "broken.py").write_text("def build(:\n")
    told = run("compare", *words, *OPTIONS)
    assert told.exit_code == 1
    assert message in " ".join(told.stderr.split())
    assert "Traceback" not in told.output


def test_data_without_a_model_is_wrong_usage(place):
    told = run("compare", "iris", "--data", "my.py:loaders")
    assert told.exit_code == 2
    assert "network of your own" in told.stderr
