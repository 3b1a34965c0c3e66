"""What a comparison says, for people: one self-contained HTML page, and a table in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actlab.report.house import needs_jinja

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
    with needs_jinja("the report"):
        from actlab.report.page import comparison_page
    return comparison_page(result)


def health(watch: Watch) -> str:
    """Return the report of a watched training: one HTML document that needs nothing else.

    Raises:
        ActlabError: Jinja2 is not installed.
    """
    with needs_jinja("the report"):
        from actlab.report.health_page import health_page
    return health_page(watch)
