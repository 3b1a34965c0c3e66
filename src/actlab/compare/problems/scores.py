"""The metrics of the built-in problems, from one network's outputs."""

from __future__ import annotations

import math
from typing import Final

from torch import Tensor
from torch.nn import functional

from actlab.compare.problem import Score
from actlab.compare.problems.builtin import Metric

__all__ = ["ACCURACY", "BITS", "DICE", "IOU", "LOG_LOSS", "MAE", "RMSE"]


def _accuracy(outputs: Tensor, target: Tensor) -> Tensor:
    return (outputs.argmax(1) == target).double().mean()


def _log_loss(outputs: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(outputs.double(), target)


def _bits(outputs: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(outputs.double(), target) / math.log(2)


def _rmse(outputs: Tensor, target: Tensor, unit: Tensor) -> Tensor:
    return ((outputs - target).double() * unit).square().mean().sqrt()


def _mae(outputs: Tensor, target: Tensor, unit: Tensor) -> Tensor:
    return ((outputs - target).double() * unit).abs().mean()


def _overlap(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of each image: pixels found and true, found, and true."""
    found, true = (logits > 0).flatten(1), (target > 0.5).flatten(1)
    return (found & true).sum(1).double(), found.sum(1).double(), true.sum(1).double()


def _dice(logits: Tensor, target: Tensor) -> Tensor:
    """2 |A ∩ B| / (|A| + |B|) of the pixels above one half, averaged over the images."""
    both, found, true = _overlap(logits, target)
    return (2 * both / (found + true)).mean()


def _iou(logits: Tensor, target: Tensor) -> Tensor:
    """|A ∩ B| / |A ∪ B|, averaged over the images."""
    both, found, true = _overlap(logits, target)
    return (both / (found + true - both)).mean()


def _share(name: str, *, counted: bool = False) -> Score:
    return Score(name, True, lowest=0.0, highest=1.0, relative=False, counted=counted)


def _error(name: str) -> Score:
    return Score(name, False, lowest=0.0)


ACCURACY: Final = Metric(_share("accuracy", counted=True), _accuracy)
LOG_LOSS: Final = Metric(_error("log_loss"), _log_loss)
BITS: Final = Metric(_error("bits_per_character"), _bits)
RMSE: Final = Metric(_error("rmse"), _rmse)
MAE: Final = Metric(_error("mae"), _mae)
DICE: Final = Metric(_share("dice"), _dice)
IOU: Final = Metric(_share("iou"), _iou)
