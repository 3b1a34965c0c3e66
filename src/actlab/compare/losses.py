"""Losses of many networks at once: a mean per member, and its gradient, written out.

Outputs have the shape (members, rows, outputs); the target (members, rows, 1) holds class indices
or, for a regression, standardised numbers. The gradient is that of the member's mean over rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch

from actlab.compare.naming import by_name
from actlab.errors import DataError

if TYPE_CHECKING:
    from actlab.compare.task import Task

__all__ = ["LOSSES", "Loss", "loss_for"]

Tensor = torch.Tensor
_WithGradient = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Loss:
    """One loss: for which kind of task, how many outputs, its value and its gradient."""

    name: str
    kind: str
    outputs: Callable[[int], int]
    """From the number of classes (0 for a regression) to the width of the output layer."""
    value: Callable[[Tensor, Tensor], Tensor]
    """(outputs, target) -> loss of each row, (members, rows, 1)."""
    with_gradient: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    """(outputs, target) -> (loss of each row, gradient of the members' means)."""


def _cross_entropy(outputs: Tensor, target: Tensor) -> Tensor:
    return outputs.logsumexp(-1, keepdim=True).sub_(outputs.gather(-1, target))


def _cross_entropy_gradient(outputs: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    # torch's own log_softmax is several times slower than this on a short last axis.
    largest = outputs.amax(-1, keepdim=True)
    gradient = torch.sub(outputs, largest).exp_()
    total = gradient.sum(-1, keepdim=True)
    loss = total.log().add_(largest).sub_(outputs.gather(-1, target))
    rows = target.shape[1]
    gradient.div_(total.mul_(rows)).scatter_(-1, target, -1 / rows, reduce="add")
    return loss, gradient


def _binary_cross_entropy(outputs: Tensor, target: Tensor) -> Tensor:
    return torch.nn.functional.binary_cross_entropy_with_logits(
        outputs, target.to(outputs.dtype), reduction="none"
    )


def _binary_cross_entropy_gradient(outputs: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    gradient = torch.sigmoid(outputs).sub_(target).div_(target.shape[1])
    return _binary_cross_entropy(outputs, target), gradient


def _squared(outputs: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    error = outputs - target
    return error.square(), error.mul_(2 / target.shape[1])


def _absolute(outputs: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    error = outputs - target
    return error.abs(), error.sign_().div_(target.shape[1])


def _huber(outputs: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Squared within one standard deviation of the target, linear beyond (Huber, 1964)."""
    error = outputs - target
    inner = error.clamp(-1, 1)
    loss = inner.abs() * (error.abs() - 0.5 * inner.abs())
    return loss, inner.div_(target.shape[1])


def _first(function: _WithGradient) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda outputs, target: function(outputs, target)[0]


def _one(_classes: int) -> int:
    return 1


LOSSES: Final = {
    loss.name: loss
    for loss in (
        Loss(
            "cross_entropy",
            "classification",
            lambda classes: classes,
            _cross_entropy,
            _cross_entropy_gradient,
        ),
        Loss(
            "binary_cross_entropy",
            "classification",
            _one,
            _binary_cross_entropy,
            _binary_cross_entropy_gradient,
        ),
        Loss("mse", "regression", _one, _first(_squared), _squared),
        Loss("mae", "regression", _one, _first(_absolute), _absolute),
        Loss("huber", "regression", _one, _first(_huber), _huber),
    )
}


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
        fitting = ", ".join(row.name for row in LOSSES.values() if row.kind == task.kind)
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
