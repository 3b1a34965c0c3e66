"""What a study asks of whoever does its work.

A runner takes a function and chunks, and yields each chunk with what the function made of it, in
any order, as soon as it is done. The function trains with one thread, and a chunk's result
depends on the chunk alone; so neither the number of workers, nor their order, nor where they
stand changes a number. A worker that is lost costs the chunks it had in hand: they are given to
another one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple, Protocol

from actlab.compare.environment import environment

if TYPE_CHECKING:
    from actlab.compare.protocol import PlannedChunk
    from actlab.compare.result import Environment
    from actlab.compare.study import Run

__all__ = ["Finished", "Runner", "Work", "timed"]

Work = Callable[["PlannedChunk"], "list[Run]"]
"""What trains a chunk; it knows the data."""


class Finished(NamedTuple):
    """A chunk that was trained."""

    planned: PlannedChunk
    runs: list[Run]
    seconds: float
    """Time that the training took."""
    environment: Environment
    """What it was trained with, which on another machine may be another processor."""


class Runner(Protocol):
    """Who trains the chunks of a study."""

    def run(self, work: Work, chunks: Sequence[PlannedChunk]) -> Generator[Finished, None, None]:
        """Yield every chunk as soon as it is done.

        Closing the iterator (or an interrupt) stops the work that is not done. A study may call
        this several times with the same work.
        """
        ...

    def close(self) -> None:
        """Let go of what the runs shared: connections, data that were sent."""
        ...


def timed(work: Work, planned: PlannedChunk) -> Finished:
    """Train one chunk, here and now."""
    begin = perf_counter()
    runs = work(planned)
    return Finished(planned, runs, perf_counter() - begin, environment())
