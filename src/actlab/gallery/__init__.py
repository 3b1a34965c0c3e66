"""A static site of activation functions: pictures, sliders, properties, source to copy.

It opens from disk, in any current browser, without a server and without a network.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from actlab import catalogue
from actlab.errors import ActlabError
from actlab.report.house import needs_jinja

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["write_gallery"]

_MARK: Final = "assets/charts.js"
"""A folder that has this file was written by an earlier call."""


def write_gallery(
    out: str | os.PathLike[str],
    activations: Iterable[str | Activation] | None = None,
    *,
    progress: Callable[[int, int, str], None] | None = None,
) -> Path:
    """Write the gallery; open the file that is returned in a browser.

    An index with search and filters, a page for each function with sliders that redraw it in
    the exported JavaScript, and a page that lays up to six functions over each other.

    Args:
        out: a folder: a new one, an empty one, or that of an earlier gallery, which is replaced.
        activations: names, formulas or activations; by default the whole catalogue, which
            takes about a minute.
        progress: called before each function with its number, how many there are, and its name.

    Returns:
        The path of `index.html`.

    Raises:
        ActlabError: if the folder holds other files, no function was given, or Jinja2 is not
            installed; nothing is written then.
        OSError: if a file can't be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = write_gallery(folder, ["relu"])
        ...     sorted(p.name for p in path.parent.iterdir())
        ['assets', 'functions', 'index.html', 'overlay.html']
    """
    folder = Path(out)
    _check(folder)
    if activations is None:
        activations = catalogue.names()
    functions = [catalogue.resolve(f) if isinstance(f, str) else f for f in activations]
    functions = list({f.name: f for f in functions}.values())
    if not functions:
        raise ActlabError("no activation was given; name at least one, for example relu")
    with needs_jinja("the gallery"):
        from actlab.gallery.site import files
    _write(folder, files(functions, progress))
    return folder / "index.html"


def _check(folder: Path) -> None:
    if folder.is_dir():
        if any(folder.iterdir()) and not (folder / _MARK).is_file():
            raise ActlabError(
                f"{str(folder)!r} holds other files; name a new folder, or that of a gallery"
            )
    elif folder.exists():
        raise ActlabError(f"{str(folder)!r} is a file; name a folder to write the gallery to")


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    for path in (folder / "functions").iterdir():  # pages of functions that are no longer shown
        if path.suffix in {".html", ".js"} and f"functions/{path.name}" not in files:
            path.unlink()
