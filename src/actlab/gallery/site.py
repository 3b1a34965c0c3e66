"""All files of the gallery, as text."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from actlab.gallery.exhibit import exhibit, slugs
from actlab.gallery.pages import ASSETS, TEMPLATES, function_page, index_page, overlay_page
from actlab.report.house import style

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["files"]


def files(
    functions: Sequence[Activation], progress: Callable[[int, int, str], None] | None = None
) -> dict[str, str]:
    """The text of each file, by its path in the folder."""
    exhibits = {}
    ordered = sorted(functions, key=lambda f: (f.family, f.name))
    with _no_collections():
        for place, (slug, f) in enumerate(slugs(ordered).items(), 1):
            if progress is not None:
                progress(place, len(functions), f.name)
            exhibits[f.name] = exhibit(f, slug)
    shown = list(exhibits.values())
    found = {"index.html": index_page(shown), "overlay.html": overlay_page(shown)}
    for name in ASSETS:
        sheet = TEMPLATES / name
        text = style(sheet) if sheet.suffix == ".css" else sheet.read_text(encoding="utf-8")
        found[f"assets/{name}"] = text
    for one in shown:
        found[f"functions/{one.slug}.html"] = function_page(one, exhibits)
        found[f"functions/{one.slug}.js"] = one.script
    return found


@contextmanager
def _no_collections() -> Iterator[None]:
    """Without the garbage collector, which finds nothing.

    Formulas are trees that are kept for ever; to walk through all of them again and again takes
    two thirds of the time that the whole catalogue does.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
