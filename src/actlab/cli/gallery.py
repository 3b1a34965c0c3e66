"""`actlab gallery`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from actlab.cli.output import checked, resolve_list

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["gallery"]


def gallery(
    *,
    out: str = typer.Option(..., help="The folder to write to: a new one, or that of a gallery."),
    only: str | None = typer.Option(
        None, help="Some functions alone, with commas: names, aliases or formulas."
    ),
) -> None:
    """Write a site of all functions that opens from disk: pictures, sliders, properties, source."""
    from actlab.gallery import write_gallery

    functions = None if only is None else resolve_list(only)
    with checked():
        index = write_gallery(out, functions, progress=_progress())
    typer.echo(str(index))


def _progress() -> Callable[[int, int, str], None] | None:
    """A line that tells how far it is and how long it may take, where somebody watches."""
    import sys
    import time

    if not sys.stderr.isatty():
        return None
    began = time.monotonic()

    def tell(number: int, total: int, name: str) -> None:
        left = (time.monotonic() - began) / max(number - 1, 1) * (total - number + 1)
        remains = f", {left:.0f} s remain" if number > 5 else ""
        typer.echo(f"\r\x1b[K{number} of {total}: {name}{remains}", nl=number == total, err=True)

    return tell
