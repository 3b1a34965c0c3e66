import json
import stat
from dataclasses import replace

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from actlab.compare.conclusion import conclude
from actlab.compare.ledger import Ledger
from actlab.compare.result import write_atomically

SCORES = {"relu": 0.95, "tanh": 0.80, "mine": 0.90}


def score(label, block):
    return SCORES.get(label, 0.7) + 0.01 * (block % 3) + 0.001 * len(label) * (block % 2)


@pytest.fixture
def result(make_plan, fill):
    plan = make_plan(blocks=6)
    with Ledger.open() as ledger:
        return conclude(plan, fill(ledger, plan, score=score))


def test_the_rows_are_ranked_and_hold_what_the_ledger_holds(result):
    assert [row.label for row in result.rows] == ["relu", "mine", "tanh"]
    assert [row.rank for row in result.rows] == [1, 2, 3]
    assert result.best == result.recommended == "relu"
    assert result.complete
    assert result.runs_done == result.runs_planned == 3 * 6 * 3
    row = result.row("tanh")
    assert row.verdict == "worse"
    assert row.scores == tuple(score("tanh", block) for block in range(6))
    assert row.score == pytest.approx(sum(row.scores) / 6, rel=1e-12)
    assert row.difference == pytest.approx(row.score - result.row("relu").score, rel=1e-9)
    assert row.chosen_learning_rates == (0.01,) * 6
    assert (row.dead_share, row.saturated_share, row.saved_bytes) == (0.25, 0.125, 1024)
    assert row.good_learning_rates == (0.01, 0.01)
    assert row.good_factor == 1.0
    with pytest.raises(KeyError):
        result.row("gelu")


def test_curves_and_sensitivities_are_means_over_the_blocks(result):
    assert [curve.label for curve in result.curves] == ["relu", "mine", "tanh"]
    assert len(result.curves[0].train_loss) == 4
    sensitivity = result.sensitivities[0]
    assert sensitivity.learning_rates == (0.001, 0.01, 0.1)
    assert sensitivity.validation_score == pytest.approx((0.8, 0.9, 0.8), rel=1e-12)
    assert sensitivity.diverged_blocks == (0, 0, 0)


def test_json_is_strict_and_complete(result, tmp_path):
    path = tmp_path / "deep" / "result.json"
    text = result.to_json(path)

    def never(constant):
        raise AssertionError(constant)

    values = json.loads(path.read_text(encoding="utf-8"), parse_constant=never)
    assert values == json.loads(text)
    assert values["recommended"] == "relu"
    assert len(values["rows"]) == 3
    assert values["rows"][0]["score_interval"] == list(result.rows[0].score_interval)


def test_runs_without_finite_numbers_leave_none_and_no_nan(make_plan, fill):
    plan = make_plan(blocks=4)
    nan = float("nan")
    broken = {
        "validation_score": (nan,) * 4,
        "train_loss": (nan, float("inf"), 1.0, 1.0),
        "gradient_first": nan,
        "dead_share": nan,
        "step_seconds": nan,
        "test_score": nan,
        "diverged": True,
    }
    with Ledger.open() as ledger:
        fill(ledger, plan, plan.chunks[:2], score=score)
        result = conclude(plan, fill(ledger, plan, plan.chunks[2:], **broken))
    row = result.row("mine")
    assert row.rank == 3
    assert row.verdict == "worse"
    assert row.failed_blocks == (0, 1, 2, 3)
    assert row.score is row.gradient_first is row.dead_share is row.step_seconds is None
    assert row.good_learning_rates is None
    assert result.curves[-1].train_loss == (None, None, 1.0, 1.0)
    assert result.curves[-1].validation_score_lowest == (None,) * 4
    assert json.loads(result.to_json())["rows"][2]["score"] is None
    assert any("mine 12 of 12" in note for note in result.notes)


def test_names_stay_as_they_are(make_plan, fill):
    label = "<script>alert(1)</script> & 'ä\u2028"
    plan = make_plan(labels=("relu", label))
    with Ledger.open() as ledger:
        result = conclude(plan, fill(ledger, plan))
    assert label in {row["label"] for row in json.loads(result.to_json())["rows"]}


