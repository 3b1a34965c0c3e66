"""What the claims share: an answer, how much work is allowed, and studies over many blocks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from functools import cache

import numpy as np
from joblib import Parallel, delayed

from actlab.compare.candidates import candidates_for
from actlab.compare.protocol import plan, summarise
from actlab.compare.statistics import compare_scores
from actlab.compare.study import Settings
from actlab.compare.task import load
from actlab.compare.trainer import train_chunk

HOLDS, HOLDS_IF, FAILS = "holds", "holds if", "does not hold"
LEVEL = 0.05


@dataclass(frozen=True)
class Answer:
    """What was measured of a claim, and what follows."""

    verdict: str
    sentence: str
    how: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def as_dict(self):
        return asdict(self)


@dataclass(frozen=True)
class Scale:
    """How much work a claim may make of itself."""

    quick: bool
    cores: int = 1

    def pick(self, full, quick):
        return quick if self.quick else full


@dataclass(frozen=True)
class Claim:
    """A sentence that is often read, in other words, where from, and what measures it."""

    name: str
    text: str
    source: str
    measure: object


def friedman(number):
    """Friedman's regression problems, 1,000 rows (scikit-learn's generators)."""
    from sklearn import datasets

    x, y = getattr(datasets, f"make_friedman{number}")(1000, noise=0.1 if number == 3 else 1.0,
                                                       random_state=0)  # fmt: skip
    return replace(load(x, y=y), name=f"friedman{number}")


@cache
def table(name):
    """A table by name."""
    return friedman(int(name[-1])) if name.startswith("friedman") else load(name)


def with_gain(name, gain=None, label=None):
    """A candidate whose weights have this gain instead of its own."""
    (candidate,) = candidates_for(name)
    return replace(
        candidate, gain=candidate.gain if gain is None else gain, label=label or candidate.label
    )


class Runs:
    """Every run of some candidates on a table, by label, block and learning rate."""

    def __init__(self, task, candidates, settings, cores):
        planned = plan(task, candidates, settings)
        self.task, self.settings = task, planned.settings
        self.summary = summarise(task, planned.settings)
        self.labels = [candidate.label for candidate in candidates]
        chunks = [item.chunk for item in planned.chunks]
        found = Parallel(n_jobs=cores)(
            delayed(train_chunk)(task, candidates, chunk, planned.settings) for chunk in chunks
        )
        self._runs = defaultdict(dict)
        for run in (run for runs in found for run in runs):
            self._runs[run.candidate, run.block][run.learning_rate] = run

    def all(self, label):
        """Runs of one candidate: a list for each block, by learning rate."""
        return [
            [self._runs[label, block][rate] for rate in self.settings.learning_rates]
            for block in range(self.settings.blocks)
        ]

    def test(self, label):
        """The test score of every block, at what validation chose; the worst if nothing ran."""
        floor = 0.0 if self.summary.kind == "classification" else -1.0
        chosen = [
            [run.test_score for run in runs if run.test_score is not None]
            for runs in self.all(label)
        ]
        return np.array([scores[0] if scores else floor for scores in chosen])

    def validation(self, label):
        """Best validation score by block and rate; the worst where the training diverged."""
        floor = 0.0 if self.summary.kind == "classification" else -1.0
        table = np.array(
            [
                [np.nanmax([*run.validation_score, floor]) for run in runs]
                for runs in self.all(label)
            ]
        )
        return np.maximum(table, floor)

    def compared(self, scores, margin, resolution=0.0):
        """The protocol's test of scores, (candidates, blocks)."""
        task = self.summary
        overlap = task.test_rows / (task.train_rows + task.validation_rows)
        return compare_scores(
            np.asarray(scores), overlap=overlap, margin=margin, resolution=resolution
        )


def trained(data, names, scale, **settings):
    """All runs of candidates, by name or ready, on a table."""
    task = table(data) if isinstance(data, str) else data
    candidates = [with_gain(name) if isinstance(name, str) else name for name in names]
    settings = {"epochs": scale.pick(30, 6), "blocks": scale.pick(10, 3), **settings}
    return Runs(task, candidates, Settings(**settings), scale.cores)


def number(value, digits=3):
    """A number for a table."""
    if not np.isfinite(value):
        return "∞" if value > 0 else "none"
    return f"{value:.{digits}f}"


def power(logarithm):
    """A natural logarithm as a power of ten."""
    return f"10^{logarithm / np.log(10):+.1f}" if np.isfinite(logarithm) else "0"


def counted(names):
    """How many there are, and which."""
    return f"{len(names)} ({listed(names)})" if names else "none"


def listed(names):
    """Names in a sentence."""
    names = list(names)
    if len(names) < 2:
        return "".join(names) or "none"
    return f"{', '.join(names[:-1])} and {names[-1]}"
