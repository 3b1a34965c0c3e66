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

__all__ = ["compare", "tell", "watched"]

_HIDDEN = ",".join(map(str, Settings.hidden))


def compare(
    data: str = typer.Argument(
        metavar="DATA",
        help="digits, breast_cancer, wine, iris, diabetes, or the path of a CSV or Parquet file.",
    ),
    *,
    target: str | None = typer.Option(None, help="Column to predict."),
    task: str | None = typer.Option(None, help="classification or regression; else guessed."),
    activations: str | None = typer.Option(
        None, help="Names and formulas, separated by commas: 'relu,gelu,x*tanh(exp(x))'."
    ),
    family: str | None = typer.Option(None, help="Every function of a family."),
    everything: bool = typer.Option(False, "--all", help="Every catalogued function."),
    hidden: str = typer.Option(_HIDDEN, help="Widths of the hidden layers."),
    optimizer: str = typer.Option(Settings.optimizer, help="sgd, adam, adamw, rmsprop, ..."),
    loss: str = typer.Option(Settings.loss, help="Loss by name."),
    metric: str = typer.Option(Settings.metric, help="Metric by name."),
    schedule: str = typer.Option(Settings.schedule, help="constant, step, exponential or cosine."),
    clip_norm: float | None = typer.Option(None, help="Greatest norm of a network's gradient."),
    epochs: int = typer.Option(Settings.epochs, help="Passes over the training part."),
    batch_size: int = typer.Option(Settings.batch_size, help="Rows of a step."),
    learning_rates: str | None = typer.Option(
        None, help="The grid, with commas; five that suit the optimiser by default."
    ),
    blocks: int = typer.Option(Settings.blocks, help="Outer splits, each with its own seed."),
    seed: int = typer.Option(Settings.seed, help="Of everything that is drawn."),
    margin: float = typer.Option(Settings.margin, help="Smaller differences count as equivalent."),
    race: bool = typer.Option(False, "--race", help="Drop who is clearly behind early."),
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

    A study that was stopped goes on where it was when the same command is given again.
    """
    widths = listed(hidden, int, "64,64")
    rates = None if learning_rates is None else listed(learning_rates, float, "0.001,0.01")
    chosen = None if activations is None else resolve_list(activations)
    from actlab.compare import compare as run

    directory = out or Path(f"actlab-{_plain(data)}")
    with watched() as progress:
        result = run(
            data,
            target=target,
            task=task,
            activations=chosen,
            family=family,
            all=everything,
            hidden=widths,
            optimizer=optimizer,
            loss=loss,
            metric=metric,
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
    if result.short_of_memory:
        say("unfinished for want of memory; the same command goes on from here")
        raise typer.Exit(1)
    if not result.complete:
        say("interrupted; the same command goes on from here")
        raise typer.Exit(130)


def _plain(data: str) -> str:
    return re.sub(r"[^\w.-]+", "_", Path(data).stem) or "data"


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
            left = "" if progress.remaining is None else f"about {_time(progress.remaining)} left"
            done, total = progress.done, progress.total
            if not bar.tasks:
                bar.add_task("training", total=total, chunks=f"{done}/{total}", left="")
            bar.update(
                bar.tasks[0].id, completed=done, total=total, chunks=f"{done}/{total}", left=left
            )

        yield tell


def _time(seconds: float) -> str:
    """A time that is only an estimate, in units one can grasp."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
