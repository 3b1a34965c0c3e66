"""Small samples of tensors: a few rows of every unit, a few numbers of every weight.

Statistics of units need hundreds of rows, not all of them; what is taken is copied at once, so
that an in-place operation can't change it and nothing of the model is kept alive.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

import torch

__all__ = [
    "Number", "few", "first_tensor", "is_full", "norm", "norms", "number", "places", "rows_of",
    "to_host", "total", "unscaled", "views",
]  # fmt: skip

Tensor = torch.Tensor
Number = float | Tensor
"""A plain number where it can be had at once, on the CPU; else a tensor on its device."""

_NUMBERS: Final = 16384
"""Numbers taken of a tensor, about."""
_ROWS: Final = (16, 256)
"""Fewest and most rows."""
_TURNS: Final = 64
_PLACES: Final = 3
"""Places looked at along each further axis: of an image, a sequence."""
_WEIGHTS: Final = 256
"""Numbers taken of a weight."""
_HALVES: Final = frozenset({torch.float16, torch.bfloat16})
_WHOLES: Final = frozenset({torch.float32, torch.float64})


def rows_of(tensor: Tensor, axis: int, turn: int) -> Tensor:
    """Some rows of a tensor as float32 of shape (rows, units), copied; other ones each turn."""
    tensor = tensor.detach()
    if tensor.dim() == 0:
        return tensor.to(torch.float32, copy=True).reshape(1, 1)
    if tensor.dim() == 1:
        return tensor.to(torch.float32, copy=True).unsqueeze(0)
    axis %= tensor.dim()
    taken = tensor[_index(tensor.shape, axis, turn % _TURNS)]
    taken = taken.clone() if taken.dtype == torch.float32 else taken.to(torch.float32)
    if axis != taken.dim() - 1:
        taken = taken.movedim(axis, -1)
    return taken if taken.dim() == 2 else taken.reshape(-1, taken.shape[-1])


@lru_cache(maxsize=4096)
def _index(shape: tuple[int, ...], axis: int, turn: int) -> tuple[slice, ...]:
    """Which rows of a tensor are taken."""
    left = _wanted(shape[axis])
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
    while index and index[-1] == slice(None):  # each costs a microsecond
        index.pop()
    return tuple(index)


def is_full(rows: Tensor) -> bool:
    """Whether these rows are about as many as are ever taken: the batch had enough."""
    return 2 * rows.shape[0] > _wanted(rows.shape[1])


def _wanted(units: int) -> int:
    """How many rows are taken of a large batch."""
    return min(max(_NUMBERS // max(units, 1), _ROWS[0]), _ROWS[1])


def few(tensors: Sequence[Tensor]) -> Tensor:
    """About 250 numbers of each tensor, always at the same places, one after another."""
    return torch.cat([_some(tensor.detach()) for tensor in tensors])


def views(tensors: Sequence[Tensor]) -> list[Any] | None:
    """What `few` takes, as NumPy's views of the memory; None if some would be copies."""
    if not all(t.is_cpu and t.is_contiguous() and t.dtype == torch.float32 for t in tensors):
        return None
    return [_some(tensor.detach()).numpy() for tensor in tensors]


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


def number(tensor: Tensor) -> Number:
    """A tensor of one number, as a plain one if nothing has to be waited for."""
    return tensor.item() if tensor.is_cpu else tensor.detach()


def total(tensor: Tensor) -> Number:
    """The sum, in float32 at least: not finite where an entry is not."""
    return number(_plain(tensor).sum(dtype=_wide(tensor.dtype)))


def norm(tensor: Tensor) -> Number:
    """The Euclidean norm, in float32 at least."""
    tensor = _plain(tensor)
    if tensor.is_cpu and tensor.dtype in _WHOLES and tensor.is_contiguous():
        flat = tensor if tensor.dim() == 1 else tensor.view(-1)
        return math.sqrt(torch.dot(flat, flat).item())  # two thirds of the time of vector_norm
    return number(torch.linalg.vector_norm(tensor, dtype=_wide(tensor.dtype)))


def unscaled(size: Number, scale: Number) -> Number:
    """A size without the factor of a gradient scaler."""
    if isinstance(size, Tensor) and isinstance(scale, Tensor):
        scale = scale.to(size.device)
    if isinstance(scale, float) and scale == 0:  # a weight of the loss may be 0
        return size * math.inf
    return size / scale


def norms(tensors: Sequence[Tensor]) -> Any:
    """The norm of each: a list if all are on the CPU, else a tensor on the first one's device."""
    first = tensors[0]
    if any(t.dtype != first.dtype or t.device != first.device or t.is_sparse for t in tensors):
        each = [norm(t.coalesce().values() if t.is_sparse else t) for t in tensors]
        if not any(isinstance(one, Tensor) for one in each):
            return each
        return torch.stack([torch.as_tensor(one, dtype=torch.float32).to(first.device)
                            for one in each])  # fmt: skip
    found = torch._foreach_norm(list(map(_plain, tensors)), 2, _wide(first.dtype))
    return [one.item() for one in found] if first.is_cpu else torch.stack(found)


def _plain(tensor: Tensor) -> Tensor:
    """The same without its history; the first call in a hook costs microseconds, so seldom one."""
    return tensor.detach() if tensor.requires_grad else tensor


def _wide(dtype: torch.dtype) -> torch.dtype | None:
    """The type to reduce in; None for the tensor's own."""
    return torch.float32 if dtype in _HALVES else None


def first_tensor(value: Any) -> Tensor | None:
    """The first tensor of floating numbers in what a module takes or gives."""
    if isinstance(value, torch.Tensor):
        return value if value.is_floating_point() else None
    inside: Iterable[Any] = ()
    if hasattr(value, "to_tuple"):  # what models of Hugging Face give
        value = value.to_tuple()
    if isinstance(value, dict):
        inside = value.values()
    elif isinstance(value, list | tuple):
        inside = value
    for item in inside:
        found = first_tensor(item)
        if found is not None:
            return found
    return None


def to_host(tensors: Iterable[Tensor]) -> Callable[[Any], Any]:
    """Brings tensors here, with one transfer for each device.

    What comes back makes of one of them what it holds, and leaves everything else as it is.
    """
    by_device: dict[torch.device, list[Tensor]] = {}
    found: dict[int, Any] = {}
    for tensor in {id(one): one for one in tensors}.values():
        if tensor.is_cpu:
            found[id(tensor)] = tensor.numpy()
        else:
            by_device.setdefault(tensor.device, []).append(tensor)
    for own in by_device.values():
        numbers = torch.cat([t.reshape(-1) for t in own]).cpu().numpy()
        start = 0
        for tensor in own:
            size = tensor.numel()
            found[id(tensor)] = numbers[start : start + size].reshape(tuple(tensor.shape))
            start += size
    return lambda one: found[id(one)] if isinstance(one, Tensor) else one
