"""Runners on this machine: this process, or several."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from actlab.compare.runners.contract import Finished, timed
from actlab.errors import ActlabError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from actlab.compare.protocol import PlannedChunk
    from actlab.compare.runners.contract import Work

__all__ = ["InProcess", "Processes"]


class InProcess:
    """One chunk after another, here."""

    def run(self, work: Work, chunks: Sequence[PlannedChunk]) -> Generator[Finished, None, None]:
        """Train in the order given."""
        for planned in chunks:
            yield timed(work, planned)

    def close(self) -> None:
        """Nothing is kept."""


class Processes:
    """Worker processes on this machine, by joblib."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def run(self, work: Work, chunks: Sequence[PlannedChunk]) -> Generator[Finished, None, None]:
        """Train in parallel and yield in the order of finishing.

        Raises:
            ActlabError: a worker was killed, most often for want of memory.
        """
        from joblib import Parallel, delayed
        from joblib.externals.loky.process_executor import (
            TerminatedWorkerError,
        )

        parallel = Parallel(
            n_jobs=self.workers, return_as="generator_unordered", pre_dispatch="n_jobs"
        )
        try:
            yield from parallel(delayed(_in_worker)(work, planned) for planned in chunks)
        except TerminatedWorkerError as error:
            raise ActlabError(
                "a worker process was killed, most often for want of memory; what was finished "
                "is in the ledger, and the same command with fewer workers goes on from there"
            ) from error

    def close(self) -> None:
        """Nothing is kept here; joblib ends idle workers after a while."""


def _in_worker(work: Work, planned: PlannedChunk) -> Finished:
    # Ctrl-C reaches every process of the terminal; the one that started the workers answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return timed(work, planned)
