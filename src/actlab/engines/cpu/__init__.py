"""Compiled kernels for the processor at hand: a formula, its derivative or its backward pass.

`spec.py` says what a kernel computes, `writing.py` writes its source with the functions of
`vectormath`, `building.py` compiles it, `store.py` keeps it, `arrangement.py` finds the one for a
call, `tasks.py` runs it, `room.py` has memory for large results, `thresholds.py` says which sizes
are worth it. The NumPy and the PyTorch engine ask here; nobody else knows that kernels exist.
"""

from actlab.engines.cpu import room, thresholds
from actlab.engines.cpu.arrangement import (
    HIGHEST_ORDER,
    Fixed,
    backward_address,
    bound,
    by_row,
    in_place,
    kernels_from,
    large_enough,
    value_address,
)
from actlab.engines.cpu.softmax import SoftmaxSpec, run_softmax
from actlab.engines.cpu.spec import GRADIENT, Spec
from actlab.engines.cpu.store import address_of, cache_folder, digest_of, stored, usable
from actlab.engines.cpu.tasks import (
    BLOCK,
    collapsed,
    launcher,
    run,
    run_flat,
    thread_count,
)

__all__ = [
    "BLOCK",
    "GRADIENT",
    "HIGHEST_ORDER",
    "Fixed",
    "SoftmaxSpec",
    "Spec",
    "address_of",
    "backward_address",
    "bound",
    "by_row",
    "cache_folder",
    "collapsed",
    "digest_of",
    "in_place",
    "kernels_from",
    "large_enough",
    "launcher",
    "room",
    "run",
    "run_flat",
    "run_softmax",
    "stored",
    "thread_count",
    "thresholds",
    "usable",
    "value_address",
]
