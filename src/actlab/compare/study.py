"""What a study is made of: settings, candidates, chunks, and what one run leaves behind.

Frozen values without behaviour; everything else in `compare` speaks in these words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = [
    "ASKED",
    "TRAINING",
    "Arrangement",
    "Candidate",
    "Chunk",
    "Run",
    "Settings",
    "TaskSummary",
]


@dataclass(frozen=True)
class Candidate:
    """One activation that takes part, under the label it is shown by."""

    label: str
    activation: Activation
    gain: float
    """Standard deviation of a weight times sqrt(fan_in): 1/sqrt(E[f(z)²]), z ~ N(0, 1)."""
    note: str = ""
    """What the answer has to say of it, in a sentence; no part of what determines a result."""

    @property
    def text(self) -> str:
        """The formula with its numbers, which determines the function whatever its label."""
        return self.activation.signature


@dataclass(frozen=True)
class Settings:
    """Everything about a study that the data and the candidates do not say."""

    hidden: tuple[int, ...] = (64, 64)
    optimizer: str = "adam"
    loss: str = "auto"
    metric: str = "auto"
    schedule: str = "constant"
    clip_norm: float | None = None
    epochs: int = 30
    batch_size: int = 64
    learning_rates: tuple[float, ...] = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
    blocks: int = 10
    validation_share: float = 0.2
    test_share: float = 0.2
    seed: int = 0
    margin: float = 0.01
    """Differences smaller than this count as equivalent: in units of the score for an accuracy
    or R², as a share of the best mean score for an error (log loss, RMSE, MAE)."""
    level: float = 0.05
    chunk_members: int = 40
    """How many networks are trained in one batched computation (part of the plan)."""
    race: bool = False
    """Whether candidates that are clearly behind are dropped early (see `racing`)."""


TRAINING: Final = (
    "hidden",
    "optimizer",
    "loss",
    "metric",
    "schedule",
    "clip_norm",
    "epochs",
    "batch_size",
    "learning_rates",
    "validation_share",
    "test_share",
    "seed",
)
"""The settings that a training sees; the others only shape the plan or the verdict."""

ASKED: Final = (
    *(name for name in TRAINING if not name.endswith("_share")),
    "blocks",
    "margin",
    "race",
)
"""The settings that are arguments of `actlab.compare`."""


@dataclass(frozen=True)
class Arrangement:
    """How the networks of a problem are trained: part of the plan, since the ways round apart."""

    way: Literal["looped", "stacked"]
    why: str
    """In a sentence."""


@dataclass(frozen=True)
class Chunk:
    """Members trained together: every learning rate of each (candidate, block) pair.

    All learning rates of a pair are in one chunk, so that the choice by validation
    happens inside it and the test part is scored only for what was chosen.
    """

    index: int
    pairs: tuple[tuple[int, int], ...]
    """(candidate index, block index)."""


@dataclass(frozen=True)
class Run:
    """One finished training: one row of the ledger."""

    candidate: str
    learning_rate: float
    block: int
    train_loss: tuple[float, ...]
    validation_loss: tuple[float, ...]
    validation_score: tuple[float, ...]
    """One number per epoch, in units of the metric."""
    chosen_epoch: int
    """Best epoch on validation, counted from 1; 0 when no epoch gave a finite score."""
    test_score: float | None
    """Scored once, only for the learning rate that validation chose; None otherwise."""
    test_loss: float | None
    dead_share: float
    """Hidden units whose derivative is zero on every validation row, at the chosen epoch."""
    saturated_share: float
    """Hidden units saturated on at least nine validation rows in ten, at the chosen epoch."""
    gradient_first: float
    gradient_last: float
    """Median over steps of the gradient norm of the first and the last weight matrix."""
    diverged: bool
    step_seconds: float
    """Measured time of one optimiser step divided by the members trained together."""
    saved_bytes: int
    """Bytes that autograd keeps per step for one member's activation functions."""


@dataclass(frozen=True)
class TaskSummary:
    """What the answer needs to know of the data, so that it can do without them."""

    name: str
    """What the user called it: "digits", a file's name, "frame"."""
    kind: str
    """"classification", "regression", or what a problem calls itself."""
    target: str | None
    rows: int
    features: int
    """Columns of the network's input, after encoding."""
    classes: tuple[str, ...]
    """Names of the classes as they stand in the data; empty for regression."""
    metric: str
    higher_is_better: bool
    train_rows: int
    validation_rows: int
    test_rows: int
    """Rows of each part in one block."""
    notes: tuple[str, ...]
    """What was done to the data, in sentences."""
    fingerprint: str
    """SHA-256 of the values that the networks will see."""
    metric_range: tuple[float | None, float | None] | None = None
    """Of a problem: where a score can lie (None: no end); of a table the metric's name says it."""
    metric_relative: bool = False
    """Of a problem: whether the margin is a share of the best mean score."""
    metric_counted: bool = False
    """Of a problem: whether the metric counts test rows, and so moves in steps of one."""
