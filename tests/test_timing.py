"""`actlab bench`: who is timed, and what is refused. No test asserts how long anything takes."""

import json
import time

import pytest
from typer.testing import CliRunner

import actlab
from actlab.cli import app
from actlab.errors import ActlabError
from actlab.timing import bench, medians


def test_a_slower_call_takes_longer():
    took = medians({"short": lambda: None, "long": lambda: time.sleep(0.002)}, 3)
    assert took["long"] > 0.002
    assert took["short"] < took["long"]


def test_shipped_functions_stand_beside_ours():
    rows = bench(actlab.leaky_relu, [64])
    assert [row.direction for row in rows if row.side == "actlab"] == ["forward", "both"]
    assert {row.side for row in rows} == {"actlab", "torch.nn.LeakyReLU", "jax.nn.leaky_relu"}
    assert all(row.ratio == 1 for row in rows if row.side == "actlab")
    assert all(row.seconds > 0 and row.copies > 0 for row in rows)


def test_other_numbers_than_those_shipped_are_composed():
    rows = bench(actlab.get("leaky_relu", negative_slope=0.3), [64], backward=False)
    assert [row.side for row in rows] == ["actlab", "composed"]


def test_the_command_prints_what_a_program_can_read():
    done = CliRunner().invoke(app, ["bench", "x*tanh(exp(x))", "--sizes", "2^6", "--json"])
    assert done.exit_code == 0, done.output
    assert [row["elements"] for row in json.loads(done.stdout)] == [64] * 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["bench", "softmax"], "does not map number to number"),
        (["bench", "relu", "--sizes", "2^40"], "expected was 1 to"),
        (["bench", "relu", "--sizes", "lots"], "no number of elements"),
        (["bench", "rellu"], "relu"),
    ],
    ids=["vector", "large", "word", "name"],
)
def test_bad_words_get_a_sentence(words, said):
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert said in done.output
    assert "Traceback" not in done.output


def test_threads_are_as_they_were():
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    with pytest.raises(ActlabError):
        bench(actlab.softmax, [8], threads=before + 1)
    bench(actlab.relu, [8], threads=before + 1, backward=False)
    assert torch.get_num_threads() == before
