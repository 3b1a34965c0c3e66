"""The first number that was not finite: which of the checked sums and norms it was."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from actlab.health.record import Event

__all__ = ["Flag", "event_of"]


@dataclass
class Flag:
    """Numbers that have to be finite, in the order of computation."""

    step: int
    phase: str
    place: str
    value: torch.Tensor
    layer: str = ""
    operation: str = ""
    dtype: torch.dtype | None = None


def event_of(
    known: Event | None,
    flags: Sequence[Flag],
    finite: Sequence[bool],
    broken: Mapping[int, str],
    largest: Mapping[str, float],
    every: int,
) -> Event | None:
    """The first flag that is not finite, or what was known before.

    Args:
        known: the event of the windows before.
        flags: of this window.
        finite: whether each is.
        broken: for a step, the layer nearest to the loss whose gradient was not finite.
        largest: the largest size seen at a place in the windows before.
        every: sampled steps are this many apart.
    """
    bad = [at for at, one in enumerate(finite) if not one]
    if not bad or (known is not None and known.lasting):
        return known
    if known is not None:
        return replace(known, lasting=True)
    flag = flags[bad[0]]
    later = {f.step for f in flags if f.step > flag.step}
    place, layer = flag.place, flag.layer
    if flag.phase == "gradient" and flag.step in broken:
        place = layer = broken[flag.step]
    lasting = bool(later) and later <= {flags[at].step for at in bad}
    dtype = "" if flag.dtype is None else str(flag.dtype)
    return Event(
        flag.step, flag.phase, place, flag.operation, layer, largest.get(place, math.nan),
        dtype, every, lasting,
    )  # fmt: skip
