"""From a plan and its ledger to the answer: `conclude` needs nothing else, and never trains."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from math import isfinite
from statistics import median
from typing import TYPE_CHECKING

from actlab.compare.naming import listed
from actlab.compare.racing import course_of
from actlab.compare.result import LearningCurve, Result, Row, Sensitivity
from actlab.compare.scales import field_of
from actlab.compare.statistics import good_rates
from actlab.compare.verdict import Evidence, Judged, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from actlab.compare.ledger import Ledger, Recorded
    from actlab.compare.protocol import Plan
    from actlab.compare.racing import Course, Drop
    from actlab.compare.study import Run

__all__ = ["conclude"]


def conclude(plan: Plan, ledger: Ledger, *, short_of_memory: tuple[str, ...] = ()) -> Result:
    """Judge what the ledger holds of a study; an unfinished one as far as it went.

    `short_of_memory` names the candidates that could not be trained just now.
    """
    found, recorded = ledger.runs(plan), ledger.recorded(plan)
    course = course_of(plan, field_of(plan.task, plan.settings), found, recorded)
    # What another study trained of a candidate after it left this race does not count.
    recorded = {row.key: recorded[row.key] for row in course.needed if row.key in recorded}
    # A race that was stopped is told by the blocks that all who are still in it have.
    seen = replace(plan, settings=replace(plan.settings, blocks=course.blocks or 1))
    runs: dict[str, list[Run]] = defaultdict(list)
    for run in found:
        if run.block < seen.settings.blocks:
            runs[run.candidate].append(run)
    labels = [candidate.label for candidate in plan.candidates]
    gathered = [
        _Gathered(seen, index, runs[label], course.dropped.get(plan.candidates[index].trained_as))
        for index, label in enumerate(labels)
    ]
    judgement = judge(
        [own.evidence for own in gathered], plan.task, seen.settings, left=course.level
    )
    sign = 1.0 if plan.task.higher_is_better else -1.0

    def place(own: _Gathered) -> tuple[bool, bool, bool, float, int]:
        score = judgement.each[own.index].score
        late = not own.evidence.finished, own.evidence.dropped is not None
        return *late, score is None, -sign * (score or 0.0), own.index

    ranked = sorted(gathered, key=place)
    rates = len(plan.settings.learning_rates)
    done, spared = (
        rates * sum(len(planned.chunk.pairs) for planned in chunks)
        for chunks in ([row for row in course.needed if row.key in recorded], course.spared)
    )
    return Result(
        study=plan.key,
        task=plan.task,
        settings=plan.settings,
        rows=tuple(
            own.row(rank, judgement.each[own.index], judgement.margin)
            for rank, own in enumerate(ranked, start=1)
        ),
        best=None if judgement.best is None else labels[judgement.best],
        recommended=None if judgement.recommended is None else labels[judgement.recommended],
        reasons=judgement.reasons,
        margin=judgement.margin,
        margin_text=judgement.margin_text,
        showable_difference=judgement.showable,
        fresh_score=judgement.fresh[0] if judgement.fresh else None,
        fresh_interval=judgement.fresh[1] if judgement.fresh else None,
        curves=tuple(own.curve() for own in ranked if own.runs),
        sensitivities=tuple(own.sensitivity() for own in ranked if own.runs),
        notes=tuple(_notes(plan, course, ranked, recorded, short_of_memory)),
        environments=tuple(dict.fromkeys(chunk.environment for chunk in recorded.values())),
        runs_done=done,
        runs_planned=plan.runs - spared,
        runs_spared=spared,
        train_seconds=sum(chunk.seconds for chunk in recorded.values()),
        seconds_spared=_seconds_spared(course, recorded),
        short_of_memory=short_of_memory,
        arrangement=plan.arrangement,
        finished=max((chunk.finished for chunk in recorded.values()), default=None),
    )


class _Gathered:
    """The runs of one candidate, by block."""

    def __init__(
        self, plan: Plan, index: int, runs: Sequence[Run], dropped: Drop | None = None
    ) -> None:
        blocks = range(plan.settings.blocks)
        if dropped:
            runs = [run for run in runs if run.block < dropped.blocks]
        self.plan, self.index, self.runs = plan, index, runs
        self.by_block = [[run for run in runs if run.block == block] for block in blocks]
        self.chosen = [
            next((run for run in block if run.test_score is not None), None)
            for block in self.by_block
        ]
        seconds = [run.step_seconds for run in runs if isfinite(run.step_seconds)]
        planned = plan.candidates[index]
        self.evidence = Evidence(
            label=planned.label,
            trained_as=planned.trained_as,
            scores=tuple(_finite(run.test_score) if run else None for run in self.chosen),
            finished=all(self.by_block[: dropped.blocks if dropped else None]),
            step_seconds=median(seconds) if seconds else None,
            saved_bytes=max((run.saved_bytes for run in runs), default=None),
            company=plan.company[planned.trained_as],
            dropped=dropped,
        )

    def row(self, rank: int, judged: Judged, margin: float) -> Row:
        """Return this candidate's line of the table."""
        planned, evidence = self.plan.candidates[self.index], self.evidence
        chosen = [run for run in self.chosen if run]
        sensitivity = self.sensitivity()
        sign = 1.0 if self.plan.task.higher_is_better else -1.0
        signed = [None if v is None else sign * v for v in sensitivity.validation_score]
        good = good_rates(sensitivity.learning_rates, signed, margin)
        return Row(
            rank=rank,
            label=planned.label,
            formula=planned.signature,
            family=planned.family,
            score=judged.score,
            score_interval=judged.score_interval,
            scores=evidence.scores,
            difference=judged.difference,
            difference_interval=judged.difference_interval,
            verdict=judged.verdict,
            verdict_reason=judged.reason,
            p_worse=judged.p_worse,
            p_equivalent=judged.p_equivalent,
            chosen_learning_rates=tuple(run.learning_rate if run else None for run in self.chosen),
            good_learning_rates=good,
            good_factor=good[1] / good[0] if good else None,
            dead_share=_mean([run.dead_share for run in chosen]),
            saturated_share=_mean([run.saturated_share for run in chosen]),
            gradient_first=_median([run.gradient_first for run in chosen]),
            gradient_last=_median([run.gradient_last for run in chosen]),
            step_seconds=evidence.step_seconds,
            saved_bytes=evidence.saved_bytes,
            failed_blocks=evidence.failed_blocks,
            diverged_runs=sum(run.diverged for run in self.runs),
            runs=len(self.runs),
        )

    def curve(self) -> LearningCurve:
        """Return means over the blocks of the chosen runs."""
        chosen = [run for run in self.chosen if run]
        scores = [run.validation_score for run in chosen]
        return LearningCurve(
            label=self.evidence.label,
            train_loss=_over_blocks([run.train_loss for run in chosen], _average),
            validation_loss=_over_blocks([run.validation_loss for run in chosen], _average),
            validation_score=_over_blocks(scores, _average),
            validation_score_lowest=_over_blocks(scores, min),
            validation_score_highest=_over_blocks(scores, max),
        )

    def sensitivity(self) -> Sensitivity:
        """Return the mean validation score for every learning rate."""
        rates = self.plan.settings.learning_rates
        of_rate = {rate: [run for run in self.runs if run.learning_rate == rate] for rate in rates}
        return Sensitivity(
            label=self.evidence.label,
            learning_rates=rates,
            validation_score=tuple(
                _mean([run.validation_score[run.chosen_epoch - 1] for run in of_rate[rate]])
                if all(run.chosen_epoch for run in of_rate[rate])
                else None
                for rate in rates
            ),
            diverged_blocks=tuple(sum(run.diverged for run in of_rate[rate]) for rate in rates),
        )

    def edge(self) -> str | None:
        """Return which end of the grid has the best mean validation score, if one has."""
        sensitivity = self.sensitivity()
        sign = 1.0 if self.plan.task.higher_is_better else -1.0
        known = [
            (sign * score, rate)
            for rate, score in zip(
                sensitivity.learning_rates, sensitivity.validation_score, strict=True
            )
            if score is not None
        ]
        rates = sensitivity.learning_rates
        if not known or len(rates) < 2:
            return None
        best = max(known)[1]
        return {min(rates): "lowest", max(rates): "highest"}.get(best)


