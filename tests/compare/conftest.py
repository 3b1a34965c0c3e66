"""Plans and runs made of plain data, for the tests of everything that does not train."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from actlab.compare.environment import environment
from actlab.compare.protocol import Plan, PlannedCandidate, PlannedChunk
from actlab.compare.study import Chunk, Run, Settings, TaskSummary

SUMMARY = TaskSummary(
    name="made",
    kind="classification",
    target="kind",
    rows=500,
    features=8,
    classes=("a", "b"),
    metric="accuracy",
    higher_is_better=True,
    train_rows=300,
    validation_rows=100,
    test_rows=100,
    notes=("Nothing was done.",),
    fingerprint="0" * 64,
)


def number(*what):
    """A number in [0, 1) that follows from `what`, with all the bits of a double in use."""
    return int(hashlib.sha256(repr(what).encode()).hexdigest()[:13], 16) / 16**13


@pytest.fixture(scope="session")
def summary():
    return SUMMARY


@pytest.fixture(scope="session")
def make_plan():
    """A plan with one chunk per candidate, from labels; `same` says which share a function."""

    def make(labels=("relu", "tanh", "mine"), same=None, task=SUMMARY, **settings):
        known = replace(
            Settings(epochs=4, learning_rates=(0.001, 0.01, 0.1), loss="cross_entropy"),
            metric=task.metric,
            **settings,
        )
        first = {label: labels.index((same or {}).get(label, label)) for label in labels}
        candidates = tuple(
            PlannedCandidate(
                label=label,
                signature=f"x * {first[label]}",
                gain=1.0 + first[label],
                family=None,
                trained_as=first[label],
            )
            for label in labels
        )
        chunks = [
            PlannedChunk(
                Chunk(place, tuple((index, block) for block in range(known.blocks))),
                hashlib.sha256(repr((index, known)).encode()).hexdigest(),
            )
            for place, index in enumerate(sorted(set(first.values())))
        ]
        return Plan(task, candidates, known, tuple(chunks))

    return make


@pytest.fixture(scope="session")
def make_runs():
    """Runs of a chunk; `score(label, block)` is the test score, None for a failed block."""

    def make(plan, planned, score=None, **changes):
        settings, runs = plan.settings, []
        for index, block in planned.chunk.pairs:
            label = plan.candidates[index].label
            wanted = number(label, block) if score is None else score(label, block)
            for place, rate in enumerate(settings.learning_rates):
                epochs = range(settings.epochs)
                run = Run(
                    candidate=label,
                    learning_rate=rate,
                    block=block,
                    train_loss=tuple(number("train", label, block, rate, e) for e in epochs),
                    validation_loss=tuple(number("loss", label, block, rate, e) for e in epochs),
                    validation_score=tuple(0.9 - 0.1 * abs(place - 1) for _ in epochs),
                    chosen_epoch=0 if wanted is None else 2,
                    test_score=wanted if place == 1 else None,
                    test_loss=0.5 if place == 1 and wanted is not None else None,
                    dead_share=0.25,
                    saturated_share=0.125,
                    gradient_first=number("first", label, block, rate),
                    gradient_last=number("last", label, block, rate),
                    diverged=wanted is None,
                    step_seconds=1e-4,
                    saved_bytes=1024,
                )
                runs.append(replace(run, **changes))
        return runs

    return make


@pytest.fixture(scope="session")
def fill(make_runs):
    """Record whole chunks of a plan in a ledger."""

    def filled(ledger, plan, chunks=None, **options):
        ledger.register(plan)
        for planned in plan.chunks if chunks is None else chunks:
            runs = make_runs(plan, planned, **options)
            ledger.record(plan, planned, runs, seconds=1.5, environment=environment())
        return ledger

    return filled
