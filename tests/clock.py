"""How long a piece of work takes, whatever else the machine and the test process do."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """The work inside takes less than so many processor seconds of its thread.

    Neither other threads count nor the pauses of the garbage collector, which grow with what
    earlier tests left in the process.
    """
    collects = gc.isenabled()
    gc.disable()
    start = time.thread_time()
    try:
        yield
    finally:
        taken = time.thread_time() - start
        if collects:
            gc.enable()
        assert taken < seconds  # of a refusal too
