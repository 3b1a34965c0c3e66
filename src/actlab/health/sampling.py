"""Small samples of tensors: a few rows of every unit, a few numbers of every weight.

Statistics of units need hundreds of rows, not all of them; what is taken is copied at once, so
that an in-place operation can't change it and nothing of the model is kept alive.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

import torch

__all__ = ["few", "first_tensor", "norms", "places", "rows_of", "to_host", "views"]

Tensor = torch.Tensor

_NUMBERS: Final = 4096
"""Numbers taken of a tensor, about."""
_ROWS: Final = (4, 64)
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


def norms(tensors: Sequence[Tensor]) -> Tensor:
    """The norm of each, in float32."""
    if len({(t.device, t.dtype) for t in tensors}) == 1 and not any(t.is_sparse for t in tensors):
        found = list(torch._foreach_norm([t.detach() for t in tensors]))
    else:
        found = [torch.linalg.vector_norm(_dense(t.detach())) for t in tensors]
    device = tensors[0].device
    return torch.stack([one.to(device, torch.float32) for one in found])


def _dense(tensor: Tensor) -> Tensor:
    return tensor.coalesce().values().float() if tensor.is_sparse else tensor.float()


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


def to_host(tensors: Sequence[Tensor]) -> list[Any]:
    """Many tensors as NumPy arrays, with one transfer for each device."""
    found: list[Any] = [None] * len(tensors)
    by_device: dict[torch.device, list[int]] = {}
    for place, tensor in enumerate(tensors):
        by_device.setdefault(tensor.device, []).append(place)
    for places in by_device.values():
        single = [p for p in places if tensors[p].dim() == 0]
        others = [p for p in places if tensors[p].dim() > 0]
        flat = [tensors[p].reshape(-1) for p in others]
        if single:
            flat.append(torch.stack([tensors[p] for p in single]))
        numbers = torch.cat(flat).detach().cpu().numpy()
        start = 0
        for place in others + single:
            size = tensors[place].numel()
            found[place] = numbers[start : start + size].reshape(tuple(tensors[place].shape))
            start += size
    return found
