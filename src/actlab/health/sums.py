"""Sums of the forward pass, which tell whether it was finite: each made once, where it is cheap."""

from __future__ import annotations

import torch

from actlab.health.sampling import Number, total

__all__ = ["Sums"]

Tensor = torch.Tensor


class Sums:
    """Sums of one model's tensors; holds two of them until the pass is over."""

    def __init__(self) -> None:
        self._given: tuple[Tensor, int] | None = None
        self._last: tuple[Tensor, int, Number] | None = None
        self._writes = False

    def of(self, tensor: Tensor) -> Number:
        """The sum; that of the last layer's result is most often asked for as the model's again."""
        version = 0 if tensor.is_inference() else tensor._version
        known = self._last
        if known is None or known[0] is not tensor or known[1] != version:
            known = self._last = tensor, version, total(tensor)
        return known[2]

    def of_input(self, given: Tensor) -> Number | None:
        """The sum of the model's input; None if `kept_input` will make it.

        Together with that of the output it costs less, unless the model writes to its input.
        """
        if self._writes or given.is_inference():
            return total(given)
        self._given = given, given._version
        return None

    def kept_input(self) -> Number | None:
        """The sum of an input that was kept and is as it was."""
        kept, self._given = self._given, None
        if kept is None:
            return None
        self._writes = kept[0]._version != kept[1]
        return None if self._writes else total(kept[0])

    def forget(self) -> None:
        """Hold no tensor any more."""
        self._given = self._last = None
