"""`actlab advise`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from actlab.cli.comparison import time_in_words
from actlab.cli.output import data_console, print_json

if TYPE_CHECKING:
    from actlab.compare.advice import Advice

__all__ = ["advise"]

_PLACES = {
    "output": "At the output",
    "hidden": "In the hidden layers",
    "cell": "In the recurrent cell",
    "gates": "In the gates",
    "start": "To begin with",
}


def advise(
    *,
    task: str | None = typer.Option(None, help="classification or regression."),
    classes: int | None = typer.Option(None, help="Number of classes."),
    positive: bool = typer.Option(False, "--positive", help="What is predicted is never negative."),
    several: bool = typer.Option(False, "--several", help="A row may carry several labels."),
    depth: int | None = typer.Option(None, help="Hidden layers; 2 if not said."),
    recurrent: bool = typer.Option(False, "--recurrent", help="An RNN, GRU or LSTM."),
    transformer: bool = typer.Option(False, "--transformer", help="A transformer."),
    convolutional: bool = typer.Option(False, "--convolutional", help="A convolutional network."),
    adversarial: bool = typer.Option(False, "--adversarial", help="A GAN."),
    coordinates: bool = typer.Option(
        False, "--coordinates", help="A network that maps places to values."
    ),
    small: bool = typer.Option(False, "--small", help="It runs on a phone or a microcontroller."),
    data: str | None = typer.Option(
        None, help="A table that compare takes, to tell what measuring on it would cost."
    ),
    target: str | None = typer.Option(None, help="Column to predict."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Which activations to begin with, before anything is trained, and why."""
    from actlab.compare.advice import advise as asked

    found = asked(
        task=task,
        classes=classes,
        positive=positive,
        several=several,
        depth=depth,
        recurrent=recurrent,
        transformer=transformer,
        convolutional=convolutional,
        adversarial=adversarial,
        coordinates=coordinates,
        small=small,
        data=data,
        target=target,
    )
    if as_json:
        print_json(asdict(found))
    else:
        _print(found)


def _print(found: Advice) -> None:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    console = data_console()
    for place, title in _PLACES.items():
        rules = [rule for rule in found.rules if rule.place == place]
        if not rules:
            continue
        console.print(Text(title, style="bold"))
        for rule in rules:
            names = f"{', '.join(rule.activations)}: " if rule.activations else ""
            told = Text.assemble((names, "cyan"), rule.advice, (f" [{rule.source}]", "dim"))
            console.print(Padding(told, (0, 0, 0, 2)))
        console.print()
    layers = "1 hidden layer" if found.depth == 1 else f"{found.depth} hidden layers"
    if found.outlooks:
        console.print(Text(f"What theory forecasts for {layers}, before training", style="bold"))
        console.print(
            Padding(
                Text(
                    "gradient in the first layer as a part of the last one's, in wide networks",
                    style="dim",
                ),
                (0, 0, 0, 2),
            )
        )
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        for head in ("Activation", "Weights drawn for it", "PyTorch's default weights", ""):
            table.add_column(head)
        for row in found.outlooks:
            cells = (
                row.activation,
                _gradient(row.verdict, row.gradient),
                _gradient(row.usual_verdict, row.usual_gradient),
                row.note,
            )
            table.add_row(*map(Text, cells))
        console.print(Padding(table, (0, 0, 0, 2)))
        console.print()
    if found.cost:
        cost = found.cost
        workers = "1 process" if cost.workers == 1 else f"{cost.workers} processes"
        console.print(Text("What a measurement would cost", style="bold"))
        text = (
            f"{cost.trainings} trainings on {cost.rows} rows of {cost.table}: about "
            f"{time_in_words(cost.seconds)} in {workers} (one epoch was timed)"
        )
        console.print(Padding(Text(text), (0, 0, 0, 2)))
        console.print(Padding(Text(cost.command, style="cyan"), (0, 0, 0, 2)))
        console.print()
    for note in found.notes:
        console.print(Text(f"- {note}", style="dim"))


def _gradient(verdict: str, tens: float | None) -> str:
    if tens is None:
        return verdict
    if tens == float("-inf"):
        return f"{verdict}, 0"
    return f"{verdict}, 10^{round(tens, 2) + 0.0:+.2f}"
