"""Writes the pages that the package itself is the source of, before Sphinx reads any.

They lie under docs/generated, which git ignores: nobody types a table of functions, bounds or
options. A page is written only when it has changed, so that a second build is short.
"""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

from extensions import accuracy, catalogue, commands, names, tables

__all__ = ["setup", "write"]


def write(folder: Path) -> None:
    """Write every generated page below a folder, and delete those that are no more."""
    pages: dict[str, str] = {}
    for part in (accuracy, catalogue, commands, names, tables):
        pages |= part.pages()
    for name, text in pages.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in folder.rglob("*.md"):
        if path.relative_to(folder).as_posix() not in pages:
            path.unlink()


def _as_targets(_app: Sphinx, _page: str, source: list[str]) -> None:
    """Anchors written in HTML become targets that links in Markdown can find."""
    source[0] = re.sub(r'^<a id="([\w-]+)"></a>$', r"(\1)=", source[0], flags=re.M)


def setup(app: Sphinx) -> dict[str, bool]:
    """Have the pages written when a build begins."""
    app.connect("builder-inited", lambda app: write(Path(app.srcdir) / "generated"))
    app.connect("source-read", _as_targets)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
