"""The 1,797 handwritten digits that scikit-learn carries, 8 × 8 pixels, for several problems.

Source: Alpaydin (1998), Optical recognition of handwritten digits, UCI repository, as scikit-learn
has it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from actlab.compare.task import load

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from actlab.compare.study import Settings

__all__ = ["CLASSES", "SIDE", "images", "labels", "rows_of", "standardised"]

SIDE: Final = 8
"""Pixels of an edge."""
CLASSES: Final = tuple("0123456789")


@lru_cache(maxsize=1)
def images() -> Tensor:
    """All images, (1797, 8, 8), from 0 for paper to 1 for ink."""
    from sklearn.datasets import load_digits

    return torch.from_numpy(load_digits().images.astype(np.float32) / 16)


@lru_cache(maxsize=1)
def labels() -> Tensor:
    """Which digit each image shows, (1797,)."""
    return torch.from_numpy(load("digits").target)


def rows_of(
    block: int, settings: Settings
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Training, validation and test rows of a block: those of `actlab compare digits`."""
    split = load("digits").split(block, settings)
    return split.train_rows, split.validation_rows, split.test_rows


def standardised(train: NDArray[np.int64]) -> Tensor:
    """All images, with mean 0 and variance 1 over the pixels of the training rows."""
    seen = images()[train]
    return (images() - seen.mean()) / seen.std()
