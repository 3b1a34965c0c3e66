"""Racing: candidates that are clearly behind are dropped before all blocks are trained.

A study that races is cut into stages of blocks. After each stage but the last the candidates still
in the race are compared over the blocks so far (over blocks, never over epochs: early epochs favour
functions that start fast), by the test that the verdict uses: paired over blocks, corrected for
overlapping splits and for all pairs (see `statistics`). A candidate is dropped if it is shown to
be worse than the best mean and lies more than the margin behind, or if it failed in some block.

**Error.** The level of the study is spent over the looks: by the look after j of J blocks at most

    level · (j/J)³

may have been spent, each look spends what was added, and the verdict at the end has the rest. The
chances of an error at the looks add up to the level at most, however they depend on each other
(Bonferroni), so the chance that any candidate as good as the best is ever called worse, at a look
or at the end, stays below it. The third power keeps half of the level for the verdict.

**Resuming.** A decision is a function of the recorded results of the stages before it, in the
order of the blocks, so a study that was stopped decides what it had decided.

Sources: races among candidates, Maron and Moore (1997), Artificial Intelligence Review 11,
193-225; spending a level over looks, Lan and DeMets (1983), Biometrika 70, 659-663; powers of the
share of the information, Kim and DeMets (1987), Biometrika 74, 149-154.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Final

import numpy as np

from actlab.compare.statistics import compare_scores

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from actlab.compare.protocol import Plan, PlannedChunk
    from actlab.compare.study import Run

__all__ = ["Course", "Drop", "Field", "course_of", "drops_at", "looks", "spent"]

_FIRST: Final = 4
"""Blocks before the first look: fewer show next to nothing."""
_STAGES: Final = 5


def looks(blocks: int) -> tuple[int, ...]:
    """After how many blocks a race looks; the last look is the verdict.

    >>> looks(10), looks(30), looks(3)
    ((4, 6, 8, 10), (6, 12, 18, 24, 30), (3,))
    """
    step = max(2, -(-blocks // _STAGES))
    first = max(_FIRST, step)
    return (*range(first, blocks, step), blocks)


def spent(level: float, done: int, blocks: int) -> float:
    """Return how much of the level may have been spent after so many blocks.

    >>> [round(spent(0.05, done, 10), 4) for done in looks(10)]
    [0.0032, 0.0108, 0.0256, 0.05]
    """
    return level * (done / blocks) ** 3


@dataclass(frozen=True)
class Drop:
    """A candidate that left the race."""

    blocks: int
    """After so many blocks."""
    behind: int | None
    """Index of the best candidate then; None if this one failed in a block."""
    difference: float
    """Mean over these blocks, minus that of the best; in units of the metric."""
    p: float
    """Adjusted p value of "not worse than the best", and the level that the look spent."""
    level: float


@dataclass(frozen=True)
class Field:
    """What the looks of a study have in common."""

    overlap: float
    margin: float
    """Only who lies further behind is dropped; as a share of the best mean if `relative`."""
    relative: bool = False
    resolution: float = 0.0


def drops_at(
    scores: Mapping[int, Sequence[float]], field: Field, *, level: float, sign: float = 1.0
) -> dict[int, Drop]:
    """Return who leaves the race at one look.

    Args:
        scores: candidate -> its scores so far, by block; all of equal length, NaN for a block
            in which it failed.
        field: what is common to all looks.
        level: what this look spends.
        sign: -1 for a metric of which less is better.

    Example:
        >>> import numpy as np
        >>> noise = np.random.default_rng(0).normal(0, 0.01, (3, 6))
        >>> scores = {i: row - (0.3 if i == 2 else 0) for i, row in enumerate(noise)}
        >>> list(drops_at(scores, Field(overlap=0.25, margin=0.01), level=0.01))
        [2]
    """
    failed = [i for i, row in scores.items() if not all(map(isfinite, row))]
    dropped = {i: Drop(len(scores[i]), None, 0.0, 0.0, level) for i in failed}
    running = [i for i in scores if i not in dropped]
    if len(running) < 2:
        return dropped
    values: NDArray[np.float64] = sign * np.array([scores[i] for i in running], dtype=np.float64)
    margin = field.margin * (abs(values.mean(axis=1).max()) if field.relative else 1.0)
    found = compare_scores(
        values,
        overlap=field.overlap,
        margin=margin,
        level=level,
        resolution=field.resolution,
    )
    if found is None:
        return dropped
    for place, i in enumerate(running):
        behind, p = float(found.difference[place]), float(found.p_worse[place])
        if place != found.best and p <= level and -behind > margin:
            dropped[i] = Drop(len(scores[i]), running[found.best], sign * behind, p, level)
    return dropped


@dataclass(frozen=True)
class Course:
    """How far a study has come by what is recorded, and what it needs next."""

    needed: tuple[PlannedChunk, ...]
    """Chunks that the answer rests on or that are to be trained now, in the order of the plan."""
    dropped: dict[int, Drop]
    level: float
    """What is left for the verdict."""
    spared: tuple[PlannedChunk, ...]
    """Chunks that need no training, because their candidate was dropped."""
    blocks: int
    """All that are still in the race have so many; without a race, those of the study."""


def course_of(plan: Plan, field: Field, runs: Sequence[Run], recorded: Collection[str]) -> Course:
    """Follow a study along what is recorded; without a race it needs all its chunks at once."""
    level = plan.settings.level
    if not plan.settings.race:
        return Course(plan.chunks, {}, level, (), plan.settings.blocks)
    blocks = plan.settings.blocks
    first = {row.label: i for i, row in enumerate(plan.candidates) if row.trained_as == i}
    scores = {
        (first[run.candidate], run.block): run.test_score
        for run in runs
        if run.test_score is not None and run.candidate in first
    }
    sign = 1.0 if plan.task.higher_is_better else -1.0
    dropped: dict[int, Drop] = {}
    known, complete = 0.0, 0

    def chunks_until(end: int) -> list[PlannedChunk]:
        return [
            planned
            for planned in plan.chunks
            for index, block in planned.chunk.pairs[:1]
            if block < (min(end, dropped[index].blocks) if index in dropped else end)
        ]

    for end in looks(blocks):
        needed = chunks_until(end)
        if any(planned.key not in recorded for planned in needed):
            break
        complete = end
        if end == blocks:
            break
        now = spent(level, end, blocks)
        running = {
            i: [_number(scores.get((i, block))) for block in range(end)]
            for i in first.values()
            if i not in dropped
        }
        dropped |= drops_at(running, field, level=now - known, sign=sign)
        known = now
    kept = {planned.key for planned in chunks_until(blocks)}
    return Course(
        needed=tuple(needed),
        dropped=dropped,
        level=level - known,
        spared=tuple(planned for planned in plan.chunks if planned.key not in kept),
        blocks=complete,
    )


def _number(score: float | None) -> float:
    return float("nan") if score is None else score