def _notes(
    plan: Plan,
    course: Course,
    ranked: Sequence[_Gathered],
    recorded: dict[str, Recorded],
    short_of_memory: Sequence[str],
) -> Iterator[str]:
    """What a reader of the table must know besides."""
    if plan.arrangement:
        yield plan.arrangement.why
    spared = {planned.key for planned in course.spared}
    wanted = [planned for planned in plan.chunks if planned.key not in spared]
    missing = sum(planned.key not in recorded for planned in wanted)
    if missing:
        reached = sum(own.evidence.compared for own in ranked)
        yield (
            f"The study is unfinished: {missing} of {len(wanted)} chunks are missing, and "
            f"{reached} of {len(ranked)} candidates are compared. The same command goes on."
        )
    if short_of_memory:
        yield (
            f"There was not enough memory to train {listed(short_of_memory)}; what else could be "
            "trained is finished. Fewer workers, smaller batches or narrower layers need less."
        )
    if course.dropped:
        rates = len(plan.settings.learning_rates)
        runs = rates * sum(len(planned.chunk.pairs) for planned in course.spared)
        yield (
            f"The race dropped {len(course.dropped)} of {len(ranked)} candidates early, which "
            f"spared {runs} of {plan.runs} trainings ({runs / plan.runs:.0%}); the score of "
            "each is the mean over the blocks until then."
        )
    for own in ranked:
        planned = plan.candidates[own.index]
        if planned.note:
            yield planned.note
        if planned.trained_as != own.index:
            first = plan.candidates[planned.trained_as].label
            yield f"{planned.label} is the same function as {first}; it was trained once."
    for end, wish in (("lowest", "smaller"), ("highest", "larger")):
        labels = [own.evidence.label for own in ranked if own.edge() == end]
        if labels:
            rate = (min if end == "lowest" else max)(plan.settings.learning_rates)
            yield (
                f"The best learning rate is the {end} of the grid ({rate:g}) for "
                f"{listed(labels)}: {wish} ones might serve better."
            )
    diverged = [
        f"{own.evidence.label} {count} of {len(own.runs)}"
        for own in ranked
        if (count := sum(run.diverged for run in own.runs))
    ]
    if diverged:
        yield f"Trainings that diverged (their other learning rates count): {listed(diverged)}."
    if len({chunk.environment for chunk in recorded.values()}) > 1:
        yield (
            "Parts of this study were trained on different machines or versions; the last bits "
            "of the scores and the step times may differ between them."
        )


