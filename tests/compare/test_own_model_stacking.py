"""Members of one candidate together: exact, or not stacked; and a study keeps its way."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import stack_module_state

from actlab.compare import arrangement, compare, looped, stacking
from actlab.compare.candidates import candidates_for
from actlab.compare.ledger import Ledger
from actlab.compare.own_model import OwnModel
from actlab.compare.protocol import Plan, plan
from actlab.compare.study import Chunk, Settings

QUICK = {"activations": "relu,tanh", "epochs": 2, "blocks": 3, "learning_rates": [0.01, 0.03]}


def rows(count=100):
    generator = np.random.default_rng(0)
    x = generator.standard_normal((count, 16)).astype(np.float32)
    return x, (x[:, 0] * x[:, 1] > 0).astype(np.int64)


def mlp():
    return nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 2))


def convolutions():
    return nn.Sequential(
        nn.Unflatten(1, (1, 4, 4)), nn.Conv2d(1, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 2),
    )  # fmt: skip


def normalised():
    return nn.Sequential(nn.Linear(16, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))


def dropping():
    return nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2))


class Deciding(nn.Module):
    """Looks at its numbers to decide what to do."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.act, self.last = nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 2)

    def forward(self, x):
        x = self.act(self.first(x))
        if x.mean() > 1e9:
            x = x / 2
        return self.last(x)


