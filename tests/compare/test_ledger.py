import math
import sqlite3
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actlab.compare.environment import environment
from actlab.compare.ledger import VERSION, Ledger
from actlab.compare.protocol import Plan
from actlab.errors import LedgerError


@pytest.fixture
def place(tmp_path):
    return tmp_path / "study" / "ledger.sqlite"


def same(a, b):
    """Equal to the last bit: NaN equals NaN, and 0.0 is not -0.0."""
    return repr(a) == repr(b)


def test_a_chunk_comes_back_to_the_last_bit(place, make_plan, make_runs, fill):
    plan = make_plan()
    with Ledger.open(place) as ledger:
        fill(ledger, plan)
    with Ledger.open(place) as ledger:
        found = ledger.runs(plan)
    expected = [run for planned in plan.chunks for run in make_runs(plan, planned)]
    assert same(found, expected)


ANY = st.floats(width=64)


@given(ANY, st.lists(ANY, min_size=4, max_size=4), st.none() | ANY)
def test_every_double_survives(make_plan, fill, number, history, score):
    plan = make_plan(labels=("relu",))
    changes = {
        "train_loss": tuple(history),
        "gradient_first": number,
        "test_score": score,
        "step_seconds": number,
    }
    with Ledger.open() as ledger:
        fill(ledger, plan, **changes)
        run = ledger.runs(plan)[0]
    for name, value in changes.items():
        assert same(getattr(run, name), value), name


def test_missing_shrinks_chunk_by_chunk(place, make_plan, fill):
    plan = make_plan()
    with Ledger.open(place) as ledger:
        assert ledger.missing(plan) == list(plan.chunks)
        fill(ledger, plan, plan.chunks[1:2])
        assert ledger.missing(plan) == [plan.chunks[0], plan.chunks[2]]
        assert {run.candidate for run in ledger.runs(plan)} == {"tanh"}
        assert ledger.recorded(plan)[plan.chunks[1].key].environment == environment()


def test_a_chunk_is_recorded_whole_or_not_at_all(make_plan, make_runs):
    plan = make_plan()
    planned = plan.chunks[0]
    runs = make_runs(plan, planned)
    options = {"seconds": 1.0, "environment": environment()}
    with Ledger.open() as ledger:
        for wrong in (runs[:-1], [*runs, runs[0]], [*runs[:-1], replace(runs[-1], block=99)]):
            with pytest.raises(ValueError, match="other runs than planned"):
                ledger.record(plan, planned, wrong, **options)
        poisoned = [*runs[:-1], replace(runs[-1], saved_bytes=2**70)]  # more than SQLite holds
        with pytest.raises(OverflowError):
            ledger.record(plan, planned, poisoned, **options)
        assert ledger.missing(plan) == list(plan.chunks)
        assert ledger.runs(plan) == []
        ledger.record(plan, planned, runs, **options)
        assert len(ledger.runs(plan)) == len(runs)


def test_the_first_of_two_recordings_stays(make_plan, make_runs, fill):
    plan = make_plan()
    with Ledger.open() as ledger:
        fill(ledger, plan)
        before = ledger.runs(plan)
        fill(ledger, plan, step_seconds=9.0)
        assert ledger.runs(plan) == before


def test_labels_are_no_part_of_what_is_kept(make_plan, fill):
    with Ledger.open() as ledger:
        fill(ledger, make_plan(labels=("relu", "tanh")))
        renamed = make_plan(labels=("my favourite", "the other"))
        assert ledger.missing(renamed) == []
        assert {run.candidate for run in ledger.runs(renamed)} == {"my favourite", "the other"}


def test_two_names_of_one_function_have_the_same_runs(make_plan, fill):
    plan = make_plan(labels=("relu", "tanh", "also relu"), same={"also relu": "relu"})
    with Ledger.open() as ledger:
        runs = fill(ledger, plan).runs(plan)
    first = [run for run in runs if run.candidate == "relu"]
    second = [run for run in runs if run.candidate == "also relu"]
    assert [replace(run, candidate="relu") for run in second] == first
    assert first


def test_studies_can_be_told_from_the_ledger_alone(place, make_plan, fill):
    plan = make_plan(labels=("relu", "x * tanh(x)", "<script>"))
    with Ledger.open(place) as ledger:
        fill(ledger, plan)
    with Ledger.open(place) as ledger:
        ((key, _, values),) = ledger.studies()
        again = Plan.from_dict(values)
        assert key == plan.key == again.key
        assert again == plan
        assert ledger.runs(again) == ledger.runs(plan)


# --- files that must be refused, and left as they are ----------------------------------------


def refused(path, words):
    before = path.read_bytes(), path.stat().st_mtime_ns, sorted(path.parent.iterdir())
    with pytest.raises(LedgerError, match=words):
        Ledger.open(path)
    assert (path.read_bytes(), path.stat().st_mtime_ns, sorted(path.parent.iterdir())) == before


