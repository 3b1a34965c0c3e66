"""Who trains the chunks: this process, several, or the machines of a Dask or Ray cluster.

`contract` says what a runner is, `choice` finds one by the user's words; `driver` puts it to work.
"""

from __future__ import annotations

from actlab.compare.runners.choice import chosen_runner, runner_for, workers_for
from actlab.compare.runners.contract import Finished, Runner, Work
from actlab.compare.runners.local import InProcess, Processes

__all__ = [
    "Finished",
    "InProcess",
    "Processes",
    "Runner",
    "Work",
    "chosen_runner",
    "runner_for",
    "workers_for",
]
