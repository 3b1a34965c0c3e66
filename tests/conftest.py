"""What all tests share: helper modules beside the tests can be imported by name."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))


def pytest_collection_finish():
    """Spare the garbage collector what stays anyway.

    The modules of four frameworks are millions of objects, which it would look through again and
    again; a twentieth of the suite's time went there.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
