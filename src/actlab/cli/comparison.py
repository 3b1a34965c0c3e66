"""`actlab compare`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from actlab.cli.output import data_console, listed, resolve_list, say
from actlab.compare.study import Settings

if TYPE_CHECKING:
    from actlab.compare import Progress, Result

__all__ = ["compare", "tell", "time_in_words", "watched"]


def compare(
    data: str = typer.Argument(
        metavar="DATA",
        help="digits, breast_cancer, wine, iris, diabetes; a problem such as digits-image; the "
        "path of a CSV or Parquet file; or my.py:build, a function that builds your network.",
    ),
    *,
    loaders: str | None = typer.Option(
        None, "--data", help="For your network: my.py:loaders, which gives its data."
    ),
    step: str | None = typer.Option(None, help="For your network: my.py:step, a training step."),
    replace: str | None = typer.Option(
        None, help="For your network: the activations that are exchanged; else all hidden ones."
    ),
    target: str | None = typer.Option(None, help="Column to predict."),
    task: str | None = typer.Option(None, help="classification or regression; else guessed."),
    activations: str | None = typer.Option(
        None, help="Names and formulas, separated by commas: 'relu,gelu,x*tanh(exp(x))'."
    ),
    family: str | None = typer.Option(None, help="Every function of a family."),
    everything: bool = typer.Option(False, "--all", help="Every catalogued function."),
    hidden: str | None = typer.Option(None, help="Widths of the hidden layers; 64,64 by default."),
    optimizer: str | None = typer.Option(None, help="sgd, adam (by default), adamw, rmsprop, ..."),
    loss: str | None = typer.Option(None, help="By name, or my.py:loss; else what suits."),
    metric: str | None = typer.Option(None, help="By name, or my.py:metric; else what suits."),
    higher_is_better: bool | None = typer.Option(
        None,
        "--higher-is-better/--lower-is-better",
        help="Of a metric that is a function of yours.",
        show_default=False,
    ),
    schedule: str | None = typer.Option(
        None, help="constant (by default), step, exponential or cosine."
    ),
    clip_norm: float | None = typer.Option(None, help="Greatest norm of a network's gradient."),
    epochs: int | None = typer.Option(
        None, help="Passes over the training part; 30 by default, of a problem its own number."
    ),
    batch_size: int | None = typer.Option(None, help="Rows of a step; 64 by default."),
    learning_rates: str | None = typer.Option(
        None, help="The grid, with commas; five that suit the optimiser by default."
    ),
    blocks: int | None = typer.Option(
        None, help="Outer splits, each with its own seed; 10 by default."
    ),
    seed: int = typer.Option(Settings.seed, help="Of everything that is drawn."),
    margin: float | None = typer.Option(
        None, help="Smaller differences count as equivalent; 0.01 by default."
    ),
    stack: bool | None = typer.Option(
        None,
        "--stack/--no-stack",
        help="Train networks together by torch.func, or not; else what is exact and faster.",
        show_default=False,
    ),
    race: bool = typer.Option(
        False, "--race", help="Drop who is clearly behind early; worth it from some 20 blocks on."
    ),
    workers: int | None = typer.Option(
        None, help="Processes that train, by default one per core; they change no number."
    ),
    runner: str | None = typer.Option(
        None, help="Who trains: processes:N, dask://HOST:PORT, ray://HOST:PORT, dask://local, ..."
    ),
    out: Annotated[
        Path | None,
        typer.Option(help="Directory for report, result and ledger; actlab-DATA by default."),
    ] = None,
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
) -> None:
    """Compare activations on your data: which one to use, and how sure that is.

    A network of your own: actlab compare my.py:build --data my.py:loaders.

    A study that was stopped goes on where it was when the same command is given again.
    """
    widths = None if hidden is None else listed(hidden, int, "64,64")
    rates = None if learning_rates is None else listed(learning_rates, float, "0.001,0.01")
    chosen = None if activations is None else resolve_list(activations)
    from actlab.compare import compare as run
    from actlab.compare.own_files import names_function

    model = data if names_function(data) else None
    if loaders is not None and model is None:
        raise typer.BadParameter(
            "--data goes with a network of your own, such as my.py:build --data my.py:loaders"
        )
    directory = out or Path(f"actlab-{_plain(data)}")
    with watched() as progress:
        result = run(
            loaders if model else data,
            model=model,
            step=step,
            replace=replace,
            stack=stack,
            target=target,
            task=task,
            activations=chosen,
            family=family,
            all=everything,
            hidden=widths,
            optimizer=optimizer,
            loss=loss,
            metric=metric,
            higher_is_better=higher_is_better,
            schedule=schedule,
            clip_norm=clip_norm,
            epochs=epochs,
            batch_size=batch_size,
            learning_rates=rates,
            blocks=blocks,
            seed=seed,
            margin=margin,
            race=race,
            workers=workers,
            runner=runner,
            out=directory,
            progress=progress,
        )
    tell(result, directory, as_json=as_json)


def tell(result: Result, directory: Path, *, as_json: bool) -> None:
    """Print what a comparison found and wrote; an unfinished one ends the command."""
    if as_json:
        typer.echo(result.to_json(), nl=False)
    else:
        from actlab.report.terminal import render

        render(result, data_console())
    for name in ("report.html", "result.json", "ledger.sqlite"):
        say(f"wrote {directory / name}")
    if result.runs_spared:
        time = time_in_words(result.seconds_spared)
        say(f"the race spared {result.runs_spared} trainings, about {time}")
    if result.short_of_memory:
        say("unfinished for want of memory; the same command goes on from here")
        raise typer.Exit(1)
    if not result.complete:
        say("interrupted; the same command goes on from here")
        raise typer.Exit(130)


def _plain(data: str) -> str:
    name = data.rpartition("/")[2].replace(".py:", "-")
    return re.sub(r"[^\w.-]+", "_", Path(name).stem) or "data"


@contextmanager
def watched() -> Iterator[Callable[[Progress], None] | None]:
    """A progress bar on stderr with an estimate, if somebody watches."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    bar = Bar(
        TextColumn("training"),
        BarColumn(),
        TextColumn("{task.fields[chunks]} chunks"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        console=console,
        refresh_per_second=2,
        transient=True,
    )
    with bar:

        def tell(progress: Progress) -> None:
            left = (
                ""
                if progress.remaining is None
                else f"about {time_in_words(progress.remaining)} left"
            )
            done, total = progress.done, progress.total
            if not bar.tasks:
                bar.add_task("training", total=total, chunks=f"{done}/{total}", left="")
            bar.update(
                bar.tasks[0].id, completed=done, total=total, chunks=f"{done}/{total}", left=left
            )

        yield tell


def time_in_words(seconds: float) -> str:
    """A time that is only an estimate, in units one can grasp."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
