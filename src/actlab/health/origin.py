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
    """A sum or norm that has to be finite, in the order of computation."""

    step: int
    phase: str
    place: str
    value: torch.Tensor
    layer: str = ""
    operation: str = ""
    dtype: str = ""


def event_of(
    known: Event | None,
    flags: Sequence[Flag],
    values: Sequence[float],
    broken: Mapping[int, str],
    largest: Mapping[str, float],
    every: int,
) -> Event | None:
    """The first flag whose value is not finite, or what was known before.

    Args:
        known: the event of the windows before.
        flags: of this window.
        values: of the flags.
        broken: for a step, the layer nearest to the loss whose gradient was not finite.
        largest: the largest size seen at a place in the windows before.
        every: sampled steps are this many apart.
    """
    bad = [at for at, value in enumerate(values) if not math.isfinite(value)]
    if not bad or (known is not None and known.lasting):
        return known
    if known is not None:
        return replace(known, lasting=True)
    flag = flags[bad[0]]
    later = {f.step for f in flags if f.step > flag.step}
    place, layer = flag.place, flag.layer
    if flag.phase == "gradient" and flag.step in broken:
        place = layer = broken[flag.step]
    return Event(
        flag.step, flag.phase, place, flag.operation, layer, largest.get(place, math.nan),
        flag.dtype, every, lasting=bool(later) and later <= {flags[at].step for at in bad},
    )  # fmt: skip
