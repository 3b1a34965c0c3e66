"""Look-up of a row in a table by the name that a user wrote."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, TypeVar

from actlab.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["by_name"]

_Row = TypeVar("_Row")


def by_name(table: Mapping[str, _Row], name: str, what: str) -> _Row:
    """The row of this name, written in any case; an unknown name gets the nearest one shown.

    >>> by_name({"adam": 1}, "Adam", "optimiser")
    1
    """
    row = table.get(name.lower())
    if row is None:
        found = difflib.get_close_matches(name.lower(), list(table), n=1, cutoff=0.5)
        hint = f"; the nearest is {found[0]!r}" if found else ""
        raise UnknownNameError(
            f"{name!r} is no {what} known here; known are {', '.join(table)}{hint}"
        )
    return row
