"""`actlab plot`."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from actlab.cli.output import checked, plain_characters, resolve, say

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Table: TypeAlias = dict[str, NDArray[np.float64]]

__all__ = ["plot"]


def plot(
    activations: Annotated[list[str], typer.Argument(metavar="NAME", help="Names or formulas.")],
    *,
    derivative: bool = typer.Option(False, "--derivative", help="Draw the derivatives too."),
    save: Annotated[Path | None, typer.Option(help="File to write: .png, .svg or .pdf.")] = None,
    table: bool = typer.Option(False, "--table", help="Print the numbers as CSV instead."),
    low: float | None = typer.Option(None, help="First input; -5 or the outermost kink."),
    high: float | None = typer.Option(None, help="Last input; 5 or the outermost kink."),
) -> None:
    """Draw activations into one figure, or in the terminal when no file is given."""
    from actlab import plots

    if save is not None:
        plots.check_path(save)
    functions = [resolve(text) for text in activations]
    with checked():
        tables = [
            plots.curve_table(functions, order=order, low=low, high=high)
            for order in range(2 if derivative else 1)
        ]
    if save is not None:
        figure = plots.plot_many(functions, derivative=derivative, low=low, high=high)
        say(f"wrote {plots.save_figure(figure, save)}")
    if table:
        _print_table(tables)
    elif save is None:
        _draw(tables, bars=functions[0].kind == "vector")


def _print_table(tables: list[Table]) -> None:
    rows = csv.writer(sys.stdout, lineterminator="\n")
    columns = [*tables[0].items()]
    for slopes in tables[1:]:
        columns += [(f"derivative of {name}", y) for name, y in slopes.items() if name != "x"]
    rows.writerow([name for name, _ in columns])
    rows.writerows(zip(*(values.tolist() for _, values in columns), strict=True))


def _draw(tables: list[Table], *, bars: bool) -> None:
    from actlab.terminal_curve import draw_bars, draw_curve

    draw = draw_bars if bars else draw_curve
    plain = plain_characters()
    for number, name in enumerate(key for key in tables[0] if key != "x"):
        for order, table in enumerate(tables):
            title = f"derivative of {name}" if order else name
            x, y = table["x"].tolist(), table[name].tolist()
            typer.echo(("\n" if number or order else "") + title)
            typer.echo(draw(x, y, ascii_only=plain))
