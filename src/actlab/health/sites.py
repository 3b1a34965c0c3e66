"""The places where activations run: their names, which calls are looked at, their samples."""

from __future__ import annotations

from collections.abc import Hashable

import torch

from actlab.activation import Activation
from actlab.health.record import Layer, Record, Site
from actlab.health.sampling import is_full, rows_of

__all__ = ["Sites"]

Tensor = torch.Tensor
_Place = tuple[str, str, int]
"""Module or call, the layer before it, units: a shared module has several."""


class Sites:
    """The places in the forward pass of one model."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._sites: dict[_Place, Site] = {}
        self._counts: dict[Hashable, int] = {}
        self._full = False
        self.turn = 0
        """How often rows were taken; other ones each time."""

    def begin_pass(self) -> bool:
        """Count calls from the beginning; returns whether this pass is one to take rows in.

        Calls cost more than rows: every second sampled pass has its rows taken, or every fourth
        where the last batch was large enough for twice as many.
        """
        self._counts = {}
        if self._record.sampled % (4 if self._full else 2):
            return False
        self._full = True
        self.turn += 1
        return True

    def looks(self, place: Hashable) -> bool:
        """Whether this call of a place is looked at: the 1st, 2nd, 4th, 8th ... of a pass."""
        count = self._counts.get(place, 0) + 1
        self._counts[place] = count
        return count & (count - 1) == 0

    def rows(self, tensor: Tensor, layer: str) -> Tensor:
        """Some rows of what a layer gave, or of what a function made of it."""
        return rows_of(tensor, self._units(tensor, layer), self.turn)

    def sample(
        self, place: str, layer: str, activation: Activation | None, given: Tensor, result: Tensor
    ) -> tuple[Site, Tensor, Tensor] | None:
        """The site and rows of its input and output; None where this call is left out.

        `given` is the input, or rows of it that were taken before an in-place function.
        """
        key = (place, layer, result.shape[self._units(result, layer)])
        if not self.looks(key):
            return None
        site = self._sites.get(key)
        if site is None:
            site = self._sites[key] = Site(self._name(key), activation, layer, key[2])
            self._record.sites[site.name] = site
        y = self.rows(result, layer)
        x = given if given.dim() == 2 and given.shape == y.shape else self.rows(given, layer)
        self._full = self._full and is_full(y)
        return site, x, y

    def _name(self, key: _Place) -> str:
        """One name for each place."""
        name, layer, _ = key
        taken = {site.name for site in self._sites.values()}
        if name in taken:
            name = f"{name} after {layer}"
        while name in taken:
            name += "'"
        return name

    def _units(self, tensor: Tensor, layer: str) -> int:
        """The axis of the units or channels."""
        if tensor.dim() < 3:
            return -1
        made_by: Layer | None = self._record.layers.get(layer)
        if made_by is not None and ("Conv" in made_by.kind or "BatchNorm" in made_by.kind):
            return 1
        return 1 if tensor.dim() > 3 and made_by is None else -1
