"""What a verdict is given on, and what it consists of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actlab.compare.racing import Drop
    from actlab.compare.result import Interval, Verdict

__all__ = ["Evidence", "Judged", "Judgement"]


@dataclass(frozen=True)
class Evidence:
    """What the ledger holds of one candidate, as far as the verdict goes."""

    label: str
    trained_as: int
    """Index of the first candidate with the same function."""
    scores: tuple[float | None, ...]
    """Test score of every block; None where it failed or was not finished."""
    finished: bool
    step_seconds: float | None
    saved_bytes: int | None
    company: tuple[int, ...]
    """How many of its blocks were trained together, in each chunk that held it."""
    dropped: Drop | None = None
    """How it left a race; then `scores` holds None for the blocks after that."""

    @property
    def failed_blocks(self) -> tuple[int, ...]:
        """Blocks that a finished candidate, or one that left a race, has no finite score in."""
        trained = self.dropped.blocks if self.dropped else len(self.scores) * self.finished
        return tuple(block for block, score in enumerate(self.scores[:trained]) if score is None)

    @property
    def compared(self) -> bool:
        """Whether it has a score in every block."""
        return self.finished and not self.dropped and not self.failed_blocks


@dataclass(frozen=True)
class Judged:
    """The verdict on one candidate, its numbers in units of the metric."""

    verdict: Verdict | None
    reason: str
    score: float | None = None
    score_interval: Interval | None = None
    difference: float | None = None
    difference_interval: Interval | None = None
    p_worse: float | None = None
    p_equivalent: float | None = None


@dataclass(frozen=True)
class Judgement:
    """The verdict on a study."""

    each: tuple[Judged, ...]
    best: int | None
    recommended: int | None
    reasons: tuple[str, ...]
    margin: float
    margin_text: str
    showable: float | None
    fresh: tuple[float, Interval] | None
    """Where one new run of the recommended candidate lies: expected score, and its interval."""
