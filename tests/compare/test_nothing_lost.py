"""What happens to long studies: no memory, no disk, company, clocks. Nothing finished is lost."""

import json
import pickle
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from actlab.compare import ledger as ledger_module
from actlab.compare.conclusion import conclude
from actlab.compare.driver import train_missing
from actlab.compare.ledger import VERSION, Ledger
from actlab.compare.runners import InProcess, Processes
from actlab.errors import LedgerError


def answer(plan, path):
    """The answer as text, without measured times and dates."""
    with Ledger.open(path) as ledger:
        values = conclude(plan, ledger).as_dict()
    del values["finished"], values["train_seconds"]
    return json.dumps(values)


@pytest.fixture
def study(make_plan, make_runs):
    plan = make_plan(labels=tuple(f"f{i}" for i in range(12)))
    return plan, {planned.key: make_runs(plan, planned) for planned in plan.chunks}


@pytest.fixture
def undisturbed(study, tmp_path):
    plan, runs = study
    with Ledger.open(tmp_path / "undisturbed") as ledger:
        train_missing(plan, ledger, lambda planned: runs[planned.key], InProcess())
    return answer(plan, tmp_path / "undisturbed")


# --- memory -----------------------------------------------------------------------------------


def array_too_large():
    np.empty(1 << 50)


def tensor_too_large():
    import torch

    torch.empty(1 << 60)


class Short:
    """Training that asks for too much memory for one candidate."""

    def __init__(self, runs, key, ask):
        self.runs, self.key, self.ask = runs, key, ask

    def __call__(self, planned):
        if planned.key == self.key:
            self.ask()
        return self.runs[planned.key]


@pytest.mark.parametrize("ask", [array_too_large, tensor_too_large])
def test_a_member_without_memory_holds_nobody_up(study, undisturbed, tmp_path, ask):
    plan, runs = study
    path = tmp_path / "ledger"
    with Ledger.open(path) as ledger:
        work = Short(runs, plan.chunks[3].key, ask)
        short = train_missing(plan, ledger, work, InProcess())
        assert short == ("f3",)
        assert ledger.missing(plan) == [plan.chunks[3]]
        result = conclude(plan, ledger, short_of_memory=short)
        assert not result.complete
        assert any("not enough memory to train f3" in note for note in result.notes)
        assert result.recommended is not None
        assert train_missing(plan, ledger, lambda planned: runs[planned.key], InProcess()) == ()
    assert answer(plan, path) == undisturbed


def test_a_worker_without_memory_tries_again_when_the_others_are_done(study, undisturbed, tmp_path):
    plan, runs = study
    path, mark = tmp_path / "ledger", tmp_path / "asked"

    def work(planned):
        if planned.key == plan.chunks[0].key and not mark.exists():
            mark.touch()
            raise MemoryError
        return runs[planned.key]

    with Ledger.open(path) as ledger:
        assert train_missing(plan, ledger, work, Processes(2)) == ()
    assert mark.exists()
    assert answer(plan, path) == undisturbed


def test_another_error_is_no_want_of_memory(study):
    plan, _ = study

    def work(planned):
        raise RuntimeError("shapes do not fit")

    with Ledger.open() as ledger, pytest.raises(RuntimeError, match="shapes"):
        train_missing(plan, ledger, work, InProcess())


# --- disk -------------------------------------------------------------------------------------

LIMITED = """
import pickle, resource, sys
from actlab.compare.driver import train_missing
from actlab.compare.ledger import Ledger
from actlab.compare.runners import InProcess
from actlab.errors import LedgerError

with open(sys.argv[2], "rb") as stream:
    plan, runs = pickle.load(stream)
with Ledger.open(sys.argv[1]) as ledger:
    ledger.register(plan)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
    try:
        train_missing(plan, ledger, lambda planned: runs[planned.key], InProcess())
    except LedgerError as error:
        print(error)
        sys.exit(1)
"""


