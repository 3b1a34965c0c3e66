"""Which catalogued functions equal one, and which are close to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from actlab import catalogue
from actlab.identity import equals, values

if TYPE_CHECKING:
    from actlab.activation import Activation
    from actlab.identity import Match

__all__ = ["Neighbour", "neighbours"]

_NEAREST: Final = 4
_FAR: Final = 0.25
"""Functions that differ by more somewhere on [-8, 8] are no neighbours."""


@dataclass(frozen=True)
class Neighbour:
    """A catalogued function beside another.

    Attributes:
        name: canonical name.
        how: "equal" or "close".
        words: how it is known, or by how much they differ and where.
    """

    name: str
    how: str
    words: str


def neighbours(activation: Activation) -> list[Neighbour]:
    """Functions that are equal to one, then the nearest others; none for vectors and layers.

    Example:
        >>> import actlab
        >>> [(n.name, n.how) for n in neighbours(actlab.get("silu"))][:2]
        [('swish', 'equal'), ('xsilu', 'equal')]
    """
    if activation.kind not in {"scalar", "gated"}:
        return []
    same = [
        Neighbour(match.name, "equal", _told(activation, match))
        for match in equals(activation)
        if match.name != activation.name
    ]
    if activation.kind == "gated":
        return same
    known = {activation.name, *(n.name for n in same)}
    names, table = _table()
    mine = values.row(activation).many
    with np.errstate(invalid="ignore"):
        misses = np.abs(table - mine)
    worst = np.where(np.isfinite(misses).all(axis=1), misses.max(axis=1), np.inf)
    near: list[Neighbour] = []
    for place in np.argsort(worst, kind="stable"):
        if len(near) == _NEAREST or worst[place] > _FAR:
            break
        if names[place] not in known:
            at = float(values.grid()[int(np.argmax(misses[place]))])
            words = f"differs by at most {worst[place]:.2g}, at x = {at:.3g}"
            if worst[place] == 0:
                words = f"the same up to |x| = {values.REACH:g}"
            near.append(Neighbour(names[place], "close", words.replace("-", "−")))
    return same + near


def _told(activation: Activation, match: Match) -> str:
    other = catalogue.get(match.name)
    words = [match.how]
    if match.written:
        words.insert(0, f"as {match.written}")
    elif other.parameters:
        words.insert(0, "at its defaults")
    if other.backward != activation.backward:
        words.append("with another gradient")
    return ", ".join(words)


@lru_cache(maxsize=1)
def _table() -> tuple[list[str], Any]:
    """Names, and a row of values for each; what has a backward formula of its own is left out."""
    rows = [row for row in values.rows("scalar") if row.activation.backward is None]
    return [row.activation.name for row in rows], np.stack([row.many for row in rows])
