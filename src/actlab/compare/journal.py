"""A study's figures for a tracker, while it runs: one `log(dict, step)` callable is enough."""

from __future__ import annotations

import re
from collections import defaultdict
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from actlab.compare.driver import Progress
    from actlab.compare.ledger import Ledger
    from actlab.compare.protocol import Plan
    from actlab.compare.study import Run

    Log = Callable[[dict[str, float], int], None]
    Tell = Callable[[Progress], None]

__all__ = ["journal"]


def journal(log: Log, plan: Plan, ledger: Ledger, progress: Tell | None = None) -> Tell:
    """Return what is told a study's progress: it logs the figures, and tells `progress` too.

    The figures are "chunks/done" and "chunks/total", "seconds/elapsed" and "seconds/remaining",
    and for each candidate its mean test score over the blocks so far, such as "gelu/accuracy".
    The step is the number of finished chunks. What is in a label that MLflow does not take in a
    name is an underscore.
    """
    scores: dict[str, list[float]] = defaultdict(list)
    names = _names([candidate.label for candidate in plan.candidates], plan.task.metric)
    of_function: dict[int, list[str]] = defaultdict(list)
    for candidate in plan.candidates:
        of_function[candidate.trained_as].append(names[candidate.label])
    by_label = {candidate.label: of_function[candidate.trained_as] for candidate in plan.candidates}

    def see(run: Run) -> None:
        if run.test_score is not None and isfinite(run.test_score):
            for name in by_label[run.candidate]:
                scores[name].append(run.test_score)

    first = {plan.candidates[index].label for index in of_function}
    for run in ledger.runs(plan):  # of an earlier sitting
        if run.candidate in first:
            see(run)

    def tell(now: Progress) -> None:
        for run in now.runs:
            see(run)
        figures = {
            "chunks/done": float(now.done),
            "chunks/total": float(now.total),
            "seconds/elapsed": now.elapsed,
        }
        if now.remaining is not None:
            figures["seconds/remaining"] = now.remaining
        figures |= {name: sum(found) / len(found) for name, found in scores.items()}
        log(figures, now.done)
        if progress is not None:
            progress(now)

    return tell


def _names(labels: list[str], metric: str) -> dict[str, str]:
    """A name for every label that trackers take, no two the same."""
    found: dict[str, str] = {}
    for label in labels:
        plain = re.sub(r"[^\w .-]", "_", label, flags=re.ASCII)
        name, number = plain, 1
        while f"{name}/{metric}" in found.values():
            number += 1
            name = f"{plain} {number}"
        found[label] = f"{name}/{metric}"
    return found
