"""The command line: words in, words out; every decision is made by the package behind it.

Data go to stdout, messages and progress to stderr. Exit status 0: done; 1: a clear error; 2:
wrong usage; 130: interrupted. Each group of commands is one file, which imports what it needs
when it runs, so that `actlab list` starts no framework.
"""

from __future__ import annotations

import sys

import typer

from actlab.cli import (
    advice,
    boundary,
    comparison,
    flow,
    forecast,
    gallery,
    health,
    identity,
    kernels,
    lookup,
    picture,
    source,
    studies,
)
from actlab.cli.output import Group, prepare_streams

__all__ = ["app", "main"]

app = typer.Typer(
    name="actlab",
    cls=Group,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("list")(lookup.list_activations)
app.command("show")(lookup.show)
app.command("plot")(picture.plot)
app.command("forecast")(forecast.forecast)
app.command("export")(source.export)
app.command("identify")(identity.identify)
app.command("accuracy")(kernels.accuracy)
app.command("bench")(kernels.bench)
app.command("warm")(kernels.warm)
app.command("advise")(advice.advise)
app.command("compare")(comparison.compare)
app.add_typer(studies.app, name="studies")
app.command("doctor")(health.doctor)
app.command("boundary")(boundary.boundary)
app.command("flow")(flow.flow)
app.command("gallery")(gallery.gallery)


def _version(value: bool) -> None:
    if value:
        from importlib import metadata  # it takes as long to import as all commands together

        typer.echo(f"actlab {metadata.version('actlab')}")
        raise typer.Exit


@app.callback()
def _actlab(
    *,
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    """Look up activation functions, see them, and find out which one suits your data."""


def main() -> None:
    """Run the command line; the console script's entry."""
    prepare_streams()
    sys.exit(app())
