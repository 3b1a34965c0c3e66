"""Members of a chunk: fair starts, no touch, a choice by validation alone, the same every time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import actlab
from actlab.compare.batches import batch_order
from actlab.compare.study import Candidate
from actlab.compare.task import Task, load
from actlab.compare.trainer import initial_weights
from actlab.errors import DataError, UnknownNameError

# --- members do not touch each other ---------------------------------------------------------


@pytest.mark.parametrize("clip", [None, 1.0])
@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
def test_a_member_that_diverges_changes_no_other(tasks, candidates, settings, train, clip, loss):
    """Bit for bit: what stands beside a member is no part of its arithmetic."""
    settings = replace(settings, clip_norm=clip, loss=loss)
    calm = replace(settings, learning_rates=(0.003, 0.02))
    wild = replace(settings, learning_rates=(0.003, 1e38))
    pairs = ((0, 0), (1, 1))
    task = tasks["two"]
    before = train(task, candidates, pairs, calm, torch.float32)
    after = train(task, candidates, pairs, wild, torch.float32)
    assert all(after[i, b, 1e38].diverged for i, b in pairs)
    for i, block in pairs:
        mine, again = before[i, block, 0.003], after[i, block, 0.003]
        assert mine.train_loss == again.train_loss
        assert mine.validation_loss == again.validation_loss
        assert (mine.gradient_first, mine.dead_share) == (again.gradient_first, again.dead_share)


def test_a_function_that_is_nowhere_a_number(tasks, candidates, settings, train, numbers):
    nowhere = Candidate("nan", actlab.define("log(-1 - abs(x))", name="nan"), 1.0)
    pairs = ((0, 0), (1, 0), (2, 0))
    with_it = train(tasks["three"], (candidates[0], nowhere, candidates[2]), pairs, settings)
    without = train(tasks["three"], candidates, pairs, settings)
    for rate in settings.learning_rates:
        for i in (0, 2):
            assert numbers(with_it[i, 0, rate]) == numbers(without[i, 0, rate])
        failed = with_it[1, 0, rate]
        assert failed.diverged
        assert (failed.chosen_epoch, failed.test_score, failed.test_loss) == (0, None, None)
        assert np.isnan(failed.validation_score).all()


# --- the same start for all ------------------------------------------------------------------


def test_candidates_share_their_draws(candidates):
    widths = (10, 8, 6, 3)
    first, second = (initial_weights(candidate, 4, 2, widths) for candidate in candidates[:2])
    ratio = candidates[0].gain / candidates[1].gain
    for mine, theirs in zip(first[:-1], second[:-1], strict=True):
        assert np.allclose(mine, theirs * ratio, rtol=1e-15)
    assert np.array_equal(first[-1], second[-1])
    other = initial_weights(candidates[0], 4, 3, widths)
    assert not np.isclose(first[0], other[0]).any()


def test_batches_in_an_order_of_their_own():
    orders = [
        batch_order(seed, block, epoch, 50).tolist()
        for seed, block, epoch in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))
    ]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4
    assert batch_order(0, 0, 0, 50).tolist() == orders[0]


def test_scale_of_the_draws(candidates):
    matrix = initial_weights(candidates[0], 0, 0, (400, 500, 3))[0]
    # 200,000 draws: the standard deviation is known to a part in 600.
    assert matrix.std() * 20 == pytest.approx(candidates[0].gain, rel=0.01)
    assert matrix.mean() == pytest.approx(0, abs=0.001)


# --- the choice and the test part ------------------------------------------------------------


def test_validation_chooses_rate_and_epoch(tasks, candidates, pairs, settings, train):
    settings = replace(settings, epochs=6, learning_rates=(0.001, 0.01, 0.1))
    found = train(tasks["three"], candidates, pairs, settings)
    for i, block in pairs:
        runs = [found[i, block, rate] for rate in settings.learning_rates]
        best = []
        for run in runs:
            curve = list(zip(run.validation_score, (-v for v in run.validation_loss), strict=True))
            assert run.chosen_epoch == curve.index(max(curve)) + 1
            best.append(max(curve))
        scored = [run.test_score is not None for run in runs]
        assert scored == [place == best.index(max(best)) for place in range(len(runs))]


def test_smaller_is_better_for_an_error(tasks, candidates, pairs, settings, train):
    settings = replace(settings, metric="rmse", epochs=6)
    for run in train(tasks["amount"], candidates, pairs, settings).values():
        assert run.validation_score[run.chosen_epoch - 1] == min(run.validation_score)


def test_error_is_in_units_of_the_target(tasks, candidates, settings, train):
    settings = replace(settings, metric="rmse")
    (run, *_) = train(tasks["amount"], candidates, ((0, 0),), settings).values()
    scale = tasks["amount"].split(0, settings).target_scale
    mse = np.array(run.validation_loss)
    assert run.validation_score == pytest.approx(scale * np.sqrt(mse), rel=1e-12)


class SameRows(Task):
    """A task whose rows fall as in another one, whatever its classes are."""

    rows_of_the_other: tuple

    def _rows_of(self, block, settings):
        return self.rows_of_the_other


def corrupted(frame, task, settings, part):
    """The task with nonsense in one part of its first block."""
    split = task.split(0, settings)
    rows = getattr(split, f"{part}_rows")
    changed = frame.copy()
    changed.loc[rows, list("abcde")] *= -50
    changed.loc[rows, "three"] = "low"
    spoilt = load(changed[list("abcde")], y=changed["three"])
    again = SameRows(
        task.name, task.kind, spoilt.columns, task.target_name, spoilt.target, task.classes
    )
    parts = (split.train_rows, split.validation_rows, split.test_rows)
    object.__setattr__(again, "rows_of_the_other", parts)
    return again


def test_test_part_is_not_seen_before_it_is_scored(
    frame, tasks, candidates, settings, train, numbers
):
    """Nonsense in the test rows moves the test score and not a bit of anything else."""
    again = corrupted(frame, tasks["three"], settings, "test")
    before = train(tasks["three"], candidates, ((0, 0), (1, 0)), settings)
    after = train(again, candidates, ((0, 0), (1, 0)), settings)
    moved = []
    for key, run in before.items():
        mine, other = numbers(run), numbers(after[key])
        tested = [(mine.pop(name), other.pop(name)) for name in ("test_score", "test_loss")]
        assert mine == other
        moved += [a != b for a, b in tested if a is not None]
    assert len(moved) == 4
    assert all(moved)


def test_that_leak_would_be_seen(frame, tasks, candidates, settings, train):
    """The same nonsense in the validation rows does move the rest."""
    again = corrupted(frame, tasks["three"], settings, "validation")
    before = train(tasks["three"], candidates, ((0, 0),), settings)
    after = train(again, candidates, ((0, 0),), settings)
    for key, run in before.items():
        assert run.train_loss == after[key].train_loss
        assert run.validation_loss != after[key].validation_loss


# --- the same numbers every time -------------------------------------------------------------


def test_nothing_around_changes_a_number(tasks, candidates, pairs, settings, train, numbers):
    first = train(tasks["three"], candidates, pairs, settings, torch.float32)
    threads = torch.get_num_threads()
    try:
        torch.manual_seed(123)
        torch.set_num_threads(2)
        torch.set_default_dtype(torch.float64)
        np.random.seed(5)  # noqa: NPY002 - the point of the test
        second = train(tasks["three"], candidates, pairs, settings, torch.float32)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_num_threads(threads)
    assert {k: numbers(run) for k, run in first.items()} == {
        k: numbers(run) for k, run in second.items()
    }
    assert float(torch.tensor(1e-40) * 1) != 0  # tiny numbers count again


def test_seeds_change_everything(tasks, candidates, settings, train):
    runs = [
        train(tasks["three"], candidates, ((0, block),), replace(settings, seed=seed))
        for seed, block in ((0, 0), (1, 0), (0, 1))
    ]
    losses = [next(iter(found.values())).validation_loss for found in runs]
    assert len(set(losses)) == 3


# --- what is measured ------------------------------------------------------------------------


def test_dead_and_saturated_units(tasks, candidates, settings, train):
    settings = replace(settings, epochs=1, learning_rates=(1e-6,))
    far = Candidate("far", actlab.define("maximum(x - 100, 0)", name="far"), 1.0)
    steep = Candidate("steep", actlab.define("tanh(x)", name="steep"), 300.0)
    found = train(
        tasks["three"], (far, steep, *candidates[:2]), [(i, 0) for i in range(4)], settings
    )
    shares = [(run.dead_share, run.saturated_share) for run in found.values()]
    assert shares[0] == (1.0, 1.0)
    assert shares[1][1] > 0.8
    assert shares[2][1] < 0.5
    assert shares[3] == (0.0, 0.0)


def test_bytes_kept_for_the_way_back(tasks, candidates, settings, train):
    found = train(tasks["three"], candidates, ((0, 0), (1, 0), (2, 0)), settings, torch.float32)
    # One tensor of (batch, units) float32 for each hidden layer: the input, saved once.
    assert {run.saved_bytes for run in found.values()} == {settings.batch_size * (7 + 5) * 4}


def test_time_is_measured(tasks, candidates, pairs, settings, train):
    found = train(tasks["three"], candidates, pairs, settings, torch.float32)
    assert all(0 < run.step_seconds < 1 for run in found.values())


# --- wrong words -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"optimizer": "adm"}, UnknownNameError, "the nearest is 'adam'"),
        ({"loss": "crossentropy"}, UnknownNameError, "the nearest is 'cross_entropy'"),
        ({"schedule": "cosin"}, UnknownNameError, "the nearest is 'cosine'"),
        ({"metric": "acuracy"}, UnknownNameError, "the nearest is 'accuracy'"),
        ({"loss": "mse"}, DataError, "fitting losses are cross_entropy"),
        ({"loss": "binary_cross_entropy"}, DataError, "needs two classes"),
        ({"metric": "rmse"}, DataError, "fitting metrics are accuracy"),
    ],
)
def test_wrong_words(tasks, candidates, settings, train, change, error, words):
    with pytest.raises(error, match=words):
        train(tasks["three"], candidates, ((0, 0),), replace(settings, **change))
