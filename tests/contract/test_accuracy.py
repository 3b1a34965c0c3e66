"""The error of every engine against the exact value, within the ledger."""

from __future__ import annotations

import pytest

import actlab
from actlab.accuracy import ledger
from contract import checks
from contract.engines import ENGINES

NAMES = actlab.names()


@pytest.mark.parametrize("name", NAMES)
def test_error_is_within_the_ledger(name):
    f = actlab.get(name)
    for engine, dtype, order, wrt in ledger.cases(f):
        checks.check_accuracy(f, ENGINES[engine], dtype, order, wrt)


def test_ledger_lists_only_what_exists():
    assert set(ledger.load()["functions"]) <= set(NAMES)
