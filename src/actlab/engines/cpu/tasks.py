"""Run a kernel: lay out its task, and share it among threads.

A task is an array of 64-bit words: the number of the next piece, how many pieces there are, rows,
columns, the size of a piece (in columns if there is one row, else in rows), and for each operand
its address and the distance in bytes from one row to the next. Every thread calls the kernel with
the same task and takes pieces until none is left; which thread takes which changes no result.

Threads come from the OpenMP pool that PyTorch brings (GOMP_parallel of its libgomp, 1.3 µs a
call, the same threads that PyTorch uses, as many as torch.get_num_threads() says), else from a
pool of Python threads, which costs some 20 µs. A process forked from one that had threads runs
on one: an OpenMP pool does not survive a fork.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from actlab.engines.cpu import thresholds

__all__ = [
    "BLOCK",
    "collapsed",
    "launcher",
    "run",
    "run_flat",
    "run_rows",
    "thread_count",
]

BLOCK = 1024
"""Elements that a sum over elements adds up at once."""

_FORKED = False

Operand = tuple[int, int]
"""The address of the first element, and the bytes from one row to the next."""


def run(address: int, rows: int, columns: int, operands: Sequence[Operand]) -> None:
    """Run the kernel at an address on operands that have rows of adjacent elements.

    Args:
        address: of the kernel's machine code.
        rows: how often.
        columns: elements in each row.
        operands: in the kernel's order: arrays, parameters by row, outputs, sums.
    """
    numbers = [number for operand in operands for number in operand]
    if rows == 1:
        run_flat(address, columns, numbers)
    elif rows * columns:
        _start(address, rows, columns, numbers)


def run_rows(
    address: int, rows: int, columns: int, numbers: Sequence[int], *, width: int = 1
) -> None:
    """The same for a kernel that wants whole rows, each of `width` numbers a column."""
    if rows * columns:
        _start(address, rows, columns, numbers, whole=True, width=width)


def run_flat(address: int, columns: int, numbers: Sequence[int]) -> None:
    """The same for one row; each operand is two numbers."""
    if columns >= thresholds.PARALLEL_FROM:
        _start(address, 1, columns, numbers)
    elif columns:
        _function(address)(_packing(5 + len(numbers))(0, 1, 1, columns, columns, *numbers))


def launcher(address: int) -> Callable[..., None]:
    """The kernel at an address as a function of a length and the places of two or three arrays.

    They have one row and no parameters: `run_flat` with as little to do as can be at each call.
    """
    function, packed = _function(address), _packing(11)

    def launch(columns: int, first: int, second: int, third: int = 0) -> None:
        if columns >= thresholds.PARALLEL_FROM:
            _start(address, 1, columns, (first, 0, second, 0, third, 0))
        elif columns:
            function(packed(0, 1, 1, columns, columns, first, 0, second, 0, third, 0))

    return launch


def _start(
    address: int,
    rows: int,
    columns: int,
    numbers: Sequence[int],
    *,
    whole: bool = False,
    width: int = 1,
) -> None:
    total = rows * columns * width
    threads = thread_count() if total >= thresholds.PARALLEL_FROM else 1
    pool = _pool() if threads > 1 else None
    if pool is None and total < thresholds.PARALLEL_FROM_IN_PYTHON:
        threads = 1
    pieces, size = 1, rows if whole or rows > 1 else columns
    if threads > 1 and not (whole and rows == 1):
        pieces, size = _cut(rows, columns * width, threads)
    task = _packing(5 + len(numbers))(0, pieces, rows, columns, size, *numbers)
    if pieces == 1:
        _function(address)(task)
    elif pool is not None:
        pool(address, task, min(threads, pieces), 0)
    else:
        function = _function(address)
        others = [_python_pool().submit(function, task) for _ in range(min(threads, pieces) - 1)]
        function(task)
        for future in others:
            future.result()


def _cut(rows: int, columns: int, threads: int) -> tuple[int, int]:
    """Number and size of the pieces."""
    wanted = max(thresholds.PIECE, -(-rows * columns // (threads * thresholds.PIECES_PER_THREAD)))
    if rows == 1:
        size = -(-wanted // BLOCK) * BLOCK
        return -(-columns // size), size
    size = max(1, wanted // columns)
    return -(-rows // size), size


def collapsed(
    shape: Sequence[int], strides: Sequence[Sequence[int]], items: Sequence[int]
) -> tuple[int, int, list[int]] | None:
    """Rows, columns and row distances of operands of one shape, if they have rows.

    Args:
        shape: of all operands, after broadcasting.
        strides: of each operand, in bytes; 0 where it is broadcast.
        items: bytes of an element of each operand.

    Returns:
        None where some operand's last elements are not adjacent, or where the rows of some
        operand are not evenly spaced.
    """
    dims = [(size, [s[d] for s in strides]) for d, size in enumerate(shape) if size != 1]
    merged: list[tuple[int, list[int]]] = []
    for size, steps in reversed(dims):
        if merged:
            inner, below = merged[-1]
            if all(step == inner * b for step, b in zip(steps, below, strict=True)):
                merged[-1] = (inner * size, below)
                continue
        merged.append((size, steps))
    if not merged:
        return 1, 1, [0] * len(items)
    columns, steps = merged[0]
    if len(merged) > 2 or steps != list(items):
        return None
    if len(merged) == 1:
        return 1, columns, [0] * len(items)
    return merged[1][0], columns, merged[1][1]


# -- threads ---------------------------------------------------------------------------------


def thread_count() -> int:
    """How many threads a kernel may use: PyTorch's setting, else OMP_NUM_THREADS, else cores."""
    if _FORKED:
        return 1
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_num_threads"):
        return int(torch.get_num_threads())
    return _count_without_torch(os.environ.get("OMP_NUM_THREADS", ""))


@lru_cache
def _count_without_torch(setting: str) -> int:
    first = setting.partition(",")[0].strip()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return int(first) if first.isdecimal() and int(first) > 0 else cores or 1


@lru_cache
def _packing(count: int) -> Callable[..., bytes]:
    """What makes a task of so many words.

    Kernels count pieces in its bytes, which are not supposed to change, but nobody else has them;
    a ctypes array takes six times as long to make, and longer than a small kernel to run.
    """
    return struct.Struct(f"={count}q").pack


@lru_cache(maxsize=8192)
def _function(address: int) -> Any:
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p)(address)


def _pool() -> Any:
    """GOMP_parallel of the library that PyTorch has loaded; None without one."""
    return _gomp() if "torch" in sys.modules else None


@cache
def _gomp() -> Any:
    folder = Path(sys.modules["torch"].__file__ or "").parent / "lib"
    for path in sorted(folder.glob("libgomp*.so*")):
        try:
            parallel = ctypes.CDLL(str(path)).GOMP_parallel
        except (OSError, AttributeError):
            continue
        parallel.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
        parallel.restype = None
        return parallel
    return None


@cache
def _python_pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="actlab")


def _in_child() -> None:
    global _FORKED  # noqa: PLW0603  a fork happens to the process, not to an object
    _FORKED = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
