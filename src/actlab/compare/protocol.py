"""The plan of a study: which networks are trained together, and what each result is called.

The plan follows from the study alone, never from what a ledger already holds, from the memory or
the cores of the machine. A *chunk* holds every learning rate of each of its (candidate, block)
pairs. Whole candidates are packed into a chunk while they fit into `Settings.chunk_members`; a
candidate that does not fit is cut by blocks, as evenly as possible; so are large data, of which
a chunk holds the rows of each of its blocks. So most chunks hold one candidate, and a study with
one more candidate finds the others in its ledger. A study that races is cut at every look as well
(see `racing`), and its chunks hold one candidate each.

A chunk's key is the SHA-256 of everything that determines its numbers: the data, the settings
that training sees, all of its members (batched arithmetic may round differently in another
company), and the versions of this protocol and of the libraries that draw, split and train. What
a candidate is called, the margin, and the number of workers do not belong to it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import metadata
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any, Final

from actlab.compare.losses import loss_for
from actlab.compare.metrics import metric_for
from actlab.compare.racing import looks
from actlab.compare.study import TRAINING, Arrangement, Chunk, Settings, TaskSummary
from actlab.compare.task import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actlab.compare.problem import Problem
    from actlab.compare.study import Candidate

__all__ = ["PROTOCOL", "Plan", "PlannedCandidate", "PlannedChunk", "plan", "summarise"]

PROTOCOL: Final = 2
"""Raised when a change of the package changes what a training yields: old results stay apart."""

MOST_CELLS: Final = 50_000_000
"""Rows times columns that a chunk holds at once, over its blocks, unless one block has more."""

_LIBRARIES: Final = ("torch", "numpy", "numba", "scikit-learn")


@dataclass(frozen=True)
class PlannedCandidate:
    """What the plan and the answer need of a candidate, as plain values."""

    label: str
    signature: str
    """The formula with its numbers, which determines the function."""
    gain: float
    family: str | None
    trained_as: int
    """Index of the first candidate with the same function: equal functions train once."""
    note: str = ""


@dataclass(frozen=True)
class PlannedChunk:
    """A chunk and its key."""

    chunk: Chunk
    key: str


@dataclass(frozen=True)
class Plan:
    """A study, cut into chunks: everything that the ledger and the answer need to know."""

    task: TaskSummary
    candidates: tuple[PlannedCandidate, ...]
    settings: Settings
    chunks: tuple[PlannedChunk, ...]
    arrangement: Arrangement | None = None
    """How a problem's networks are trained; tables are always stacked."""

    def arranged(self, arrangement: Arrangement) -> Plan:
        """Return the plan of training a problem's networks this way.

        A chunk then holds one candidate, and one block of it where members are trained one after
        another. The two ways have keys of their own.
        """
        pairs = [planned.chunk.pairs for planned in self.chunks]
        cuts = [tuple(own) for cut in pairs for _, own in groupby(cut, key=lambda pair: pair[0])]
        if arrangement.way == "looped":
            cuts = [(pair,) for cut in cuts for pair in cut]
        chunks = _keyed(cuts, self.candidates, self.settings, self.task, arrangement.way)
        return replace(self, chunks=chunks, arrangement=arrangement)

    @cached_property
    def key(self) -> str:
        """SHA-256 over the keys of the chunks, which candidate is which, and the verdict's rule."""
        order = [candidate.trained_as for candidate in self.candidates]
        keys = [chunk.key for chunk in self.chunks]
        racing = [True] if self.settings.race else []
        return _digest([keys, order, self.settings.margin, self.settings.level, *racing])

    @cached_property
    def runs(self) -> int:
        """Trainings of the study, functions that two candidates share counted once."""
        return sum(len(planned.chunk.pairs) for planned in self.chunks) * len(
            self.settings.learning_rates
        )

    @cached_property
    def company(self) -> dict[int, tuple[int, ...]]:
        """For each function that is trained, how many of its blocks stand in each of its chunks."""
        counts: dict[int, list[int]] = defaultdict(list)
        for planned in self.chunks:
            for index, together in Counter(index for index, _ in planned.chunk.pairs).items():
                counts[index].append(together)
        return {index: tuple(together) for index, together in counts.items()}

    def members(self, planned: PlannedChunk) -> dict[str, tuple[int, int, float]]:
        """Key of every run of a chunk -> (candidate index, block, learning rate), in order."""
        found = {}
        for index, block in planned.chunk.pairs:
            candidate = self.candidates[index]
            for rate in self.settings.learning_rates:
                what = [planned.key, candidate.signature, candidate.gain, block, rate]
                found[_digest(what)] = (index, block, rate)
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as plain values that JSON can hold; `from_dict` is the way back."""
        return {
            "task": vars(self.task),
            "candidates": [vars(candidate) for candidate in self.candidates],
            "settings": vars(self.settings),
            "chunks": [[planned.key, planned.chunk.pairs] for planned in self.chunks],
            "arrangement": self.arrangement and vars(self.arrangement),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Plan:
        """Rebuild a plan from what `as_dict` gave."""
        return cls(
            task=TaskSummary(**_tuples(values["task"])),
            candidates=tuple(PlannedCandidate(**row) for row in values["candidates"]),
            settings=Settings(**_tuples(values["settings"])),
            chunks=tuple(
                PlannedChunk(Chunk(index, tuple((pair[0], pair[1]) for pair in pairs)), key)
                for index, (key, pairs) in enumerate(values["chunks"])
            ),
            arrangement=Arrangement(**way) if (way := values.get("arrangement")) else None,
        )


def plan(task: Task | Problem, candidates: Sequence[Candidate], settings: Settings) -> Plan:
    """Cut a study into chunks and name every one of its results.

    Raises:
        DataError: the data are too small for the shares, or the loss or metric do not fit them.
        SettingError: a candidate that can not stand in the problem's network.
    """
    if isinstance(task, Task):
        settings = replace(
            settings,
            loss=loss_for(settings.loss, task).name,
            metric=metric_for(settings.metric, task).name,
        )
        summary = summarise(task, settings)
    else:
        settings = task.settled(settings)
        for candidate in candidates:
            task.check(candidate.activation)
        score = task.score(settings)
        summary = replace(
            task.summary(settings),
            metric=score.name,
            higher_is_better=score.greater_is_better,
            metric_range=(score.lowest, score.highest),
            metric_relative=score.relative,
            metric_counted=score.counted,
        )
    planned = _planned(candidates)
    blocks_at_once = max(1, MOST_CELLS // (summary.rows * max(1, summary.features)))
    cuts = _cut(sorted({row.trained_as for row in planned}), settings, blocks_at_once)
    return Plan(summary, planned, settings, _keyed(cuts, planned, settings, summary))


def _keyed(
    cuts: Sequence[tuple[tuple[int, int], ...]],
    planned: Sequence[PlannedCandidate],
    settings: Settings,
    task: TaskSummary,
    *way: str,
) -> tuple[PlannedChunk, ...]:
    """Chunks from pairs, each with the key of everything that determines its numbers."""
    training = {name: getattr(settings, name) for name in TRAINING}
    versions = {name: metadata.version(name) for name in _LIBRARIES}
    chunks = []
    for index, pairs in enumerate(cuts):
        members = [[planned[i].signature, planned[i].gain, block] for i, block in pairs]
        key = _digest([PROTOCOL, versions, task.fingerprint, training, members, *way])
        chunks.append(PlannedChunk(Chunk(index, pairs), key))
    return tuple(chunks)


def summarise(task: Task, settings: Settings) -> TaskSummary:
    """Return what the answer needs to know of the data; the first block stands for all."""
    first = task.split(0, settings)
    metric = metric_for(settings.metric, task)
    return TaskSummary(
        name=task.name,
        kind=task.kind,
        target=task.target_name,
        rows=task.rows,
        features=first.train_x.shape[1],
        classes=task.classes,
        metric=metric.name,
        higher_is_better=metric.greater_is_better,
        train_rows=len(first.train_rows),
        validation_rows=len(first.validation_rows),
        test_rows=len(first.test_rows),
        notes=(*task.notes, *first.notes),
        fingerprint=task.fingerprint,
    )


def _planned(candidates: Sequence[Candidate]) -> tuple[PlannedCandidate, ...]:
    first: dict[tuple[str, float], int] = {}
    return tuple(
        PlannedCandidate(
            label=candidate.label,
            signature=candidate.text,
            gain=candidate.gain,
            family=candidate.activation.family,
            trained_as=first.setdefault((candidate.text, candidate.gain), index),
            note=candidate.note,
        )
        for index, candidate in enumerate(candidates)
    )


def _cut(
    functions: Sequence[int], settings: Settings, blocks_at_once: int
) -> list[tuple[tuple[int, int], ...]]:
    """Pairs of every chunk, from the indices of the functions that are trained."""
    most = max(1, settings.chunk_members // len(settings.learning_rates))
    at_once = min(most, blocks_at_once)
    if settings.race:  # one candidate a chunk, cut at every look, stage by stage
        return [
            tuple((i, block) for block in range(low, high))
            for begin, end in pairwise((0, *looks(settings.blocks)))
            for i in functions
            for low, high in _parts(begin, end, at_once)
        ]
    parts = _parts(0, settings.blocks, at_once)
    together = most // settings.blocks if len(parts) == 1 else 1
    return [
        tuple((i, block) for i in functions[start : start + together] for block in range(low, high))
        for start in range(0, len(functions), together)
        for low, high in parts
    ]


def _parts(begin: int, end: int, at_once: int) -> list[tuple[int, int]]:
    """Cut blocks into ranges of at most so many, as evenly as possible."""
    parts = -(-(end - begin) // at_once)
    bounds = [begin + (end - begin) * part // parts for part in range(parts + 1)]
    return list(pairwise(bounds))


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    """JSON knows no tuples: its lists become tuples again."""
    return {
        key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
    }


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
