"""The command line's reference, from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator

import click
from typer.main import get_command

from actlab.cli import app

__all__ = ["pages"]


def pages() -> dict[str, str]:
    """One page with all commands."""
    head = (
        "# Command line\n\nData go to stdout, messages and progress to stderr. Exit status: 0 "
        "done, 1 a clear error, 2 wrong usage, 130 interrupted.\n"
    )
    return {"commands.md": "\n".join([head, *_sections(get_command(app), "actlab")])}


def _sections(command: click.Command, path: str) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                yield from _sections(below, f"{path} {name}")
        return
    yield f"## {path}\n\n{command.help or ''}\n\n```text\n{' '.join(_usage(command, path))}\n```\n"
    yield "| | | default |\n|---|---|---|"
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is not None and "--help" not in parameter.opts:
            yield _row(parameter, context)
    yield ""


def _usage(command: click.Command, path: str) -> Iterator[str]:
    yield path
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            name = parameter.make_metavar(click.Context(command))
            yield name.replace("{", "").replace("}", "")
    yield "[OPTIONS]"


def _row(parameter: click.Parameter, context: click.Context) -> str:
    if parameter.param_type_name == "argument":
        name = parameter.make_metavar(context).strip("{}[].")
    else:
        name = ", ".join([*parameter.opts, *parameter.secondary_opts])
        if not getattr(parameter, "is_flag", False):
            name += f" {parameter.make_metavar(context).strip('{}<>').upper()}"
    default = parameter.default
    shown = "" if default in (None, False, ...) or callable(default) else f"`{default}`"
    words = str(getattr(parameter, "help", "") or "").replace("|", r"\|")
    return f"| `{name}` | {words} | {shown if not parameter.required else 'required'} |"
