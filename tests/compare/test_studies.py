"""Studies that ledgers hold: listed, told, resumed, deleted."""

import csv
import json
import shutil

import pytest

import actlab
from actlab.compare import compare, studies
from actlab.compare.candidates import candidates_for
from actlab.compare.ledger import Ledger
from actlab.errors import DataError, LedgerError

MINE = actlab.define("x * tanh(b * x)", name="mine", b=0.5)
ACTIVATIONS = ["relu", actlab.get("leaky_relu", negative_slope=0.2), MINE, "max(x, 0.1*x)"]
SMALL = {"epochs": 1, "blocks": 5, "hidden": 4, "workers": 1}
"""Five blocks at five rates: a chunk holds one candidate."""


def stopping(after):
    def progress(step):
        if step.done >= after:
            raise KeyboardInterrupt

    return progress


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A CSV file of two classes."""
    path = tmp_path_factory.mktemp("data") / "flowers.csv"
    rows = [f"{i % 7},{(i * i) % 11},{'ab'[(i % 7) > 3]}" for i in range(60)]
    path.write_text("u,v,kind\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def stopped(table, tmp_path_factory):
    """A study that was stopped after the first of its chunks, and its undisturbed twin."""
    place = tmp_path_factory.mktemp("studies")
    options = {"target": "kind", "activations": ACTIVATIONS, "margin": 1e-9, **SMALL}
    part = compare(table, out=place / "part", progress=stopping(1), **options)
    whole = compare(table, out=place / "whole", **options)
    assert not part.complete
    return place, whole


def plain(result):
    values = result.as_dict()
    for name in ("finished", "train_seconds"):
        del values[name]
    for row in values["rows"]:
        del row["step_seconds"]
    return json.dumps(values)


def test_studies_are_listed_with_what_is_done(stopped):
    place, whole = stopped
    part, full = studies.listed(place)
    assert part.key == full.key == whole.study
    assert (part.name, part.kind, part.metric) == ("flowers", "classification", "accuracy")
    assert part.candidates == tuple(row.label for row in sorted_rows(whole))
    assert 0 < part.runs_done < part.runs_planned == full.runs_done == 4 * 5 * 5
    assert not part.complete
    assert full.complete
    assert part.resumable
    assert studies.listed(place / "part" / "ledger.sqlite") == [part]


def sorted_rows(result):
    order = ["relu", "leaky_relu", "mine", "max(x, 0.1*x)"]
    return sorted(result.rows, key=lambda row: order.index(row.label))


def test_a_study_goes_on_from_its_ledger_alone(stopped, tmp_path):
    place, whole = stopped
    place = shutil.copytree(place, tmp_path / "copy")  # the other tests want it as it was left
    study = studies.find(whole.study[:10], place / "part")
    heard = []
    result = studies.resume(study, workers=1, progress=heard.append)
    assert heard[0].found >= 1
    assert plain(result) == plain(whole)
    assert (place / "part" / "report.html").exists()


def test_what_a_ledger_tells_is_the_answer(stopped):
    place, whole = stopped
    (study,) = studies.listed(place / "whole")
    assert plain(studies.told(study)) == plain(whole)
    rows = list(csv.DictReader(studies.runs_table(study).splitlines()))
    assert len(rows) == whole.runs_done
    assert {row["candidate"] for row in rows} == {row.label for row in whole.rows}
    scored = [float(row["test_score"]) for row in rows if row["test_score"]]
    assert sorted(scored) == sorted(score for row in whole.rows for score in row.scores)


def test_data_that_have_changed_are_refused(stopped, table):
    place, _ = stopped
    content = table.read_text(encoding="utf-8")
    table.write_text(content.replace("0,0,a", "0,9,a", 1), encoding="utf-8")
    try:
        with pytest.raises(DataError, match="has changed since"):
            studies.resume(studies.find("", place / "whole"), workers=1)
    finally:
        table.write_text(content, encoding="utf-8")


def test_data_without_a_name_are_asked_for(tmp_path):
    import numpy as np

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)), rng.normal(size=40)
    compare(x, y, task="regression", activations="relu,tanh", out=tmp_path, **SMALL)
    study = studies.find("", tmp_path)
    assert not study.resumable
    with pytest.raises(LedgerError, match=r"give them to actlab\.compare again"):
        studies.resume(study)


def test_deleting_keeps_what_another_study_needs(tmp_path, make_plan, fill):
    from dataclasses import replace

    plan = make_plan(labels=("a", "b", "c"))
    part = replace(plan, candidates=plan.candidates[:2], chunks=plan.chunks[:2])
    path = tmp_path / "ledger.sqlite"
    with Ledger.open(path) as ledger:
        fill(ledger, plan)
        ledger.register(part)
        per_chunk = len(ledger.runs(plan)) // 3
    whole = studies.find(plan.key, tmp_path)
    assert studies.delete(whole) == per_chunk
    with Ledger.open(path) as ledger:
        assert ledger.missing(part) == []
        assert ledger.missing(plan) == [plan.chunks[2]]
        assert [key for key, _, _ in ledger.studies()] == [part.key]
    assert studies.delete(studies.find("", tmp_path)) == 2 * per_chunk
    assert studies.listed(tmp_path) == []


def test_keys_that_name_none_or_several_are_refused(tmp_path, make_plan, fill):
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        fill(ledger, make_plan(labels=("a", "b")))
        fill(ledger, make_plan(labels=("a", "b", "c")))
    with pytest.raises(LedgerError, match="several studies"):
        studies.find("", tmp_path)
    with pytest.raises(LedgerError, match=r"no study .* begins with 'zz'"):
        studies.find("zz", tmp_path)
    with pytest.raises(LedgerError, match="no ledger at"):
        studies.find("", tmp_path / "nowhere")


@pytest.mark.parametrize("content", ["{", "[]", '{"task": {}}', '{"task": {"name": 1}}'])
def test_a_plan_that_nobody_recorded_is_damage(tmp_path, make_plan, fill, content):
    import sqlite3

    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        fill(ledger, make_plan())
    connection = sqlite3.connect(tmp_path / "ledger.sqlite")
    with connection:
        connection.execute("UPDATE studies SET plan = ?", (content,))
    connection.close()
    with pytest.raises(LedgerError, match=r"damaged: a study.* untouched"):
        studies.listed(tmp_path)


def test_every_way_to_give_a_candidate_survives_being_written_down():
    for candidate in candidates_for(
        ["relu", actlab.get("elu", alpha=0.3), MINE, "x*b; b=0.1", "swiglu", "softmax", "silu"]
    ):
        f = candidate.activation
        again = studies._read(json.loads(json.dumps(studies._written(f))))
        assert (again.name, again.signature, again.family) == (f.name, f.signature, f.family)
        assert candidates_for([again])[0].gain == candidate.gain
