"""What happened inside the networks: dead and saturated units, and the memory kept.

A unit is *dead* when its derivative is zero on every row: no row can change what leads to it.
It is *saturated* when, on at least nine rows in ten, its derivative is at most a twentieth of
the activation's usual slope, the root mean square of f'(z) for z ~ N(0, 1). A ReLU that is
off for half of the rows is neither; a tanh that sits at its end for nearly all rows is saturated.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from actlab.compare.networks import own_slopes

if TYPE_CHECKING:
    from actlab.activation import Activation
    from actlab.compare.networks import StackedNetwork

__all__ = ["SATURATED_ROWS", "SATURATED_SLOPE", "UnitCounts", "saved_bytes", "slope_floor"]

Array = np.ndarray[Any, Any]
Tensor = torch.Tensor

SATURATED_SLOPE: Final = 0.05
"""Up to this part of the usual slope a derivative counts as saturated."""
SATURATED_ROWS: Final = 0.9
"""A unit is saturated when this share of the rows is."""


class UnitCounts:
    """Counts, over all rows shown, on how many each hidden unit passed no or little gradient."""

    def __init__(self, network: StackedNetwork) -> None:
        self._network = network
        self._rows = 0
        self._zero = self._small = np.zeros((network.members, 0), dtype=np.int64)
        self._floor = slope_floor(network.activation, network.widths[1] * network.fold)

    def add(self, rows: int) -> None:
        """Count what the last forward pass of so many rows left in the network."""
        slopes = self._network.unit_slopes(rows)
        zero = np.concatenate([(slope == 0).sum(1) for slope in slopes], axis=1)
        small = np.concatenate([(slope <= self._floor).sum(1) for slope in slopes], axis=1)
        self._zero = self._zero + zero if self._rows else zero
        self._small = self._small + small if self._rows else small
        self._rows += rows

    def shares(self) -> tuple[Array, Array]:
        """Share of dead and of saturated units of each member, over all hidden layers."""
        dead: Array = (self._zero == self._rows).mean(1)
        saturated: Array = (self._small >= SATURATED_ROWS * self._rows).mean(1)
        return dead, saturated


def slope_floor(activation: Activation, width: int) -> float:
    """Up to this size a derivative counts as saturated, in a layer of so many inputs."""
    # A function may explode beyond what float32 holds.
    return min(SATURATED_SLOPE * _usual_slope(activation, width), float(np.finfo(np.float32).max))


@lru_cache(maxsize=1024)
def _usual_slope(activation: Activation, width: int) -> float:
    """Root mean square of f'(z), z ~ N(0, 1): of a scalar function on evenly spaced quantiles."""
    if activation.kind == "scalar":
        levels = (torch.arange(2048, dtype=torch.float64) + 0.5) / 2048
        slopes = activation.derivative(torch.special.ndtri(levels))
    else:
        generator = torch.Generator().manual_seed(0)
        z = torch.randn(64, width, dtype=torch.float64, generator=generator)
        slopes = own_slopes(activation, z)
    return float(slopes.square().mean().sqrt())


def saved_bytes(activation: Activation, rows: int, units: int, dtype: torch.dtype) -> int:
    """Bytes that autograd keeps between the passes for one call on (rows, units)."""
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    x = torch.zeros(rows, units, dtype=dtype, requires_grad=True)
    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(note, lambda kept_: kept_):
        y = activation(x)
    del y
    return sum(kept.values())
