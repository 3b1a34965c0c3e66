"""Every float32 number: the measurement finds what is planted, and results are kept."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import actlab
from actlab.accuracy import error_in_ulp, exhaustive, keeping
from actlab.accuracy.exhaustive import Exhaustive, worst_of
from actlab.activation import Activation
from actlab.errors import ActlabError

SOME = 1 << 17
"""Bit patterns at a time."""


def patterns(number):
    """The bit pattern of a float32."""
    return int(np.float32(number).view(np.uint32))


@pytest.mark.parametrize("name", ["tanh", "mish"])
@pytest.mark.parametrize("order", [0, 1])
def test_agrees_with_the_one_definition_of_error(name, order):
    f = actlab.get(name)
    start = patterns(0.7) & ~(SOME - 1)
    worst, at, count = worst_of(f, order, start, start + SOME)
    x = np.arange(start, start + SOME, dtype=np.uint32).view(np.float32)
    compute = f.derivative if order else f
    errors = error_in_ulp(compute(x), compute(x.astype(np.float64)).astype(object), "float32")
    assert count == SOME
    assert worst == pytest.approx(errors.max(), abs=1e-6)
    assert errors[np.flatnonzero(x == np.float32(at))[0]] == pytest.approx(worst, abs=1e-6)


def test_ends_of_the_line_are_right():
    """Overflow to infinity is no error where the exact value rounds to it, NaN none for NaN."""
    f = actlab.define("x**3")
    start = patterns(np.inf) - SOME
    worst, _, count = worst_of(f, 0, start, start + 2 * SOME)
    assert (worst, count) == (0.0, 2 * SOME)


def test_a_planted_fault_is_found(monkeypatch):
    """One float32 result of 131,072 is off by three units."""
    place = np.float32(1.2345)
    right = Activation.__call__

    def wrong(self, x, gate=None, **options):
        result = right(self, x, gate, **options)
        if x.dtype == np.float32:
            hit = x == place
            result[hit] += 3 * np.spacing(result[hit])
        return result

    f = actlab.get("telu")
    start = patterns(place) & ~(SOME - 1)
    assert worst_of(f, 0, start, start + SOME)[0] < 0.51
    monkeypatch.setattr(Activation, "__call__", wrong)
    worst, at, _ = worst_of(f, 0, start, start + SOME)
    assert 2.4 < worst < 3.6
    assert at == place


def test_periodic_functions_are_measured_in_their_range():
    f = actlab.get("sin")
    start = patterns(64.0) - SOME
    assert worst_of(f, 0, start, start + 2 * SOME)[2] == SOME + 1


def test_inputs_outside_the_range_cost_nothing(monkeypatch):
    f = actlab.get("sin")
    exhaustive._zones(f, 0)  # asks for values, once in a process
    monkeypatch.setattr(Activation, "__call__", None)
    for far in (128.0, np.inf, -128.0):
        start = patterns(far)
        assert worst_of(f, 0, start, start + SOME)[2] == 0


def piece_of(number):
    """The inputs next to a number that are measured together."""
    start = patterns(number) & ~(exhaustive._PIECE - 1)
    return np.arange(start, start + exhaustive._PIECE, dtype=np.uint32).view(np.float32)


def test_pairs_are_the_reference_just_where_float64_loses_digits():
    f = actlab.get("hard_concrete")  # next to its kink it is a small difference
    kink = math.log(0.1 / 1.1)
    refer = exhaustive._sure_reference(f, 0)
    plain, long = (exhaustive._reference(f, 0, pairs=pairs) for pairs in (False, True))
    for number, lost in ((kink, True), (-1.0, False), (np.nan, True)):
        x = piece_of(number).astype(float)
        mine, theirs, exact = np.empty((3, x.size))
        refer(x, mine, np.zeros(x.size))
        plain(x, theirs)
        long(x, exact)
        assert np.array_equal(mine, exact, equal_nan=True) == lost
        np.testing.assert_allclose(mine, exact, rtol=1e-14)
    x = piece_of(kink).astype(float)
    plain(x, theirs)
    long(x, exact)
    assert (abs(theirs - exact) > 1e-11 * exact).any()


def test_a_fault_is_found_whatever_the_reference(monkeypatch):
    place = np.float32(-1.2345)
    right = Activation.__call__

    def wrong(self, x, gate=None, **options):
        result = right(self, x, gate, **options)
        result[x == place] += 3 * np.spacing(result[x == place])
        return result

    f = actlab.get("hard_concrete")
    start = patterns(place) & ~(SOME - 1)
    for pairs in (False, True):
        assert worst_of(f, 0, start, start + SOME, pairs=pairs)[0] < 0.51
    monkeypatch.setattr(Activation, "__call__", wrong)
    for pairs in (False, True):
        assert 2.4 < worst_of(f, 0, start, start + SOME, pairs=pairs)[0] < 3.6


@pytest.fixture
def measured(monkeypatch):
    """What is measured, by its name and order; takes no time."""
    found = []

    def quick(activation, order=0, **_):
        found.append((activation.name, order))
        return Exhaustive(activation.name, order, 0.5, 1.0, 2**32, 0.1)

    monkeypatch.setattr(keeping, "exhaustive", quick)
    return found


def test_results_are_kept_until_the_kernel_changes(tmp_path, measured):
    file = tmp_path / "results.json"
    every = [("tanh", 0), ("tanh", 1), ("logish", 0), ("logish", 1)]

    def run():
        measured.clear()
        list(keeping.measure_all(keeping.Kept(file), ["logish", "tanh"]))
        return measured

    assert run() == every  # what frameworks ship comes first
    assert run() == []
    rows = json.loads(file.read_text())
    rows["results"]["tanh'"]["kernel"] = "another"
    file.write_text(json.dumps(rows))
    assert run() == [("tanh", 1)]
    lines = keeping.table(keeping.Kept(file)).splitlines()
    assert lines[2:] == [f"| {n} | 0.5000 | 1 | 0.5000 | 1 |" for n in ("logish", "tanh")]


def test_the_same_kernel_is_measured_once(tmp_path, measured):
    kept = keeping.Kept(tmp_path / "results.json")
    list(keeping.measure_all(kept, ["celu", "elu", "tanh"]))
    assert sorted(measured) == [("elu", 0), ("elu", 1), ("tanh", 0), ("tanh", 1)]
    assert kept.find(actlab.get("celu"), 1).max_ulp == 0.5


def test_another_file_is_refused(tmp_path):
    file = tmp_path / "other.json"
    file.write_text("[]")
    with pytest.raises(ActlabError, match="no file of exhaustive results"):
        keeping.Kept(file)


def test_only_functions_of_one_number():
    with pytest.raises(TypeError, match="softmax is vector"):
        exhaustive.exhaustive(actlab.get("softmax"))
