"""The public function: from data and names to a `Result`."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from actlab.compare import looped, stacking
from actlab.compare.arrangement import arranged, seconds_of
from actlab.compare.candidates import candidates_for
from actlab.compare.checking import checked_settings
from actlab.compare.conclusion import conclude
from actlab.compare.driver import train_missing
from actlab.compare.journal import journal
from actlab.compare.ledger import Ledger
from actlab.compare.own_files import absolute, function_of, names_function
from actlab.compare.own_model import OwnModel
from actlab.compare.problem import PROBLEMS, problem_named
from actlab.compare.protocol import plan
from actlab.compare.runners import InProcess, chosen_runner, runner_for, workers_for
from actlab.compare.studies import call_of
from actlab.compare.study import Settings
from actlab.compare.task import Task, load
from actlab.compare.trainer import train_chunk
from actlab.errors import ActlabError, SettingError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence

    from actlab.activation import Activation
    from actlab.compare.driver import Progress
    from actlab.compare.problem import Problem
    from actlab.compare.protocol import Plan, PlannedChunk
    from actlab.compare.result import Result
    from actlab.compare.runners import Runner, Work
    from actlab.compare.study import Candidate, Run

__all__ = ["compare", "data_of"]

_FRAMES: Final = ("pandas", "polars", "pyarrow", "modin", "cudf")
"""Libraries whose frames `Result.table` can return."""


def compare(
    data: Any = None,
    y: Any = None,
    *,
    model: Any = None,
    step: Any = None,
    replace: Any = None,
    stack: bool | None = None,
    target: str | None = None,
    task: str | None = None,
    activations: str | Activation | Iterable[str | Activation] | None = None,
    family: str | None = None,
    all: bool = False,
    hidden: Iterable[int] | int | None = None,
    optimizer: str | None = None,
    loss: Any = None,
    metric: Any = None,
    higher_is_better: bool | None = None,
    schedule: str | None = None,
    clip_norm: float | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rates: Iterable[float] | float | None = None,
    blocks: int | None = None,
    seed: int = Settings.seed,
    margin: float | None = None,
    race: bool = False,
    workers: int | None = None,
    runner: str | Runner | None = None,
    out: str | os.PathLike[str] | None = None,
    progress: Callable[[Progress], None] | None = None,
    log: Callable[[dict[str, float], int], None] | None = None,
) -> Result:
    """Compare activations on a task, and say which one to use and how sure that is.

    Every candidate sees the same splits, the same draws for the weights (scaled by its own
    gain), the same batches and the same grid of learning rates; validation chooses the learning
    rate and the epoch, and the test part is scored once, for what was chosen. The verdict
    accounts for overlapping splits and for the number of candidates (see `statistics`).

    Args:
        data: "digits", "breast_cancer", "wine", "iris" or "diabetes"; a built-in problem such
            as "digits-image"; the path of a CSV or Parquet file; a data frame of any library
            that narwhals knows; or an array X, (rows, features). For a model of your own:
            (train, validation, test), each a DataLoader or list of batches (inputs..., target);
            (train, test), of which a part of the first is held out for validation; a function,
            of a seed or of nothing, that gives these; or tensors or arrays (X, y), which are
            split anew for each block.
        y: the values to predict, (rows,), if they are not a column of `data`.
        model: a function (or a class) that builds your network, a `torch.nn.Module`. Its hidden
            activations (layers, and calls such as `torch.relu(x)`) are exchanged for each
            candidate; weights keep the draws of `model()`, and those that feed a candidate are
            scaled to its gain.
        step: a whole training step of your model, (model, batch, optimizer) -> loss.
        replace: names of the activations in your model that are exchanged; all hidden ones by
            default, not what stands at the output and not gates.
        stack: whether the networks of a model of yours or of a built-in problem are trained
            together by `torch.func`; by default they are where that is exact and, on the first
            steps, clearly faster. The answer says which and why.
        target: the column to predict.
        task: "classification" or "regression", if the guess from the target is wrong.
        activations: names, formulas, or activations; about twelve well-known ones by default.
        family: every catalogued function of this family.
        all: every catalogued function.
        hidden: widths of the hidden layers; 64, 64 by default.
        optimizer: "sgd", "adam" (the default), "adamw", "rmsprop", "adagrad", "adadelta",
            "adamax", "nadam".
        loss: by name; "auto" is the cross-entropy or the mean squared error. For your model also
            a module or a function of (output, target).
        metric: by name; "auto" is the accuracy or R². For your model also a function of
            (outputs, targets) of a whole part.
        higher_is_better: of a metric that is a function; True by default.
        schedule: "constant" (the default), "step", "exponential" or "cosine".
        clip_norm: greatest norm of a network's gradient.
        epochs: passes over the training part; 30 by default.
        batch_size: rows of a step; 64 by default.
        learning_rates: the grid that every candidate is given; by default five rates, half a
            decade apart, that suit the optimiser.
        blocks: outer splits, each with a seed of its own; at least 3 for a verdict, 10 by
            default.
        seed: of everything that is drawn.
        margin: differences smaller than this count as equivalent: in units of the score for a
            share or R², as a part of the best mean score for an error; 0.01 by default.
        race: drop candidates that are clearly behind after some of the blocks (see `racing`); pays
            where there are many candidates and ten blocks or more.
        workers: processes that train at the same time; they change no number. By default one
            per core for a study that takes longer than starting them.
        runner: who trains, instead: "processes:4"; "dask://HOST:PORT" or "ray://HOST:PORT", a
            cluster; "dask://local", "ray://local" or "ray://auto"; or an object as in `runners`.
        out: a directory for ledger.sqlite, result.json and report.html. A study that was
            stopped goes on from the ledger there. Without it nothing is written.
        progress: called with a `Progress` at the start and after every chunk.
        log: called with figures and a step at the start and after every chunk (see `journal`):
            how far the study is, and each candidate's mean score so far. For MLflow:
            `mlflow.start_run()`, then `log=mlflow.log_metrics`. For TensorBoard:
            `board = SummaryWriter()`, then
            `log=lambda figures, step: [board.add_scalar(*f, step) for f in figures.items()]`.

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
    if model is None:
        _refuse(step=step, replace=replace, higher_is_better=higher_is_better)
        problem = _problem(data)
        words = {"data": data, "target": target, "task": task}
    else:
        _refuse_of_model(y=y, target=target, task=task, hidden=hidden)
        own = {
            "data": data,
            "model": model,
            "loss": loss,
            "metric": metric,
            "higher_is_better": higher_is_better,
            "step": step,
            "replace": replace,
            "batch_size": batch_size,
        }
        problem, words = _own(**own, seed=seed), _words(**own)
        loss = metric = None  # the model has them now
    settings = _settings(
        problem,
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
        race=race,
    )
    if problem is None and stack is not None:
        raise SettingError(
            "stack= is for networks that are no table's; a table's are always stacked"
        )
    trained_by = chosen_runner(runner, workers)
    if problem and activations is None and family is None and not all:
        activations = problem.candidates
    candidates = candidates_for(activations, family=family, everything=all)
    if problem is None and data is None:
        raise SettingError("no data were given; name a data set, such as actlab.compare('digits')")
    loaded = problem or load(data, target=target, task=task, y=y)
    planned = plan(loaded, candidates, settings)
    directory = None if out is None else Path(out)
    if directory and find_spec("jinja2") is None:
        raise ActlabError(
            "out= writes report.html, which needs Jinja2; pip install 'actlab[report]', or leave "
            "out= away"
        )
    with Ledger.open(directory and directory / "ledger.sqlite") as ledger:
        if problem:
            planned = arranged(planned, problem, candidates, ledger, stack=stack)
        work = partial(_train, loaded, candidates, planned)
        trained_by = trained_by or runner_for(_workers(planned, loaded, candidates, work))
        if not isinstance(trained_by, InProcess):
            _refuse_unsent(problem, work)
        ledger.register(planned, call_of(candidates=candidates, y=y, **words))
        if log is not None:
            progress = journal(log, planned, ledger, progress)
        with closing(trained_by):
            short = train_missing(planned, ledger, work, trained_by, progress)
        result = conclude(planned, ledger, short_of_memory=short)
    result = dataclasses.replace(result, frame_library=_library_of(data))
    if directory:
        result.to_json(directory / "result.json")
        result.report(directory / "report.html")
    return result


