"""Functions that a user names on the command line: "my.py:build"."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from actlab.errors import ActlabError

__all__ = ["absolute", "function_of", "names_function"]


def names_function(text: Any) -> bool:
    """Whether a text has the form "file.py:function".

    >>> names_function("my.py:build"), names_function("digits.csv")
    (True, False)
    """
    path, colon, name = text.rpartition(":") if isinstance(text, str) else ("", "", "")
    return bool(colon) and path.endswith(".py") and name.isidentifier()


def absolute(place: str) -> str:
    """Return "file.py:function" so that it can be found from any directory."""
    path, _, name = place.rpartition(":")
    return f"{Path(path).resolve()}:{name}"


def function_of(place: str) -> Any:
    """Return the function of a file; modules beside the file can be imported from now on.

    Raises:
        ActlabError: there is no such file or function, or the file fails.
    """
    path, _, name = place.rpartition(":")
    file = Path(path)
    if not names_function(place):
        raise ActlabError(f"{place!r} names no function; write it as my.py:build")
    if not file.is_file():
        raise ActlabError(f"there is no file {path!r}")
    beside = str(file.parent.resolve())
    if beside not in sys.path:
        sys.path.insert(0, beside)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None  # noqa: S101  of a file that ends in .py
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # a user's own file may raise anything
        raise ActlabError(f"{path} failed: {type(error).__name__}: {error}") from error
    if not hasattr(module, name):
        known = [n for n, v in vars(module).items() if callable(v) and n[0] != "_"]
        own = [n for n in known if getattr(vars(module)[n], "__module__", None) == file.stem]
        shown = f"; it has {', '.join(own)}" if own else ""
        raise ActlabError(f"{path} has no function {name!r}{shown}")
    return getattr(module, name)
