"""`actlab studies`: list, resume, export and delete what ledgers hold."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup

from actlab.cli.comparison import tell, watched
from actlab.cli.output import data_console, print_json, say
from actlab.errors import ActlabError

if TYPE_CHECKING:
    from actlab.compare.studies import Study

__all__ = ["app"]

_LIST: Final = "list"


class _Listing(TyperGroup):
    """A group that lists studies where no command is given."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command in front of what are options from the start."""
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = [_LIST, *args]
        return list(super().parse_args(ctx, args))


app = typer.Typer(
    cls=_Listing, help="List, resume, export and delete the studies that ledgers hold."
)

_Place = Annotated[
    Path, typer.Option("--in", help="A ledger, or the directory of one or of several studies.")
]
_Key = Annotated[str, typer.Argument(metavar="KEY", help="The first letters of a study's key.")]
_HERE: Final = Path()


@app.command(_LIST)
def list_studies(
    place: _Place = _HERE,
    *,
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List studies: what they compare, and how far they are."""
    from actlab.compare import studies

    found = studies.listed(place)
    if as_json:
        print_json([_values(study) for study in found])
    elif found:
        _print(found)
    else:
        say(f"the ledger at {str(place)!r} holds no study")


@app.command("resume")
def resume(
    key: _Key,
    *,
    place: _Place = _HERE,
    workers: int | None = typer.Option(None, help="Processes that train; they change no number."),
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
) -> None:
    """Train what a study lacks, and print its answer."""
    from actlab.compare import studies

    study = studies.find(key, place)
    with watched() as progress:
        result = studies.resume(study, workers=workers, progress=progress)
    tell(result, study.ledger.parent, as_json=as_json)


@app.command("export")
def export(
    key: _Key,
    *,
    place: _Place = _HERE,
    save: Annotated[
        Path | None, typer.Option(help="File to write, .json or .csv; JSON on stdout without.")
    ] = None,
) -> None:
    """Write a study's answer as JSON, or its runs as CSV, one a line; nothing is trained."""
    from actlab.compare import studies
    from actlab.compare.result import write_atomically

    kind = ".json" if save is None else save.suffix.lower()
    if kind not in {".json", ".csv"}:
        raise ActlabError(f"{str(save)!r} ends in neither .json nor .csv; give one of them")
    study = studies.find(key, place)
    text = studies.told(study).to_json() if kind == ".json" else studies.runs_table(study)
    if save is None:
        typer.echo(text, nl=False)
    else:
        say(f"wrote {write_atomically(save, text)}")


@app.command("delete")
def delete(
    key: _Key,
    *,
    place: _Place = _HERE,
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
) -> None:
    """Delete a study from its ledger, with every run that no other study there needs."""
    from actlab.compare import studies

    study = studies.find(key, place)
    if not yes:
        if not _watched_by_somebody():
            raise ActlabError("deleting asks first, and nobody is there to answer; give --yes")
        told = f"{study.key[:8]} ({study.name}, {study.runs_done} finished trainings)"
        if not typer.confirm(f"delete study {told} from {study.ledger}?", err=True):
            say("nothing was deleted")
            return
    say(f"deleted study {study.key[:8]} and {studies.delete(study)} trainings")


def _watched_by_somebody() -> bool:
    return sys.stdin.isatty()


def _print(found: list[Study]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for head in ("Key", "Data", "Candidates", "Trainings", "Begun", "Ledger"):
        table.add_column(head, justify="right" if head == "Trainings" else "left", no_wrap=True)
    for study in found:
        named = ", ".join(study.candidates[:3]) + (", ..." if len(study.candidates) > 3 else "")
        done = f"{study.runs_done}/{study.runs_planned}"
        cells = [
            study.key[:8],
            study.name,
            f"{len(study.candidates)}: {named}",
            done if study.complete else f"{done} ({study.runs_done / study.runs_planned:.0%})",
            study.created[:16].replace("T", " "),
            str(study.ledger),
        ]
        table.add_row(*(Text(cell) for cell in cells))
    data_console().print(table)


def _values(study: Study) -> dict[str, Any]:
    return vars(study) | {"ledger": str(study.ledger), "complete": study.complete}
