"""A window: the samples of a few steps, and what the record gets of them when it is closed."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

from actlab.health.origin import Flag, event_of
from actlab.health.parameters import Parameters
from actlab.health.record import LossUse, Record, Site
from actlab.health.reduction import loss_inputs, over_processes, unit_statistics
from actlab.health.sampling import to_host
from actlab.health.states import Gradients, Memory, layer_states, site_state

__all__ = ["Window"]

Tensor = torch.Tensor


class _Backward(NamedTuple):
    """The norm of a gradient at a place."""

    step: int
    place: str
    norm: Tensor
    layer: str
    operation: str


class Window:
    """The samples of the steps since the last window was closed; they stay on their devices."""

    def __init__(self, memory: Memory | None = None) -> None:
        self.memory = Memory() if memory is None else memory
        self.samples = 0
        self._flags: list[Flag] = []
        self._waiting: list[_Backward] = []
        self._backward: list[_Backward] = []
        self._rows: dict[str, tuple[Site, list[Tensor], list[Tensor]]] = {}
        self._losses: list[tuple[int, Tensor]] = []
        self._gradients: list[Gradients] = []
        self._before: list[Tensor] = []
        self._after: list[Tensor] = []
        self._rates: list[tuple[int, float]] = []
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
        dtype: torch.dtype | None = None,
    ) -> None:
        """Numbers that have to be finite, in the order of computation."""
        self._flags.append(Flag(step, phase, place, value, layer, operation, dtype))

    def add(self, site: Site, x: Tensor, y: Tensor) -> None:
        """Rows of a site's input and output."""
        _, xs, ys = self._rows.setdefault(site.name, (site, [], []))
        if len(x) and x.shape[-1] == site.units == y.shape[-1]:
            xs.append(x)
            ys.append(y)

    def gradient(self, step: int, place: str, norm: Tensor, layer: str, operation: str) -> None:
        """The norm of a gradient, in the order of the backward pass."""
        self._waiting.append(_Backward(step, place, norm, layer, operation))

    def __contains__(self, site: str) -> bool:
        """Whether there are rows of a site."""
        return site in self._rows

    def waits(self) -> bool:
        """Whether there are gradients that no step has used."""
        return bool(self._waiting)

    def drop_backward(self) -> None:
        """Forget the gradients of a step that was not made."""
        self._waiting = []

    def loss(self, step: int, value: Tensor, layer: str) -> None:
        """The loss of a step."""
        self._losses.append((step, value))
        self.flag(step, "loss", "loss", value, layer)

    def use(self, name: str, given: Tensor, target: Tensor) -> None:
        """What a loss function was given."""
        if name not in self._uses and given.numel():
            self._uses[name] = loss_inputs(given, target)

    def gradients(self, found: Gradients, *, scaled: bool) -> None:
        """Gradients of the parameters as the optimizer gets them."""
        self._accept_backward(flagged=not scaled)
        self.flag(found.step, "gradient", "", found.norms)
        self._gradients.append(found)

    def step(self, step: int, before: Tensor, after: Tensor, rate: float) -> None:
        """Some numbers of the weights before and after the optimizer's step."""
        self.flag(step, "weights", "", after)
        self._before.append(before)
        self._after.append(after)
        self._rates.append((step, rate))

    def _accept_backward(self, *, flagged: bool) -> None:
        """Gradients of a step that is made; a scale that overflows leaves its step out."""
        if flagged:
            self._flags += [
                Flag(one.step, "backward", one.place, one.norm, one.layer, one.operation)
                for one in self._waiting
            ]
        self._backward += self._waiting
        self._waiting = []

    # -- closing ----------------------------------------------------------------------------

    def close(self, record: Record, parameters: Parameters, *, distributed: bool) -> None:
        """Reduce everything and add it to the record; waits for the devices once."""
        if record.optimiser == "":
            self._accept_backward(flagged=True)
        units = [unit_statistics(site, x, y) for site, x, y in self._rows.values() if x]
        if distributed:
            units = [over_processes(one) for one in units]
        tensors = [flag.value for flag in self._flags]
        tensors += [one.norm for one in self._backward]
        tensors += units
        tensors += [one.some for one in self._gradients if one.some is not None]
        tensors += [*self._before, *self._uses.values()]
        if not tensors:
            return
        host, all_finite = to_host(tensors)
        stats = [host[id(one)] for one in units]
        gradients = [
            one._replace(norms=host[id(one.norms)], some=host.get(id(one.some)))
            for one in self._gradients
        ]

        if not all_finite:
            finite = [bool(np.isfinite(host[id(flag.value)]).all()) for flag in self._flags]
            broken = _broken(gradients, parameters)
            record.event = event_of(
                record.event, self._flags, finite, broken, self.memory.largest, record.every
            )
        steps = [flag.step for flag in self._flags]
        span = (min(steps), max(steps)) if steps else (record.steps, record.steps)
        self._add_sites(record, stats, host, span)
        if self._before:
            before = np.stack([host[id(one)] for one in self._before])
            after = np.stack([host[id(one)] for one in self._after])
            for name, state in layer_states(parameters, before, after, gradients, span):
                record.add_layer_state(name, state)
        for step, loss in self._losses:
            record.loss.add(step, float(host[id(loss)].item()))
        for one in gradients:
            record.gradient.add(one.step, float(np.sqrt(np.square(one.norms, dtype=float).sum())))
        for step, rate in self._rates:
            record.rate.add(step, rate)
        for name, numbers in self._uses.items():
            use = LossUse(name, *map(float, host[id(numbers)]))
            record.uses[name] = record.uses[name].joined(use) if name in record.uses else use

    def _add_sites(
        self, record: Record, stats: list[Any], host: dict[int, Any], span: tuple[int, int]
    ) -> None:
        by_place: dict[str, list[float]] = {}
        for one in self._backward:
            by_place.setdefault(one.place, []).append(float(host[id(one.norm)]))
        filled = [(site, x) for site, x, _ in self._rows.values() if x]
        for (site, x), numbers in zip(filled, stats, strict=True):
            rows = sum(len(one) for one in x)
            state = site_state(site, numbers, rows, span, by_place.get(site.name, []),
                               self.memory, first=record.sampled <= 1)  # fmt: skip
            record.add_state(site.name, state)


def _broken(gradients: list[Gradients], parameters: Parameters) -> dict[int, str]:
    """For each step with a gradient that is not finite, the layer of the one nearest the loss."""
    found = {}
    for one in gradients:
        bad = np.flatnonzero(~np.isfinite(one.norms))
        if len(bad):
            found[one.step] = parameters.owners[one.reached[bad[-1]]]
    return found
