"""The error of every engine against the exact value, within the ledger."""

from __future__ import annotations

import pytest

import actlab
from actlab.accuracy import ledger
from contract import checks
from contract.engines import ENGINES
from contract.frameworks import FRAMEWORKS, is_installed

NAMES = actlab.names()
ALL = {**ENGINES, **{name: e for name, e in FRAMEWORKS.items() if is_installed(name)}}


@pytest.mark.parametrize("name", NAMES)
def test_error_is_within_the_ledger(name):
    f = actlab.get(name)
    for name_of_engine, dtype, order, wrt in ledger.cases(f):
        engine = ALL.get(name_of_engine)  # test_frameworks says which is missing
        if engine is not None and engine.measures(dtype, order):
            with engine.session(dtype):
                checks.check_accuracy(f, engine, dtype, order, wrt)


def test_ledger_lists_only_what_exists():
    assert set(ledger.load()["functions"]) <= set(NAMES)


def test_float32_is_within_two_ulp_for_every_function():
    """Values and first derivatives, NumPy and PyTorch, by kernels and without."""
    beyond = [
        (name, engine, order)
        for name, entry in ledger.load()["functions"].items()
        if name not in ledger.UNBOUNDED and actlab.get(name).kind in {"scalar", "gated"}
        for engine in ("numpy", "torch")
        for order, bound in entry.get(engine, {}).get("float32", {}).items()
        if order != "2" and bound > 2
    ]
    assert beyond == []


def test_float64_is_within_four_ulp_for_every_function():
    """Values and first derivatives, NumPy and PyTorch, by kernels and without."""
    beyond = [
        (name, engine, order)
        for name, entry in ledger.load()["functions"].items()
        if name not in ledger.UNBOUNDED
        for engine in ("numpy", "torch")
        for order, bound in entry.get(engine, {}).get("float64", {}).items()
        if order != "2" and bound > 4
    ]
    assert beyond == []
