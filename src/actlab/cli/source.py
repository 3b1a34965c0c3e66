"""`actlab export`."""

from __future__ import annotations

from pathlib import Path

import typer

from actlab.cli.output import checked, resolve, say

__all__ = ["export"]


def export(
    name: str = typer.Argument(
        metavar="NAME",
        help="A name, an alias, or a formula such as 'x * tanh(exp(b * x)); b=1'.",
    ),
    *,
    to: str = typer.Option(
        ..., help="The target: numpy, torch, jax, keras, c, javascript or latex."
    ),
    out: str | None = typer.Option(None, help="Write to this file instead of stdout."),
    like: str | None = typer.Option(
        None, help="Take the defaults of a framework: torch, jax, keras, tf, onnx."
    ),
    derivative: bool = typer.Option(True, help="Write the derivative as well."),
) -> None:
    """Print a function and its derivative as source code that needs no actlab."""
    f = resolve(name, like)
    with checked():
        text = f.export(to, derivative=derivative)
    if out is None:
        typer.echo(text, nl=False)
        return
    Path(out).write_text(text, encoding="utf-8")
    say(f"wrote {out}")
