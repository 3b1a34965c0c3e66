"""What vector rules may use is the same on every engine."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import pytest

OPTIONAL = {"exp_of_difference", "softmax_at_once"}
"""What rules ask for before they use it."""


def names_of(engine):
    operations = import_module(f"actlab.engines.{engine}").Operations
    return {name for name in vars(operations) if not name.startswith("_")} - OPTIONAL


@pytest.mark.parametrize("engine", ["torch", "jax", "tensorflow"])
def test_every_engine_has_the_operations_of_numpy(engine):
    if find_spec(engine) is None:
        pytest.skip(f"{engine} is not installed; pip install 'actlab[dev]' has it")
    assert names_of(engine) == names_of("numpy")
