"""A study on its way: what its ledger lacks is trained, and recorded chunk by chunk."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from actlab.compare.racing import course_of
from actlab.compare.runners.local import InProcess
from actlab.compare.scales import field_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from actlab.compare.ledger import Ledger
    from actlab.compare.protocol import Plan, PlannedChunk
    from actlab.compare.racing import Course
    from actlab.compare.runners.contract import Finished, Runner, Work
    from actlab.compare.study import Run

__all__ = ["Progress", "train_missing"]


@dataclass(frozen=True)
class Progress:
    """How far a study is; told at the start and after every chunk."""

    done: int
    """Finished chunks, those found in the ledger included."""
    total: int
    """Chunks of the study, without those that a race has spared so far."""
    found: int
    """Chunks that the ledger held before."""
    elapsed: float
    """Seconds since the training began."""
    remaining: float | None
    """Estimate of the seconds that remain; None before the first chunk is done."""
    runs: tuple[Run, ...] = ()
    """Those of the chunk that was just recorded; none at the start."""


def train_missing(
    plan: Plan,
    ledger: Ledger,
    work: Work,
    runner: Runner,
    progress: Callable[[Progress], None] | None = None,
) -> tuple[str, ...]:
    """Train what the ledger lacks of a plan, and record each chunk as soon as it is done.

    A race is trained stage by stage, and who is dropped follows from what is recorded. A chunk
    whose training runs out of memory holds nothing else up; it is tried once more, alone, when
    the others are done. An interrupt (Ctrl-C) ends it all in good order: what was recorded stays,
    and `conclude` tells what there is so far.

    Returns:
        The labels of the candidates that there was not enough memory for.
    """
    return _Driver(plan, ledger, _Contained(work), runner, progress).drive()


class _Driver:
    """One process at work on one study."""

    def __init__(
        self,
        plan: Plan,
        ledger: Ledger,
        work: Work,
        runner: Runner,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.plan, self.ledger, self.work, self.runner = plan, ledger, work, runner
        self.progress = progress
        self.field = field_of(plan.task, plan.settings)
        missing = {planned.key for planned in ledger.missing(plan)}
        self.known = {planned.key for planned in plan.chunks} - missing
        self.found, self.trained = len(self.known), 0
        self.contested = False
        self.lost: dict[str, PlannedChunk] = {}
        self.begin = perf_counter()

    def drive(self) -> tuple[str, ...]:
        """Train stage by stage until nothing is left that can be trained."""
        self.tell(course := self.course())
        try:
            while missing := self.missing(course):
                self.train(course, missing)
                course = self.course()
                if not self.missing(course):
                    again = [[planned] for planned in self.lost.values()]
                    self.lost = {}
                    for alone in again:
                        self.train(course, alone)
                    course = self.course()
        except KeyboardInterrupt:
            pass
        indices = {i for planned in self.lost.values() for i, _ in planned.chunk.pairs}
        return tuple(self.plan.candidates[i].label for i in sorted(indices))

    def course(self) -> Course:
        # Only a race looks at scores; to read every run again takes long in a large study.
        runs = self.ledger.runs(self.plan) if self.plan.settings.race else ()
        return course_of(self.plan, self.field, runs, self.ledger.recorded(self.plan))

    def missing(self, course: Course) -> list[PlannedChunk]:
        recorded = self.ledger.recorded(self.plan)
        return [
            row for row in course.needed if row.key not in recorded and row.key not in self.lost
        ]

    def train(self, course: Course, chunks: Sequence[PlannedChunk]) -> None:
        for planned, runs, seconds, where in self.finished(chunks):
            if not runs:
                self.lost[planned.key] = planned
                continue
            self.contested |= not self.ledger.record(
                self.plan, planned, runs, seconds=seconds, environment=where
            )
            self.known.add(planned.key)
            self.trained += 1
            self.tell(course, runs)

    def finished(self, chunks: Sequence[PlannedChunk]) -> Iterator[Finished]:
        """Have chunks trained; in this process, one by one.

        Another process may be at the same study. What it has finished is left out, and once it
        was faster with a chunk, this process goes on from the other end.
        """
        if not isinstance(self.runner, InProcess):
            yield from self.run(chunks)
            return
        waiting = deque(chunks)
        while waiting:
            planned = waiting.pop() if self.contested else waiting.popleft()
            if self.ledger.holds(planned):
                self.known.add(planned.key)
            else:
                yield from self.run([planned])

    def run(self, chunks: Sequence[PlannedChunk]) -> Iterator[Finished]:
        finished = self.runner.run(self.work, chunks)
        try:
            yield from finished
        finally:
            finished.close()

    def tell(self, course: Course, runs: Sequence[Run] = ()) -> None:
        if self.progress is None:
            return
        total = len(self.plan.chunks) - len(course.spared)
        done = len(self.known) - sum(planned.key in self.known for planned in course.spared)
        elapsed = perf_counter() - self.begin
        left = elapsed / self.trained * (total - done) if self.trained else None
        self.progress(Progress(done, total, self.found, elapsed, left, tuple(runs)))


class _Contained:
    """Training that returns nothing where the memory does not suffice, and so costs one chunk."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def __call__(self, planned: PlannedChunk) -> list[Run]:
        try:
            return self.work(planned)
        except MemoryError:
            return []
        except RuntimeError as error:
            # PyTorch: "can't allocate memory", "CUDA out of memory"
            if "allocate memory" in str(error) or "out of memory" in str(error):
                return []
            raise
