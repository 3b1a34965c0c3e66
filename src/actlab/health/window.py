"""A window: the samples of a few steps, and the numbers that they become when it is closed."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import torch

from actlab.health.record import Event, LayerState, LossUse, Record, Site, SiteState
from actlab.health.sampling import places, to_host

__all__ = ["Memory", "Window"]

Tensor = torch.Tensor

_ROWS_SATURATED: Final = 0.9
"""A unit is saturated when this share of the rows lies in a flat tail."""
_LASTING: Final = 3
"""Windows over which a unit has to be dead to count as dead for good."""
_LOSS_ROWS: Final = 256


@dataclass
class _Flag:
    """A sum or norm that has to be finite."""

    step: int
    phase: str
    place: str
    value: Tensor
    layer: str
    operation: str
    dtype: str


@dataclass
class Memory:
    """What one window hands on to the next: the extremes of each unit, and the last scale."""

    ends: dict[str, deque[tuple[Any, Any, int]]] = field(default_factory=dict)
    largest: dict[str, float] = field(default_factory=dict)
    weights: dict[int, bool] = field(default_factory=dict)


class Window:
    """The samples of the steps since the last window was closed."""

    def __init__(self, memory: Memory | None = None) -> None:
        self.memory = Memory() if memory is None else memory
        self.samples = 0
        self.rates: list[tuple[int, float]] = []
        self._flags: list[_Flag] = []
        self._backward: list[tuple[int, str, Tensor, str, str]] = []
        self._norms: list[tuple[int, str, Tensor]] = []
        self._rows: dict[str, tuple[Site, list[Tensor], list[Tensor]]] = {}
        self._losses: list[tuple[int, Tensor, str]] = []
        self._gradients: list[tuple[int, list[int], Tensor, Tensor | None]] = []
        self._steps: list[tuple[int, Tensor, Tensor]] = []
        self._uses: dict[str, Tensor] = {}

    # -- filling ----------------------------------------------------------------------------

    def flag(
        self,
        step: int,
        phase: str,
        place: str,
        value: Tensor,
        layer: str = "",
        *,
        operation: str = "",
        dtype: str = "",
    ) -> None:
        """A number that has to be finite, in the order of computation."""
        self._flags.append(_Flag(step, phase, place, value, layer, operation, dtype))

    def add(self, site: Site, x: Tensor, y: Tensor) -> None:
        """Rows of a site's input and output."""
        entry = self._rows.setdefault(site.name, (site, [], []))
        if x.shape[-1] == site.units == y.shape[-1]:
            entry[1].append(x)
            entry[2].append(y)

    def gradient(self, step: int, place: str, norm: Tensor, layer: str, operation: str) -> None:
        """The norm of a gradient, in the order of the backward pass."""
        self._backward.append((step, place, norm, layer, operation))

    def waits(self) -> bool:
        """Whether there are gradients that no step has used."""
        return bool(self._backward)

    def drop_backward(self) -> None:
        """Forget the gradients of a step that was not made."""
        self._backward = []

    def loss(self, step: int, value: Tensor, layer: str) -> None:
        """The loss of a step."""
        self._losses.append((step, value, layer))
        self.flag(step, "loss", "loss", value, layer)

    def use(self, name: str, given: Tensor, target: Tensor) -> None:
        """What a loss function was given: sums and extremes."""
        if name in self._uses or given.numel() == 0:
            return
        rows = given.reshape(-1, given.shape[-1]) if given.dim() == 2 else given.reshape(-1, 1)
        rows = rows[:_LOSS_ROWS].float()
        numbers = [
            (rows.sum(1) - 1).abs().amax(),
            rows.amin(),
            rows.amax(),
            (rows.exp().sum(1) - 1).abs().amax(),
            target.amin().float(),
            target.amax().float(),
        ]
        self._uses[name] = torch.stack(numbers)

    def gradients(
        self,
        step: int,
        places: list[int],
        norm: Tensor,
        some: Tensor | None,
        *,
        scaled: bool = False,
    ) -> None:
        """Gradients of the parameters as the optimizer gets them."""
        if not scaled:  # a scale that overflows leaves the step out, which is its business
            self._flags += [
                _Flag(step, "backward", place, value, layer, operation, "")
                for step, place, value, layer, operation in self._backward
            ]
        self._norms += [(step, place, value) for step, place, value, _, _ in self._backward]
        self._backward = []
        self.flag(step, "gradient", "", norm.sum())
        self._gradients.append((step, places, norm, some))

    def step(self, step: int, before: Tensor, after: Tensor) -> None:
        """Some numbers of the weights before and after the optimizer's step."""
        self.flag(step, "weights", "", after.sum())
        self._steps.append((step, before, after))

    # -- closing ----------------------------------------------------------------------------

    def close(self, record: Record, parameters: Sequence[Any], *, distributed: bool) -> None:
        """Reduce everything and add it to the record."""
        if self._backward and record.optimiser == "":
            self._norms += [(step, place, value) for step, place, value, _, _ in self._backward]
            self._flags += [
                _Flag(step, "backward", place, value, layer, operation, "")
                for step, place, value, layer, operation in self._backward
            ]
        units = {name: _reduced(site, x, y) for name, (site, x, y) in self._rows.items() if x}
        if distributed:
            units = {name: _over_processes(one) for name, one in units.items()}
        values: list[Tensor] = [flag.value for flag in self._flags]
        values += [value for _, _, value in self._norms]
        values += [value for _, value, _ in self._losses]
        weights = [_changes(before, after) for _, before, after in self._steps]
        tensors = [*units.values(), *weights]
        tensors += [norm for _, _, norm, _ in self._gradients]
        tensors += [_zeros(some) for _, _, _, some in self._gradients if some is not None]
        tensors += list(self._uses.values())
        if not values and not tensors:
            return
        single = iter(map(float, to_host(values)))
        flags = [next(single) for _ in self._flags]
        norms = [next(single) for _ in self._norms]
        losses = [next(single) for _ in self._losses]
        at = iter(to_host(tensors))
        by_unit = {name: next(at) for name in units}
        changes = [next(at) for _ in weights]
        gradient_norms = [next(at) for _ in self._gradients]
        zeros = [None if some is None else next(at) for _, _, _, some in self._gradients]
        uses = {name: next(at) for name in self._uses}
        self._find_event(record, flags, parameters, gradient_norms)
        by_place: dict[str, list[float]] = {}
        for (_, place, _), norm in zip(self._norms, norms, strict=True):
            by_place.setdefault(place, []).append(norm)
        steps = [flag.step for flag in self._flags]
        first, last = (min(steps), max(steps)) if steps else (record.steps, record.steps)
        for name, stats in by_unit.items():
            site, x, _ = self._rows[name]
            rows = sum(len(one) for one in x)
            state = self._state(site, stats, rows, (first, last), by_place.get(name, []),
                                alone=record.sampled <= 1)  # fmt: skip
            record.add_state(name, state)
        self._layers(record, parameters, changes, gradient_norms, zeros, (first, last))
        for (step, _, _), loss in zip(self._losses, losses, strict=True):
            record.loss.add(step, loss)
        for (step, _, _, _), norm in zip(self._gradients, gradient_norms, strict=True):
            record.gradient.add(step, float(np.sqrt(np.square(norm.astype(float)).sum())))
        for step, rate in self.rates:
            record.rate.add(step, rate)
        for name, use in uses.items():
            _add_use(record, name, use)

    def _state(
        self,
        site: Site,
        stats: Any,
        rows: int,
        steps: tuple[int, int],
        gradients: list[float],
        *,
        alone: bool,
    ) -> SiteState:
        stats = stats.astype(float)
        mean, var, low, high, left, right, y_mean, y_var, _ = stats
        # one call for all: a window is closed every few steps, and each call takes microseconds
        of_x, of_var, _, _, of_left, of_right, of_y, of_y_var, between = stats.mean(1).tolist()
        tails = site.regions
        dead = np.zeros(len(mean), dtype=bool)
        kept = math.nan
        if tails is not None:
            dead = (high <= tails.dead_left) | (low >= tails.dead_right)
            ends = self.memory.ends.setdefault(site.name, deque(maxlen=_LASTING))
            if not alone:
                ends.append((low, high, rows))
            if len(ends) == _LASTING:
                lowest = np.min([one[0] for one in ends], axis=0)
                highest = np.max([one[1] for one in ends], axis=0)
                kept = float(np.mean((highest <= tails.dead_left) | (lowest >= tails.dead_right)))
        deviation = np.sqrt(var)
        y_square = y_mean**2 + y_var
        of_y_square = float(y_square.mean())
        y_rms = math.sqrt(of_y_square)
        whole = of_y_square - of_y**2
        usable = [g for g in gradients if g > 0 and math.isfinite(g)]
        zero = any(g == 0 for g in gradients) and not usable
        with np.errstate(all="ignore"):
            offset = _median(mean / np.where(deviation > 0, deviation, np.nan))
        self.memory.largest[site.name] = float(max(abs(low.min()), abs(high.max())))
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
            x_largest=self.memory.largest[site.name],
            y_centre=of_y / y_rms if y_rms > 0 else 0.0,
            y_rms=y_rms,
            spread=of_y_var / of_y_square if y_rms > 0 else 0.0,
            alike=between / whole if whole > 0 else 0.0,
            gradient=math.exp(sum(map(math.log, usable)) / len(usable)) if usable
            else (0.0 if zero else math.nan),
            kept=kept,
        )  # fmt: skip

    def _layers(
        self,
        record: Record,
        parameters: Sequence[Any],
        changes: list[Any],
        norms: list[Any],
        zeros: list[Any],
        steps: tuple[int, int],
    ) -> None:
        if not changes:
            return
        sizes = np.array([len(places(p)) for _, _, p in parameters])
        full = np.array([p.numel() for _, _, p in parameters], dtype=float)
        ends = np.cumsum(sizes)
        starts = ends - sizes
        scale = full / np.maximum(sizes, 1)
        before = np.mean([np.add.reduceat(c[0].astype(float) ** 2, starts) for c in changes], 0)
        moved = np.mean([np.add.reduceat(c[1].astype(float) ** 2, starts) for c in changes], 0)
        square = np.zeros(len(parameters))
        zero = np.ones(len(parameters))
        reached = np.zeros(len(parameters), dtype=bool)
        count = np.zeros(len(parameters))
        share = np.zeros(len(parameters))
        looks = np.zeros(len(parameters))
        for (_, having, _, _), norm, none in zip(self._gradients, norms, zeros, strict=True):
            begin = 0
            for place, one in zip(having, norm, strict=True):
                size = int(sizes[place])
                square[place] += float(one) ** 2
                if none is not None and size:
                    share[place] += float(none[begin : begin + size].mean())
                    looks[place] += 1
                count[place] += 1
                begin += size
                reached[place] = True
        seen = count > 0
        square[seen] /= count[seen]
        seen = looks > 0
        zero[seen] = share[seen] / looks[seen]
        latest = changes[-1][0].astype(float)
        for name in record.layers:
            own = [at for at, (path, _, _) in enumerate(parameters) if path == name]
            if not own:
                continue
            biggest = max(own, key=lambda at: full[at])
            matrix = latest[starts[biggest] : ends[biggest]]
            bias = [
                latest[starts[at] : ends[at]] for at in own if parameters[at][1].startswith("bias")
            ]
            record.add_layer_state(
                name,
                LayerState(
                    steps[0],
                    steps[1],
                    weight=math.sqrt(float((before[own] * scale[own]).sum())),
                    gradient=math.sqrt(float(square[own].sum())),
                    update=math.sqrt(float((moved[own] * scale[own]).sum())),
                    deviation=float(matrix.std()),
                    bias=float(np.mean([one.mean() for one in bias])) if bias else math.nan,
                    zero_gradients=float(zero[own] @ full[own] / full[own].sum()),
                    reached=bool(reached[own].any()),
                ),
            )

    def _find_event(
        self, record: Record, flags: list[float], parameters: Sequence[Any], norms: list[Any]
    ) -> None:
        bad = [place for place, value in enumerate(flags) if not math.isfinite(value)]
        if not bad or (record.event is not None and record.event.lasting):
            return
        flag = self._flags[bad[0]]
        steps_after = {f.step for f in self._flags if f.step > flag.step}
        steps_bad = {self._flags[place].step for place in bad}
        lasting = bool(steps_after) and steps_after <= steps_bad
        if record.event is not None:
            if lasting or steps_bad:
                record.event = replace(record.event, lasting=True)
            return
        place, layer = flag.place, flag.layer
        if flag.phase == "gradient":
            for (step, having, _, _), norm in zip(self._gradients, norms, strict=True):
                broken = [p for p, one in zip(having, norm, strict=True) if not math.isfinite(one)]
                if step == flag.step and broken:
                    place = layer = parameters[broken[-1]][0]
        record.event = Event(
            flag.step,
            flag.phase,
            place,
            flag.operation,
            layer,
            self.memory.largest.get(place, math.nan),
            flag.dtype,
            record.every,
            lasting,
        )


