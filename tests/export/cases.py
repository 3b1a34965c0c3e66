"""What every exported function is tried with: one fixed sample, and the exact values there.

All numbers of the sample are float32 numbers, so that it serves both formats. Samples are filled up
to one length, so that a framework compiles its operations once for all functions.
"""

from __future__ import annotations

import math
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

import actlab
from actlab.accuracy import ledger
from actlab.accuracy.error import FORMATS, Exact, error_in_ulp
from actlab.accuracy.points import edges, intervals, range_of
from actlab.engines.cpu.arrangement import kernels_from
from actlab.engines.exact import evaluate
from actlab.engines.numpy import step_by_step
from actlab.export.subject import parameters_of

SIZE = 56
_TAILS = [20.0, 40.0, 87.0, 104.0, 300.0, 700.0, 1e4, 1e10, 1e30, 1e37]
_SMALL = [0.0, 1e-30, 1e-10, 1e-4, 0.03]
_SPECIAL = [math.inf, -math.inf, math.nan]
ELEMENTWISE = [n for n in actlab.names() if actlab.get(n).kind in {"scalar", "gated"}]


@dataclass(frozen=True)
class Case:
    """One function: inputs, and the exact value and derivatives."""

    name: str
    inputs: tuple[Any, ...]
    exact: dict[str, Exact]
    """By what is differentiated by; the value under ""."""
    counted: dict[str, Any]
    """Where errors count: away from isolated zeros."""
    torn: Any
    """Next to a kink that is no float32 number: arithmetic in float32 may take the other side."""


@lru_cache(maxsize=1)
def _pairs() -> tuple[Any, Any]:
    ends = [0.0, -0.0, 1e-6, -1e-6, 0.7, -0.7, 3.1, -3.1, 30.0, -30.0]
    x, gate = np.meshgrid(ends, ends[2:])
    special = [*_SPECIAL, 1.5]
    x = np.concatenate([x.ravel(), [0.5, 0.5, 0.5, *special]])
    gate = np.concatenate([gate.ravel(), [-math.inf, math.inf, math.nan], np.ones(4)])
    return np.resize(x, SIZE).astype(np.float32), np.resize(gate, SIZE).astype(np.float32)


def _singles(f: Any) -> Any:
    random = np.random.default_rng(30)
    with np.errstate(over="ignore"):
        near = np.array(edges(f)[:6], np.float32)
    near = np.concatenate([near, *(np.nextafter(near, np.float32(s)) for s in (-np.inf, np.inf))])
    # some frameworks take subnormal numbers for 0
    near = np.where((near != 0) & (np.abs(near) < 1.2e-38), np.copysign(1.2e-38, near), near)
    fixed = [*_SPECIAL, *near, *_SMALL, *(-s for s in _SMALL), *_TAILS, *(-t for t in _TAILS)]
    x = np.concatenate([fixed, random.uniform(-9, 9, SIZE)])[:SIZE].astype(np.float32)
    return np.where((np.abs(x) <= range_of(f)) | ~np.isfinite(x), x, np.float32(0.25))


@lru_cache(maxsize=4096)
def case(name: str) -> Case:
    with kernels_from(math.inf):
        return _case(name)


def _case(name: str) -> Case:
    f = actlab.get(name)
    inputs = _pairs() if f.kind == "gated" else (_singles(f),)
    rows = np.stack(inputs, axis=1).astype(np.float64).tolist()
    exact, counted, numbers = {}, {}, parameters_of(f)
    for wrt in ("", *f.variables):
        formula = f.slope(wrt, 1 if wrt else 0)
        values = [
            evaluate(formula, dict(zip(f.variables, row, strict=True)), numbers, digits=20)
            for row in rows
        ]
        exact[wrt] = Exact.of_numbers(values)
        counted[wrt] = np.ones(SIZE, bool)
        for place, variable in enumerate(f.variables):
            for low, high in intervals(f, 1 if wrt else 0, wrt or "x", variable):
                counted[wrt] &= ~((inputs[place] > low) & (inputs[place] < high))
    torn = np.zeros(SIZE, bool)
    for edge in edges(f):
        if float(np.float32(edge)) != edge:
            torn |= np.abs(inputs[0] - edge) < 1e-6 * abs(edge)
    return Case(name, inputs, exact, counted, torn)


def worst(case: Case, wrt: str, computed: Any, dtype: str) -> tuple[float, int]:
    """The largest error in ULP that counts, and where."""
    found = errors(case, wrt, np.asarray(computed, np.float64), dtype)
    place = int(np.argmax(found))
    return float(found[place]), place


def errors(case: Case, wrt: str, computed: Any, dtype: str) -> Any:
    """In ULP, where errors count.

    Next to the end of the normal numbers factors were beyond it and lost digits, or the framework
    took them for 0; there the result must be as small, no more.
    """
    edge = FORMATS[dtype].smallest * 2.0 ** (FORMATS[dtype].precision + 9)
    exact = case.exact[wrt]
    small = np.abs(exact.floats()) < edge
    tiny = np.where(np.abs(computed) < 2 * edge, 0.0, np.inf)
    found = np.where(small, tiny, error_in_ulp(computed, exact, dtype))
    counts = case.counted[wrt] & ~(case.torn & (dtype == "float32"))
    return np.where(counts, found, 0.0)


LOSING = {("erf", "x"), ("rational_b", "")}
"""Float32 loses more digits at some other place of the sample than float64 does anywhere in it."""


@lru_cache(maxsize=4096)
def _of_float64(name: str, wrt: str) -> float:
    """The error of the engine's operations in plain float64, which are what exports have."""
    f = actlab.get(name)
    expression = f.filled(f.slope(wrt)) if wrt else f.bound
    computed = step_by_step(expression, (), f.variables)(*case(name).inputs)
    return worst(case(name), wrt, computed, "float64")[0]


def bound(name: str, dtype: str, wrt: str) -> float:
    """An export runs the NumPy engine's program over another library's elementary functions.

    It has neither pairs of numbers nor long doubles. The libraries are within a few ULP of each
    other, so an export may have a small multiple of the program's error in float64, in the ledger
    or at this very sample, and a few ULP more where that is next to none. An ULP that float64 loses
    is one that float32 arithmetic loses as well.
    """
    order = int(bool(wrt))
    recorded = ledger.bound_for(name, "numpy", "float64", order, wrt or "x")
    room = 8 * (2 if dtype == "float32" else 1)
    if dtype == "float32" and (name, wrt) in LOSING:
        room += 8
    return 4 * max(recorded, _of_float64(name, wrt)) + room


def run(*command: Any, **options: Any) -> Any:
    """A process that must end well; what it said otherwise."""
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=300, **options
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done
