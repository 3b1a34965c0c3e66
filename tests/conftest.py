"""What all tests share: helper modules beside the tests can be imported by name."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


def pytest_configure(config):
    """What XLA compiles for one worker serves the others; every run begins with nothing."""
    # an entry that another worker has only half written is compiled
    ignored = "ignore:Error reading persistent compilation cache:UserWarning"
    config.addinivalue_line("filterwarnings", ignored)
    if hasattr(config, "workerinput"):
        return  # it has the environment of the process that started it
    folder = tempfile.mkdtemp(prefix="actlab-xla-")
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.environ |= {
        "JAX_COMPILATION_CACHE_DIR": folder,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


@pytest.hookimpl(trylast=True)  # after the order was drawn
def pytest_collection_modifyitems(items):
    """What takes long begins early, so that no worker has to wait for another one's at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish():
    """Spare the garbage collector what stays anyway.

    The modules of four frameworks are millions of objects, which it would look through again and
    again; a twentieth of the suite's time went there.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