@pytest.fixture
def written(place, make_plan, fill):
    with Ledger.open(place) as ledger:
        fill(ledger, make_plan(labels=tuple(f"f{i}" for i in range(30))))
    return place


def test_a_newer_version_is_refused(written):
    with sqlite3.connect(written) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    refused(written, f"version {VERSION + 1} .* Use a newer actlab")


def test_another_programs_file_is_refused(tmp_path):
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE notes (text)")
    connection.close()
    refused(path, "another program")


@pytest.mark.parametrize("content", [b"hello", b"SQLite format 3\0", bytes(5000)])
def test_what_is_no_ledger_is_refused(tmp_path, content):
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(content)
    refused(path, "no ledger")


def test_a_ledger_cut_short_is_refused(written):
    content = written.read_bytes()
    written.write_bytes(content[: len(content) // 2])
    refused(written, "damaged")


def test_a_ledger_with_damaged_pages_is_refused(written):
    content = bytearray(written.read_bytes())
    for start in range(4096, len(content), 4096):
        content[start : start + 64] = b"\xff" * 64
    written.write_bytes(content)
    refused(written, "damaged")


def test_a_row_that_was_changed_is_noticed_before_any_work(written, make_plan):
    plan = make_plan(labels=tuple(f"f{i}" for i in range(30)))
    changes = (
        "UPDATE runs SET test_score = 0.99 WHERE key IN (SELECT max(key) FROM runs)",
        "DELETE FROM runs WHERE key IN (SELECT min(key) FROM runs)",
    )
    with Ledger.open(written) as ledger:
        assert ledger.missing(plan) == []
        for change in changes:
            ledger._connection.execute("BEGIN")
            ledger._connection.execute(change)
            with pytest.raises(LedgerError, match="damaged"):
                ledger.missing(plan)
            ledger._connection.execute("ROLLBACK")


def test_a_directory_in_its_place_is_refused(tmp_path):
    (tmp_path / "ledger.sqlite").mkdir()
    with pytest.raises(LedgerError, match="can not be opened"):
        Ledger.open(tmp_path / "ledger.sqlite")


def test_an_empty_file_is_a_new_ledger(tmp_path, make_plan, fill):
    path = tmp_path / "ledger.sqlite"
    path.touch()
    plan = make_plan()
    with Ledger.open(path) as ledger:
        assert not fill(ledger, plan).missing(plan)


def test_a_full_disk_costs_one_chunk_and_a_sentence(place, make_plan, fill):
    plan = make_plan(labels=tuple(f"f{i}" for i in range(20)))
    with Ledger.open(place) as ledger:
        fill(ledger, plan, plan.chunks[:2])
        pages = ledger._connection.execute("PRAGMA page_count").fetchone()[0]
        ledger._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(LedgerError, match=r"full.*what it held before is safe"):
            fill(ledger, plan, plan.chunks[2:])
        kept = ledger.recorded(plan).keys()
        rates = len(plan.settings.learning_rates)
        assert len(ledger.runs(plan)) == len(kept) * plan.settings.blocks * rates
        assert plan.chunks[0].key in kept
        assert plan.chunks[19].key not in kept


# --- several processes ------------------------------------------------------------------------

WRITER = """
import sys, pickle
from actlab.compare.environment import environment
from actlab.compare.ledger import Ledger
plan, chunks = pickle.load(sys.stdin.buffer)
with Ledger.open(sys.argv[1]) as ledger:
    ledger.register(plan)
    for planned, runs in chunks:
        ledger.record(plan, planned, runs, seconds=1.0, environment=environment())
"""


def test_processes_that_share_a_ledger_do_not_harm_it(place, make_plan, make_runs):
    """Three writers begin one file at once, each with chunks that the others have too."""
    import pickle

    plan = make_plan(labels=tuple(f"f{i}" for i in range(24)))
    chunks = [(planned, make_runs(plan, planned)) for planned in plan.chunks]
    shares = [chunks, chunks[::-1], chunks[12:] + chunks[:12]]
    command = [sys.executable, "-c", WRITER, str(place)]
    writers = [subprocess.Popen(command, stdin=subprocess.PIPE) for _ in shares]
    for writer, share in zip(writers, shares, strict=True):
        writer.stdin.write(pickle.dumps((plan, share)))
        writer.stdin.close()
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    with Ledger.open(place) as ledger:
        assert ledger.missing(plan) == []
        assert ledger.runs(plan) == [run for _, runs in chunks for run in runs]


def test_numbers_can_be_read_by_any_program(written):
    """The learning rate and the scores are plain numbers in plain columns."""
    connection = sqlite3.connect(written)
    query = "SELECT learning_rate, test_score FROM runs WHERE test_score IS NOT NULL"
    rows = connection.execute(query).fetchall()
    connection.close()
    assert rows
    assert all(rate == 0.01 and 0 <= score < 1 for rate, score in rows)
    assert not any(math.isnan(score) for _, score in rows)
