"""What a comparison says, for people: one self-contained HTML page, and a table in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actlab.errors import ActlabError

if TYPE_CHECKING:
    from actlab.compare.result import Result
    from actlab.health.watching import Watch

__all__ = ["comparison", "health"]


def comparison(result: Result) -> str:
    """Return the report of a comparison: one HTML document that needs nothing else.

    Styles, charts (SVG) and the few lines of JavaScript stand inside it, and it asks no network
    for anything. Names from the data and from the candidates are escaped.

    Raises:
        ActlabError: Jinja2 is not installed.
    """
    try:
        from actlab.report.page import comparison_page
    except ModuleNotFoundError as missing:
        if missing.name not in {"jinja2", "markupsafe"}:
            raise
        raise ActlabError(
            "the report needs Jinja2, which is not installed; pip install 'actlab[report]'"
        ) from missing
    return comparison_page(result)


def health(watch: Watch) -> str:
    """Return the report of a watched training: one HTML document that needs nothing else.

    Raises:
        ActlabError: Jinja2 is not installed.
    """
    try:
        from actlab.report.health_page import health_page
    except ModuleNotFoundError as missing:
        if missing.name not in {"jinja2", "markupsafe"}:
            raise
        raise ActlabError(
            "the report needs Jinja2, which is not installed; pip install 'actlab[report]'"
        ) from missing
    return health_page(watch)
