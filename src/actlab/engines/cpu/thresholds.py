"""From which sizes on which way pays: one table, measured by `benchmarks/thresholds.py`.

The code reads these names at each call, so that a measurement may set them.
"""

from __future__ import annotations

KERNEL_FROM: dict[str, int] = {"numpy": 1 << 10, "torch": 1 << 5}
"""Elements from which a kernel is taken, in each engine.

A call of any size is faster with one. But the first call compiles, up to a second that nobody
should wait for who looks at a few numbers or tries many formulas; and what a call gives must not
depend on what was compiled before. So below, NumPy's operations in float64 do. Small tensors are
mostly those of a small network in training, call after call.
"""

OWN_BELOW: int = 1 << 23
"""Elements below which PyTorch's own operation is taken where it is exact and waits for nothing but
memory; a kernel's result is in memory that is kept."""

PARALLEL_FROM: int = 1 << 15
"""Elements from which several threads of OpenMP's pool are taken."""

PARALLEL_FROM_IN_PYTHON: int = 1 << 20
"""Elements from which several threads of a pool in Python are taken, where there is no OpenMP."""

PIECE: int = 1 << 13
"""Fewest elements that a thread takes at once: some microseconds of work."""

PIECES_PER_THREAD: int = 4
"""Into how many pieces the work of a thread is cut, so that none waits long for another."""

SHORTEST_ROW: int = 16
"""Fewest columns of rows at a distance, or with a parameter each, that are read where they lie;
shorter ones are copied first."""

KEPT_FROM: int = 1 << 20
"""Bytes from which a result lies in memory that is kept: below, the library's own allocator is as
fast in most processes, and a huge page for each result would be waste."""

KEPT_READY: int = 1 << 26
"""Bytes of kept memory that wait without being offered to the system: an offer costs 5 µs."""
