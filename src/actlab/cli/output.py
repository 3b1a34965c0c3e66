"""What every command shares: streams, JSON, and errors as one sentence."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import typer
from typer.core import TyperGroup

from actlab.errors import ActlabError

if TYPE_CHECKING:
    from rich.console import Console

    from actlab.activation import Activation

__all__ = [
    "Group",
    "checked",
    "data_console",
    "listed",
    "plain_characters",
    "prepare_streams",
    "print_json",
    "resolve",
    "resolve_list",
    "say",
]

Parsed = TypeVar("Parsed", int, float)

_WIDE = 150
"""Columns of a file or pipe."""

_EXTRAS = {
    "matplotlib": "report",
    "jinja2": "report",
    "torch": "torch",
    "scipy": "torch",
    "sklearn": "torch",
    "pandas": "torch",
    "pyarrow": "torch",
    "narwhals": "torch",
}
"""Which extra of the package brings a library."""


class Group(TyperGroup):
    """The commands, with one sentence and an exit status for whatever goes wrong on purpose."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # the reader has left (`actlab list | head`); nobody wants to hear of it
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(141) from None
        except KeyboardInterrupt:
            say("interrupted")
            raise typer.Exit(130) from None
        except ActlabError as error:
            raise _failed(str(error)) from None
        except OSError as error:
            raise _failed(_sentence(error)) from None
        except ModuleNotFoundError as error:
            library = (error.name or "").partition(".")[0]
            if library not in _EXTRAS:
                raise
            raise _failed(
                f"this needs {library}, which is not installed; "
                f"install it with: pip install 'actlab[{_EXTRAS[library]}]'"
            ) from None
        return result


def _failed(message: str) -> typer.Exit:
    say(f"error: {message}")
    return typer.Exit(1)


def _sentence(error: OSError) -> str:
    cause = (error.strerror or str(error)).lower()
    return cause if error.filename is None else f"cannot use {str(error.filename)!r}: {cause}"


def say(message: str) -> None:
    """Tell something to whoever watches, on stderr."""
    typer.echo(message, err=True)


def print_json(value: Any) -> None:
    """Print strict JSON; infinite numbers become the texts "inf" and "-inf"."""
    typer.echo(json.dumps(_strict(value), ensure_ascii=False, allow_nan=False, indent=1))


def _strict(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_strict(item) for item in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return str(value)


@contextlib.contextmanager
def checked() -> Iterator[None]:
    """What the package's own checks of numbers refuse becomes one sentence."""
    try:
        yield
    except ActlabError:
        raise
    except (TypeError, ValueError) as error:
        raise ActlabError(str(error)) from error


def resolve(text: str, like: str | None = None) -> Activation:
    """The activation that a user typed: a name, an alias, or a formula."""
    from actlab import catalogue

    with checked():
        found = catalogue.resolve(text)
        if like is None:
            return found
        if found.family == "user":
            raise ActlabError(
                f"--like takes the defaults that a framework gives a catalogued function, "
                f"but {text!r} is a formula"
            )
        return catalogue.get(text, like=like)


def resolve_list(text: str) -> list[Activation]:
    """The activations of a list with commas."""
    from actlab.catalogue import split_list

    return [resolve(item) for item in split_list(text)]


def listed(text: str, kind: type[Parsed], example: str) -> list[Parsed]:
    """Numbers with commas between them."""
    try:
        return [kind(item) for item in text.split(",") if item.strip()]
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a list of numbers such as {example}") from None


def data_console() -> Console:
    """Rich's console on stdout; as wide as a table needs where no terminal sets the width."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _WIDE
    return console


def prepare_streams() -> None:
    """Let a terminal without Unicode show question marks instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def plain_characters() -> bool:
    """Whether stdout cannot show braille."""
    try:
        "⣿│─┈".encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return True
    return False