def _share(of: Any) -> float:
    return float(np.count_nonzero(of)) / len(of)


def _median(of: Any) -> float:
    """The median, NaN if one is NaN; a fourth of the time of NumPy's for some hundred numbers."""
    ordered = np.sort(of)
    half = len(of) // 2
    if math.isnan(ordered[-1]) or len(of) % 2:
        return float(ordered[-1] if math.isnan(ordered[-1]) else ordered[half])
    return float(ordered[half - 1] + ordered[half]) / 2


def _reduced(site: Site, x: list[Tensor], y: list[Tensor]) -> Tensor:
    """Nine numbers of each unit over all rows, shape (9, units)."""
    given = torch.cat(x)
    mean, low, high = given.mean(0), given.amin(0), given.amax(0)
    var = (given - mean).square_().mean(0)  # five times as fast as Tensor.var along an axis
    tails = site.regions
    left = right = torch.zeros_like(mean)
    if tails is not None and math.isfinite(tails.left):
        left = (given <= tails.left).float().mean(0)
    if tails is not None and math.isfinite(tails.right):
        right = (given >= tails.right).float().mean(0)
    y_mean, y_var = mean, var
    if site.activation is not None:
        result = torch.cat(y)
        y_mean = result.mean(0)
        y_var = (result - y_mean).square_().mean(0)
    latest = y[-1]
    between = (latest - latest.mean(1, keepdim=True)).square_().mean().expand_as(mean)
    return torch.stack([mean, var, low, high, left, right, y_mean, y_var, between])


