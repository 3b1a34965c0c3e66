"""Results of made-up studies, through the real plan, ledger and conclusion."""

from __future__ import annotations

import hashlib
import math

import pytest

from actlab.compare.conclusion import conclude
from actlab.compare.environment import environment
from actlab.compare.ledger import Ledger
from actlab.compare.protocol import Plan, PlannedCandidate, PlannedChunk
from actlab.compare.study import Chunk, Run, Settings, TaskSummary
from browser import browser, visit

__all__ = ["browser", "visit"]

HOSTILE = "<script>alert(1)</script>"
"""Also tried as the name of the data, of the target and of a class."""


def noise(*what):
    """A number in [-1, 1) that follows from `what`."""
    return int(hashlib.sha256(repr(what).encode()).hexdigest()[:13], 16) / 16**13 * 2 - 1


def task(name="digits", *, kind="classification", metric="accuracy", higher=True, target=None):
    return TaskSummary(
        name=name,
        kind=kind,
        target=target,
        rows=1797,
        features=64,
        classes=tuple(map(str, range(10))) if kind == "classification" else (),
        metric=metric,
        higher_is_better=higher,
        train_rows=1149,
        validation_rows=288,
        test_rows=360,
        notes=("64 numeric columns were scaled.", "3 missing values were imputed."),
        fingerprint="5" * 64,
    )


def result_of(
    levels,
    *,
    about=None,
    spread=0.004,
    epochs=20,
    blocks=10,
    rates=None,
    failing=(),
    fast=(),
    **put,
):
    """Return a `Result`; `levels` maps a label to its true score."""
    about = about or task()
    rates = rates or (0.0003, 0.001, 0.003, 0.01, 0.03)
    loss = "cross_entropy" if about.kind == "classification" else "mse"
    settings = Settings(
        epochs=epochs, blocks=blocks, learning_rates=rates, loss=loss, metric=about.metric, **put
    )
    labels = list(levels)
    candidates = tuple(
        PlannedCandidate(label, f"x * sigmoid({index + 1} * x)", 1.4, None, index)
        for index, label in enumerate(labels)
    )
    chunks = tuple(
        PlannedChunk(
            Chunk(index, tuple((index, block) for block in range(blocks))),
            hashlib.sha256(repr((label, about, settings)).encode()).hexdigest(),
        )
        for index, label in enumerate(labels)
    )
    plan = Plan(about, candidates, settings, chunks)
    with Ledger.open() as ledger:
        ledger.register(plan)
        for planned in chunks:
            runs = [
                run
                for index, block in planned.chunk.pairs
                for run in _runs(
                    plan, labels[index], levels[labels[index]], block, spread, failing, fast
                )
            ]
            ledger.record(plan, planned, runs, seconds=1.5, environment=environment())
        return conclude(plan, ledger)


def _runs(plan, label, level, block, spread, failing, fast):
    settings = plan.settings
    sign = 1.0 if plan.task.higher_is_better else -1.0
    top = len(settings.learning_rates) - 1
    common = 2 * spread * noise("block", block)
    for place, rate in enumerate(settings.learning_rates):
        bad = label in failing or (place == top > 0 and noise("burst", label, block) > 0.6)
        off = (place - top * 0.55 - 0.6 * noise("best", label)) ** 2 * 0.03 * abs(level)
        final = level - sign * off + common + spread * noise("v", label, block, rate)
        score = [
            math.nan
            if bad
            else final
            - sign * 0.6 * abs(level) * math.exp(-epoch / 3)
            + 0.4 * spread * noise("e", label, block, rate, epoch)
            for epoch in range(settings.epochs)
        ]
        loss = [
            math.nan
            if bad
            else 0.05
            + off / abs(level)
            + 2.2 * math.exp(-epoch / 4)
            + 0.3 * max(0.0, 1 - level) * sign
            + 0.006 * noise("l", label, block, rate, epoch)
            for epoch in range(settings.epochs)
        ]
        chosen = 0 if bad else settings.epochs
        picked = place == round(top * 0.55) and not bad
        yield Run(
            candidate=label,
            learning_rate=rate,
            block=block,
            train_loss=tuple(value * 0.7 for value in loss),
            validation_loss=tuple(loss),
            validation_score=tuple(score),
            chosen_epoch=chosen,
            test_score=level + common + spread * noise("t", label, block) if picked else None,
            test_loss=0.1 if picked else None,
            dead_share=max(0.0, 0.08 * noise("dead", label)),
            saturated_share=max(0.0, 0.3 * noise("saturated", label)),
            gradient_first=0.3 + 0.2 * noise("first", label),
            gradient_last=0.4 + 0.1 * noise("last", label),
            diverged=bad,
            step_seconds=(1.1e-4 if label in fast else 2.3e-4) * (1 + 0.1 * noise("time", label)),
            saved_bytes=65536 * (1 if label in fast else 2),
        )


LEVELS = {
    "gelu": 0.977,
    "silu": 0.976,
    "mish": 0.9765,
    "relu": 0.972,
    "leaky_relu": 0.9715,
    "elu": 0.969,
    "selu": 0.965,
    "hard_swish": 0.974,
    "telu": 0.9768,
    "softplus": 0.951,
    "tanh": 0.962,
    "sigmoid": 0.921,
}


@pytest.fixture(scope="session")
def usual():
    """Twelve candidates as `actlab compare digits` has them."""
    return result_of(LEVELS, fast=("relu", "leaky_relu"))


@pytest.fixture(scope="session")
def hostile():
    """Markup where names belong."""
    names = (
        HOSTILE,
        '"><img src=x onerror=alert(1)>',
        "'onmouseover='alert(1)",
        "{{ 7*7 }}",
        "</style><style>*{background:url(http://evil.example/)}",
        "\u202egnp\x1b[31m\ud800",
    )
    about = task(HOSTILE + ".csv", target="<b onclick=alert(1)>price")
    levels = {name: 0.9 - 0.01 * i for i, name in enumerate(names)}
    return result_of(levels, about=about, blocks=4, epochs=8)


@pytest.fixture(scope="session")
def many():
    """Two hundred candidates."""
    return result_of({f"candidate_{i}": 0.97 - 0.001 * i for i in range(200)}, blocks=4, epochs=12)


@pytest.fixture(scope="session")
def make_result():
    return result_of


@pytest.fixture(scope="session")
def make_task():
    return task
