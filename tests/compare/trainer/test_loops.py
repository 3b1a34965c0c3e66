"""The compiled loops: where they are kept, and what they do alone."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from actlab.compare import loops

SUM = """
import numpy as np
{before}
from actlab.compare.loops import sum_rows
layer, gradients = np.ones((2, 3, 4), np.float32), np.zeros((2, 16), np.float32)
sum_rows(layer, gradients, 8)
assert gradients[:, 8:12].tolist() == [[3.0] * 4] * 2
"""
NO_PLACE = "import numba.core.caching; numba.core.caching.CacheImpl._locator_classes = []"


def python(code, **environment):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_compiled_code_is_kept_where_it_is_asked_to_be(tmp_path):
    python(SUM.format(before=""), NUMBA_CACHE_DIR=str(tmp_path))
    assert [path.name for path in tmp_path.rglob("loops.sum_rows*.nbc")]


def test_without_a_place_to_keep_it_every_process_compiles():
    python(SUM.format(before=NO_PLACE))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_logits_do_not_overflow(dtype):
    outputs = np.array([[[1e4, 0, -1e4]], [[0, 1e4, 0]]], dtype=dtype)
    gradient, sums = np.empty_like(outputs), np.zeros(2)
    loops.cross_entropy(outputs, np.array([[0]]), gradient, sums)
    assert sums.tolist() == [0, 1e4]
    assert gradient.tolist() == [[[0, 0, 0]], [[-1, 1, 0]]]


def test_of_equal_outputs_the_first_is_the_largest():
    outputs = np.array([[[1, 3, 3], [2, 2, 2], [np.nan, 1, 2]]], dtype=np.float32)
    assert loops.largest(outputs)[0, :2].tolist() == [1, 0]
