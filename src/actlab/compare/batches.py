"""The rows that a stack of networks sees: by block, in batches, in the order of their block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from actlab.compare.task import Split

__all__ = ["Part", "batch_order"]

Array = np.ndarray[Any, Any]

_BATCH_STREAM: Final = 3


def batch_order(seed: int, block: int, epoch: int, rows: int) -> NDArray[np.int64]:
    """The order in which every candidate of a block sees the training rows in one epoch."""
    return np.random.default_rng([seed, block, _BATCH_STREAM, epoch]).permutation(rows)


class Part:
    """The training, validation or test part of some blocks.

    Args:
        splits: one per block.
        which: the part.
        inputs: features of the widest block; narrower ones get columns of zeros, which change
            no result.
        dtype: of the features and of a regression's target.
    """

    def __init__(
        self,
        splits: Sequence[Split],
        which: Literal["train", "validation", "test"],
        inputs: int,
        dtype: np.dtype[Any],
    ) -> None:
        xs = [getattr(split, f"{which}_x") for split in splits]
        padded = [np.pad(x, ((0, 0), (0, inputs - x.shape[1]))) for x in xs]
        self._x = np.stack(padded).astype(dtype)
        self.target: Array = np.stack([getattr(split, f"{which}_y") for split in splits])
        """The y of every block, in the units of the data."""
        self._mean = np.array([[split.target_mean] for split in splits])
        self._scale = np.array([[split.target_scale] for split in splits])
        self.rows = self.target.shape[1]
        self._y = self.target
        if self.target.dtype.kind == "f":
            self._y = ((self.target - self._mean) / self._scale).astype(dtype)

    def of(self, blocks: Sequence[int]) -> Part:
        """The same part of these blocks only."""
        part = object.__new__(Part)
        part.__dict__.update(self.__dict__)
        for name in ("_x", "_y", "target", "_mean", "_scale"):
            setattr(part, name, getattr(self, name)[list(blocks)])
        return part

    def batches(
        self, size: int, orders: Sequence[NDArray[np.int64]] | None = None
    ) -> Iterator[tuple[Array, Array]]:
        """All rows, `size` at once: x (blocks, 1, size, inputs), and y (blocks, size).

        In the order of the data, or with an order for each block. A regression's y is
        standardised.
        """
        x, y = self._x, self._y
        if orders is not None:
            x = np.stack([own[order] for own, order in zip(x, orders, strict=True)])
            y = np.stack([own[order] for own, order in zip(y, orders, strict=True)])
        for start in range(0, self.rows, size):
            rows = slice(start, start + size)
            yield x[:, None, rows], np.ascontiguousarray(y[:, rows])

    def in_target_units(self, outputs: Array) -> Array:
        """A network's outputs (members, rows, outputs); a regression's in units of the target."""
        if self.target.dtype.kind != "f":
            return outputs
        share = len(outputs) // len(self.target)
        scale, mean = (np.repeat(v, share).reshape(-1, 1, 1) for v in (self._scale, self._mean))
        scaled: Array = outputs * scale + mean
        return scaled
