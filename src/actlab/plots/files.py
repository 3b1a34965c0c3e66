"""Figures as files, whole or not at all."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from actlab.errors import ActlabError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FORMATS", "check_path", "save_figure"]

FORMATS: Final = ("png", "svg", "pdf")


def save_figure(figure: Figure, path: str | os.PathLike[str], *, dpi: int = 150) -> Path:
    """Write a figure in the format of the file's suffix: png, svg or pdf.

    Readers see the old file or the new one, never a part.

    Raises:
        ActlabError: for another suffix, before anything is written.
        OSError: if the file can't be written.
    """
    target = check_path(path)
    buffer = io.BytesIO()
    stamp = {"png": None, "svg": "Date", "pdf": "CreationDate"}[target.suffix[1:].lower()]
    # without the time of day, the same figure gives the same file
    figure.savefig(
        buffer, format=target.suffix[1:].lower(), dpi=dpi, metadata={stamp: None} if stamp else {}
    )
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        part.write_bytes(buffer.getvalue())
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(target)) from None
    return target


def check_path(path: str | os.PathLike[str]) -> Path:
    """The path of a figure, if its suffix names a format."""
    target = Path(path)
    if target.suffix[1:].lower() not in FORMATS:
        shown = f"the suffix {target.suffix!r}" if target.suffix else "no suffix"
        raise ActlabError(f"{str(target)!r} has {shown}; a figure is written as .png, .svg or .pdf")
    return target
