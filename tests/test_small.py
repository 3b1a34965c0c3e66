"""The small things are quick, in seconds of the processor: other work must not fail a test."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

import actlab
from actlab.properties import charts, properties, survey
from clock import within

SLOWEST = ("dsu", "finer", "smu1", "pau", "calu")
"""The functions whose properties take longest; see benchmarks/small.py."""


def of_process(code: str) -> float:
    """Processor seconds of a fresh interpreter that runs some code; the least of three."""
    found = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


def test_the_package_is_imported_in_no_time() -> None:
    assert of_process("import actlab") < 0.15


def test_a_slow_import_would_be_seen() -> None:
    assert of_process("import actlab, sympy") > 0.15


@pytest.mark.parametrize("name", SLOWEST)
def test_properties_take_no_longer_than_a_glance(name: str) -> None:
    # 0.9 s for the slowest where nothing else runs; a processor that is shared takes three times
    # as long over the same steps
    survey._of_formula.cache_clear()
    charts.chart.cache_clear()
    with within(4):
        properties(actlab.get(name))
