"""On what scale a study is judged: where its metric can lie, and what a margin means there.

A table's metrics are known by their names; a problem says it of its own.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from actlab.compare.naming import metric_in_words
from actlab.compare.racing import Field

if TYPE_CHECKING:
    from actlab.compare.result import Interval
    from actlab.compare.study import Settings, TaskSummary

__all__ = ["field_of", "margin_of", "range_of"]

_RELATIVE: Final = frozenset({"log_loss", "rmse", "mae"})
"""Metrics without a natural unit: their margin is a share of the best mean score."""
_COUNTED: Final = frozenset({"accuracy", "balanced_accuracy"})
"""Metrics that count test rows, and so move in steps."""
_RANGE: Final[dict[str, Interval]] = {
    "accuracy": (0.0, 1.0),
    "balanced_accuracy": (0.0, 1.0),
    "r2": (-inf, 1.0),
    "log_loss": (0.0, inf),
    "rmse": (0.0, inf),
    "mae": (0.0, inf),
}


def field_of(task: TaskSummary, settings: Settings) -> Field:
    """Return what the looks of a race, and the verdict, must know of the data."""
    return Field(
        overlap=task.test_rows / (task.train_rows + task.validation_rows),
        margin=settings.margin,
        relative=_relative(task),
        resolution=1 / task.test_rows if _counted(task) else 0.0,
    )


def margin_of(task: TaskSummary, settings: Settings, best: float | None) -> tuple[float, str]:
    """Return the margin in units of the metric, and in words.

    A share, an accuracy or R², has a unit of its own, and the margin is absolute. An error has
    the data's unit, and the margin is a share of the best mean score.
    """
    metric = metric_in_words(task.metric)
    if _relative(task):
        margin = settings.margin * abs(best or 0.0)
        return margin, (
            f"Differences in {metric} below {settings.margin:.3g} of the best mean score "
            f"({margin:.3g}) count as equivalent."
        )
    return settings.margin, (
        f"Differences in {metric} below {settings.margin:.3g} count as equivalent."
    )


def range_of(task: TaskSummary) -> Interval:
    """Return where a score can lie."""
    if task.metric_range is None:
        return _RANGE[task.metric]
    lowest, highest = task.metric_range
    return -inf if lowest is None else lowest, inf if highest is None else highest


def _relative(task: TaskSummary) -> bool:
    return task.metric_relative if task.metric_range else task.metric in _RELATIVE


def _counted(task: TaskSummary) -> bool:
    return task.metric_counted if task.metric_range else task.metric in _COUNTED
