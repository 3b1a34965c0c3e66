"""The error of every engine against the exact value, within the ledger."""

from __future__ import annotations

import pytest

import actlab
from actlab.accuracy import bound_for, ledger
from contract import checks
from contract.engines import ENGINES

NAMES = actlab.names()


@pytest.mark.parametrize("name", NAMES)
def test_error_is_within_the_ledger(name):
    f = actlab.get(name)
    listed = name in ledger.load()["functions"]
    loose = []
    for engine, dtype, order, wrt in ledger.cases(f):
        measured = checks.check_accuracy(f, ENGINES[engine], dtype, order, wrt)
        bound = bound_for(name, engine, dtype, order, wrt)
        if listed and ledger.is_loose(bound, measured.max_ulp):
            loose.append(f"{engine}: {measured}; bound {bound:g}")
    assert not loose, "bounds can be lowered, with `python -m actlab.accuracy --write`:\n" + (
        "\n".join(loose)
    )


def test_ledger_lists_only_what_exists():
    assert set(ledger.load()["functions"]) <= set(NAMES)
