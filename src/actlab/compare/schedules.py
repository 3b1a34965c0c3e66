"""Learning-rate schedules: a factor per epoch that multiplies the learning rate.

Each agrees with a scheduler of `torch.optim.lr_scheduler` that is stepped once per epoch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from actlab.compare.naming import by_name

__all__ = ["SCHEDULES", "schedule_named"]

Schedule = Callable[[int, int], float]
"""(epoch counted from 0, number of epochs) -> factor."""


def _constant(_epoch: int, _epochs: int) -> float:
    return 1.0


def _step(epoch: int, epochs: int) -> float:
    """A tenth after each third of the training: `StepLR(step_size=ceil(epochs / 3))`."""
    return float(0.1 ** (epoch // math.ceil(epochs / 3)))


def _exponential(epoch: int, epochs: int) -> float:
    """Falls evenly to a hundredth: `ExponentialLR(gamma=0.01 ** (1 / epochs))`."""
    return float(0.01 ** (epoch / epochs))


def _cosine(epoch: int, epochs: int) -> float:
    """Half a wave down to zero: `CosineAnnealingLR(T_max=epochs)` (arXiv:1608.03983)."""
    return (1 + math.cos(math.pi * epoch / epochs)) / 2


SCHEDULES: Final[dict[str, Schedule]] = {
    "constant": _constant,
    "step": _step,
    "exponential": _exponential,
    "cosine": _cosine,
}


def schedule_named(name: str) -> Schedule:
    """The schedule of this name.

    >>> round(schedule_named("cosine")(15, 30), 12)
    0.5
    """
    return by_name(SCHEDULES, name, "learning-rate schedule")
