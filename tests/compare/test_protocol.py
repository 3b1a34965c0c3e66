import json
from dataclasses import fields, replace

import numpy as np
import pytest

import actlab
from actlab.compare import protocol
from actlab.compare.protocol import Plan, plan
from actlab.compare.study import Candidate, Settings
from actlab.compare.task import load
from actlab.errors import DataError, UnknownNameError

RATES = (0.001, 0.01)


@pytest.fixture(scope="module")
def iris():
    return load("iris")


def candidates(*names, gain=1.0):
    return [Candidate(name, actlab.get(name), gain) for name in names]


def keys(planned):
    return [chunk.key for chunk in planned.chunks]


def settings(**changes):
    return replace(Settings(learning_rates=RATES, blocks=5), **changes)


def pairs(planned):
    return [chunk.chunk.pairs for chunk in planned.chunks]


@pytest.mark.parametrize(
    ("count", "blocks", "members", "expected"),
    [
        (3, 5, 10, [5, 5, 5]),  # each candidate fills a chunk
        (3, 5, 40, [15]),  # all fit together
        (3, 5, 20, [10, 5]),  # whole candidates only
        (2, 10, 12, [5, 5, 5, 5]),  # a candidate that does not fit is cut evenly
        (1, 7, 6, [2, 2, 3]),
        (2, 2, 1, [1, 1, 1, 1]),  # all learning rates of a pair stay together, whatever the size
    ],
)
def test_the_cut(iris, count, blocks, members, expected):
    names = ("relu", "tanh", "sigmoid")[:count]
    planned = plan(iris, candidates(*names), settings(blocks=blocks, chunk_members=members))
    assert [len(chunk) for chunk in pairs(planned)] == expected
    every = [pair for chunk in pairs(planned) for pair in chunk]
    assert sorted(every) == [(i, b) for i in range(count) for b in range(blocks)]
    assert planned.runs == count * blocks * len(RATES)
    assert [chunk.chunk.index for chunk in planned.chunks] == list(range(len(expected)))


def test_large_data_are_cut_by_blocks(iris, monkeypatch):
    monkeypatch.setattr(protocol, "MOST_CELLS", 2 * 150 * 4)  # two blocks of iris
    planned = plan(iris, candidates("relu", "tanh"), settings())
    assert [len(chunk) for chunk in pairs(planned)] == [1, 2, 2, 1, 2, 2]
    monkeypatch.setattr(protocol, "MOST_CELLS", 1)
    assert len(pairs(plan(iris, candidates("relu"), settings()))) == 5


def test_one_more_candidate_leaves_the_other_keys(iris):
    options = settings(chunk_members=10)
    few = plan(iris, candidates("relu", "tanh"), options)
    more = plan(iris, candidates("gelu", "relu", "tanh"), options)
    assert keys(few) == keys(more)[1:]


def test_a_key_covers_the_whole_company(iris):
    together = plan(iris, candidates("relu", "tanh"), settings(chunk_members=40))
    other = plan(iris, candidates("relu", "gelu"), settings(chunk_members=40))
    assert len(keys(together)) == len(keys(other)) == 1
    assert keys(together) != keys(other)


CHANGES = {
    "hidden": (8,),
    "optimizer": "sgd",
    "loss": "cross_entropy",
    "metric": "log_loss",
    "schedule": "cosine",
    "clip_norm": 1.0,
    "epochs": 7,
    "batch_size": 16,
    "learning_rates": (0.001, 0.02),
    "blocks": 6,
    "validation_share": 0.25,
    "test_share": 0.25,
    "seed": 1,
    "margin": 0.02,
    "level": 0.01,
    "chunk_members": 39,
    "race": True,
}


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_a_setting_changes_the_keys_if_and_only_if_training_sees_it(iris, name):
    before = plan(iris, candidates("relu"), settings(loss="auto"))
    after = plan(iris, candidates("relu"), settings(**{name: CHANGES[name]}))
    same = keys(before) == keys(after)
    # "auto" is the cross-entropy here; 40 and 39 members make the same chunks.
    assert same == (name in {"loss", "margin", "level", "chunk_members"})
    assert (before.key == after.key) == (name in {"loss", "chunk_members"})


def test_data_function_gain_and_versions_change_the_keys(iris, monkeypatch):
    x = np.random.default_rng(0).normal(size=(60, 3))
    y = x[:, 0] > 0
    data = [load(x, y=y), load(x + 1e-9, y=y)]
    first, second = (keys(plan(task, candidates("relu"), settings())) for task in data)
    assert first != second
    one = keys(plan(iris, candidates("relu"), settings()))
    assert one != keys(plan(iris, candidates("tanh"), settings()))
    assert one != keys(plan(iris, candidates("relu", gain=1.5), settings()))
    assert one == keys(plan(iris, candidates("relu"), settings()))
    monkeypatch.setattr(protocol, "PROTOCOL", protocol.PROTOCOL + 1)
    assert one != keys(plan(iris, candidates("relu"), settings()))
    monkeypatch.undo()
    monkeypatch.setattr(protocol.metadata, "version", lambda name: f"another {name}")
    assert one != keys(plan(iris, candidates("relu"), settings()))


def test_labels_change_no_key(iris):
    named = [Candidate("my favourite", actlab.get("relu"), 1.0)]
    assert keys(plan(iris, named, settings())) == keys(plan(iris, candidates("relu"), settings()))


def test_equal_functions_are_trained_once(iris):
    twice = [*candidates("relu", "tanh"), Candidate("rectifier", actlab.get("relu"), 1.0)]
    planned = plan(iris, twice, settings(chunk_members=10))
    assert [candidate.trained_as for candidate in planned.candidates] == [0, 1, 0]
    assert planned.runs == 2 * 5 * 2
    assert keys(planned) == keys(plan(iris, candidates("relu", "tanh"), settings(chunk_members=10)))


def test_run_keys_are_distinct_and_know_their_chunk(iris):
    planned = plan(iris, candidates("relu", "tanh"), settings(chunk_members=10))
    found = {}
    for chunk in planned.chunks:
        members = planned.members(chunk)
        assert list(members.values()) == [
            (index, block, rate) for index, block in chunk.chunk.pairs for rate in RATES
        ]
        found |= members
    assert len(found) == planned.runs
    assert all(len(key) == 64 for key in found)


def test_a_plan_survives_json(iris):
    planned = plan(iris, candidates("relu", "tanh"), settings(clip_norm=0.1))
    again = Plan.from_dict(json.loads(json.dumps(planned.as_dict(), allow_nan=False)))
    assert again == planned
    assert again.key == planned.key


def test_the_summary_says_what_there_is(iris):
    summary = plan(iris, candidates("relu"), settings()).task
    assert (summary.name, summary.kind, summary.rows, summary.features) == (
        "iris",
        "classification",
        150,
        4,
    )
    assert (summary.train_rows, summary.validation_rows, summary.test_rows) == (90, 30, 30)
    assert summary.metric == "accuracy"
    assert summary.notes


def test_what_does_not_fit_the_data_is_refused(iris):
    with pytest.raises(DataError, match="mse"):
        plan(iris, candidates("relu"), settings(loss="mse"))
    with pytest.raises(DataError, match="rmse"):
        plan(iris, candidates("relu"), settings(metric="rmse"))
    with pytest.raises(UnknownNameError):
        plan(iris, candidates("relu"), settings(metric="nonsense"))
