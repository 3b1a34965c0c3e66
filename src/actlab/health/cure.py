"""Trying remedies while a network trains: each is checked, and kept only if the loss shows it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from actlab.errors import ActlabError
from actlab.health.findings import Finding
from actlab.health.patient import Snapshot
from actlab.health.record import Record
from actlab.health.remedies import Remedy

if TYPE_CHECKING:
    from actlab.health.watching import Watch

__all__ = ["Cure", "Trial"]

_BETTER: Final = 0.98
"""The loss has to fall to this part of what it was."""
_AS_GOOD: Final = 1.2
"""After numbers that were not finite, a loss up to this times the last finite one will do."""
_MOST: Final = 8
"""Remedies tried in one training."""
_LAST: Final = 8


@dataclass
class Trial:
    """One remedy that was tried.

    Attributes:
        step: when it was applied.
        finding: what it was for.
        remedy: what was done.
        before: loss before it; infinite if it was not finite.
        after: loss when it was checked; NaN until then.
        kept: whether it was; None until it is known.
    """

    step: int
    finding: Finding
    remedy: Remedy
    before: float
    after: float = math.nan
    kept: bool | None = None

    def __str__(self) -> str:
        outcome = "being checked" if self.kept is None else "kept" if self.kept else "taken back"
        return (
            f"step {self.step}: for {self.finding.symptom}: {self.remedy.text}; "
            f"loss {self.before:.4g} before, {self.after:.4g} after: {outcome}"
        )


class Cure:
    """Applies remedies one at a time and checks each."""

    def __init__(
        self, watch: Watch, ask: Callable[[Finding, Remedy], bool], check_after: int
    ) -> None:
        self._watch = watch
        self._ask = ask
        self._check_after = check_after
        self._tried: set[tuple[str, str, str]] = set()
        self._undo: Callable[[], None] | None = None
        self._ends = 0
        self._next: list[Remedy] = []
        self._best = math.inf
        self._last_good = math.inf
        self.most = _MOST
        self.log: list[Trial] = []

    def look(self) -> None:
        """Called at the end of every window."""
        watch = self._watch
        if self._undo is not None:
            if watch.steps >= self._ends or watch.record.event is not None:
                self._judge()
            return
        self._keep_good()
        if len(self.log) >= self.most:
            return
        for finding in watch.diagnosed().above("note"):
            if self._try_next(finding, list(finding.remedies)):
                return

    def _try_next(self, finding: Finding, remedies: list[Remedy]) -> bool:
        """Try the first of these that was not tried and can be applied; keep the rest at hand."""
        while remedies and len(self.log) < self.most:
            remedy = remedies.pop(0)
            key = (finding.rule, remedy.name, str(dict(remedy.arguments)))
            if key in self._tried:
                continue
            self._tried.add(key)
            if self._ask(finding, remedy) and self._try(finding, remedy):
                self._next = remedies
                return True
        return False

    def finish(self) -> None:
        """Training is over: judge a remedy that is still being checked, and try no more."""
        self.most = 0
        if self._undo is not None:
            self._judge()

    def _keep_good(self) -> None:
        """Remember the state while the loss is at its lowest."""
        loss = _recent(self._watch.record)
        if self._watch.record.event is None and math.isfinite(loss):
            self._last_good = loss
            if loss < self._best:
                self._best = loss
                patient = self._watch.patient
                patient.good = Snapshot.of(patient.model, patient.optimizer)

    def _try(self, finding: Finding, remedy: Remedy) -> bool:
        record = self._watch.record
        loss = math.inf if record.event is not None else _recent(record)
        if self.log and self.log[-1].kept is False and self.log[-1].finding is finding:
            loss = self.log[-1].before  # the state is that before the last one
        try:
            undo = remedy.apply()
        except ActlabError:
            return False
        self._undo = undo
        self._ends = self._watch.steps + self._check_after
        self.log.append(Trial(self._watch.steps, finding, remedy, loss))
        self._watch.begin_anew()
        return True

    def _judge(self) -> None:
        trial, record = self.log[-1], self._watch.record
        trial.after = math.inf if record.event is not None else _recent(record)
        if math.isfinite(trial.before):
            helped = trial.after < _BETTER * trial.before
        else:
            first = record.loss.values[0] if record.loss.values else math.inf
            helped = trial.after < max(_AS_GOOD * self._last_good, _BETTER * first) if (
                math.isfinite(self._last_good)) else trial.after < _BETTER * first  # fmt: skip
        trial.kept = helped
        undo, self._undo = self._undo, None
        if helped:
            self._best = math.inf  # the loss may have another meaning now
            self._keep_good()
            return
        if undo is not None:
            undo()
        if not self._try_next(trial.finding, self._next):
            self._watch.begin_anew()


def _recent(record: Record) -> float:
    """Median of the last losses, infinite if there is none or it is not finite."""
    values = record.loss.values[-_LAST:]
    if not values or not all(map(math.isfinite, values)):
        return math.inf
    return float(np.median(values))
