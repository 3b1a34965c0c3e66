"""A study that is killed, interrupted, or spread over workers gives the undisturbed numbers."""

import json
import os
import pickle
import random
import signal
import time

import pytest

from actlab.compare.conclusion import conclude
from actlab.compare.driver import train_missing
from actlab.compare.ledger import Ledger
from actlab.compare.runners import InProcess, Processes, workers_for
from actlab.errors import ActlabError
from compare.nursery import Nursery

pytestmark = pytest.mark.slow

MEASURED = ("finished", "train_seconds")

SLOWLY = """
import pickle, sys, time
from actlab.compare.ledger import Ledger
from actlab.compare.driver import train_missing
from actlab.compare.runners import InProcess

def work(planned):
    print("working", flush=True)
    time.sleep(0.01)
    return runs[planned.key]

with open(sys.argv[2], "rb") as stream:
    plan, runs = pickle.load(stream)
with Ledger.open(sys.argv[1]) as ledger:
    train_missing(plan, ledger, work, InProcess())
"""


@pytest.fixture(scope="module")
def nursery(tmp_path_factory):
    modules = (
        "torch",
        "numba",
        "sklearn.datasets",
        "actlab.compare.comparison",
        "actlab.compare.trainer",
    )
    nursery = Nursery(tmp_path_factory.mktemp("nursery"), *modules)
    yield nursery
    nursery.close()


def answer(plan, path):
    """The answer as text, without measured times and dates."""
    with Ledger.open(path) as ledger:
        values = conclude(plan, ledger).as_dict()
    for name in MEASURED:
        del values[name]
    return json.dumps(values)


@pytest.fixture
def study(make_plan, make_runs):
    plan = make_plan(labels=tuple(f"f{i}" for i in range(30)))
    return plan, {planned.key: make_runs(plan, planned) for planned in plan.chunks}


def recorded(plan, path):
    with Ledger.open(path) as ledger:
        return list(ledger.recorded(plan))


def test_killed_at_random_moments_it_resumes_and_repeats_nothing(study, nursery, tmp_path):
    plan, runs = study
    made, killed, whole = (tmp_path / name for name in ("made", "killed", "whole"))
    made.write_bytes(pickle.dumps((plan, runs)))
    moments = random.Random(8)  # noqa: S311  (nothing secret)
    trained = 0
    states = []
    for _ in range(100):
        process = nursery.begin(SLOWLY, killed, made)
        process.stdout.readline()
        time.sleep(moments.uniform(0.0, 0.2))
        process.kill()
        trained += 1 + process.communicate()[0].count("working")
        states.append(len(recorded(plan, killed)))
        if states[-1] == len(plan.chunks):
            break
    assert states[-1] == len(plan.chunks)
    assert 0 < states[0] < len(plan.chunks), "the first kill came in the middle"
    # A kill costs the chunk that was being trained, and no other one.
    assert trained <= len(plan.chunks) + len(states)
    with Ledger.open(whole) as ledger:
        train_missing(plan, ledger, lambda planned: runs[planned.key], InProcess())
    assert answer(plan, killed) == answer(plan, whole)


def test_an_interrupt_keeps_what_was_finished(study, tmp_path):
    plan, runs = study
    path = tmp_path / "ledger"
    calls = []

    def work(planned):
        calls.append(planned)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return runs[planned.key]

    with Ledger.open(path) as ledger:
        train_missing(plan, ledger, work, InProcess())
        partial = conclude(plan, ledger)
        assert partial.runs_done == 3 * partial.runs_planned // 30
        assert not partial.complete
        train_missing(plan, ledger, work, InProcess())
        assert conclude(plan, ledger).complete
    assert len(calls) == 4 + 27


def test_progress_is_told_from_the_start_and_after_every_chunk(study):
    plan, runs = study
    heard = []
    with Ledger.open() as ledger:
        for planned in plan.chunks[:10]:
            from actlab.compare.environment import environment

            ledger.record(plan, planned, runs[planned.key], seconds=1.0, environment=environment())
        train_missing(plan, ledger, lambda p: runs[p.key], InProcess(), heard.append)
    assert [step.done for step in heard] == list(range(10, 31))
    assert all(step.total == 30 and step.found == 10 for step in heard)
    assert heard[0].remaining is None
    assert heard[-1].remaining == 0.0
    assert all(step.remaining >= 0 for step in heard[1:])


