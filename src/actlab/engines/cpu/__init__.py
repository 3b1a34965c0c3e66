"""Compiled kernels for the processor at hand: a formula, its derivative or its backward pass.

`spec.py` says what a kernel computes, `writing.py` writes its source with the functions of
`vectormath`, `building.py` compiles it, `store.py` keeps it, `arrangement.py` finds the one for a
call, `tasks.py` runs it. The NumPy and the PyTorch engine ask here; nobody else knows that kernels
exist.
"""

from actlab.engines.cpu.arrangement import (
    HIGHEST_ORDER,
    KERNEL_FROM,
    Fixed,
    backward_address,
    by_row,
    kernels_from,
    large_enough,
    value_address,
)
from actlab.engines.cpu.spec import GRADIENT, Spec
from actlab.engines.cpu.store import address_of, stored
from actlab.engines.cpu.tasks import BLOCK, collapsed, run, run_flat

__all__ = [
    "BLOCK",
    "GRADIENT",
    "HIGHEST_ORDER",
    "KERNEL_FROM",
    "Fixed",
    "Spec",
    "address_of",
    "backward_address",
    "by_row",
    "collapsed",
    "kernels_from",
    "large_enough",
    "run",
    "run_flat",
    "stored",
    "value_address",
]
