"""The public function, with real training on small data."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest

import actlab
import actlab.compare
from actlab.compare import Progress, compare
from actlab.errors import ActlabError, DataError, FormulaError, LedgerError, UnknownNameError

QUICK = {"epochs": 4, "blocks": 3, "hidden": (8,), "learning_rates": (0.01, 0.03)}


def measured_aside(result):
    values = result.as_dict()
    for row in values["rows"]:
        del row["step_seconds"]
    for name in ("finished", "train_seconds", "reasons", "recommended"):
        del values[name]
    return values


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 3))
    color = rng.choice(["red", "green"], 120)
    price = x[:, 0] ** 2 + x[:, 1] + (color == "red") + 0.1 * rng.normal(size=120)
    return {"size": x[:, 0], "age": x[:, 1], "noise": x[:, 2], "color": color, "price": price}


@pytest.fixture(scope="module")
def iris():
    return compare("iris", activations="relu,tanh,x*tanh(x)", **QUICK)


def test_every_candidate_is_in_the_answer(iris):
    assert {row.label for row in iris.rows} == {"relu", "tanh", "x*tanh(x)"}
    assert iris.complete
    assert iris.runs_planned == 3 * 3 * 2
    assert iris.best == iris.rows[0].label
    assert iris.rows[0].verdict == "best"
    assert iris.recommended is not None
    assert all(row.score > 0.6 for row in iris.rows)
    assert all(0 <= row.dead_share <= 1 and row.step_seconds > 0 for row in iris.rows)
    json.loads(iris.to_json())


def test_the_package_can_be_called_like_the_function(iris):
    again = actlab.compare("iris", activations="relu,tanh,x*tanh(x)", **QUICK)
    assert measured_aside(again) == measured_aside(iris)
    assert actlab.compare.compare is compare


def test_company_changes_no_number(table):
    """A candidate that fills its chunks has the same scores, whoever else takes part."""
    options = QUICK | {"blocks": 20}
    many = compare(pd.DataFrame(table), target="price", activations="relu,tanh", **options)
    alone = compare(pd.DataFrame(table), target="price", activations="tanh", **options)
    assert alone.row("tanh").scores == many.row("tanh").scores
    assert len(set(alone.row("tanh").scores)) == 20


def test_two_names_of_one_function_get_the_same_numbers():
    twice = [actlab.get("relu"), actlab.define("maximum(x, 0)", name="rectifier")]
    result = compare("iris", activations=twice, **QUICK)
    relu, rectifier = result.row("relu"), result.row("rectifier")
    assert relu.scores == rectifier.scores
    assert {relu.verdict, rectifier.verdict} == {"best", "equivalent"}
    assert any("same function" in note for note in result.notes)


def test_frames_files_and_arrays_are_the_same_data(table, tmp_path):
    frame = pl.DataFrame(table)
    path = tmp_path / "houses.csv"
    frame.write_csv(path)
    options = QUICK | {"activations": "relu,tanh", "target": "price"}
    from_frame = compare(frame, **options)
    from_file = compare(path, **options)
    from_pandas = compare(pd.DataFrame(table), **options)
    scores = [[row.scores for row in r.rows] for r in (from_frame, from_file, from_pandas)]
    assert scores[0] == scores[1] == scores[2]
    assert from_frame.task.metric == "r2"
    assert isinstance(from_frame.table(), pl.DataFrame)
    assert isinstance(from_file.table(), pd.DataFrame)


def test_an_error_metric_ranks_the_smallest_first(table):
    result = compare(
        pd.DataFrame(table), target="price", metric="rmse", activations="relu,identity", **QUICK
    )
    first, second = result.rows
    assert first.score < second.score
    assert second.difference > 0
    assert result.margin == pytest.approx(0.01 * first.score)


def test_kinds_of_activations_stand_side_by_side():
    result = compare("iris", activations="relu,swiglu,softmax,x*gate", **QUICK)
    assert all(row.score is not None for row in result.rows)
    assert result.complete
    assert any("softmax have the gain 1: softmax maps whole vectors" in n for n in result.notes)


def test_a_function_that_explodes_is_worse_and_leaves_no_nan():
    options = QUICK | {"learning_rates": (1e3, 1e4), "optimizer": "sgd"}
    result = compare("diabetes", activations=["tanh", "exp(x**4)"], **options)
    row = result.row("exp(x**4)")
    assert row.verdict == "worse"
    assert row.failed_blocks
    assert row.diverged_runs
    assert any("exp(x**4) have the gain 1" in note for note in result.notes)
    json.loads(result.to_json())


def test_too_few_blocks_give_no_verdict():
    result = compare("iris", activations="relu,tanh", **(QUICK | {"blocks": 2}))
    assert result.recommended is None
    assert result.reasons[0].startswith("No verdict")


def test_a_directory_holds_everything_and_a_second_study_shares_the_ledger(tmp_path):
    out = tmp_path / "study"
    told: list[Progress] = []
    options = QUICK | {"blocks": 20, "out": out}
    first = compare("iris", activations="relu,tanh", **options)
    assert sorted(path.name for path in out.iterdir()) == [
        "ledger.sqlite",
        "report.html",
        "result.json",
    ]
    more = compare("iris", activations="relu,elu,tanh", progress=told.append, **options)
    assert (told[0].found, told[0].total) == (2, 3)
    assert more.row("relu").scores == first.row("relu").scores
    assert json.loads((out / "result.json").read_text(encoding="utf-8"))["study"] == more.study


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"data": "no such data"}, DataError),
        ({"data": "missing.csv", "target": "a"}, DataError),
        ({"task": "clustering"}, DataError),
        ({"loss": "mse"}, DataError),
        ({"metric": "r2"}, DataError),
        ({"activations": "relu,rellu"}, UnknownNameError),
        ({"activations": "relu,x +* 2"}, FormulaError),
        ({"optimizer": "adma"}, UnknownNameError),
        ({"epochs": 0}, ActlabError),
        ({"learning_rates": -1}, ActlabError),
        ({"workers": 0}, ActlabError),
    ],
)
def test_what_can_not_be_used_writes_nothing(tmp_path, changes, error):
    out = tmp_path / "study"
    given = {"data": "iris", "activations": "relu", "out": out} | changes
    with pytest.raises(error) as caught:
        compare(**given)
    assert not out.exists()
    assert str(caught.value).strip()


def test_a_ledger_that_is_refused_is_left_alone(tmp_path):
    ledger = tmp_path / "ledger.sqlite"
    ledger.write_bytes(b"not a ledger")
    with pytest.raises(LedgerError, match="no ledger"):
        compare("iris", activations="relu", out=tmp_path, **QUICK)
    assert ledger.read_bytes() == b"not a ledger"
    assert list(tmp_path.iterdir()) == [ledger]
