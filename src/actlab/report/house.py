"""What all pages share: their frame and their style, and what to say where Jinja2 is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from actlab.errors import ActlabError

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["TEMPLATES", "needs_jinja", "style", "templates"]

TEMPLATES: Final = Path(__file__).parent / "templates"


@contextmanager
def needs_jinja(what: str) -> Iterator[None]:
    """Say in a sentence that something needs Jinja2, if an import inside does not find it.

    Raises:
        ActlabError: Jinja2 is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        if missing.name not in {"jinja2", "markupsafe"}:
            raise
        raise ActlabError(
            f"{what} needs Jinja2, which is not installed; pip install 'actlab[report]'"
        ) from missing


def templates(folder: Path, **options: Any) -> Environment:
    """The templates of a folder, which may build on those of the reports."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader([folder, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **options,
    )


def style(sheet: Path) -> str:
    """The style that all pages share, and a sheet of their own behind it."""
    return (TEMPLATES / "house.css").read_text(encoding="utf-8") + sheet.read_text(encoding="utf-8")
