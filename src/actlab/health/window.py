"""A window: the samples of a few steps, and what the record gets of them when it is closed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from actlab.health.origin import Flag, event_of
from actlab.health.parameters import Parameters
from actlab.health.record import LossUse, Record, Site
from actlab.health.reduction import loss_inputs, over_processes, unit_statistics
from actlab.health.sampling import Number, to_host
from actlab.health.states import Gradients, Memory, layer_states, site_states

__all__ = ["Window"]

Tensor = torch.Tensor
_Rows = tuple[Site, list[Tensor], list[Tensor]]
_Here = Callable[[Any], Any]
"""Gives what a tensor holds as a number or an array, and everything else as it is."""


class _Backward(NamedTuple):
    """The norm of a gradient at a place."""

    step: int
    place: str
    norm: Number
    layer: str
    operation: str


class Window:
    """The samples of the steps since the last window was closed; they stay on their devices.

    Numbers from the CPU are there at once; the finite ones among them leave no flag.
    """

    def __init__(self, memory: Memory | None = None) -> None:
        self.memory = Memory() if memory is None else memory
        self.samples = 0
        self._steps: set[int] = set()
        self._flags: list[Flag] = []
        self._waiting: list[_Backward] = []
        self._backward: list[_Backward] = []
        self._rows: dict[str, _Rows] = {}
        self._losses: list[tuple[int, Number]] = []
        self._gradients: list[Gradients] = []
        self._before: list[Any] = []
        self._after: list[Any] = []
        self._rates: list[tuple[int, float]] = []
        self._uses: dict[str, Tensor] = {}

    # -- filling ----------------------------------------------------------------------------

    def flag(
        self,
        step: int,
        phase: str,
        place: str,
        value: Any,
        layer: str = "",
        *,
        operation: str = "",
        dtype: torch.dtype | None = None,
    ) -> None:
        """Numbers that have to be finite, in the order of computation."""
        self._steps.add(step)
        if not (isinstance(value, float) and math.isfinite(value)):
            self._flags.append(Flag(step, phase, place, value, layer, operation, dtype))

    def add(self, site: Site, x: Tensor, y: Tensor) -> None:
        """Rows of a site's input and output."""
        _, xs, ys = self._rows.setdefault(site.name, (site, [], []))
        if x.shape[0] and x.shape[-1] == site.units == y.shape[-1]:
            xs.append(x)
            ys.append(y)

    def gradient(self, step: int, place: str, norm: Number, layer: str, operation: str) -> None:
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

    def loss(self, step: int, value: Number, layer: str) -> None:
        """The loss of a step."""
        self._losses.append((step, value))
        self.flag(step, "loss", "loss", value, layer)

    def use(self, name: str, given: Tensor, target: Tensor) -> None:
        """What a loss function was given."""
        if name not in self._uses and given.numel():
            self._uses[name] = loss_inputs(given.detach(), target.detach())

    def gradients(self, found: Gradients, *, scaled: bool) -> None:
        """Gradients of the parameters as the optimizer gets them."""
        self._accept_backward(flagged=not scaled)
        at_once = isinstance(found.norms, list)
        self.flag(found.step, "gradient", "", sum(found.norms) if at_once else found.norms)
        self._gradients.append(found)

    def step(self, step: int, before: Any, after: Any, rate: float) -> None:
        """Some numbers of the weights before and after the optimizer's step."""
        self.flag(step, "weights", "", after)
        self._before.append(before)
        self._after.append(after)
        self._rates.append((step, rate))

    def _accept_backward(self, *, flagged: bool) -> None:
        """Gradients of a step that is made; a scale that overflows leaves its step out."""
        if flagged:
            for one in self._waiting:
                self.flag(one.step, "backward", one.place, one.norm, one.layer,
                          operation=one.operation)  # fmt: skip
        self._backward += self._waiting
        self._waiting = []

    # -- closing ----------------------------------------------------------------------------

    def close(self, record: Record, parameters: Parameters, *, distributed: bool) -> None:
        """Reduce everything and add it to the record; waits for the devices once."""
        if record.optimiser == "":
            self._accept_backward(flagged=True)
        filled = [one for one in self._rows.values() if one[1]]
        if not (self._steps or filled or self._backward or self._uses):
            return
        units = [unit_statistics(*one) for one in filled]
        if distributed:
            units = [over_processes(one) for one in units]
        here = to_host([one for one in self._values(units) if isinstance(one, Tensor)])
        gradients = [
            one._replace(norms=np.asarray(here(one.norms), dtype=float), some=here(one.some))
            for one in self._gradients
        ]
        span = (min(self._steps), max(self._steps)) if self._steps else (record.steps, record.steps)
        self._look_for_event(record, parameters, gradients, here)
        if filled:
            self._add_sites(record, filled, [here(one) for one in units], here, span)
        if self._before:
            before = np.stack([here(one) for one in self._before])
            after = np.stack([here(one) for one in self._after])
            for name, state in layer_states(parameters, before, after, gradients, span):
                record.add_layer_state(name, state)
        for step, loss in self._losses:
            record.loss.add(step, float(here(loss)))
        for one in gradients:
            record.gradient.add(one.step, math.sqrt(np.vdot(one.norms, one.norms)))
        for step, rate in self._rates:
            record.rate.add(step, rate)
        for name, numbers in self._uses.items():
            use = LossUse(name, *map(float, here(numbers)))
            record.uses[name] = record.uses[name].joined(use) if name in record.uses else use

    def _values(self, units: list[Tensor]) -> Iterator[Any]:
        """Everything that may still be on a device."""
        yield from units
        yield from (flag.value for flag in self._flags)
        yield from (one.norm for one in self._backward)
        yield from (loss for _, loss in self._losses)
        for found in self._gradients:
            yield from (found.norms, found.some)
        yield from self._before
        yield from self._after
        yield from self._uses.values()

    def _look_for_event(
        self, record: Record, parameters: Parameters, gradients: list[Gradients], here: _Here
    ) -> None:
        if not self._flags:
            return
        numbers = [np.ravel(here(flag.value)) for flag in self._flags]
        if not np.isfinite(np.concatenate(numbers)).all():
            bad = [
                flag
                for flag, one in zip(self._flags, numbers, strict=True)
                if not np.isfinite(one).all()
            ]
            record.event = event_of(
                record.event, bad, self._steps, _broken(gradients, parameters),
                self.memory.largest, record.every,
            )  # fmt: skip

    def _add_sites(
        self, record: Record, filled: list[_Rows], stats: list[Any], here: _Here,
        span: tuple[int, int],
    ) -> None:  # fmt: skip
        by_place: dict[str, list[float]] = {}
        for one in self._backward:
            by_place.setdefault(one.place, []).append(float(here(one.norm)))
        rows = [sum(one.shape[0] for one in x) for _, x, _ in filled]
        sites = [site for site, _, _ in filled]
        for name, state in site_states(sites, stats, rows, span, by_place, self.memory,
                                       first=record.sampled <= 1):  # fmt: skip
            record.add_state(name, state)


def _broken(gradients: list[Gradients], parameters: Parameters) -> dict[int, str]:
    """For each step with a gradient that is not finite, the layer of the one nearest the loss."""
    found = {}
    for one in gradients:
        bad = np.flatnonzero(~np.isfinite(one.norms))
        if len(bad):
            found[one.step] = parameters.owners[one.reached[bad[-1]]]
    return found
