"""The whole catalogue, exported, run where it was exported to, and held against the exact value."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import actlab
from actlab.export.names import RESERVED
from actlab.export.subject import Subject
from export.cases import ELEMENTWISE, SIZE, bound, case, run, worst

HERE = Path(__file__).parent
_RESERVED = {"c": "c", "javascript": "javascript"}


def exported(target, name):
    """The source of a function, and what it is called there."""
    f = actlab.get(name)
    own = getattr(import_module(f"actlab.export.{target}"), "RESERVED", frozenset())
    subject = Subject(f, True, RESERVED[_RESERVED.get(target, "python")] | own)
    return f.export(target), subject


def once_rounded(name, dtype, wrt):
    """What is computed in double and rounded once to float has lost half a unit there.

    A little more where double lost most of its own digits.
    """
    wide = bound(name, "float64", wrt)
    return wide if dtype == "float64" else 0.51 + wide / 2**29


def check(results, dtypes, bound_of=bound):
    """Every result against the exact value, all failures in one message."""
    failures = []
    for name in ELEMENTWISE:
        for wrt in case(name).exact:
            for dtype in dtypes:
                computed = results(name, dtype, wrt)
                error, place = worst(case(name), wrt, computed, dtype)
                limit = bound_of(name, dtype, wrt)
                if not error <= limit:
                    at = [float(values[place]) for values in case(name).inputs]
                    exactly = case(name).exact[wrt].floats()[place]
                    failures.append(
                        f"{name} by {wrt or '-'} {dtype}: {error:.3g} ULP (allowed {limit:.3g}) at "
                        f"{at}: {computed[place]!r}, exactly {exactly!r}"
                    )
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("target", ["numpy", "torch", "jax", "keras"])
def test_python(target, tmp_path):
    plan, inputs = {}, {}
    for name in ELEMENTWISE:
        source, subject = exported(target, name)
        (tmp_path / f"source_{name}.py").write_text(source, encoding="utf-8")
        plan[name] = (subject.name, subject.activation.variables)
        inputs |= {f"{name} {k}": values for k, values in enumerate(case(name).inputs)}
    (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    np.savez(tmp_path / "inputs.npz", **inputs)
    quiet = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    script = str(HERE / "run_python.py")
    run(sys.executable, script, target, str(tmp_path), env={**os.environ, **quiet})
    with np.load(tmp_path / "results.npz") as file:
        found = dict(file)

    def results(name, dtype, wrt):
        return found[f"{name} {dtype} {wrt}"]

    check(results, ["float32", "float64"], once_rounded if target == "numpy" else bound)


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
def test_javascript(tmp_path):
    plan = {}
    for name in ELEMENTWISE:
        source, subject = exported("javascript", name)
        (tmp_path / f"source_{name}.mjs").write_text(source, encoding="utf-8")
        values = [
            [repr(float(v)).replace("inf", "Infinity").replace("nan", "NaN") for v in row]
            for row in case(name).inputs
        ]
        plan[name] = {"name": subject.name, "wrt": subject.activation.variables, "inputs": values}
    (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    run("node", str(HERE / "run_javascript.mjs"), str(tmp_path))
    found = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))

    def results(name, _dtype, wrt):
        return np.array([float(v.replace("Infinity", "inf")) for v in found[f"{name} {wrt}"]])

    check(results, ["float64"])


FLAGS = (
    "-std=c99",
    "-Wall",
    "-Wextra",
    "-pedantic",
    "-Werror",
    "-Wconversion",
    "-Wdouble-promotion",
)
MAIN = """
#include <stdio.h>
int main(void) {{
    double in[2 * {size}];
    double out[2];
{jobs}
    return 0;
}}
"""


@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc")
def test_c(tmp_path):
    sources, jobs, data = [], [], []
    for name in ELEMENTWISE:
        source, subject = exported("c", name)
        path = tmp_path / f"{name}.c"
        path.write_text(source, encoding="utf-8")
        sources.append(path)
        count = len(case(name).inputs)
        data.append(np.concatenate(case(name).inputs).astype(np.float64).tobytes())
        values = ", ".join(f"in[{k} * {SIZE} + k]" for k in range(count))
        floats = ", ".join(f"(float)in[{k} * {SIZE} + k]" for k in range(count))
        numbers = "".join(f", {subject.name}_{n}_DEFAULT".upper() for n in subject.arguments)
        jobs.append(f"    if (fread(in, sizeof(double), {count} * {SIZE}, stdin) == 0) return 1;")
        for suffix in ("", *("_derivative" + s for s in ("", "_gate")[:count])):
            f = subject.name + suffix
            jobs.append(
                f"    for (int k = 0; k < {SIZE}; k++) {{ out[0] = {f}({values}{numbers}); "
                f"out[1] = (double){f}f({floats}{numbers}); "
                "fwrite(out, sizeof(double), 2, stdout); }"
            )
    # each stands alone, and all stand together
    run("gcc", *FLAGS, "-fsyntax-only", *map(str, sources))
    together = "".join(path.read_text(encoding="utf-8") for path in sources)
    whole = tmp_path / "all.c"
    whole.write_text(together + MAIN.format(size=SIZE, jobs="\n".join(jobs)), encoding="utf-8")
    program = tmp_path / "all"
    run("gcc", *FLAGS, "-O1", str(whole), "-o", str(program), "-lm")
    done = subprocess.run([program], input=b"".join(data), capture_output=True, check=True)
    rows = iter(np.frombuffer(done.stdout).reshape(-1, SIZE, 2))
    found = {
        (name, wrt): next(rows) for name in ELEMENTWISE for wrt in ("", *actlab.get(name).variables)
    }

    def results(name, dtype, wrt):
        return found[name, wrt][:, int(dtype == "float32")]

    check(results, ["float64", "float32"], once_rounded)
