"""The numbers of a closed window, as the record keeps them: states of sites and of layers."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from actlab.health.parameters import Parameters
from actlab.health.record import LayerState, Site, SiteState

__all__ = ["Gradients", "Memory", "layer_states", "site_states"]

_ROWS_SATURATED: Final = 0.9
"""A unit is saturated when this share of the rows lies in a flat tail."""
_LASTING: Final = 3
"""Windows over which a unit has to be dead to count as dead for good."""


@dataclass
class Memory:
    """What one window hands on to the next.

    Attributes:
        dead: of each site, which units lay in the left tail and which in the right, per window.
        largest: the largest size of an input of each site.
    """

    dead: dict[str, deque[tuple[Any, Any]]] = field(default_factory=dict)
    largest: dict[str, float] = field(default_factory=dict)


class Gradients(NamedTuple):
    """Gradients of one step, as arrays (tensors while the window is open)."""

    step: int
    reached: list[int]
    """Which parameters have one."""
    norms: Any
    some: Any
    """Some of their entries; None in most steps."""


def site_states(
    sites: Sequence[Site],
    stats: Sequence[Any],
    rows: Sequence[int],
    steps: tuple[int, int],
    gradients: Mapping[str, Sequence[float]],
    memory: Memory,
    *,
    first: bool,
) -> Iterator[tuple[str, SiteState]]:
    """The state of each site, all at once: a window is closed often, and each call takes long.

    Args:
        sites: the places, at least one.
        stats: `unit_statistics` of each.
        rows: how many rows those are over.
        steps: the first and the last one of the window.
        gradients: norms of the gradients at a place.
        memory: of the windows before.
        first: whether this is the first window.
    """
    every = np.concatenate(stats, axis=1).astype(float)
    sizes = np.array([one.units for one in sites])
    starts = np.cumsum(sizes) - sizes
    mean, var, low, high, left, right, y_mean, y_var, _ = every
    tails = [site.regions for site in sites]
    ends = [(math.nan,) * 2 if one is None else (one.dead_left, one.dead_right) for one in tails]
    dead_left, dead_right = np.repeat(np.array(ends).T, sizes, axis=1)
    with np.errstate(all="ignore"):
        below, above = high <= dead_left, low >= dead_right  # nothing is beyond NaN
        y_square = y_mean**2 + y_var
        shares = np.stack([
            *every,
            y_square,
            below | above,
            left + right >= _ROWS_SATURATED,
            y_var <= 1e-12 * np.maximum(y_square, 1e-30),
        ])  # fmt: skip
        shares = np.add.reduceat(shares, starts, axis=1) / sizes
        largest = np.maximum.reduceat(np.maximum(abs(low), abs(high)), starts).tolist()
        deviation = np.sqrt(var)
        offset = mean / np.where(deviation > 0, deviation, np.nan)
    for at, (site, numbers) in enumerate(zip(sites, shares.T.tolist(), strict=True)):
        (x_mean, x_var, _, _, of_left, of_right, of_y, of_y_var, between, of_y_square,
         dead, saturated, constant) = numbers  # fmt: skip
        own = slice(starts[at], starts[at] + sizes[at])
        kept = math.nan
        if tails[at] is not None:
            lasting = memory.dead.setdefault(site.name, deque(maxlen=_LASTING))
            if not first:
                lasting.append((below[own], above[own]))
            if len(lasting) == _LASTING:
                always = [np.logical_and.reduce(side) for side in zip(*lasting, strict=True)]
                kept = _share(always[0] | always[1])
        y_rms = math.sqrt(of_y_square)
        whole = of_y_square - of_y**2
        memory.largest[site.name] = largest[at]
        yield (
            site.name,
            SiteState(
                steps[0],
                steps[1],
                rows[at],
                dead=dead,
                saturated=saturated,
                tail_rows=of_left + of_right,
                active=1 - of_left,
                constant=constant,
                x_mean=x_mean,
                x_std=math.sqrt(x_var),
                x_offset=_median(offset[own]),
                x_largest=largest[at],
                y_centre=of_y / y_rms if y_rms > 0 else 0.0,
                y_rms=y_rms,
                spread=of_y_var / of_y_square if y_rms > 0 else 0.0,
                alike=between / whole if whole > 0 else 0.0,
                gradient=_typical(gradients.get(site.name, ())),
                kept=kept,
            ),
        )


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
        square[reached] += norms**2
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
    table = np.stack([weight, square, moved, zeros * parameters.counts, parameters.counts, seen])
    # weights stand in the order of their layers
    table = np.add.reduceat(table, [one.own.start for one in parameters.layers.values()], axis=1)
    means, deviations = means.tolist(), deviations.tolist()
    for (name, layer), (weights, squares, moves, zero, count, reaches) in zip(
        parameters.layers.items(), table.T.tolist(), strict=True
    ):
        biases = [means[at] for at in layer.biases]
        yield (
            name,
            LayerState(
                steps[0],
                steps[1],
                weight=math.sqrt(weights),
                gradient=math.sqrt(squares),
                update=math.sqrt(moves),
                deviation=deviations[layer.matrix],
                bias=sum(biases) / len(biases) if biases else math.nan,
                zero_gradients=zero / count,
                reached=reaches > 0,
            ),
        )


def _square_sums(samples: Any, parameters: Parameters) -> Any:
    """Sums of squares over the samples of each parameter, mean over the steps."""
    return np.add.reduceat(samples**2, parameters.starts, axis=1).mean(0)


def _typical(gradients: Sequence[float]) -> float:
    """The geometric mean of those that are neither zero nor infinite; 0 if all are zero."""
    usable = [one for one in gradients if one > 0 and math.isfinite(one)]
    if usable:
        return math.exp(sum(map(math.log, usable)) / len(usable))
    return 0.0 if 0 in gradients else math.nan


def _share(of: Any) -> float:
    return float(np.count_nonzero(of)) / len(of)


def _median(of: Any) -> float:
    """The median, NaN if one is NaN; a fourth of the time of NumPy's for some hundred numbers."""
    ordered = np.sort(of)
    half = len(of) // 2
    if math.isnan(ordered[-1]) or len(of) % 2:
        return float(ordered[-1] if math.isnan(ordered[-1]) else ordered[half])
    return float(ordered[half - 1] + ordered[half]) / 2
