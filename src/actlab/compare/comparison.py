"""The public function: from data and names to a `Result`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from actlab.compare.candidates import candidates_for
from actlab.compare.checking import checked_settings, whole
from actlab.compare.conclusion import conclude
from actlab.compare.ledger import Ledger
from actlab.compare.protocol import plan
from actlab.compare.runners import runner_for, train_missing, workers_for
from actlab.compare.study import Settings
from actlab.compare.task import load
from actlab.compare.trainer import train_chunk
from actlab.errors import ActlabError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence

    from actlab.activation import Activation
    from actlab.compare.protocol import PlannedChunk
    from actlab.compare.result import Result
    from actlab.compare.runners import Progress
    from actlab.compare.study import Candidate, Run
    from actlab.compare.task import Task

__all__ = ["compare"]

_FRAMES: Final = ("pandas", "polars", "pyarrow", "modin", "cudf")
"""Libraries whose frames `Result.table` can return."""


def compare(
    data: Any,
    y: Any = None,
    *,
    target: str | None = None,
    task: str | None = None,
    activations: str | Activation | Iterable[str | Activation] | None = None,
    family: str | None = None,
    all: bool = False,
    hidden: Iterable[int] | int = Settings.hidden,
    optimizer: str = Settings.optimizer,
    loss: str = Settings.loss,
    metric: str = Settings.metric,
    schedule: str = Settings.schedule,
    clip_norm: float | None = Settings.clip_norm,
    epochs: int = Settings.epochs,
    batch_size: int = Settings.batch_size,
    learning_rates: Iterable[float] | float | None = None,
    blocks: int = Settings.blocks,
    seed: int = Settings.seed,
    margin: float = Settings.margin,
    workers: int | None = None,
    out: str | os.PathLike[str] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Compare activations on a task, and say which one to use and how sure that is.

    Every candidate sees the same splits, the same draws for the weights (scaled by its own
    gain), the same batches and the same grid of learning rates; validation chooses the learning
    rate and the epoch, and the test part is scored once, for what was chosen. The verdict
    accounts for overlapping splits and for the number of candidates (see `statistics`).

    Args:
        data: "digits", "breast_cancer", "wine", "iris" or "diabetes"; the path of a CSV or
            Parquet file; a data frame of any library that narwhals knows; or an array X,
            (rows, features).
        y: the values to predict, (rows,), if they are not a column of `data`.
        target: the column to predict.
        task: "classification" or "regression", if the guess from the target is wrong.
        activations: names, formulas, or activations; about twelve well-known ones by default.
        family: every catalogued function of this family.
        all: every catalogued function.
        hidden: widths of the hidden layers.
        optimizer: "sgd", "adam", "adamw", "rmsprop", "adagrad", "adadelta", "adamax", "nadam".
        loss: by name; "auto" is the cross-entropy or the mean squared error.
        metric: by name; "auto" is the accuracy or R².
        schedule: "constant", "step", "exponential" or "cosine".
        clip_norm: greatest norm of a network's gradient.
        epochs: passes over the training part.
        batch_size: rows of a step.
        learning_rates: the grid that every candidate is given; by default five rates, half a
            decade apart, that suit the optimiser.
        blocks: outer splits, each with a seed of its own; at least 3 for a verdict.
        seed: of everything that is drawn.
        margin: differences smaller than this count as equivalent: in units of the score for a
            share or R², as a part of the best mean score for an error.
        workers: processes that train at the same time; they change no number. By default one
            per core for a study that takes longer than starting them.
        out: a directory for ledger.sqlite, result.json and report.html. A study that was
            stopped goes on from the ledger there. Without it nothing is written.
        progress: called with a `Progress` at the start and after every chunk.

    Returns:
        The `Result`; after an interrupt (Ctrl-C) what there is so far, with `complete` False.

    Raises:
        ActlabError: data, settings, activations or a ledger that can not be used, in one
            sentence, before any work begins.

    Example:
        >>> from actlab.compare import compare
        >>> result = compare("iris", activations="relu,tanh", epochs=3, blocks=3, hidden=8)
        >>> [row.label for row in result.rows if row.verdict == "best"] == [result.best]
        True
    """
    settings = checked_settings(
        hidden=hidden,
        optimizer=optimizer,
        loss=loss,
        metric=metric,
        schedule=schedule,
        clip_norm=clip_norm,
        epochs=epochs,
        batch_size=batch_size,
        learning_rates=learning_rates,
        blocks=blocks,
        seed=seed,
        margin=margin,
    )
    if workers is not None:
        workers = whole(workers, "workers", least=1)
    candidates = candidates_for(activations, family=family, everything=all)
    loaded = load(data, target=target, task=task, y=y)
    planned = plan(loaded, candidates, settings)
    runner = runner_for(workers or workers_for(planned))
    directory = None if out is None else Path(out)
    if directory and find_spec("jinja2") is None:
        raise ActlabError(
            "out= writes report.html, which needs Jinja2; pip install 'actlab[report]', or leave "
            "out= away"
        )
    work = partial(_train, loaded, candidates, planned.settings)
    with Ledger.open(directory and directory / "ledger.sqlite") as ledger:
        ledger.register(planned)
        train_missing(planned, ledger, work, runner, progress)
        result = conclude(planned, ledger)
    result = replace(result, frame_library=_library_of(data))
    if directory:
        result.to_json(directory / "result.json")
        result.report(directory / "report.html")
    return result


def _train(
    task: Task, candidates: Sequence[Candidate], settings: Settings, planned: PlannedChunk
) -> list[Run]:
    return train_chunk(task, candidates, planned.chunk, settings)


def _library_of(data: Any) -> str:
    """Return the frame library that the data came in."""
    library = type(data).__module__.split(".")[0]
    return library if library in _FRAMES else "pandas"
