"""From what the statistics show to what a user should do, in words.

Every candidate is *best* (by mean), *equivalent* (shown to lie within the margin), *worse* (shown
to be), or *undecided*. A candidate that failed in some block (no learning rate of the grid gave a
finite score) counts as worse without a test. One that is shown both worse and within the margin
is equivalent: the difference is real and does not matter.

The recommendation is the best, or a cheaper candidate that was shown equivalent. Cheaper means at
most `CLEARLY` times the best's measured step time; or no clearly longer step time, and at most
`CLEARLY` times its memory. Measured times are noisy, so smaller advantages are not believed, and
times are compared only between candidates whose blocks were trained in equal numbers together.
An undecided candidate is never preferred for being cheap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from actlab.compare.judgement import Evidence, Judged, Judgement
from actlab.compare.naming import listed, metric_in_words
from actlab.compare.scales import field_of, margin_of, range_of
from actlab.compare.statistics import FEWEST_BLOCKS, POWER, Comparison, compare_scores, fresh_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from actlab.compare.racing import Drop, Field
    from actlab.compare.result import Interval, Verdict
    from actlab.compare.study import Settings, TaskSummary

__all__ = ["CLEARLY", "Evidence", "Judged", "Judgement", "judge"]

CLEARLY: Final = 0.9
"""A cheaper candidate takes at most this part of the time (or memory): 10 % less."""

_SAME: Final = "It is the same function as the best."


def judge(
    evidence: Sequence[Evidence],
    task: TaskSummary,
    settings: Settings,
    *,
    left: float | None = None,
) -> Judgement:
    """Give every candidate its verdict, and recommend one.

    Pure: the same evidence, however it came about, gives the same judgement. `left` is what a
    race has left of the study's level for the verdict.
    """
    left = settings.level if left is None else left
    sign = 1.0 if task.higher_is_better else -1.0
    indices = [i for i, row in enumerate(evidence) if row.compared and row.trained_as == i]
    scores = np.array([evidence[i].scores for i in indices], dtype=np.float64)
    scores = sign * scores.reshape(len(indices), settings.blocks)
    means = scores.mean(axis=1)
    best = indices[int(means.argmax())] if indices else None
    margin, margin_text = margin_of(task, settings, float(means.max()) if indices else None)
    found, field = None, field_of(task, settings)
    if len(indices) > 1 or (indices and any(row.dropped for row in evidence)):
        found = compare_scores(
            scores,
            overlap=field.overlap,
            margin=margin,
            level=settings.level,
            left=left,
            resolution=field.resolution,
        )
    place = {index: position for position, index in enumerate(indices)}
    study = _Study(evidence, task, settings, place, sign * means, found, margin, left)
    each = tuple(study.judged(i) for i in range(len(evidence)))
    recommended, why = study.recommended(best, each)
    fresh = study.fresh(recommended, scores, field)
    reasons = why if best is None else (*why, *study.summary(best, each, recommended, fresh))
    return Judgement(
        each=each,
        best=best,
        recommended=recommended,
        reasons=reasons,
        margin=margin,
        margin_text=margin_text,
        showable=found.showable if found else None,
        fresh=fresh,
    )


@dataclass(frozen=True)
class _Study:
    """The numbers of a study, and the sentences about them."""

    evidence: Sequence[Evidence]
    task: TaskSummary
    settings: Settings
    place: dict[int, int]
    """Index of a compared function -> its row in `means` and `found`."""
    means: NDArray[np.float64]
    """Mean scores in units of the metric."""
    found: Comparison | None
    margin: float
    left: float
    """What a race has left of the level for the verdict; else the level."""

    @property
    def sign(self) -> float:
        """Turns a score into one where greater is better, and back."""
        return 1.0 if self.task.higher_is_better else -1.0

    @property
    def metric(self) -> str:
        """The metric as people write it."""
        return metric_in_words(self.task.metric)

    @property
    def decided(self) -> bool:
        """Whether there are blocks enough for a verdict."""
        return self.settings.blocks >= FEWEST_BLOCKS

    # --- one candidate ------------------------------------------------------------------------

    def judged(self, index: int) -> Judged:
        """Return the verdict on one candidate."""
        row = self.evidence[index]
        if row.dropped and row.dropped.behind is not None:
            return self._dropped(row, row.dropped)
        if not row.finished and not row.dropped:
            return Judged(None, "It was not reached before the study was stopped.")
        if row.failed_blocks:
            blocks = ", ".join(str(block + 1) for block in row.failed_blocks)
            reason = (
                "It failed: no learning rate of the grid gave a finite score in "
                f"{len(row.failed_blocks)} of {_blocks(self.settings)} (number {blocks})."
            )
            if row.dropped:
                reason += f" It left the race after {row.dropped.blocks} blocks."
            return Judged("worse" if self.decided else None, reason)
        position = self.place[row.trained_as]
        score = float(self.means[position])
        if not self.decided:
            return Judged(None, f"{_blocks(self.settings)}: too few for a verdict.", score)
        if self.found is None:
            if row.trained_as != index:
                return Judged("equivalent", _SAME, score, difference=0.0)
            return Judged("best", "It is the only one to compare.", score, difference=0.0)
        return self._tested(index, position, self.found)

    def _dropped(self, row: Evidence, drop: Drop) -> Judged:
        """Verdict on a candidate that left the race, by the scores it has."""
        scores = [score for score in row.scores[: drop.blocks] if score is not None]
        best = self.evidence[drop.behind or 0].label
        return Judged(
            "worse",
            f"It left the race after {drop.blocks} of {_blocks(self.settings)}: shown to be worse "
            f"than {best}, by {_text(abs(drop.difference))} (p = {drop.p:.2g}, at a look that "
            f"spends {drop.level:.2g} of the level).",
            score=sum(scores) / len(scores),
            difference=drop.difference,
            p_worse=drop.p,
        )

    def _tested(self, index: int, position: int, found: Comparison) -> Judged:
        level = self.settings.level
        is_best = position == found.best
        p_worse = float(found.p_worse[position])
        p_equivalent = float(found.p_equivalent[position])
        verdict: Verdict = "undecided"
        reason = "Neither a difference nor equivalence could be shown."
        if is_best and self.evidence[index].trained_as == index:
            verdict, reason = "best", "It has the best mean score."
        elif is_best:
            verdict, reason = "equivalent", _SAME
        elif p_equivalent <= level:
            verdict, reason = "equivalent", "It lies within the margin of the best."
            if p_worse <= self.left:
                reason = "It is worse than the best, but by less than the margin."
        elif p_worse <= self.left:
            verdict, reason = "worse", "It is shown to be worse than the best."
        ends = (self.sign * found.low[position], self.sign * found.high[position])
        spread = (self.sign * found.mean_low[position], self.sign * found.mean_high[position])
        lowest, highest = range_of(self.task)
        return Judged(
            verdict,
            reason,
            score=float(self.means[position]),
            score_interval=(max(lowest, float(min(spread))), min(highest, float(max(spread)))),
            difference=float(self.sign * found.difference[position]) + 0.0,
            difference_interval=(float(min(ends)) + 0.0, float(max(ends)) + 0.0),
            p_worse=None if is_best else p_worse,
            p_equivalent=None if is_best else p_equivalent,
        )

    # --- the recommendation -------------------------------------------------------------------

    def recommended(
        self, best: int | None, each: Sequence[Judged]
    ) -> tuple[int | None, tuple[str, ...]]:
        """Return the index to recommend, and why."""
        if best is None:
            if any(row.finished for row in self.evidence):
                return None, (
                    "No recommendation: every candidate failed in some block; try smaller "
                    "learning rates or clip the gradients.",
                )
            return None, ("No recommendation: no candidate was finished.",)
        name, score = self.evidence[best].label, _text(each[best].score)
        over = f"{score} over {_blocks(self.settings)}"
        if not self.decided:
            return None, (
                f"No verdict: {_blocks(self.settings)} can not tell a difference from chance; "
                f"at least {FEWEST_BLOCKS} are needed, 10 or more are better.",
                f"{name} has the best mean {self.metric} so far, {score}.",
            )
        cheap = [
            i
            for i, judged in enumerate(each)
            if judged.verdict == "equivalent" and self._cheaper(i, best)
        ]
        if not cheap:
            tied = [i for i, judged in enumerate(each) if judged.verdict == "undecided"]
            if tied:
                return best, (self._tie(best, each, tied, over),)
            beaten = [judged.verdict == "worse" for i, judged in enumerate(each) if i != best]
            others = "no clearly cheaper candidate was shown to be equivalent"
            if beaten and all(beaten):
                others = "every other candidate was shown to be worse"
            return best, (
                f"{name} is recommended: it has the best mean {self.metric}, {over}, and {others}.",
            )
        fastest = min(self._seconds(i) for i in cheap)
        near = [i for i in cheap if self._seconds(i) <= fastest / CLEARLY]
        chosen = min(near, key=lambda i: (self._bytes(i), -self.sign * (each[i].score or 0.0), i))
        seconds = self._seconds(chosen) / self._seconds(best)
        saving = f"a training step takes {seconds:.2f} times as long"
        if seconds > CLEARLY:
            part = self._bytes(chosen) / self._bytes(best)
            saving = f"it keeps {part:.2f} times the memory in a step that takes no clearly longer"
        return chosen, (
            f"{self.evidence[chosen].label} is recommended: it was shown to be equivalent to "
            f"{name}, the best by mean ({over}), and {saving}.",
            "Step times were measured while this study ran and are noisy; less than 10 % is not "
            "taken for an advantage.",
        )

    def _tie(self, best: int, each: Sequence[Judged], tied: Sequence[int], over: str) -> str:
        """What to do where no difference was shown."""
        name = self.evidence[best].label
        by_score = sorted(tied, key=lambda i: -self.sign * (each[i].score or 0.0))
        return (
            f"A tie: no difference was shown between {name}, which has the best mean "
            f"{self.metric} ({over}), and {listed([self.evidence[i].label for i in by_score])}. "
            "Keep the one you have, or take the one with the shortest step; "
            f"{name} if neither matters."
        )

    def _cheaper(self, index: int, best: int) -> bool:
        own, other = self.evidence[index], self.evidence[best]
        if own.company != other.company or own.trained_as == other.trained_as:
            return False
        if not (own.step_seconds and other.step_seconds):
            return False
        ratio = own.step_seconds / other.step_seconds
        if ratio <= CLEARLY:
            return True
        return ratio < 1 / CLEARLY and self._bytes(index) <= CLEARLY * self._bytes(best)

    def _seconds(self, index: int) -> float:
        return self.evidence[index].step_seconds or 0.0

    def _bytes(self, index: int) -> int:
        return self.evidence[index].saved_bytes or 0

    def fresh(
        self, recommended: int | None, scores: NDArray[np.float64], field: Field
    ) -> tuple[float, Interval] | None:
        """Return where a new run of the recommended candidate lies; `scores`: greater is better."""
        if recommended is None or not self.decided:
            return None
        expected, low, high = fresh_run(
            scores,
            self.place[self.evidence[recommended].trained_as],
            overlap=field.overlap,
            level=self.settings.level,
            resolution=field.resolution,
        )
        lowest, highest = range_of(self.task)
        ends = (min(self.sign * low, self.sign * high), max(self.sign * low, self.sign * high))
        return self.sign * expected, (max(lowest, ends[0]), min(highest, ends[1]))

    # --- the rest of the answer ---------------------------------------------------------------

    def summary(
        self,
        best: int,
        each: Sequence[Judged],
        recommended: int | None,
        fresh: tuple[float, Interval] | None,
    ) -> tuple[str, ...]:
        """Sentences on how the field lies, and on what this budget can show."""
        if self.found is None or recommended is None:
            return ()
        name, metric = self.evidence[best].label, self.metric
        ranked = sorted(
            zip(self.evidence, each, strict=True),
            key=lambda pair: -self.sign * (pair[1].score or 0),
        )
        groups = {
            verdict: [row.label for row, judged in ranked if judged.verdict == verdict]
            for verdict in ("equivalent", "undecided", "worse")
        }
        said = []
        if groups["equivalent"]:
            said.append(
                f"Shown to be equivalent to {name} (within {_text(self.margin)}): "
                f"{listed(groups['equivalent'])}."
            )
        if groups["worse"]:
            said.append(f"Shown to be worse than {name}: {listed(groups['worse'])}.")
        if groups["undecided"] and recommended != best:  # a tie names them already
            said.append(
                f"Undecided: {listed(groups['undecided'])}; this study does not tell "
                f"{'them' if len(groups['undecided']) > 1 else 'it'} from {name}."
            )
        if self.found.showable > 0:
            said.append(
                f"With {_blocks(self.settings)}, a candidate that is truly worse by "
                f"{_text(self.found.showable)} is found in {100 * POWER:g} % of all studies; "
                "much smaller differences are out of this budget's reach."
            )
        cost = float(self.found.cost[self.place[self.evidence[recommended].trained_as]])
        said.append(
            f"Whichever candidate is truly best, choosing {self.evidence[recommended].label} "
            f"costs at most {_text(cost)} in {metric} ({100 * (1 - self.settings.level):g} % sure)."
        )
        if fresh:
            expected, (low, high) = fresh
            said.append(
                f"A new run of {self.evidence[recommended].label} on new data of this kind can be "
                f"expected to score {_text(expected)}, between {_text(low)} and {_text(high)} "
                f"({100 * (1 - self.settings.level):g} % sure; corrected for having been picked)."
            )
        return tuple(said)


def _blocks(settings: Settings) -> str:
    return "1 block" if settings.blocks == 1 else f"{settings.blocks} blocks"


def _text(number: float | None) -> str:
    return "none" if number is None else f"{number:.4g}"
