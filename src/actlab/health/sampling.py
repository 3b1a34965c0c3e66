"""Small samples of tensors: a few rows of every unit, a few numbers of every weight.

Statistics of units need hundreds of rows, not all of them; what is taken is copied at once, so
that an in-place operation can't change it and nothing of the model is kept alive.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
import torch

__all__ = ["few", "first_tensor", "norm", "norms", "places", "rows_of", "to_host", "total", "views"]

Tensor = torch.Tensor

_NUMBERS: Final = 8192
"""Numbers taken of a tensor, about."""
_ROWS: Final = (8, 128)
"""Fewest and most rows."""
_TURNS: Final = 64
_PLACES: Final = 3
"""Places looked at along each further axis: of an image, a sequence."""
_WEIGHTS: Final = 256
"""Numbers taken of a weight."""


def rows_of(tensor: Tensor, axis: int, turn: int) -> Tensor:
    """Some rows of a tensor as float32 of shape (rows, units), copied; other ones each turn."""
    tensor = tensor.detach()
    if tensor.dim() == 0:
        return tensor.to(torch.float32, copy=True).reshape(1, 1)
    if tensor.dim() == 1:
        return tensor.to(torch.float32, copy=True).unsqueeze(0)
    axis %= tensor.dim()
    taken = tensor[_index(tuple(tensor.shape), axis, turn % _TURNS)].to(torch.float32, copy=True)
    if axis != taken.dim() - 1:
        taken = taken.movedim(axis, -1)
    return taken if taken.dim() == 2 else taken.reshape(-1, taken.shape[-1])


@lru_cache(maxsize=4096)
def _index(shape: tuple[int, ...], axis: int, turn: int) -> tuple[slice, ...]:
    """Which rows of a tensor are taken."""
    left = min(max(_NUMBERS // max(shape[axis], 1), _ROWS[0]), _ROWS[1])
    sizes = [size for place, size in enumerate(shape) if place != axis]
    index: list[slice] = []
    for place, size in enumerate(shape):
        if place == axis or size == 0:
            index.append(slice(None))
            continue
        # most rows from the batch, since those of one example are alike, but some of every axis
        sizes = sizes[1:]
        others = math.prod(min(size, _PLACES) for size in sizes)
        step = max(1, math.ceil(size / max(1, left // others)))
        index.append(slice(turn % step, None, step))
        left = max(1, left // max(1, size // step))
    return tuple(index)


def few(tensors: Sequence[Tensor]) -> Tensor:
    """About 250 numbers of each tensor, always at the same places, one after another."""
    return torch.cat([_some(tensor.detach()) for tensor in tensors])


def views(tensors: Sequence[Tensor]) -> list[Tensor] | None:
    """What `few` takes, as views; None if some would be copies."""
    if not all(t.is_contiguous() and t.dtype == torch.float32 for t in tensors):
        return None
    return [_some(tensor.detach()) for tensor in tensors]


def _some(tensor: Tensor) -> Tensor:
    if tensor.is_sparse:
        tensor = tensor.to_dense()
    if not tensor.is_contiguous():
        tensor = tensor.contiguous()
    step = _stride(tensor.numel(), tensor.shape[-1] if tensor.dim() > 1 else 1)
    taken = tensor.view(-1)[::step]
    if taken.is_complex():
        taken = taken.abs()
    return taken if taken.dtype == torch.float32 else taken.to(torch.float32)


def places(tensor: Tensor) -> range:
    """Where `few` looks, counted along the flattened tensor."""
    size = tensor.numel()
    return range(0, size, _stride(size, tensor.shape[-1] if tensor.dim() > 1 else 1))


@lru_cache(maxsize=4096)
def _stride(size: int, row: int) -> int:
    step = max(1, size // _WEIGHTS)
    while step > 1 and math.gcd(step, row) > 1:  # or only some columns would be seen
        step += 1
    return step


def total(tensor: Tensor) -> Tensor:
    """The sum, in float32 at least: not finite where an entry is not."""
    return tensor.detach().sum(dtype=_wide(tensor.dtype))


def norm(tensor: Tensor) -> Tensor:
    """The Euclidean norm, in float32 at least."""
    found: Tensor = torch.linalg.vector_norm(tensor.detach(), dtype=_wide(tensor.dtype))
    return found


def norms(tensors: Sequence[Tensor]) -> Tensor:
    """The norm of each, on the first one's device; call it without gradients."""
    first = tensors[0]
    if all(t.dtype == first.dtype and t.device == first.device and not t.is_sparse
           for t in tensors):  # fmt: skip
        return torch.stack(torch._foreach_norm(list(tensors), 2, _wide(first.dtype)))
    dense = [t.coalesce().values() if t.is_sparse else t for t in tensors]
    return torch.stack([norm(t).to(first.device, torch.float32) for t in dense])


def _wide(dtype: torch.dtype) -> torch.dtype | None:
    """The type to reduce in; None for the tensor's own."""
    return torch.float32 if dtype in {torch.float16, torch.bfloat16} else None


def first_tensor(value: Any) -> Tensor | None:
    """The first tensor of floating numbers in what a module takes or gives."""
    if isinstance(value, torch.Tensor):
        return value if value.is_floating_point() else None
    inside: Iterable[Any] = ()
    if isinstance(value, dict):
        inside = value.values()
    elif isinstance(value, list | tuple):
        inside = value
    for item in inside:
        found = first_tensor(item)
        if found is not None:
            return found
    return None


def to_host(tensors: Iterable[Tensor]) -> tuple[dict[int, Any], bool]:
    """Tensors as NumPy arrays, by their `id`, and whether every number in them is finite.

    There is one transfer for each device.
    """
    by_device: dict[torch.device, list[Tensor]] = {}
    for tensor in {id(t): t for t in tensors}.values():
        by_device.setdefault(tensor.device, []).append(tensor)
    found: dict[int, Any] = {}
    finite = True
    for own in by_device.values():
        single = [t for t in own if t.dim() == 0]
        others = [t for t in own if t.dim() > 0]
        flat = [t.reshape(-1) for t in others]
        if single:
            flat.append(torch.stack(single))
        numbers = torch.cat(flat).detach().cpu().numpy()
        finite = finite and bool(np.isfinite(numbers).all())
        start = 0
        for tensor in others:
            size = tensor.numel()
            found[id(tensor)] = numbers[start : start + size].reshape(tuple(tensor.shape))
            start += size
        found |= zip(map(id, single), numbers[start:], strict=True)
    return found, finite
