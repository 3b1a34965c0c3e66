"""Losses of many networks at once, with their gradients.

Outputs have the shape (members, rows, outputs); the target (blocks, rows) holds class indices or,
for a regression, standardised numbers, and is shared by the members of a block.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from actlab.compare import loops
from actlab.compare.naming import by_name
from actlab.errors import DataError

if TYPE_CHECKING:
    from actlab.compare.task import Task

__all__ = ["LOSSES", "Loss", "loss_for"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Loss:
    """One loss: for which kind of task, how many outputs, its value and its gradient."""

    name: str
    kind: str
    outputs: Callable[[int], int]
    """From the number of classes (0 for a regression) to the width of the output layer."""
    add: Callable[[Array, Array, Array, Array], None]
    """(outputs, target, gradient, sums): add each member's loss over the rows to `sums`, in
    float64, and set the gradient of its mean over the rows."""


def _one(_classes: int) -> int:
    return 1


_LOSSES: Final = {
    loss.name: loss
    for loss in (
        Loss("cross_entropy", "classification", lambda classes: classes, loops.cross_entropy),
        Loss("binary_cross_entropy", "classification", _one, loops.binary_cross_entropy),
        Loss("mse", "regression", _one, loops.squared_error),
        Loss("mae", "regression", _one, loops.absolute_error),
        Loss("huber", "regression", _one, loops.huber),
    )
}
LOSSES: Final = _LOSSES | {
    "categorical": _LOSSES["cross_entropy"],
    "binary": _LOSSES["binary_cross_entropy"],
}
"""By every name; what a loss is called in a result is its own name."""


def loss_for(name: str, task: Task) -> Loss:
    """The loss of this name, checked against the task.

    "auto" is the cross-entropy (binary for two classes) or the mean squared error.

    Raises:
        UnknownNameError: no such loss.
        DataError: a loss for another kind of task.
    """
    if name == "auto":
        two = len(task.classes) == 2
        chosen = "binary_cross_entropy" if two else "cross_entropy"
        name = chosen if task.kind == "classification" else "mse"
    loss = by_name(LOSSES, name, "loss")
    if loss.kind != task.kind:
        fitting = ", ".join(row.name for row in _LOSSES.values() if row.kind == task.kind)
        raise DataError(
            f"the loss {loss.name!r} is for a {loss.kind} and {task.name!r} is a {task.kind}; "
            f"fitting losses are {fitting}"
        )
    if loss.name == "binary_cross_entropy" and len(task.classes) != 2:
        raise DataError(
            f"binary_cross_entropy needs two classes and {task.name!r} has {len(task.classes)}; "
            "use cross_entropy"
        )
    return loss