def test_a_disk_that_takes_no_more_is_a_sentence_and_loses_nothing(study, undisturbed, tmp_path):
    plan, runs = study
    path, made = tmp_path / "ledger", tmp_path / "made"
    made.write_bytes(pickle.dumps((plan, runs)))
    with Ledger.open(path) as ledger:
        ledger.register(plan)
    states = []
    for room in (120_000, 200_000):
        command = [sys.executable, "-c", LIMITED, str(path), str(made), str(room)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1, done.stderr
        assert "can not be written" in done.stdout
        assert "what it held before is safe" in done.stdout
        assert done.stderr == ""
        with Ledger.open(path) as ledger:
            states.append(len(ledger.recorded(plan)))
    assert 0 < states[0] < states[1] < len(plan.chunks)
    calls = []

    def work(planned):
        calls.append(planned)
        return runs[planned.key]

    with Ledger.open(path) as ledger:
        train_missing(plan, ledger, work, InProcess())
    assert len(calls) == len(plan.chunks) - states[1], "nothing finished was trained again"
    assert answer(plan, path) == undisturbed


FULL = """
import resource, sys
from actlab.compare import comparison
known = comparison.conclude
def conclude(*args, **options):
    result = known(*args, **options)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    return result
comparison.conclude = conclude
from actlab.cli import main
sys.argv = ["actlab", "compare", "iris", "--activations", "relu,tanh", "--epochs", "1",
            "--blocks", "3", "--hidden", "4", "--learning-rates", "0.01", "--out", sys.argv[1]]
main()
"""


def test_a_disk_without_room_for_the_report_is_a_sentence(tmp_path):
    command = [sys.executable, "-c", FULL, str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert "ledger.sqlite" in names
    assert not names & {"result.json", "report.html"}, "whole or not at all"
    with Ledger.open(tmp_path / "out" / "ledger.sqlite") as ledger:
        assert len(ledger.studies()) == 1


# --- company ----------------------------------------------------------------------------------

SLOWLY = """
import pickle, sys, time
from actlab.compare.driver import train_missing
from actlab.compare.ledger import Ledger
from actlab.compare.runners import InProcess

def work(planned):
    print(planned.key, flush=True)
    time.sleep(0.05)
    return runs[planned.key]

with open(sys.argv[2], "rb") as stream:
    plan, runs = pickle.load(stream)
with Ledger.open(sys.argv[1]) as ledger:
    ledger.register(plan)
    train_missing(plan, ledger, work, InProcess())
"""


def test_two_studies_on_one_ledger_share_the_work(make_plan, make_runs, tmp_path):
    plan = make_plan(labels=tuple(f"f{i}" for i in range(40)))
    runs = {planned.key: make_runs(plan, planned) for planned in plan.chunks}
    path, made = tmp_path / "ledger", tmp_path / "made"
    made.write_bytes(pickle.dumps((plan, runs)))
    command = [sys.executable, "-c", SLOWLY, str(path), str(made)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate(timeout=60)[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert set(told[0]) | set(told[1]) == runs.keys()
    # Chunks in hand when the other one began or met are trained twice, and no others.
    assert len(told[0]) + len(told[1]) <= len(runs) + 8
    with Ledger.open(path) as ledger:
        assert ledger.runs(plan) == [run for planned in plan.chunks for run in runs[planned.key]]
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM chunks").fetchone()[0] == len(plan.chunks)
    connection.close()


def test_of_two_studies_with_common_chunks_the_second_trains_the_rest(
    make_plan, make_runs, tmp_path
):
    from dataclasses import replace

    plan = make_plan(labels=("a", "b", "c", "d"))
    part = replace(plan, candidates=plan.candidates[:2], chunks=plan.chunks[:2])
    runs = {planned.key: make_runs(plan, planned) for planned in plan.chunks}
    calls = []

    def work(planned):
        calls.append(planned.key)
        return runs[planned.key]

    with Ledger.open(tmp_path / "ledger") as ledger:
        train_missing(part, ledger, work, InProcess())
        train_missing(plan, ledger, work, InProcess())
    assert sorted(calls) == sorted(runs)


# --- clocks -----------------------------------------------------------------------------------


def test_a_clock_that_jumps_changes_no_answer(study, undisturbed, tmp_path, monkeypatch):
    plan, runs = study
    now = datetime(2026, 1, 1, tzinfo=UTC)
    jumps = iter([timedelta(days=d) for d in (400, -900, 0, 30_000, -5_000, *([1, -1] * 20))])

    def jump():
        return (now + next(jumps)).isoformat()

    monkeypatch.setattr(ledger_module, "_now", jump)
    path = tmp_path / "ledger"
    with Ledger.open(path) as ledger:
        ledger.register(plan)
        for stop in (3, 7, 12):
            calls = []

            def work(planned, calls=calls, stop=stop):
                if len(calls) == stop:
                    raise KeyboardInterrupt
                calls.append(planned)
                return runs[planned.key]

            train_missing(plan, ledger, work, InProcess())
    assert answer(plan, path) == undisturbed


# --- other versions, damage -------------------------------------------------------------------


def test_a_ledger_of_the_first_version_goes_on(study, undisturbed, tmp_path):
    plan, runs = study
    path = tmp_path / "ledger"
    with Ledger.open(path) as ledger:
        ledger.register(plan)
        work = Short(runs, plan.chunks[3].key, array_too_large)
        train_missing(plan, ledger, work, InProcess())
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE calls")
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    with Ledger.open(path) as ledger:
        assert ledger.call(plan.key) is None
        assert len(ledger.missing(plan)) == 1
        train_missing(plan, ledger, lambda planned: runs[planned.key], InProcess())
        version = ledger._connection.execute("PRAGMA user_version").fetchone()[0]
        assert version == VERSION
    assert answer(plan, path) == undisturbed


@pytest.mark.parametrize("seed", range(8))
def test_random_damage_is_refused_or_harmless_and_never_mended(study, undisturbed, tmp_path, seed):
    plan, runs = study
    path = tmp_path / "ledger"
    with Ledger.open(path) as ledger:
        ledger.register(plan)
        train_missing(plan, ledger, lambda planned: runs[planned.key], InProcess())
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    for place in rng.integers(0, len(content), 1 + 40 * (seed % 2)):
        content[place] ^= int(rng.integers(1, 256))
    path.write_bytes(content)
    try:
        found = answer(plan, path)
    except LedgerError:
        found = None
    assert found in {None, undisturbed}
    if found is None:
        assert path.read_bytes() == content
