"""Tensors for large results in memory that is used again; see `cpu.room`."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch

from actlab.engines.cpu import room

__all__ = ["empty", "empty_like"]

_TYPES: Final = {torch.float32: np.dtype(np.float32), torch.float64: np.dtype(np.float64)}


def empty_like(tensor: Any) -> Any:
    """A tensor of any content, of the type and shape of another on the CPU; float32 or float64.

    Axes lie in the same order, if that one is dense.
    """
    if not room.keeps(tensor.nbytes):
        return torch.empty_like(tensor)
    if tensor.is_contiguous():
        return torch.from_numpy(room.array(tensor.shape, _TYPES[tensor.dtype]))
    steps = torch.empty_like(tensor, device="meta").stride()
    strides = tuple(step * tensor.element_size() for step in steps)
    return torch.from_numpy(room.array(tensor.shape, _TYPES[tensor.dtype], strides))


def empty(shape: torch.Size, dtype: torch.dtype) -> Any:
    """A tensor of any content, rows first; float32 or float64."""
    if not room.keeps(shape.numel() * dtype.itemsize):
        return torch.empty(shape, dtype=dtype)
    return torch.from_numpy(room.array(shape, _TYPES[dtype]))
