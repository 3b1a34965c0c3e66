"""The numbers of a closed window, as the record keeps them: states of sites and of layers."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from actlab.health.parameters import Parameters
from actlab.health.record import LayerState, Site, SiteState

__all__ = ["Gradients", "Memory", "layer_states", "site_state"]

_ROWS_SATURATED: Final = 0.9
"""A unit is saturated when this share of the rows lies in a flat tail."""
_LASTING: Final = 3
"""Windows over which a unit has to be dead to count as dead for good."""


@dataclass
class Memory:
    """What one window hands on to the next: the extremes of each unit and of each site."""

    ends: dict[str, deque[tuple[Any, Any]]] = field(default_factory=dict)
    largest: dict[str, float] = field(default_factory=dict)


class Gradients(NamedTuple):
    """Gradients of one step, as arrays (tensors while the window is open)."""

    step: int
    reached: list[int]
    """Which parameters have one."""
    norms: Any
    some: Any
    """Some of their entries; None in most steps."""


def site_state(
    site: Site,
    stats: Any,
    rows: int,
    steps: tuple[int, int],
    gradients: Sequence[float],
    memory: Memory,
    *,
    first: bool,
) -> SiteState:
    """The state of a site from its `unit_statistics` and the norms of its gradients."""
    stats = stats.astype(float)
    mean, var, low, high, left, right, y_mean, y_var, _ = stats
    # one call for all: a window is closed every few steps, and each call takes microseconds
    of_x, of_var, _, _, of_left, of_right, of_y, of_y_var, between = stats.mean(1).tolist()
    tails = site.regions
    dead = np.zeros(len(mean), dtype=bool)
    kept = math.nan
    if tails is not None:
        dead = (high <= tails.dead_left) | (low >= tails.dead_right)
        ends = memory.ends.setdefault(site.name, deque(maxlen=_LASTING))
        if not first:
            ends.append((low, high))
        if len(ends) == _LASTING:
            lowest = np.min([one[0] for one in ends], axis=0)
            highest = np.max([one[1] for one in ends], axis=0)
            kept = _share((highest <= tails.dead_left) | (lowest >= tails.dead_right))
    deviation = np.sqrt(var)
    y_square = y_mean**2 + y_var
    of_y_square = float(y_square.mean())
    y_rms = math.sqrt(of_y_square)
    whole = of_y_square - of_y**2
    usable = [g for g in gradients if g > 0 and math.isfinite(g)]
    zero = any(g == 0 for g in gradients) and not usable
    with np.errstate(all="ignore"):
        offset = _median(mean / np.where(deviation > 0, deviation, np.nan))
    memory.largest[site.name] = float(max(abs(low.min()), abs(high.max())))
    return SiteState(
        steps[0],
        steps[1],
        rows,
        dead=_share(dead),
        saturated=_share(left + right >= _ROWS_SATURATED),
        tail_rows=of_left + of_right,
        active=1 - of_left,
        constant=_share(y_var <= 1e-12 * np.maximum(y_square, 1e-30)),
        x_mean=of_x,
        x_std=math.sqrt(of_var),
        x_offset=offset,
        x_largest=memory.largest[site.name],
        y_centre=of_y / y_rms if y_rms > 0 else 0.0,
        y_rms=y_rms,
        spread=of_y_var / of_y_square if y_rms > 0 else 0.0,
        alike=between / whole if whole > 0 else 0.0,
        gradient=math.exp(sum(map(math.log, usable)) / len(usable)) if usable
        else (0.0 if zero else math.nan),
        kept=kept,
    )  # fmt: skip


def layer_states(
    parameters: Parameters,
    before: Any,
    after: Any,
    gradients: Sequence[Gradients],
    steps: tuple[int, int],
) -> Iterator[tuple[str, LayerState]]:
    """The state of each layer.

    Args:
        parameters: of the model.
        before: samples of the weights before each step, shape (steps, samples).
        after: the same after it.
        gradients: of each step.
        steps: the first and the last one of the window.
    """
    before = before.astype(float)
    scale = parameters.counts / parameters.sizes
    weight = _square_sums(before, parameters) * scale
    moved = _square_sums(after.astype(float) - before, parameters) * scale
    square, seen = np.zeros((2, len(scale)))
    zeros, looks = np.zeros((2, len(scale)))
    for _, reached, norms, some in gradients:
        square[reached] += norms.astype(float) ** 2
        seen[reached] += 1
        if some is not None:
            sizes = parameters.sizes[reached]
            starts = np.cumsum(sizes) - sizes
            zeros[reached] += np.add.reduceat(some == 0, starts, dtype=float) / sizes
            looks[reached] += 1
    square /= np.maximum(seen, 1)
    zeros = np.where(looks > 0, zeros / np.maximum(looks, 1), 1.0)
    latest = after[-1].astype(float)
    means = np.add.reduceat(latest, parameters.starts) / parameters.sizes
    apart = latest - np.repeat(means, parameters.sizes)
    deviations = np.sqrt(np.add.reduceat(apart**2, parameters.starts) / parameters.sizes)
    zeros = zeros * parameters.counts
    for name, (own, matrix, biases) in parameters.layers.items():
        state = LayerState(
            steps[0],
            steps[1],
            weight=math.sqrt(weight[own].sum()),
            gradient=math.sqrt(square[own].sum()),
            update=math.sqrt(moved[own].sum()),
            deviation=float(deviations[matrix]),
            bias=float(means[biases].mean()) if biases else math.nan,
            zero_gradients=float(zeros[own].sum() / parameters.counts[own].sum()),
            reached=bool(seen[own].any()),
        )
        yield name, state


def _square_sums(samples: Any, parameters: Parameters) -> Any:
    """Sums of squares over the samples of each parameter, mean over the steps."""
    return np.add.reduceat(samples**2, parameters.starts, axis=1).mean(0)


def _share(of: Any) -> float:
    return float(np.count_nonzero(of)) / len(of)


def _median(of: Any) -> float:
    """The median, NaN if one is NaN; a fourth of the time of NumPy's for some hundred numbers."""
    ordered = np.sort(of)
    half = len(of) // 2
    if math.isnan(ordered[-1]) or len(of) % 2:
        return float(ordered[-1] if math.isnan(ordered[-1]) else ordered[half])
    return float(ordered[half - 1] + ordered[half]) / 2
