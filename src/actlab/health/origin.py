"""The first number that was not finite: which of the checked sums and norms it was."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from actlab.health.record import Event

__all__ = ["Flag", "event_of"]


@dataclass
class Flag:
    """Numbers that have to be finite: one, an array, or a tensor that is still on its device."""

    step: int
    phase: str
    place: str
    value: Any
    layer: str = ""
    operation: str = ""
    dtype: torch.dtype | None = None


def event_of(
    known: Event | None,
    bad: Sequence[Flag],
    steps: Collection[int],
    broken: Mapping[int, str],
    largest: Mapping[str, float],
    every: int,
) -> Event | None:
    """The first flag that is not finite, or what was known before.

    Args:
        known: the event of the windows before.
        bad: the flags of this window that are not finite, in the order of computation.
        steps: of this window that were looked at.
        broken: for a step, the layer nearest to the loss whose gradient was not finite.
        largest: the largest size seen at a place in the windows before.
        every: sampled steps are this many apart.
    """
    if not bad or (known is not None and known.lasting):
        return known
    if known is not None:
        return replace(known, lasting=True)
    flag = bad[0]
    later = {step for step in steps if step > flag.step}
    place, layer = flag.place, flag.layer
    if flag.phase == "gradient" and flag.step in broken:
        place = layer = broken[flag.step]
    lasting = bool(later) and later <= {one.step for one in bad}
    dtype = "" if flag.dtype is None else str(flag.dtype)
    return Event(
        flag.step, flag.phase, place, flag.operation, layer, largest.get(place, math.nan),
        dtype, every, lasting,
    )  # fmt: skip
