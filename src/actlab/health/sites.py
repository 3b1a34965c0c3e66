"""The places where activations run: their names, which calls are looked at, their samples."""

from __future__ import annotations

import torch

from actlab.activation import Activation
from actlab.health.record import Layer, Record, Site
from actlab.health.sampling import rows_of

__all__ = ["Sites"]

Tensor = torch.Tensor


class Sites:
    """The places in the forward pass of one model."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._names: dict[tuple[str, str, int], str] = {}
        self._counts: dict[str, int] = {}

    def begin_pass(self) -> None:
        """Count calls from the beginning."""
        self._counts = {}

    def looks(self, key: str) -> bool:
        """Whether this call of a place is looked at: the 1st, 2nd, 4th, 8th ... of a pass."""
        count = self._counts.get(key, 0) + 1
        self._counts[key] = count
        return count & (count - 1) == 0

    def rows(self, tensor: Tensor, layer: str) -> Tensor:
        """Some rows of what a layer gave, or of what a function made of it."""
        return rows_of(tensor, self._units(tensor, layer), self._record.sampled // 2)

    def sample(
        self, place: str, layer: str, activation: Activation | None, given: Tensor, result: Tensor
    ) -> tuple[Site, Tensor, Tensor] | None:
        """The site and rows of its input and output; None where this call is left out.

        `given` is the input, or rows of it that were taken before an in-place function.
        """
        name = self._name(place, layer, int(result.shape[self._units(result, layer)]))
        if not self.looks("site:" + name):
            return None
        y = self.rows(result, layer)
        x = given if given.dim() == 2 and given.shape == y.shape else self.rows(given, layer)
        site = self._record.sites.get(name)
        if site is None:
            site = self._record.sites[name] = Site(name, activation, layer, y.shape[1])
        return site, x, y

    def _name(self, place: str, layer: str, units: int) -> str:
        """One name for each place, layer before it and width: a shared module has several."""
        key = (place, layer, units)
        name = self._names.get(key)
        if name is None:
            name = place
            if place in self._names.values():
                name = f"{place} after {layer}"
            while name in self._names.values():
                name += "'"
            self._names[key] = name
        return name

    def _units(self, tensor: Tensor, layer: str) -> int:
        """The axis of the units or channels."""
        if tensor.dim() < 3:
            return -1
        made_by: Layer | None = self._record.layers.get(layer)
        if made_by is not None and ("Conv" in made_by.kind or "BatchNorm" in made_by.kind):
            return 1
        return 1 if tensor.dim() > 3 and made_by is None else -1
