"""What Furo's pages lack for the keyboard and for readers aloud."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

__all__ = ["setup"]

_SCROLLING = ("<pre>", '<div class="table-wrapper', '<div class="formula"')


def _mend(_app: Sphinx, _page: str, _template: str, context: dict[str, Any], _tree: Any) -> None:
    """Headings of the navigation get their level; what scrolls sideways can be focused."""
    navigation = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = navigation.replace(
        'role="heading"', 'role="heading" aria-level="2"'
    )
    for opening in _SCROLLING:
        name, space, rest = opening.rstrip(">").partition(" ")
        focusable = f'{name} tabindex="0"{space}{rest}' + (">" if opening.endswith(">") else "")
        context["body"] = context.get("body", "").replace(opening, focusable)


def setup(app: Sphinx) -> dict[str, bool]:
    """Mend after the theme has filled its part of the page in."""
    app.connect("html-page-context", _mend, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
