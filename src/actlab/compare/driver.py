"""A study on its way: what its ledger lacks is trained, and recorded chunk by chunk."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from actlab.compare.ledger import Ledger
    from actlab.compare.protocol import Plan
    from actlab.compare.runners import Runner, Work

__all__ = ["Progress", "train_missing"]


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
    begin = perf_counter()

    def tell(done: int) -> None:
        if progress is not None:
            elapsed = perf_counter() - begin
            left = elapsed / done * (len(missing) - done) if done else None
            progress(Progress(known + done, total, known, elapsed, left))

    tell(0)
    finished = runner.run(work, missing)
    try:
        for done, (planned, runs, seconds, where) in enumerate(finished, start=1):
            ledger.record(plan, planned, runs, seconds=seconds, environment=where)
            tell(done)
    except KeyboardInterrupt:
        return
    finally:
        finished.close()