def test_a_long_study_gets_a_worker_per_core(make_plan, monkeypatch):
    monkeypatch.setattr("joblib.cpu_count", lambda: 2)
    assert workers_for(make_plan(blocks=3)) == 1
    long = make_plan(blocks=3, hidden=(512, 512), epochs=1000)
    assert workers_for(long) == 2
    monkeypatch.setattr("joblib.cpu_count", lambda: 64)
    assert workers_for(long) == len(long.chunks)


def test_workers_change_nothing(study, tmp_path):
    plan, runs = study
    alone, several = tmp_path / "alone", tmp_path / "several"

    def work(planned):
        return runs[planned.key]

    with Ledger.open(alone) as ledger:
        train_missing(plan, ledger, work, InProcess())
    with Ledger.open(several) as ledger:
        train_missing(plan, ledger, work, Processes(2))
    assert answer(plan, alone) == answer(plan, several)


def test_a_lost_worker_costs_no_finished_chunk_and_is_said_in_a_sentence(study, tmp_path):
    plan, runs = study
    path = tmp_path / "ledger"
    fatal = plan.chunks[20].key

    def work(planned):
        if planned.key == fatal:
            os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when memory is short
        return runs[planned.key]

    with Ledger.open(path) as ledger:
        with pytest.raises(ActlabError, match="worker process was killed"):
            train_missing(plan, ledger, work, Processes(2))
        missing = len(ledger.missing(plan))
        assert 1 <= missing < len(plan.chunks)
        train_missing(plan, ledger, lambda planned: runs[planned.key], InProcess())
        assert conclude(plan, ledger).complete


# --- with real training -----------------------------------------------------------------------

REAL = """
import json, sys
from actlab.compare import compare

def told(step):
    print(step.done, flush=True)

result = compare(
    "digits", activations="relu,tanh,gelu,silu,x*tanh(x)", epochs=2, blocks=8, hidden=(16,),
    margin=1e-9, workers=int(sys.argv[2]), out=sys.argv[1], progress=told,
)
print(json.dumps([result.complete, result.runs_done]), flush=True)
"""


CHUNKS = 5
"""One per candidate."""


def finish(nursery, out, workers=1):
    process = nursery.begin(REAL, out, workers)
    told, errors = process.communicate()
    assert process.returncode == 0, errors
    return told.split("\n")


def told_until(process, number):
    for line in process.stdout:
        if line.strip() == str(number):
            return
    raise AssertionError(process.communicate()[1])


def numbers(out):
    """The result's text without what is measured."""
    values = json.loads((out / "result.json").read_text(encoding="utf-8"))
    for name in MEASURED:
        del values[name]
    for row in values["rows"]:
        del row["step_seconds"]
    return json.dumps(values)


@pytest.fixture(scope="module")
def undisturbed(nursery, tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed")
    finish(nursery, out)
    return numbers(out)


def test_a_real_study_that_was_killed_again_and_again_resumes_to_the_same_bytes(
    undisturbed, nursery, tmp_path
):
    moments = random.Random(5)  # noqa: S311  (nothing secret)
    reached = 0
    for _ in range(3):
        process = nursery.begin(REAL, tmp_path, 1)
        found = int(process.stdout.readline())
        assert reached <= found <= reached + 1, "all that was finished is found, told or not"
        time.sleep(moments.uniform(0.0, 0.5))
        process.kill()
        told = process.communicate()[0].split()
        reached = max([found, *(int(line) for line in told if line.isdigit())])
    assert not (tmp_path / "result.json").exists() or reached == CHUNKS
    told = finish(nursery, tmp_path)
    assert reached <= int(told[0]) <= reached + 1
    assert numbers(tmp_path) == undisturbed


def test_two_workers_give_the_same_bytes(undisturbed, nursery, tmp_path):
    finish(nursery, tmp_path, workers=2)
    assert numbers(tmp_path) == undisturbed


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_ends_cleanly_with_what_is_there(nursery, tmp_path, workers):
    process = nursery.begin(REAL, tmp_path, workers)
    told_until(process, 1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: every process of the group
    told, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    complete, runs = json.loads(told.strip().split("\n")[-1])
    assert not complete
    assert 40 <= runs < 200
    assert runs % 40 == 0, "whole chunks"
    values = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert any("unfinished" in note for note in values["notes"])
