"""`actlab forecast`."""

from __future__ import annotations

import csv
import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from actlab.cli.output import checked, plain_characters, print_json, resolve, say
from actlab.errors import ActlabError

if TYPE_CHECKING:
    from actlab.activation import Activation
    from actlab.theory import Forecast

__all__ = ["forecast"]

_ROWS = 11
"""Layers of the short table."""


def forecast(
    name: str = typer.Argument(metavar="NAME", help="A name, an alias, or a formula."),
    *,
    depth: int = typer.Option(50, help="Layers."),
    sigma_w: float | None = typer.Option(
        None,
        "--sigma-w",
        "--gain",
        help="Standard deviation of the weights times sqrt(width); that which keeps a variance "
        "of 1 by default.",
    ),
    sigma_b: float = typer.Option(0.0, help="Standard deviation of the biases."),
    variance: float = typer.Option(1.0, help="Of the pre-activations of the first layer."),
    width: int | None = typer.Option(
        None, help="Units of each layer, to tell how much one network scatters."
    ),
    save: Annotated[Path | None, typer.Option(help="File to write: .png, .svg or .pdf.")] = None,
    table: bool = typer.Option(False, "--table", help="Print every layer as CSV instead."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Forecast signal and gradient, layer by layer, before anything is trained."""
    if save is not None:
        from actlab import plots

        plots.check_path(save)
    f = resolve(name)
    known = _forecast(f, depth, sigma_w=sigma_w, sigma_b=sigma_b, variance=variance, width=width)
    if save is not None:
        say(f"wrote {plots.save_figure(plots.plot_forecast(known), save)}")
    if as_json:
        print_json({**asdict(known), "rate": known.rate, "verdict": known.verdict})
    elif table:
        _print_table(known)
    else:
        blocks = [_head(f, known), _rows(known)]
        blocks += [] if save is not None or depth < 2 else _curves(known)
        typer.echo("\n\n".join("\n".join(block) for block in blocks))


def _forecast(
    f: Activation,
    depth: int,
    *,
    sigma_w: float | None,
    sigma_b: float,
    variance: float,
    width: int | None,
) -> Forecast:
    from actlab import theory

    with checked():
        try:
            return theory.forecast(
                f, depth, sigma_w=sigma_w, sigma_b=sigma_b, variance=variance, width=width
            )
        except ArithmeticError as error:
            raise ActlabError(f"{error}; give the weights with --sigma-w") from None


def _head(f: Activation, known: Forecast) -> list[str]:
    lines = [("activation", f.name), ("layers", str(known.depth)), *known.lines()]
    wide = max(len(label) for label, _ in lines)
    return [f"{label:<{wide}}  {text}" for label, text in lines]


def _columns(known: Forecast) -> dict[str, list[float]]:
    """The numbers of every layer; gradients are natural logarithms."""
    columns: dict[str, list[float]] = {
        "layer": list(range(1, known.depth + 1)),
        "variance": list(known.variance),
        "ln_gradient": list(known.gradient),
    }
    if known.scatter:
        columns["scatter"] = list(known.scatter)
    return columns


def _print_table(known: Forecast) -> None:
    rows = csv.writer(sys.stdout, lineterminator="\n")
    columns = _columns(known)
    rows.writerow(columns)
    rows.writerows(zip(*columns.values(), strict=True))


def _rows(known: Forecast) -> list[str]:
    """Some layers, the first and the last among them."""
    parts = min(_ROWS, known.depth) - 1
    picked = [round(i * (known.depth - 1) / parts) for i in range(parts + 1)] if parts else [0]
    lines = [f"{'layer':>5}  {'variance':>11}  {'gradient norm':>14}  {'per layer, ln':>13}"]
    for place in picked:
        here, after = known.gradient[place], known.gradient[min(place + 1, known.depth - 1)]
        steady = place < known.depth - 1 and math.isfinite(here) and math.isfinite(after)
        slope = f"{here - after + 0.0:+.4f}" if steady else ""
        lines.append(
            f"{place + 1:>5}  {known.variance[place]:>11.4g}  "
            f"{_power(here):>14}  {slope:>13}".rstrip()
        )
    return lines


def _power(logarithm: float) -> str:
    """The exponential of a logarithm that may be far outside of what a float can hold."""
    if not math.isfinite(logarithm):
        return {math.inf: "inf", -math.inf: "0"}.get(logarithm, "unknown")
    tens = logarithm / math.log(10)
    whole = math.floor(tens + 1e-12)
    return f"{10 ** (tens - whole):.3f}e{whole:+03d}"


def _curves(known: Forecast) -> list[list[str]]:
    from actlab.terminal_curve import draw_curve

    layers = [float(layer) for layer in range(1, known.depth + 1)]
    plain = plain_characters()
    shown = []
    for title, values in (
        ("log10 of the gradient norm, as a part of the last layer's",
         [value / math.log(10) for value in known.gradient]),
        ("log10 of the variance of the pre-activations",
         [math.log10(q) if q > 0 else -math.inf for q in known.variance]),
    ):  # fmt: skip
        picture = draw_curve(layers, values, height=8, ascii_only=plain, name="layer")
        shown.append([title, *picture.splitlines()])
    return shown
