"""What a comparison answers: a frozen value that table, report and JSON are made from.

Every number is finite or `None`, so that `to_json` writes strict JSON. Names that come from
the user's data or formulas are kept as they are; whoever prints them into HTML escapes them.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from actlab import _facade

if TYPE_CHECKING:
    from actlab.compare.study import Arrangement, Settings, TaskSummary

__all__ = [
    "Environment",
    "Interval",
    "LearningCurve",
    "Result",
    "Row",
    "Sensitivity",
    "Verdict",
    "write_atomically",
]

Interval = tuple[float, float]
Verdict = Literal["best", "equivalent", "undecided", "worse"]


@dataclass(frozen=True)
class Row:
    """One candidate in the ranked table."""

    rank: int
    """1 is the best mean score; candidates that failed or were not finished come last."""
    label: str
    formula: str
    """The formula with its numbers, as it can be typed again."""
    family: str | None
    score: float | None
    """Mean test score over the blocks, in units of the metric; None if a block has none."""
    score_interval: Interval | None
    """Where the mean score lies with 95 % (for this candidate alone)."""
    scores: tuple[float | None, ...]
    """Test score of every block."""
    difference: float | None
    """This candidate's mean score minus the best one's, in units of the metric."""
    difference_interval: Interval | None
    """Each end holds with 95 % for all candidates at once (see `statistics`)."""
    verdict: Verdict | None
    """None: no verdict could be given (too few blocks, or not finished)."""
    verdict_reason: str
    """One sentence that says why."""
    p_worse: float | None
    """Adjusted p value of "no worse than the best"."""
    p_equivalent: float | None
    """Adjusted p value of "further than the margin from the best"."""
    chosen_learning_rates: tuple[float | None, ...]
    """The learning rate that validation chose in every block."""
    good_learning_rates: Interval | None
    """Smallest and largest learning rate around the best one that validate as well."""
    good_factor: float | None
    """Largest good learning rate divided by the smallest: 1 is a single grid point."""
    dead_share: float | None
    saturated_share: float | None
    gradient_first: float | None
    """Median over the blocks of the gradient norm of the first weight matrix."""
    gradient_last: float | None
    step_seconds: float | None
    """Measured time of one optimiser step of one network (median over blocks)."""
    saved_bytes: int | None
    """Bytes that autograd keeps per step for the activations of one network."""
    failed_blocks: tuple[int, ...]
    """Blocks in which no learning rate of the grid gave a finite score."""
    diverged_runs: int
    runs: int
    """Finished runs of this candidate; 0 when it was not reached."""


@dataclass(frozen=True)
class LearningCurve:
    """Means over the blocks, epoch by epoch, of the runs that validation chose."""

    label: str
    train_loss: tuple[float | None, ...]
    validation_loss: tuple[float | None, ...]
    validation_score: tuple[float | None, ...]
    validation_score_lowest: tuple[float | None, ...]
    validation_score_highest: tuple[float | None, ...]
    """Lowest and highest block, for a band around the mean."""


@dataclass(frozen=True)
class Sensitivity:
    """How the validation score depends on the learning rate: means over the blocks."""

    label: str
    learning_rates: tuple[float, ...]
    validation_score: tuple[float | None, ...]
    """None where a block gave no finite score."""
    diverged_blocks: tuple[int, ...]
    """In how many blocks the training diverged, for every learning rate."""


@dataclass(frozen=True)
class Environment:
    """One kind of machine that trained a part of the study."""

    actlab: str
    python: str
    torch: str
    numpy: str
    system: str
    processor: str
    cores: int
    """Processor cores that this process may use."""


@dataclass(frozen=True, repr=False)
class Result:
    """The answer of one study, with the evidence behind it."""

    study: str
    """Key of the study: SHA-256 over everything that determines its numbers."""
    task: TaskSummary
    settings: Settings
    rows: tuple[Row, ...]
    """Every candidate, the best first."""
    best: str | None
    """Label of the best mean score; None when nothing was finished."""
    recommended: str | None
    """Label to use: the best, or a cheaper one that was shown equivalent."""
    reasons: tuple[str, ...]
    """Why, in sentences; the first one names the recommendation."""
    margin: float
    """Differences smaller than this, in units of the metric, count as equivalent."""
    margin_text: str
    showable_difference: float | None
    """Smallest true difference that this budget declares worse in four studies of five."""
    curves: tuple[LearningCurve, ...]
    sensitivities: tuple[Sensitivity, ...]
    notes: tuple[str, ...]
    """What a reader must know: about the data, the grid, failures, an unfinished study."""
    environments: tuple[Environment, ...]
    runs_done: int
    runs_planned: int
    train_seconds: float
    """Measured time of all training that this result rests on, workers added up."""
    finished: str | None
    """When the last chunk was recorded (ISO 8601, UTC)."""
    fresh_score: float | None = None
    """Expected score of one new run of the recommended candidate, on new data of this kind."""
    fresh_interval: Interval | None = None
    """Where that run lies with 95 %, corrected for the candidate's having been picked."""
    runs_spared: int = 0
    """Trainings that a race did without, because their candidate was dropped."""
    seconds_spared: float = 0.0
    """Estimate of what they would have taken."""
    short_of_memory: tuple[str, ...] = ()
    """Candidates that could not be trained for want of memory; the others were."""
    arrangement: Arrangement | None = None
    """How the networks were trained, if they are no table's (which are always stacked)."""
    frame_library: str = "pandas"
    """Library of the frame that `table()` returns: the one that the user's data came in."""

    @property
    def complete(self) -> bool:
        """Whether every planned run is finished."""
        return self.runs_done == self.runs_planned

    def row(self, label: str) -> Row:
        """Return the row of one candidate; `KeyError` if it took no part."""
        for row in self.rows:
            if row.label == label:
                return row
        raise KeyError(label)

    def __repr__(self) -> str:
        what = f"use {self.recommended}" if self.recommended else "no recommendation"
        return (
            f"<Result on {self.task.name}: {what}; {len(self.rows)} candidates, "
            f"{self.runs_done} of {self.runs_planned} trainings>"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        shown: str = _facade.load("notebook")(self)
        return shown

    def table(self) -> Any:
        """Return the ranked table as a data frame, one candidate a row, the best first.

        The frame is of the library that the data came in: pandas (also for arrays and files),
        polars, pyarrow, modin or cudf.
        """
        import narwhals as nw

        columns: dict[str, list[Any]] = {
            "rank": [row.rank for row in self.rows],
            "activation": [row.label for row in self.rows],
            self.task.metric: [row.score for row in self.rows],
            "low": [_end(row.score_interval, 0) for row in self.rows],
            "high": [_end(row.score_interval, 1) for row in self.rows],
            "difference": [row.difference for row in self.rows],
            "difference_low": [_end(row.difference_interval, 0) for row in self.rows],
            "difference_high": [_end(row.difference_interval, 1) for row in self.rows],
            "verdict": [row.verdict for row in self.rows],
            "learning_rate": [_middle(row.chosen_learning_rates) for row in self.rows],
            "good_factor": [row.good_factor for row in self.rows],
            "dead_share": [row.dead_share for row in self.rows],
            "saturated_share": [row.saturated_share for row in self.rows],
            "gradient_first": [row.gradient_first for row in self.rows],
            "gradient_last": [row.gradient_last for row in self.rows],
            "step_seconds": [row.step_seconds for row in self.rows],
            "formula": [row.formula for row in self.rows],
        }
        library: Any = self.frame_library
        return nw.from_dict(columns, backend=library).to_native()

    def as_dict(self) -> dict[str, Any]:
        """Return plain dictionaries, lists, numbers and texts: what `result.json` holds."""
        values = asdict(self)
        del values["frame_library"]
        return values

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return the result as strict JSON, and write it to `path` if one is given."""
        text = json.dumps(self.as_dict(), allow_nan=False, ensure_ascii=False, indent=1) + "\n"
        if path is not None:
            write_atomically(path, text)
        return text

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write the self-contained HTML report and return its path."""
        text: str = _facade.load("comparison")(self)
        return write_atomically(path, text)


def write_atomically(path: str | os.PathLike[str], text: str) -> Path:
    """Write a text file so that a reader sees the old one or the new one, never a part."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return target


def _umask() -> int:
    """Return the mask that a plain `open` would have applied (mkstemp makes files private)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _end(interval: Interval | None, side: int) -> float | None:
    return None if interval is None else interval[side]


def _middle(rates: tuple[float | None, ...]) -> float | None:
    """Return the (lower) median of the chosen learning rates: always one of the grid."""
    chosen = sorted(rate for rate in rates if rate is not None)
    return chosen[(len(chosen) - 1) // 2] if chosen else None
