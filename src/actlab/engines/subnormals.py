"""Subnormal numbers, which a thread may have been told to take for zero.

Training does so for speed (`torch.set_flush_denormal`), XLA while it runs. What is decided about a
formula once and kept must not depend on when it was asked.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["subnormals_count"]

_LONGEST_STATE = 256
"""Bytes that hold the state of any processor's arithmetic (C's fenv_t has 8 to 32)."""

_USUAL = ctypes.c_void_p(-1)
"""FE_DFL_ENV of Linux's C libraries: rounding to nearest, subnormal numbers as they are."""


@contextmanager
def subnormals_count() -> Iterator[None]:
    """Compute with subnormal numbers inside, where the platform is known; else change nothing."""
    if not sys.platform.startswith("linux"):
        yield
        return
    library = ctypes.CDLL(None)
    before = ctypes.create_string_buffer(_LONGEST_STATE)
    library.fegetenv(before)
    library.fesetenv(_USUAL)
    try:
        yield
    finally:
        library.fesetenv(before)
