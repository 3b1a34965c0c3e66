"""The rows that a stack of networks sees: by member, in batches, in the order of their block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from actlab.compare.task import Split

__all__ = ["Part", "batch_order"]

Tensor = torch.Tensor

_BATCH_STREAM: Final = 3


def batch_order(seed: int, block: int, epoch: int, rows: int) -> NDArray[np.int64]:
    """The order in which every candidate of a block sees the training rows in one epoch."""
    return np.random.default_rng([seed, block, _BATCH_STREAM, epoch]).permutation(rows)


class Part:
    """The training, validation or test part of some blocks, as members see it.

    Args:
        splits: one per block, in the order that `owner` counts in.
        which: the part.
        owner: the block of every member.
        inputs: features of the widest block; narrower ones get columns of zeros, which change
            no result.
        dtype: of the features and of a regression's target.
    """

    def __init__(
        self,
        splits: Sequence[Split],
        which: Literal["train", "validation", "test"],
        owner: Tensor,
        inputs: int,
        dtype: torch.dtype,
    ) -> None:
        xs = [getattr(split, f"{which}_x") for split in splits]
        padded = [np.pad(x, ((0, 0), (0, inputs - x.shape[1]))) for x in xs]
        self._x = torch.from_numpy(np.stack(padded)).to(dtype)
        self._y = torch.from_numpy(np.stack([getattr(split, f"{which}_y") for split in splits]))
        self._mean = torch.tensor([split.target_mean for split in splits], dtype=torch.float64)
        self._scale = torch.tensor([split.target_scale for split in splits], dtype=torch.float64)
        self._owner = owner
        self._buffers: dict[tuple[int, ...], Tensor] = {}
        self.rows = self._y.shape[1]

    def seen_by(self, members: Sequence[int]) -> Part:
        """The same rows for these members only."""
        part = object.__new__(Part)
        part.__dict__.update(self.__dict__)
        part._owner = self._owner[list(members)]
        return part

    def batches(
        self, size: int, orders: Sequence[NDArray[np.int64]] | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """All rows, `size` at once: x (members, size, inputs), and y (members, size, 1).

        In the order of the data, or with an order for each block. A regression's y is
        standardised. An x stands in a buffer that the next one of as many rows writes over.
        """
        x, y = self._x, self._standardised()
        if orders is not None:
            pairs = list(enumerate(map(torch.from_numpy, orders)))
            x = torch.stack([x[block].index_select(0, order) for block, order in pairs])
            y = torch.stack([y[block].index_select(0, order) for block, order in pairs])
        y = y.index_select(0, self._owner).unsqueeze(-1)
        alone = len(x) == 1  # every member sees the same rows: no copies
        for some_x, some_y in zip(_cut(x, size), _cut(y, size), strict=True):
            if alone:
                yield some_x.expand(len(self._owner), -1, -1), some_y
            else:
                buffer = self._buffer(some_x)
                yield torch.index_select(some_x, 0, self._owner, out=buffer), some_y

    def _buffer(self, batch: Tensor) -> Tensor:
        shape = (len(self._owner), *batch.shape[1:])
        if shape not in self._buffers:
            self._buffers[shape] = batch.new_empty(shape)
        return self._buffers[shape]

    def target(self) -> Tensor:
        """The y of every member, in the units of the data."""
        return self._y.index_select(0, self._owner)

    def in_target_units(self, outputs: Tensor) -> Tensor:
        """A network's outputs (members, rows, outputs); a regression's in units of the target."""
        if not self._y.is_floating_point():
            return outputs
        scale, mean = (values[self._owner].view(-1, 1, 1) for values in (self._scale, self._mean))
        return outputs * scale + mean

    def _standardised(self) -> Tensor:
        if not self._y.is_floating_point():
            return self._y
        standard = (self._y - self._mean.unsqueeze(1)) / self._scale.unsqueeze(1)
        return standard.to(self._x.dtype)


def _cut(rows: Tensor, size: int) -> tuple[Tensor, ...]:
    pieces: tuple[Tensor, ...] = torch.split(rows, size, dim=1)
    return pieces
