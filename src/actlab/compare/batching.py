"""The batches of a part, in an order that follows from the seed, the block and the epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from actlab.compare.batches import batch_order
from actlab.compare.draws import BATCHES, Draws, seed_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actlab.compare.problem import Part
    from actlab.compare.study import Settings

__all__ = ["batches_of", "rows_of"]


def batches_of(part: Part, settings: Settings, block: int, epoch: int) -> Iterator[Any]:
    """The training batches of an epoch: the same ones in the same order for every candidate.

    A last batch of a single row is joined to the one before: a batch norm can do nothing with it.
    """
    if isinstance(part, tuple) and isinstance(part[0], Tensor):
        rows, size = len(part[0]), settings.batch_size
        order = torch.from_numpy(batch_order(settings.seed, block, epoch, rows))
        starts = list(range(0, rows, size))
        if len(starts) > 1 and rows - starts[-1] == 1:
            starts.pop()
        for start, end in zip(starts, [*starts[1:], rows], strict=True):
            chosen = order[start:end]
            yield tuple(tensor[chosen] for tensor in part)
        return
    draws = Draws(settings.seed, block, BATCHES, epoch)
    with draws.used():
        _seed_generators(part, seed_of(settings.seed, block, BATCHES, epoch))
        own = iter(part)
    while True:
        with draws.used():
            try:
                batch = next(own)
            except StopIteration:
                return
        yield batch


def _seed_generators(loader: Any, seed: int) -> None:
    """Begin the generators anew that a DataLoader was given: each epoch has an order of its own."""
    for owner in (loader, getattr(loader, "sampler", None)):
        generator = getattr(owner, "generator", None)
        if isinstance(generator, torch.Generator):
            generator.manual_seed(seed)


def rows_of(batch: Any) -> int:
    """Number of rows of a batch: the first axis of its first tensor.

    >>> rows_of((torch.zeros(3, 2), torch.zeros(3)))
    3
    """
    if isinstance(batch, Tensor):
        return len(batch) if batch.dim() else 1
    values = list(batch.values()) if isinstance(batch, dict) else batch
    if isinstance(values, list | tuple):
        for value in values:
            if isinstance(value, Tensor | list | tuple | dict):
                return rows_of(value)
    return 1