def _over_processes(stats: Tensor) -> Tensor:
    """The same numbers over the rows of every process."""
    from torch import distributed

    if not (distributed.is_available() and distributed.is_initialized()):
        return stats
    mean, var, low, high, *rest = stats
    total = torch.stack([mean, var + mean**2, *rest, rest[2] ** 2 + rest[3]])
    ends = torch.stack([low, -high])
    distributed.all_reduce(total)
    distributed.all_reduce(ends, op=distributed.ReduceOp.MIN)
    total = total / distributed.get_world_size()
    mean, square, left, right, y_mean, _, between, y_square = total
    return torch.stack(
        [mean, square - mean**2, ends[0], -ends[1], left, right, y_mean, y_square - y_mean**2,
         between]
    )  # fmt: skip


def _changes(before: Tensor, after: Tensor) -> Tensor:
    return torch.stack([before, after - before])


def _zeros(some: Tensor) -> Tensor:
    return (some == 0).float()


def _add_use(record: Record, name: str, numbers: Any) -> None:
    new = LossUse(name, *(float(n) for n in numbers))
    old = record.uses.get(name)
    if old is not None:
        new = LossUse(
            name,
            max(old.row_sum_error, new.row_sum_error),
            min(old.lowest, new.lowest),
            max(old.highest, new.highest),
            max(old.log_sum_error, new.log_sum_error),
            min(old.target_lowest, new.target_lowest),
            max(old.target_highest, new.target_highest),
        )
    record.uses[name] = new
