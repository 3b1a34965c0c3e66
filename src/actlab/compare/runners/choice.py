"""Which runner: by the words of the user, or by the size of the study."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from actlab.compare.runners.local import InProcess, Processes

if TYPE_CHECKING:
    from actlab.compare.protocol import Plan
    from actlab.compare.runners.contract import Runner

__all__ = ["runner_for", "workers_for"]

_LONG: Final = 5e11
"""Operations that take a core about ten seconds; a worker is ready after three."""


def runner_for(workers: int) -> Runner:
    """Return the runner for so many workers."""
    return InProcess() if workers == 1 else Processes(workers)


def workers_for(plan: Plan) -> int:
    """One worker per core where the training takes clearly longer than starting them, else one."""
    from joblib import cpu_count

    task, settings = plan.task, plan.settings
    outputs = len(task.classes) if task.kind == "classification" else 1
    widths = (task.features, *settings.hidden, outputs)
    weights = sum(fan_in * fan_out for fan_in, fan_out in pairwise(widths))
    steps = plan.runs * settings.epochs * task.train_rows
    if 6 * weights * steps < _LONG:  # forward, and twice as much back
        return 1
    return min(int(cpu_count()), len(plan.chunks))
