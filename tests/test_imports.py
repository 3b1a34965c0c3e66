"""`import actlab` loads no framework, and neither does looking a function up."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "torch", "jax", "keras", "tensorflow", "sympy", "mpmath", "matplotlib", "scipy", "pandas",
    "sklearn", "numba", "jinja2", "narwhals",
}  # fmt: skip


def loaded_by(code: str) -> set[str]:
    """Top-level modules of HEAVY, and numpy, that a fresh interpreter has after running code."""
    script = f"{code}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.splitlines()[-1].split()) & (HEAVY | {"numpy"})


def test_import_loads_no_framework():
    assert loaded_by("import actlab") == set()


def test_looking_up_and_differentiating_load_no_framework():
    code = (
        "import actlab\nf = actlab.get('relu')\nactlab.names()\nf.latex(1)\n"
        "actlab.define('x * tanh(exp(x))')"
    )
    assert loaded_by(code) == set()


def test_values_on_arrays_need_only_numpy():
    assert loaded_by("import actlab\nactlab.relu([-1.0, 2.0])") == {"numpy"}


@pytest.mark.parametrize("name", ["sympy", "matplotlib", "scipy"])
def test_a_loaded_framework_would_be_seen(name):
    assert name in loaded_by(f"import actlab\nimport {name}")
