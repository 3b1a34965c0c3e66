"""Scores of many networks at once, in units that a user reads.

Outputs have the shape (members, rows, outputs), the target (members, rows); a score has the
shape (members,) and is NaN where an output is not finite.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch

from actlab.compare.naming import by_name
from actlab.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from actlab.compare.task import Task

__all__ = ["METRICS", "Metric", "metric_for"]

Tensor = torch.Tensor


@dataclass(frozen=True)
class Metric:
    """One score: its name, for which kind of task, and which way is better."""

    name: str
    kind: str
    greater_is_better: bool
    function: Callable[[Tensor, Tensor], Tensor]
    """Classification: (logits, classes). Regression: (prediction, target)."""

    def __call__(self, outputs: Tensor, target: Tensor) -> Tensor:
        """The score of each member, from a network's outputs (regression: in target units)."""
        finite = outputs.isfinite().flatten(1).all(1)
        if self.kind == "regression":
            outputs = outputs.squeeze(-1)
        elif outputs.shape[-1] == 1:  # one logit for two classes: that of the first is 0
            outputs = torch.cat([torch.zeros_like(outputs), outputs], dim=-1)
        return self.function(outputs, target).masked_fill(~finite, torch.nan)


def _accuracy(logits: Tensor, classes: Tensor) -> Tensor:
    hits = logits.argmax(-1) == classes
    return hits.double().mean(-1)


def _balanced_accuracy(logits: Tensor, classes: Tensor) -> Tensor:
    """Mean over the classes of the share found: chance is 1/classes however uneven they are."""
    hits = (logits.argmax(-1) == classes).double()
    number = logits.shape[-1]
    count = hits.new_zeros(len(classes), number).scatter_add_(1, classes, torch.ones_like(hits))
    found = hits.new_zeros(len(classes), number).scatter_add_(1, classes, hits)
    present = count > 0
    return (found / count.clamp(min=1)).sum(-1) / present.sum(-1)


def _log_loss(logits: Tensor, classes: Tensor) -> Tensor:
    own = logits.gather(-1, classes.unsqueeze(-1)).squeeze(-1)
    return (logits.logsumexp(-1) - own).double().mean(-1)


def _rmse(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction - target).double().square().mean(-1).sqrt()


def _mae(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction - target).double().abs().mean(-1)


def _r2(prediction: Tensor, target: Tensor) -> Tensor:
    """Share of the target's variance explained: 1 - MSE/variance."""
    residual = (prediction - target).double().square().mean(-1)
    return 1 - residual / target.double().var(-1, correction=0)


METRICS: Final = {
    metric.name: metric
    for metric in (
        Metric("accuracy", "classification", True, _accuracy),
        Metric("balanced_accuracy", "classification", True, _balanced_accuracy),
        Metric("log_loss", "classification", False, _log_loss),
        Metric("r2", "regression", True, _r2),
        Metric("rmse", "regression", False, _rmse),
        Metric("mae", "regression", False, _mae),
    )
}


def metric_for(name: str, task: Task) -> Metric:
    """The metric of this name, checked against the task; "auto" is the accuracy or R².

    Raises:
        UnknownNameError: no such metric.
        DataError: a metric for another kind of task.
    """
    if name == "auto":
        name = "accuracy" if task.kind == "classification" else "r2"
    metric = by_name(METRICS, name, "metric")
    if metric.kind != task.kind:
        fitting = ", ".join(row.name for row in METRICS.values() if row.kind == task.kind)
        raise DataError(
            f"the metric {metric.name!r} is for a {metric.kind} and {task.name!r} is a "
            f"{task.kind}; fitting metrics are {fitting}"
        )
    return metric
