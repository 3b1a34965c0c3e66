"""Racing: who is dropped, how often wrongly, and that a race resumes to the same answer."""

import json
import math
import re
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from actlab.compare.conclusion import conclude
from actlab.compare.driver import train_missing
from actlab.compare.ledger import Ledger
from actlab.compare.protocol import PlannedChunk, plan
from actlab.compare.racing import Field, course_of, drops_at, looks, spent
from actlab.compare.runners import InProcess
from actlab.compare.scales import field_of
from actlab.compare.statistics import compare_scores
from actlab.compare.study import Chunk

FIELD = Field(overlap=0.25, margin=0.01)


def overlapping(rng, candidates, blocks):
    """Copies whose blocks are correlated by 0.2, as splits with a fifth for the test are."""
    common = rng.standard_normal((candidates, 1)) * np.sqrt(0.2)
    return common + rng.standard_normal((candidates, blocks)) * np.sqrt(0.8)


def raced(scores, level=0.05, field=FIELD):
    """Who is dropped at the looks, and who is called worse at the end."""
    blocks = scores.shape[1]
    running, known, dropped = dict(enumerate(scores)), 0.0, {}
    for end in looks(blocks)[:-1]:
        now = spent(level, end, blocks)
        seen = {i: row[:end].tolist() for i, row in running.items()}
        dropped |= drops_at(seen, field, level=now - known)
        running = {i: row for i, row in running.items() if i not in dropped}
        known = now
    left = level - known
    found = compare_scores(
        np.array(list(running.values())), overlap=field.overlap, margin=0.01, left=left
    )
    worse = {i for place, i in enumerate(running) if found.p_worse[place] <= left}
    return dropped, worse - {list(running)[found.best]}


@pytest.mark.parametrize("blocks", [1, 3, 4, 5, 10, 11, 30, 200])
def test_looks_end_with_the_study_and_begin_with_blocks_enough(blocks):
    places = looks(blocks)
    assert places[-1] == blocks
    assert list(places) == sorted(set(places))
    assert all(end >= 4 for end in places[:-1])
    assert len(places) <= 5


def test_the_levels_of_all_looks_add_up():
    places = [0, *looks(30)]
    shares = [spent(0.05, b, 30) - spent(0.05, a, 30) for a, b in pairwise(places)]
    assert sum(shares) == pytest.approx(0.05, abs=1e-15)
    assert shares == sorted(shares), "most is left for the verdict"


# 250 studies at a true rate of 0.05 show more than 0.096 in one case of a thousand.
TOO_OFTEN = stats.binom.isf(0.001, 250, 0.05) / 250


@pytest.mark.parametrize(("candidates", "blocks"), [(2, 10), (6, 20)])
def test_copies_are_seldom_dropped_or_called_worse(candidates, blocks):
    rng = np.random.default_rng(1)
    wrong = 0
    for _ in range(250):
        dropped, worse = raced(overlapping(rng, candidates, blocks))
        wrong += bool(dropped or worse)
    assert wrong / 250 <= TOO_OFTEN


def test_the_simulation_can_fail():
    """The whole level at every look, and blocks taken for independent: errors add up."""
    rng = np.random.default_rng(1)
    careless = Field(overlap=0.0, margin=0.01)
    wrong = 0
    for _ in range(150):
        scores = overlapping(rng, 4, 30)
        wrong += any(
            drops_at({i: row[:end].tolist() for i, row in enumerate(scores)}, careless, level=0.05)
            for end in looks(30)
        )
    assert wrong / 150 > TOO_OFTEN


def test_the_best_are_not_dropped_while_many_are_behind():
    rng = np.random.default_rng(2)
    truth = np.array([0.0, 0.0, 0.0, -4.0, -8.0, -16.0])
    wrong = early = 0
    for _ in range(150):
        dropped, worse = raced(truth[:, None] + overlapping(rng, 6, 20))
        wrong += bool(({0, 1, 2} & dropped.keys()) or ({0, 1, 2} & worse))
        early += {4, 5} <= dropped.keys()
    assert wrong / 150 <= stats.binom.isf(0.001, 150, 0.05) / 150
    assert early / 150 > 0.9, "who is far behind leaves early"


def test_a_failure_leaves_at_the_first_look():
    scores = {0: [0.9] * 4, 1: [0.9, math.nan, 0.9, 0.9], 2: [0.9, 0.8, 0.85, 0.9]}
    (drop,) = drops_at(scores, FIELD, level=0.01).values()
    assert drop.behind is None
    assert drop.blocks == 4


def test_who_is_worse_by_less_than_the_margin_stays():
    steady = np.arange(8) * 0.1
    scores = {0: steady, 1: steady - 0.005 + np.arange(8) * 1e-6, 2: steady - 0.05}
    rows = {i: row.tolist() for i, row in scores.items()}
    assert list(drops_at(rows, FIELD, level=0.01)) == [2]


def test_less_is_better_for_an_error():
    rows = {0: [1.0, 1.1, 0.9, 1.0], 1: [9.0, 9.1, 8.9, 9.05]}
    field = Field(overlap=0.25, margin=0.01, relative=True)
    dropped = drops_at(rows, field, level=0.01, sign=-1.0)
    assert list(dropped) == [1]
    assert dropped[1].difference == pytest.approx(8.0, abs=0.05)
    assert list(drops_at(rows, field, level=0.01)) == [0]


# --- studies that race ------------------------------------------------------------------------