def _own(*, model: Any, data: Any, **options: Any) -> OwnModel:
    """The user's model as a problem; functions may be named as "my.py:build"."""
    if data is None:
        raise SettingError(
            "model= came without data=, what to train it on; on the command line it is --data "
            "my.py:loaders"
        )

    def read(given: Any) -> Any:
        return function_of(given) if names_function(given) else given

    name = None
    if isinstance(model, str):
        name, model = model.rpartition(":")[2], function_of(model)
    if isinstance(data, str):
        data = function_of(data)
    return OwnModel(model, data, name=name, **{key: read(value) for key, value in options.items()})


def _refuse(**given: Any) -> None:
    for name, value in given.items():
        if value is not None:
            raise SettingError(f"{name}= is for a model of your own, and no model= was given")


def _refuse_of_model(**given: Any) -> None:
    for name, value in given.items():
        if value is not None:
            raise SettingError(f"{name}= is for tables; a model of your own has no use for it")


def _words(**given: Any) -> dict[str, Any]:
    """How the ledger names a model and its data; data None where words can not name them."""
    named = {k: absolute(v) if names_function(v) else v for k, v in given.items() if v is not None}
    words = all(isinstance(value, str | bool | int) for value in named.values())
    return named if words else {"data": None}


def data_of(
    data: str, target: str | None = None, task: str | None = None, **model: Any
) -> Task | Problem:
    """Return what a study was begun with, by the words that its ledger keeps."""
    if model:
        return _own(data=data, **model)
    return _problem(data) or load(data, target=target, task=task)


