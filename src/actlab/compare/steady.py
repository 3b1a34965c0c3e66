"""Arithmetic that gives the same numbers whenever and beside whatever it is done."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["steady_arithmetic", "without_warnings"]


@contextmanager
def steady_arithmetic() -> Iterator[None]:
    """One thread inside: rounding may depend on how an operation is cut into threads.

    Numbers too small for the normal format (below 1e-38) count as zero meanwhile: gradients of a
    saturated network reach there, and the processor takes many times longer for each of them. A
    member that diverges is no reason for a warning.
    """
    threads = torch.get_num_threads()
    flushed = float(torch.tensor(1e-40) * 1) == 0
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        with threadpool_limits(1, user_api="blas"), np.errstate(all="ignore"):
            yield
    finally:
        torch.set_flush_denormal(flushed)
        torch.set_num_threads(threads)


@contextmanager
def without_warnings() -> Iterator[None]:
    """Say nothing inside: `torch.func` warns of what it maps slowly, and that is measured."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