@pytest.fixture
def study(make_plan, make_runs):
    """A race of six over ten blocks: two leave after four, one later; and all runs there are."""
    whole = make_plan(labels=("a", "b", "far", "c", "also far", "behind"), race=True, blocks=10)
    chunks = []
    for begin, end in pairwise((0, *looks(10))):
        for index in range(6):
            pairs = tuple((index, block) for block in range(begin, end))
            chunks.append(PlannedChunk(Chunk(len(chunks), pairs), f"{index} from {begin}"))
    raced = type(whole)(whole.task, whole.candidates, whole.settings, tuple(chunks))
    level = {"a": 0.90, "b": 0.90, "far": 0.2, "c": 0.90, "also far": 0.1, "behind": 0.75}
    wobble = np.random.default_rng(3).normal(0, 0.012, (6, 10))
    place = {label: i for i, label in enumerate(level)}

    def score(label, block):
        return level[label] + float(wobble[place[label], block])

    return raced, {planned.key: make_runs(raced, planned, score=score) for planned in raced.chunks}


def finish(plan, runs, path, *, stop_after=None):
    """Train until a stop; return the answer and the keys that were trained."""
    calls = []

    def work(planned):
        if len(calls) == stop_after:
            raise KeyboardInterrupt
        calls.append(planned.key)
        return runs[planned.key]

    with Ledger.open(path) as ledger:
        ledger.register(plan)
        train_missing(plan, ledger, work, InProcess())
        return conclude(plan, ledger), calls


def text(result):
    values = result.as_dict()
    for name in ("finished", "train_seconds", "seconds_spared"):
        del values[name]
    return json.dumps(values)


def test_who_is_behind_is_not_trained_any_further(study, tmp_path):
    plan, runs = study
    result, calls = finish(plan, runs, tmp_path / "ledger")
    assert result.complete
    rows = {row.label: row for row in result.rows}
    for label in ("far", "also far"):
        assert rows[label].verdict == "worse"
        assert "left the race after 4 of 10 blocks" in rows[label].verdict_reason
        assert rows[label].scores[4:] == (None,) * 6
        assert rows[label].score is not None
    assert "left the race after" in rows["behind"].verdict_reason
    assert {rows[label].verdict for label in "abc"} <= {"best", "undecided", "equivalent"}
    rates = len(plan.settings.learning_rates)
    dropped_blocks = sum(row.scores.count(None) for row in result.rows)
    assert result.runs_spared == rates * dropped_blocks > 0
    assert result.runs_done == result.runs_planned == plan.runs - result.runs_spared
    assert sum(len(key) > 0 for key in calls) == len(set(calls)) < len(plan.chunks)
    assert any(f"spared {result.runs_spared} of {plan.runs}" in note for note in result.notes)
    assert result.seconds_spared > 0
    assert [row.label for row in result.rows][-3:] == ["behind", "far", "also far"]


def test_a_race_that_was_stopped_anywhere_resumes_to_the_same_answer(study, tmp_path):
    plan, runs = study
    whole, all_calls = finish(plan, runs, tmp_path / "whole")
    for stop in range(1, len(all_calls), 2):
        path = tmp_path / str(stop)
        partial, first = finish(plan, runs, path, stop_after=stop)
        assert not partial.complete
        if stop >= 6 + 4:  # the first stage, and what is left of the second
            assert partial.recommended is not None
            assert re.search("over [68] blocks", " ".join(partial.reasons))
        again, rest = finish(plan, runs, path)
        assert sorted(first + rest) == sorted(all_calls), "nothing was trained twice"
        assert text(again) == text(whole)


def test_what_others_trained_of_a_dropped_candidate_changes_nothing(study, tmp_path, fill):
    from actlab.compare.environment import environment

    plan, runs = study
    whole, _ = finish(plan, runs, tmp_path / "whole")
    with Ledger.open(tmp_path / "full") as ledger:
        for planned in plan.chunks:
            where = environment()
            ledger.record(plan, planned, runs[planned.key], seconds=1.5, environment=where)
    result, calls = finish(plan, runs, tmp_path / "full")
    assert not calls
    assert text(result) == text(whole)


def test_without_a_race_everything_is_needed(make_plan):
    plan = make_plan()
    course = course_of(plan, field_of(plan.task, plan.settings), [], set())
    assert course.needed == plan.chunks
    assert not course.dropped
    assert course.level == plan.settings.level


def test_a_real_race_ends_with_a_verdict():
    from actlab.compare import compare

    result = compare(
        "wine", activations="relu,tanh,x*0", race=True, blocks=6, epochs=6, hidden=(8,),
        learning_rates=(0.03,), batch_size=16,
    )  # fmt: skip
    assert result.complete
    assert result.row("x*0").verdict == "worse"
    assert result.settings.race


def test_a_race_is_another_study_and_cut_at_every_look():
    from dataclasses import replace

    from actlab.compare.candidates import candidates_for
    from actlab.compare.study import Settings
    from actlab.compare.task import load

    settings = Settings(blocks=10, learning_rates=(0.01,))
    usual = plan(load("iris"), candidates_for("relu,tanh"), settings)
    race = plan(load("iris"), candidates_for("relu,tanh"), replace(settings, race=True))
    assert usual.key != race.key
    assert race.runs == usual.runs
    assert {planned.chunk.pairs[-1][1] + 1 for planned in race.chunks} == set(looks(10))
    assert all(len({i for i, _ in planned.chunk.pairs}) == 1 for planned in race.chunks)
