"""Memory for large results, kept and used again instead of asking the system each time.

A new block of 64 MiB takes the system some 26 ms to hand out, page by page of 4 KiB, each zeroed
when it is first touched; SiLU of it takes 5. So a block is as large as huge pages are aligned, is
offered to the system as such, and waits for the next result when its array is gone. The system may
take the pages of what waits (`MADV_FREE`, all but the first 64 MiB), so that kept blocks never push
others out of memory, and together they are at most a quarter of it.

Linux alone tells the system what these blocks are for; elsewhere arrays come from NumPy. With
`ACTLAB_KEEP_MEMORY=0` in the environment they do so too.
"""

from __future__ import annotations

import ctypes
import itertools
import math
import mmap
import os
import sys
from typing import Any, Final

import numpy as np

from actlab.engines.cpu import thresholds

__all__ = ["AVAILABLE", "array", "idle_bytes", "keeps", "release"]

_HUGE: Final = 1 << 21
_STEPS: Final = 8
"""Sizes of blocks between a power of two and the next, so that there are few of them."""

AVAILABLE: Final = (
    sys.platform == "linux"
    and hasattr(mmap, "MADV_FREE")
    and os.environ.get("ACTLAB_KEEP_MEMORY", "1") != "0"
)
"""Whether memory is kept at all."""


def keeps(size: int) -> bool:
    """Whether a result of so many bytes is in memory that is kept."""
    return AVAILABLE and size >= thresholds.KEPT_FROM


def array(shape: tuple[int, ...], dtype: Any, strides: tuple[int, ...] | None = None) -> Any:
    """A new array with any content, as `numpy.empty` gives it; densely packed.

    Args:
        shape: of the array.
        dtype: a NumPy type.
        strides: in bytes, of axes in another order than rows first.
    """
    size = math.prod(shape) * dtype.itemsize
    buffer = _lease(size) if keeps(size) else None
    if buffer is None and strides is None:
        return np.empty(shape, dtype)
    return np.ndarray(shape, dtype, buffer or np.empty(size, np.uint8), 0, strides)


def idle_bytes() -> int:
    """How much memory waits for results."""
    return sum(len(kept.idle) * kept.size for kept in [*_SIZES.values()])


def release() -> None:
    """Give all memory that waits for results back to the system."""
    for kept in [*_SIZES.values()]:
        kept.idle.clear()


class _Block:
    """Memory from the system that begins where a huge page may."""

    __slots__ = ("address", "offset", "region")

    def __init__(self, size: int) -> None:
        private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self.region = mmap.mmap(-1, size + _HUGE, flags=private)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.region))
        self.address = -(-start // _HUGE) * _HUGE
        self.offset = self.address - start
        self.advise(mmap.MADV_HUGEPAGE, size)

    def advise(self, option: int, size: int) -> None:
        try:
            self.region.madvise(option, self.offset, size)
        except OSError:  # this system does not know the advice, and need not follow it
            return


class _Kept:
    """Blocks of one size.

    Several threads, and the collector in the midst of anything, take and return blocks without a
    lock: what must not be torn is one operation of a list.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.idle: list[_Block] = []
        self.last = 0
        """When a block was last asked for, in requests."""

        def give_back(lease: Any) -> None:
            waiting = idle_bytes() + size
            if waiting > thresholds.KEPT_READY:
                lease.block.advise(mmap.MADV_FREE, size)
            self.idle.append(lease.block)
            if waiting > _MOST:
                _evict()

        self.lease: Any = type("Lease", (ctypes.c_char * size,), {"__del__": give_back})
        """What arrays and tensors hold on to; when the last is gone, the block comes back."""


_SIZES: Final[dict[int, _Kept]] = {}
_REQUESTS: Final = itertools.count(1)


def _lease(size: int) -> Any:
    """A buffer of at least so many bytes; None if the system has none."""
    size = _rounded(size)
    kept = _SIZES.get(size) or _SIZES.setdefault(size, _Kept(size))
    kept.last = next(_REQUESTS)
    try:
        block = kept.idle.pop()
    except IndexError:
        try:
            block = _Block(size)
        except OSError:
            release()
            return None
    lease = kept.lease.from_address(block.address)
    lease.block = block
    return lease


def _rounded(size: int) -> int:
    step = max(_HUGE, (1 << (size - 1).bit_length()) // (2 * _STEPS))
    return -(-size // step) * step


def _evict() -> None:
    """Let go of sizes that were not asked for the longest, until the rest is little enough."""
    while idle_bytes() > _MOST:
        oldest = min((kept for kept in [*_SIZES.values()] if kept.idle), key=lambda kept: kept.last)
        try:
            oldest.idle.pop()
        except IndexError:  # another thread took it
            continue


def _quarter_of_memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4 if AVAILABLE else 0


_MOST: Final = _quarter_of_memory()
