"""Scores of many networks at once, in units that a user reads.

Outputs have the shape (members, rows, outputs), the target (members, rows); a score has the
shape (members,) and is NaN where an output is not finite.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from actlab.compare.loops import largest
from actlab.compare.naming import by_name
from actlab.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from actlab.compare.task import Task

__all__ = ["METRICS", "Metric", "metric_for"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Metric:
    """One score: its name, for which kind of task, and which way is better."""

    name: str
    kind: str
    greater_is_better: bool
    function: Callable[[Array, Array], Array]
    """Classification: (logits, classes). Regression: (prediction, target)."""

    def __call__(self, outputs: Array, target: Array) -> Array:
        """The score of each member, from a network's outputs (regression: in target units)."""
        finite = np.isfinite(outputs).all((1, 2))
        if self.kind == "regression":
            outputs = outputs[..., 0]
        elif outputs.shape[-1] == 1:  # one logit for two classes: that of the first is 0
            outputs = np.concatenate([np.zeros_like(outputs), outputs], axis=-1)
        with np.errstate(all="ignore"):
            return np.where(finite, self.function(outputs, target), np.nan)


def _accuracy(logits: Array, classes: Array) -> Array:
    hits: Array = (largest(logits) == classes).mean(-1)
    return hits


def _balanced_accuracy(logits: Array, classes: Array) -> Array:
    """Mean over the classes of the share found: chance is 1/classes however uneven they are."""
    own = classes[..., None] == np.arange(logits.shape[-1])
    count = own.sum(1)
    found = (own & (largest(logits) == classes)[..., None]).sum(1)
    shares: Array = (found / np.maximum(count, 1)).sum(-1) / (count > 0).sum(-1)
    return shares


def _log_loss(logits: Array, classes: Array) -> Array:
    above = logits - logits.max(-1, keepdims=True).astype(np.float64)
    own = np.take_along_axis(above, classes[..., None], axis=-1)[..., 0]
    loss: Array = (np.log(np.exp(above).sum(-1)) - own).mean(-1)
    return loss


def _rmse(prediction: Array, target: Array) -> Array:
    root: Array = np.sqrt(_square(prediction - target))
    return root


def _mae(prediction: Array, target: Array) -> Array:
    error: Array = np.abs(prediction - target).mean(-1, dtype=np.float64)
    return error


def _r2(prediction: Array, target: Array) -> Array:
    """Share of the target's variance explained: 1 - MSE/variance."""
    share: Array = 1 - _square(prediction - target) / target.var(-1, dtype=np.float64)
    return share


def _square(error: Array) -> Array:
    mean: Array = np.square(error, dtype=np.float64).mean(-1)
    return mean


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