class Drawn(nn.Module):
    """Another network in every block: what follows the last weights is drawn, and is no layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.act, self.last = nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 2)
        self.way = 1.0 if torch.rand(()) < 0.5 else 3.0

    def forward(self, x):
        return self.last(self.act(self.first(x))) * self.way


def settled(problem, **options):
    chosen = {"epochs": 2, "blocks": 3, "learning_rates": (0.01, 0.03)} | options
    return problem.settled(Settings(**chosen))


def without_times(runs):
    return [{n: v for n, v in vars(run).items() if n != "step_seconds"} for run in runs]


@pytest.mark.parametrize("build", [mlp, convolutions])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_stack_gives_the_numbers_of_training_alone(build, optimizer):
    problem = OwnModel(build, rows())
    settings = settled(problem, optimizer=optimizer, clip_norm=0.5, schedule="cosine")
    candidates = candidates_for("relu,tanh")
    chunk = Chunk(0, tuple((i, block) for i in range(2) for block in range(3)))
    alone = looped.train_chunk(problem, candidates, chunk, settings)
    together = stacking.train_chunk(problem, candidates, chunk, settings)
    for one, other in zip(alone, together, strict=True):
        assert (one.candidate, one.block, one.learning_rate) == (
            other.candidate, other.block, other.learning_rate,
        )  # fmt: skip
        # Single precision, magnified by a few steps of training.
        for name in ("train_loss", "validation_loss", "gradient_first", "gradient_last"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), rel=2e-4)
        assert one.saved_bytes == other.saved_bytes
        assert (one.test_score is None) == (other.test_score is None)
    again = stacking.train_chunk(problem, candidates, chunk, settings)
    assert without_times(again) == without_times(together)


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_a_regression_is_stacked_too(loss):
    x, _ = rows()
    build = lambda: nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 1))  # noqa: E731
    problem = OwnModel(build, (x, x[:, 0] ** 2), loss=loss)
    settings = settled(problem, epochs=1)
    (candidate,) = candidates_for("tanh")
    assert arrangement._why_looped(problem, [candidate], problem.parts(0, settings), settings) == ""
    chunk = Chunk(0, ((0, 0), (0, 1)))
    alone = looped.train_chunk(problem, [candidate], chunk, settings)
    together = stacking.train_chunk(problem, [candidate], chunk, settings)
    for one, other in zip(alone, together, strict=True):
        assert one.validation_loss == pytest.approx(other.validation_loss, rel=1e-5)


def test_members_with_other_activations_do_not_become_one_network():
    networks = [nn.Sequential(nn.Linear(2, 2), act) for act in (nn.ReLU(), nn.Tanh())]
    stack_module_state(networks)  # does not mind: whoever calls one of them calls it for all
    problem = OwnModel(mlp, rows())
    settings = settled(problem)
    candidates = candidates_for("relu,tanh")
    both = stacking.train_chunk(problem, candidates, Chunk(0, ((0, 0), (1, 0))), settings)
    tanh = stacking.train_chunk(problem, candidates, Chunk(0, ((1, 0),)), settings)
    assert without_times(both[2:]) == without_times(tanh)
    assert both[0].train_loss != both[2].train_loss


def test_networks_that_differ_in_more_than_weights_are_trained_alone():
    problem = OwnModel(Drawn, rows())
    settings = settled(problem)
    candidates = candidates_for("relu")
    blocks = range(6)
    ways = {
        block: looped.build(problem, candidates[0], block, problem.parts(block, settings), settings)
        .model.way
        for block in blocks
    }  # fmt: skip
    assert set(ways.values()) == {1.0, 3.0}
    chunk = Chunk(0, tuple((0, block) for block in blocks))
    alone = looped.train_chunk(problem, candidates, chunk, settings)
    together = stacking.train_chunk(problem, candidates, chunk, settings)
    assert without_times(alone) == without_times(together)


@pytest.mark.parametrize(
    ("build", "options", "reason"),
    [
        (normalised, {}, "BatchNorm1d keeps running statistics"),
        (dropping, {}, "draws random numbers in training"),
        (mlp, {"activations": "relu,rrelu"}, r"draws random numbers .*\(with rrelu\)"),
        (Deciding, {}, "torch.func can not stack them"),
    ],
    ids=["batch norm", "dropout", "a candidate that draws", "data-dependent"],
)
def test_what_a_stack_could_not_repeat_is_trained_alone_and_the_study_says_why(
    build, options, reason
):
    result = compare(model=build, data=rows(), **(QUICK | {"blocks": 1, "epochs": 1} | options))
    (note,) = [note for note in result.notes if "one after another" in note]
    import re

    assert re.search(reason, note)


def test_a_gradient_that_differs_is_noticed(monkeypatch):
    problem = OwnModel(mlp, rows())
    settings = settled(problem)
    (candidate,) = candidates_for("relu")
    parts = problem.parts(0, settings)
    assert arrangement._why_inexact(problem, candidate, parts, settings) == ""
    whole = stacking.Stack.gradient

    def wrong(self, batch):
        losses = whole(self, batch)
        self.numbers.gradients[:, 0] *= 1 + 1e-6
        return losses

    monkeypatch.setattr(stacking.Stack, "gradient", wrong)
    assert "the gradients with relu are others" in arrangement._why_inexact(
        problem, candidate, parts, settings
    )


def test_blocks_of_unequal_size_form_stacks_of_their_own():
    def loaders(seed):
        x, y = map(torch.from_numpy, rows(60 + 10 * (seed % 2)))
        parts = [(x[i : i + 10], y[i : i + 10]) for i in range(0, len(x), 10)]
        return parts[2:], parts[:1], parts[1:2]

    problem = OwnModel(mlp, loaders)
    settings = settled(problem)
    chunk = Chunk(0, tuple((0, block) for block in range(3)))
    candidates = candidates_for("relu")
    alone = looped.train_chunk(problem, candidates, chunk, settings)
    together = stacking.train_chunk(problem, candidates, chunk, settings)
    for one, other in zip(alone, together, strict=True):
        assert one.validation_loss == pytest.approx(other.validation_loss, rel=1e-4)


# --- the choice -------------------------------------------------------------------------------


def timed(monkeypatch, single, stacked):
    """Steps that seem to take so long."""
    monkeypatch.setattr(arrangement, "_seconds", lambda *_: (single, stacked))


def answer(result):
    values = json.loads(result.to_json())
    for name in ("finished", "train_seconds", "environments", "seconds_spared"):
        values.pop(name, None)
    for row in values["rows"]:
        del row["step_seconds"]
    # What is recommended for being cheaper, and the words on it, follow from measured times.
    for name in ("recommended", "reasons"):
        del values[name]
    return json.dumps(values)


@pytest.mark.parametrize(("single", "stacked"), [(1.0, 0.1), (0.1, 1.0)], ids=["stacked", "alone"])
def test_a_resumed_study_keeps_its_way_whatever_the_clock_says(
    monkeypatch, tmp_path, single, stacked
):
    call = {"model": mlp, "data": rows(), "workers": 1, **QUICK, "epochs": 1}
    timed(monkeypatch, single, stacked)
    undisturbed = compare(out=tmp_path / "whole", **call)

    def interrupt(progress):
        if progress.done == 1 and not progress.found:
            raise KeyboardInterrupt

    broken = compare(out=tmp_path / "broken", progress=interrupt, **call)
    assert not broken.complete
    timed(monkeypatch, stacked, single)  # now the other way would be chosen
    resumed = compare(out=tmp_path / "broken", **call)
    assert resumed.complete
    assert answer(resumed) == answer(undisturbed)
    with Ledger.open(tmp_path / "broken" / "ledger.sqlite") as ledger:
        ((_, _, values),) = ledger.studies()
    way = Plan.from_dict(values).arrangement
    assert way.way == ("stacked" if stacked < single else "looped")
    assert way.why in resumed.notes
    # A study with one more candidate goes on with what is there, the same way.
    more = compare(out=tmp_path / "broken", **(call | {"activations": "silu,relu,tanh"}))
    assert more.row("relu").scores == resumed.row("relu").scores
    assert any("as those that the ledger holds" in note for note in more.notes)
    with Ledger.open(tmp_path / "broken" / "ledger.sqlite") as ledger:
        chunks = ledger.recorded(Plan.from_dict(values))
    assert len(chunks) == (2 if stacked < single else 6)


def test_the_two_ways_have_keys_of_their_own():
    problem = OwnModel(mlp, rows())
    settings = Settings(blocks=2, learning_rates=(0.01,))
    own = plan(problem, candidates_for("relu,tanh"), settings)
    ways = [own.arranged(arrangement.Arrangement(way, "why")) for way in ("looped", "stacked")]
    assert len({one.key for one in (own, *ways)}) == 3
    assert Plan.from_dict(json.loads(json.dumps(ways[1].as_dict()))) == ways[1]


def test_a_problem_may_be_asked_to_stack():
    results = {
        stack: compare(model=mlp, data=rows(), stack=stack, **(QUICK | {"blocks": 1, "epochs": 1}))
        for stack in (True, False)
    }
    assert [
        next(note for note in result.notes if "as asked" in note) for result in results.values()
    ] == [
        "The networks were trained stacked by torch.func, as asked.",
        "The networks were trained one after another, as asked.",
    ]