def _seconds_spared(course: Course, recorded: dict[str, Recorded]) -> float:
    """Estimate of what the spared chunks would have cost: as the candidate's other blocks did."""
    pairs: dict[int, int] = defaultdict(int)
    seconds: dict[int, float] = defaultdict(float)
    for planned in course.needed:
        if planned.key in recorded:
            index = planned.chunk.pairs[0][0]
            pairs[index] += len(planned.chunk.pairs)
            seconds[index] += recorded[planned.key].seconds
    spared = [(row.chunk.pairs[0][0], len(row.chunk.pairs)) for row in course.spared]
    return sum((count * seconds[index] / pairs[index] for index, count in spared), 0.0)


def _finite(number: float | None) -> float | None:
    return number if number is not None and isfinite(number) else None


def _average(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)


def _mean(numbers: Sequence[float]) -> float | None:
    return _finite(_average(numbers)) if numbers else None


def _median(numbers: Sequence[float]) -> float | None:
    finite = [number for number in numbers if isfinite(number)]
    return median(finite) if finite else None


def _over_blocks(
    histories: Sequence[Sequence[float]], function: Callable[[Sequence[float]], float]
) -> tuple[float | None, ...]:
    """Apply a function to every epoch's numbers; None where one of them is not finite."""
    epochs = zip(*histories, strict=True)
    return tuple(function(epoch) if all(map(isfinite, epoch)) else None for epoch in epochs)
