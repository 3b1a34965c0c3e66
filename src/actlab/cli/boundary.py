"""`actlab boundary`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from actlab.cli.output import data_console, listed, resolve_list

if TYPE_CHECKING:
    from actlab.lessons.boundary import Boundary

__all__ = ["boundary"]


def boundary(
    data: str = typer.Option(
        "moons",
        metavar="DATA",
        help="moons, circles, spiral, or the path of a CSV file with two "
        "columns of numbers and one of classes.",
    ),
    *,
    target: str | None = typer.Option(None, help="Column of the classes, in a file."),
    activations: str = typer.Option(
        "identity,relu,tanh,silu", help="Up to 12 names and formulas, separated by commas."
    ),
    hidden: str = typer.Option("16,16", help="Widths of the hidden layers."),
    epochs: int = typer.Option(100, help="Passes over the training points."),
    learning_rates: str = typer.Option(
        "0.003,0.01,0.03", help="From which validation chooses, with commas."
    ),
    seed: int = typer.Option(0, help="Of everything that is drawn."),
    save: Annotated[Path | None, typer.Option(help="File to write: .png, .svg or .pdf.")] = None,
    as_json: bool = typer.Option(False, "--json", help="Print the numbers as JSON."),
) -> None:
    """Train small networks in the plane, and draw where each parts the classes."""
    widths = listed(hidden, int, "16,16")
    rates = listed(learning_rates, float, "0.003,0.01")
    chosen = resolve_list(activations)
    from actlab.cli.training import drawn
    from actlab.lessons.boundary import boundary as train

    training = partial(
        train,
        data,
        target=target,
        activations=chosen,
        hidden=widths,
        epochs=epochs,
        learning_rates=rates,
        seed=seed,
    )
    drawn(training, _show, save=save, as_json=as_json)


def _show(found: Boundary) -> None:
    from rich.table import Table

    console = data_console()
    console.print(found.title, highlight=False, markup=False)
    table = Table("activation", "accuracy", "learning rate", "epoch", box=None, pad_edge=False)
    for panel in found.panels:
        accuracy = "diverged" if panel.accuracy is None else f"{panel.accuracy:.3f}"
        rate = "" if panel.learning_rate is None else f"{panel.learning_rate:g}"
        table.add_row(panel.label, accuracy, rate, str(panel.epoch or ""))
    console.print(table)
    for note in found.task.notes:
        console.print(note, highlight=False, markup=False)
    console.print(
        f"accuracy on {len(found.held_out)} held-out points, one network each; whether a "
        "difference is more than chance says actlab compare",
        highlight=False,
    )
