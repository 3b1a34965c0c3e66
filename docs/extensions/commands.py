"""The command line's reference, from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from actlab.cli import app

__all__ = ["pages"]


def pages() -> dict[str, str]:
    """One page with all commands."""
    head = (
        "# Command line\n\nData go to stdout, messages and progress to stderr. Exit status: 0 "
        "done, 1 a clear error, 2 wrong usage, 130 interrupted.\n"
    )
    command = get_command(app)
    return {"commands.md": "\n".join([head, *_sections(command, _context(command, "actlab"))])}


def _context(command: Any, name: str, parent: Any = None) -> Any:
    return command.context_class(command, info_name=name, parent=parent)


def _sections(command: Any, context: Any) -> Iterator[str]:
    """A section for every command below this one, in the order of the help."""
    for name in command.list_commands(context) if hasattr(command, "list_commands") else ():
        below = command.get_command(context, name)
        yield from _sections(below, _context(below, name, context))
    if hasattr(command, "list_commands"):
        return
    words = (command.help or "").split("\n\n")
    paragraphs = "\n\n".join(" ".join(part.split()) for part in words)
    yield f"## {context.command_path}\n\n{paragraphs}\n"
    rows = [_row(parameter) for parameter in command.params if _is_own(parameter)]
    if rows:
        yield "\n".join(["| word | meaning | default |", "|---|---|---|", *rows]) + "\n"


def _is_own(parameter: Any) -> bool:
    return not getattr(parameter, "hidden", False)


def _row(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = (parameter.metavar or parameter.name.upper()).strip("[].")
    else:
        name = ", ".join([*parameter.opts, *parameter.secondary_opts])
        name += f" {parameter.metavar}" if parameter.metavar else ""
    default = parameter.default
    shown = f"`{default}`" if isinstance(default, (str, int, float, Path)) else ""
    shown = "" if default is False else shown
    words = (parameter.help or "").replace("|", r"\|")
    return f"| `{name}` | {words} | {'required' if parameter.required else shown} |"
