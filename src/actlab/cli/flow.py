"""`actlab flow`."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from actlab.cli.output import data_console, listed, resolve_list

if TYPE_CHECKING:
    from actlab.lessons.flow import Flow
    from actlab.lessons.layers import Layers

__all__ = ["flow"]


def flow(
    data: str = typer.Option(
        "digits",
        metavar="DATA",
        help="digits, breast_cancer, wine, iris, diabetes, or the path of a CSV or Parquet file.",
    ),
    *,
    target: str | None = typer.Option(None, help="Column to predict, in a file."),
    activations: str = typer.Option(
        "sigmoid,tanh,relu,gelu", help="Up to 8 names and formulas, separated by commas."
    ),
    depth: int = typer.Option(30, help="Hidden layers."),
    width: int = typer.Option(100, help="Units of each."),
    sigma_w: float | None = typer.Option(
        None,
        "--sigma-w",
        "--gain",
        help="Standard deviation of the initial weights times sqrt(fan_in); by default that which "
        "keeps a variance of 1, for each activation its own.",
    ),
    epochs: int = typer.Option(20, help="Passes over the training rows."),
    learning_rates: str = typer.Option(
        "0.0003,0.001,0.003", help="From which validation chooses, with commas."
    ),
    seed: int = typer.Option(0, help="Of everything that is drawn."),
    save: Annotated[Path | None, typer.Option(help="File to write: .png, .svg or .pdf.")] = None,
    as_json: bool = typer.Option(False, "--json", help="Print the numbers as JSON."),
) -> None:
    """Follow signal and gradient through deep networks, before and after training."""
    rates = listed(learning_rates, float, "0.001,0.003")
    chosen = resolve_list(activations)
    from actlab.cli.training import drawn
    from actlab.lessons.flow import flow as train

    training = partial(
        train,
        data,
        target=target,
        activations=chosen,
        depth=depth,
        width=width,
        sigma_w=sigma_w,
        epochs=epochs,
        learning_rates=rates,
        seed=seed,
    )
    drawn(training, _show, save=save, as_json=as_json)


def _show(found: Flow) -> None:
    from rich.table import Table

    console = data_console()
    console.print(found.title, highlight=False, markup=False)
    console.print("gradient norm of layer 1 as a part of the last layer's", highlight=False)
    table = Table(
        "activation", "sigma_w", "forecast", "before", "after", found.metric,
        box=None, pad_edge=False,
    )  # fmt: skip
    for course in found.courses:
        table.add_row(
            course.label,
            f"{course.sigma_w:.4g}",
            _power(course.before_forecast),
            _power(course.before),
            _power(course.after),
            "diverged" if course.score is None else f"{course.score:.3f}",
        )
    console.print(table)
    for note in found.task.notes:
        console.print(note, highlight=False, markup=False)


def _power(layers: Layers | None) -> str:
    if layers is None:
        return ""
    first = float(layers.gradient[0])
    if math.isfinite(first):
        return f"10^{first / math.log(10) + 0.0:+.2f}"
    return {math.inf: "inf", -math.inf: "0"}.get(first, "unknown")