@pytest.mark.parametrize(
    ("library", "kind"),
    [("pandas", pd.DataFrame), ("polars", pl.DataFrame), ("pyarrow", pa.Table)],
)
def test_the_table_is_a_frame_of_the_users_library(result, library, kind):
    table = replace(result, frame_library=library).table()
    assert isinstance(table, kind)
    assert table.shape[0] == 3
    columns = table.column_names if library == "pyarrow" else list(table.columns)
    assert columns[:3] == ["rank", "activation", "accuracy"]


def test_an_unfinished_study_is_judged_as_far_as_it_went(make_plan, fill):
    plan = make_plan(labels=("relu", "tanh", "mine", "late"), blocks=5)
    with Ledger.open() as ledger:
        nothing = conclude(plan, ledger)
        fill(ledger, plan, plan.chunks[:2], score=score)
        partial = conclude(plan, ledger)
        result = conclude(plan, fill(ledger, plan, score=score))
    assert nothing.recommended is None
    assert nothing.finished is None
    assert [row.runs for row in nothing.rows] == [0] * 4
    assert not partial.complete
    assert partial.recommended == "relu"
    assert [row.verdict for row in partial.rows] == ["best", "worse", None, None]
    assert any("2 of 4 chunks are missing" in note for note in partial.notes)
    assert [curve.label for curve in partial.curves] == ["relu", "tanh"]
    assert result.complete
    for some in (nothing, partial, result):
        json.loads(some.to_json())


def test_notes_name_the_ends_of_the_grid_and_shared_functions(make_plan, fill):
    plan = make_plan(labels=("relu", "tanh", "rectifier"), same={"rectifier": "relu"})
    with Ledger.open() as ledger:
        fill(ledger, plan, plan.chunks[:1])
        rising = {"validation_score": (0.5, 0.6, 0.7, 0.8), "chosen_epoch": 4}
        fill(ledger, plan, plan.chunks[1:], **rising)
        before = conclude(plan, ledger)
    assert any("rectifier is the same function as relu" in note for note in before.notes)
    assert before.row("rectifier").scores == before.row("relu").scores


def test_the_best_rate_at_the_end_of_the_grid_is_noted(make_plan, make_runs):
    from actlab.compare.environment import environment

    plan = make_plan(labels=("relu", "tanh"))
    with Ledger.open() as ledger:
        for planned in plan.chunks:
            runs = [
                replace(run, validation_score=(run.learning_rate,) * 4)
                for run in make_runs(plan, planned)
            ]
            ledger.record(plan, planned, runs, seconds=1.0, environment=environment())
        result = conclude(plan, ledger)
    assert any(
        "the highest of the grid (0.1) for" in note and "larger ones" in note
        for note in result.notes
    )


def test_the_ledger_alone_gives_the_same_answer_again(make_plan, fill, tmp_path):
    plan = make_plan(blocks=6)
    path = tmp_path / "ledger.sqlite"
    with Ledger.open(path) as ledger:
        first = conclude(plan, fill(ledger, plan, score=score))
    with Ledger.open(path) as ledger:
        again = conclude(plan, ledger)
    assert again.to_json() == first.to_json()


def test_files_are_replaced_at_once_or_not_at_all(tmp_path):
    path = tmp_path / "result.json"
    write_atomically(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "new \ud800")
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]
    write_atomically(path, "new")
    assert path.read_text(encoding="utf-8") == "new"
    plain = tmp_path / "plain"
    plain.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_a_long_list_of_those_that_diverged_is_counted(make_plan, fill):
    plan = make_plan([f"f{i}" for i in range(12)], blocks=3)
    with Ledger.open() as ledger:
        result = conclude(plan, fill(ledger, plan, score=score, diverged=True))
    (note,) = (note for note in result.notes if "diverged" in note)
    assert note.count("9 of 9") == 8
    assert note.endswith("and 4 more.")
    assert all(row.diverged_runs == 9 for row in result.rows)
