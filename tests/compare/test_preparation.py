"""Splits and preprocessing: fair shares, and nothing learnt from validation or test rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from actlab.compare.preparation import prepare
from actlab.compare.study import Settings
from actlab.compare.task import load
from actlab.errors import DataError

ROWS = 400


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(5)
    size = rng.normal(3.0, 2.0, ROWS)
    size[rng.random(ROWS) < 0.1] = np.nan
    town = rng.choice(["Aa", "Bb", "Cc", None], ROWS)
    town[:3] = ["rare", "seldom", "once"]
    return pd.DataFrame(
        {
            "size": size,
            "rooms": rng.integers(1, 9, ROWS),
            "town": town,
            "price": rng.normal(100.0, 20.0, ROWS),
        }
    )


@pytest.fixture(scope="module")
def split(frame):
    return load(frame, target="price").split(0, Settings())


def corrupted(frame, rows):
    """The same frame with nonsense in these rows."""
    changed = frame.copy()
    changed.loc[rows, "size"] = 1e6
    changed.loc[rows, "rooms"] = np.nan
    changed.loc[rows, "town"] = "rare"  # a word that the training part has once
    return changed


def test_the_rare_word_is_rare(frame, split):
    """So that it would get a column of its own if the other rows were counted."""
    assert (frame["town"][split.train_rows] == "rare").sum() == 1


def test_parts_are_disjoint_and_whole(split):
    parts = (split.train_rows, split.validation_rows, split.test_rows)
    assert [len(part) for part in parts] == [240, 80, 80]
    assert sorted(np.concatenate(parts).tolist()) == list(range(ROWS))


def test_blocks_and_seeds_draw_their_own_rows(frame):
    task = load(frame, target="price")
    drawn = [
        task.split(block, Settings(seed=seed)).test_rows.tolist()
        for block, seed in ((0, 0), (1, 0), (0, 1))
    ]
    assert len({tuple(rows) for rows in drawn}) == 3
    assert drawn[0] == task.split(0, Settings()).test_rows.tolist()


def test_classes_keep_their_shares():
    task = load("digits")
    part = task.split(2, Settings())
    overall = np.bincount(task.target) / task.rows
    for y in (part.train_y, part.validation_y, part.test_y):
        # A part of n rows can hit a share to within one row.
        assert np.abs(np.bincount(y) / len(y) - overall).max() <= 1 / len(y)


def test_training_part_is_standardised(split):
    numbers = split.train_x[:, :2]
    assert np.allclose(numbers.mean(0), 0, atol=1e-12)
    assert np.allclose(numbers.std(0), 1, atol=1e-12)
    # means of 80 other rows scatter by 1/sqrt(80) = 0.11
    assert not np.allclose(split.test_x[:, :2].mean(0), 0, atol=1e-3)
    assert split.target_mean == split.train_y.mean()
    assert split.target_scale == split.train_y.std()


def test_what_was_done_is_said(split):
    assert split.notes == (
        "2 columns of numbers are scaled to mean 0 and deviation 1.",
        "Missing values in 'size' replaced by the median, with an indicator column each.",
        "1 column of text is turned into one column per value; values on fewer than 1% of the "
        "rows share one.",
    )


def test_columns_after_encoding(split):
    """size, rooms, indicator of size, four towns (missing is one), and the rare ones together."""
    assert split.train_x.shape[1] == 8
    towns = split.train_x[:, 3:]
    assert (towns.sum(1) == 1).all()
    assert set(np.unique(towns)) == {0.0, 1.0}


@pytest.mark.parametrize("part", ["validation_rows", "test_rows"])
def test_rows_outside_training_change_nothing_learnt(frame, split, part):
    """Nonsense in the other rows leaves the training features bit for bit as they were."""
    task = load(corrupted(frame, getattr(split, part)), target="price")
    again = task.split(0, Settings())
    assert np.array_equal(again.train_rows, split.train_rows)
    assert np.array_equal(again.train_x, split.train_x)
    assert (again.target_mean, again.target_scale) == (split.target_mean, split.target_scale)


def test_that_leak_would_be_seen(frame, split):
    """Fitting on all rows instead does change them, so the test above can fail."""
    everything = np.arange(ROWS)
    before = prepare(load(frame, target="price").columns, everything).features[split.train_rows]
    changed = load(corrupted(frame, split.test_rows), target="price").columns
    assert not np.array_equal(prepare(changed, everything).features[split.train_rows], before)


def test_constant_in_training_is_left_out(frame):
    changed = frame.copy()
    split = load(frame, target="price").split(0, Settings())
    changed["flag"] = 0.0
    changed.loc[split.test_rows[0], "flag"] = 1e9
    again = load(changed, target="price").split(0, Settings())
    assert np.array_equal(again.test_x, split.test_x)


def test_column_missing_in_all_of_training(frame):
    changed = frame.copy()
    split = load(frame, target="price").split(0, Settings())
    changed["late"] = np.nan
    changed.loc[split.test_rows[:5], "late"] = [1.0, 2.0, 3.0, 4.0, 5.0]
    again = load(changed, target="price").split(0, Settings())
    assert np.isfinite(again.test_x).all()
    assert again.train_x.shape == split.train_x.shape


def test_too_small_parts():
    settings = replace(Settings(), test_share=0.01)
    with pytest.raises(DataError, match="leave too few rows"):
        load("iris").split(0, settings)
