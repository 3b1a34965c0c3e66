"""Names: what a user wrote, looked up in a table, and what a reader is told."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final, TypeVar

from actlab.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["by_name", "listed", "metric_in_words", "spelled"]

_Row = TypeVar("_Row")

_SHOWN: Final = 8
"""So many are named in a sentence; the rest is counted."""
_METRICS: Final = {
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
    "iou": "IoU",
    "dice": "Dice coefficient",
}


def spelled(name: str) -> str:
    """A name as the tables have it.

    >>> spelled("Cross-entropy")
    'cross_entropy'
    """
    return name.lower().replace("-", "_")


def by_name(table: Mapping[str, _Row], name: str, what: str) -> _Row:
    """The row of this name, in any case, with hyphens or underscores.

    >>> by_name({"cross_entropy": 1}, "Cross-entropy", "loss")
    1

    Raises:
        UnknownNameError: it names all there are, and the nearest.
    """
    wanted = spelled(name)
    row = table.get(wanted)
    if row is None:
        found = difflib.get_close_matches(wanted, list(table), n=1, cutoff=0.5)
        hint = f"; the nearest is {found[0]!r}" if found else ""
        raise UnknownNameError(
            f"{name!r} is no {what} known here; known are {', '.join(table)}{hint}"
        )
    return row


def metric_in_words(name: str) -> str:
    """The name of a metric as people write it.

    >>> metric_in_words("rmse"), metric_in_words("log_loss")
    ('RMSE', 'log loss')
    """
    return _METRICS.get(name, name.replace("_", " "))


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are.

    >>> listed(["relu", "tanh"])
    'relu, tanh'
    >>> listed([f"f{i}" for i in range(10)])
    'f0, f1, f2, f3, f4, f5, f6, f7 and 2 more'
    """
    if len(names) <= _SHOWN:
        return ", ".join(names)
    return f"{', '.join(names[:_SHOWN])} and {len(names) - _SHOWN} more"
