"""Who trains the chunks: this process, or several.

A runner takes a function and chunks, and yields each chunk with what the function made of it, in
any order, as soon as it is done. The function trains with one thread, and a chunk's result
depends on the chunk alone; so neither the number of workers nor their order changes a number.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from itertools import pairwise
from time import perf_counter
from typing import TYPE_CHECKING, Final, Protocol

from actlab.compare.environment import environment
from actlab.errors import ActlabError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from actlab.compare.ledger import Ledger
    from actlab.compare.protocol import Plan, PlannedChunk
    from actlab.compare.study import Run

    Work = Callable[[PlannedChunk], list[Run]]
    Done = tuple[PlannedChunk, list[Run], float]

__all__ = [
    "InProcess",
    "Processes",
    "Progress",
    "Runner",
    "runner_for",
    "train_missing",
    "workers_for",
]

_LONG: Final = 5e11
"""Operations that take a core about ten seconds; a worker is ready after three."""


@dataclass(frozen=True)
class Progress:
    """How far a study is; told at the start and after every chunk."""

    done: int
    """Finished chunks, those found in the ledger included."""
    total: int
    found: int
    """Chunks that the ledger held before."""
    elapsed: float
    """Seconds since the training began."""
    remaining: float | None
    """Estimate of the seconds that remain; None before the first chunk is done."""


class Runner(Protocol):
    """What a study asks of whoever does its work."""

    def run(self, work: Work, chunks: Sequence[PlannedChunk]) -> Generator[Done, None, None]:
        """Yield every chunk, its runs and the seconds it took, as soon as it is done.

        Closing the iterator (or an interrupt) stops the work that is not done.
        """
        ...


class InProcess:
    """One chunk after another, here."""

    def run(self, work: Work, chunks: Sequence[PlannedChunk]) -> Generator[Done, None, None]:
        """Train in the order given."""
        for planned in chunks:
            yield _timed(work, planned)


class Processes:
    """Worker processes on this machine, by joblib."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def run(self, work: Work, chunks: Sequence[PlannedChunk]) -> Generator[Done, None, None]:
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


def _in_worker(work: Work, planned: PlannedChunk) -> Done:
    # Ctrl-C reaches every process of the terminal; the one that started the workers answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return _timed(work, planned)


def _timed(work: Work, planned: PlannedChunk) -> Done:
    begin = perf_counter()
    runs = work(planned)
    return planned, runs, perf_counter() - begin


def train_missing(
    plan: Plan,
    ledger: Ledger,
    work: Work,
    runner: Runner,
    progress: Callable[[Progress], None] | None = None,
) -> None:
    """Train what the ledger lacks of a plan, and record each chunk as soon as it is done.

    An interrupt (Ctrl-C) ends it in good order: what was recorded stays, and `conclude` tells
    what there is so far.
    """
    missing = ledger.missing(plan)
    total = len(plan.chunks)
    known = total - len(missing)
    here = environment()
    begin = perf_counter()

    def tell(done: int) -> None:
        if progress is not None:
            elapsed = perf_counter() - begin
            left = elapsed / done * (len(missing) - done) if done else None
            progress(Progress(known + done, total, known, elapsed, left))

    tell(0)
    finished = runner.run(work, missing)
    try:
        for done, (planned, runs, seconds) in enumerate(finished, start=1):
            ledger.record(plan, planned, runs, seconds=seconds, environment=here)
            tell(done)
    except KeyboardInterrupt:
        return
    finally:
        finished.close()
