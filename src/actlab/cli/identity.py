"""`actlab identify`."""

from __future__ import annotations

import typer

from actlab.cli.output import checked, print_json, resolve

__all__ = ["identify"]


def identify(
    formula: str = typer.Argument(
        metavar="FORMULA", help="A formula such as 'x * tanh(exp(x))', or a name."
    ),
    *,
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Find out whether a formula has been published, and under which name."""
    f = resolve(formula)
    from actlab.identity import identify as find

    with checked():
        found = find(f)
    if as_json:
        print_json(found.to_dict())
    else:
        typer.echo(str(found))