def _problem(data: Any) -> Problem | None:
    """The built-in problem of this name; None for a table."""
    return problem_named(data) if isinstance(data, str) and data in PROBLEMS else None


def _settings(problem: Problem | None, **given: Any) -> Settings:
    """What was given, else what serves the problem, else the usual."""
    usual = {name: getattr(Settings, name) for name in given}
    usual["learning_rates"] = None  # a grid that suits the optimiser
    chosen = usual | dict(problem.defaults if problem else {})
    chosen |= {name: value for name, value in given.items() if value is not None}
    if problem is None:
        return checked_settings(**chosen)
    # Losses and metrics of a problem are its own; `Problem.settled` knows them.
    names = {"loss": chosen["loss"], "metric": chosen["metric"]}
    checked = checked_settings(**chosen | {"loss": "auto", "metric": "auto"})
    return dataclasses.replace(checked, **names)


def _train(
    task: Task | Problem, candidates: Sequence[Candidate], planned: Plan, part: PlannedChunk
) -> list[Run]:
    if isinstance(task, Task):
        return train_chunk(task, candidates, part.chunk, planned.settings)
    if planned.arrangement and planned.arrangement.way == "stacked":
        return stacking.train_chunk(task, candidates, part.chunk, planned.settings)
    return looped.train_chunk(task, candidates, part.chunk, planned.settings)


_LONG: Final = 20.0
"""Seconds of training from which on processes are worth their start."""


def _workers(
    planned: Plan, loaded: Task | Problem, candidates: Sequence[Candidate], work: Work
) -> int:
    """How many processes a study gets that names no number."""
    if isinstance(loaded, Task):
        return workers_for(planned)
    from joblib import cpu_count

    if seconds_of(planned, loaded, candidates) < _LONG or _unsent(work):
        return 1
    return min(int(cpu_count()), len(planned.chunks))


def _unsent(work: Work) -> str:
    """Why work can not be sent to other processes; empty if it can."""
    from joblib.externals.loky.backend.reduction import dumps

    try:
        dumps(work)
    except Exception as error:  # noqa: BLE001  a user's objects may raise anything
        return f"{type(error).__name__}: {error}"
    return ""


def _refuse_unsent(problem: Problem | None, work: Work) -> None:
    if isinstance(problem, OwnModel) and (reason := _unsent(work)):
        raise SettingError(
            f"the model, its data, its loss or its metric can not be sent to other processes "
            f"({reason}); define them in functions that hold no open files, locks or iterators, or "
            "train in this process: workers=1"
        )


def _library_of(data: Any) -> str:
    """Return the frame library that the data came in."""
    library = type(data).__module__.split(".")[0]
    return library if library in _FRAMES else "pandas"
