"""The weights of a model: which layer each belongs to, and where its samples stand."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from torch import nn

from actlab.health.sampling import places

__all__ = ["Parameters"]


class _Layer(NamedTuple):
    """One layer's weights, by their places in `Parameters`."""

    own: slice
    matrix: int
    """The largest one."""
    biases: list[int]


class Parameters:
    """Every weight of a model, each once, in the order of its modules.

    Attributes:
        tensors: the weights.
        owners: path of the layer of each.
        counts: numbers in each.
        sizes, starts: samples that `few` takes of each, and where they begin.
        layers: the weights of each layer.
    """

    def __init__(self, model: nn.Module) -> None:
        self.tensors: list[nn.Parameter] = []
        self.owners: list[str] = []
        names: list[str] = []
        seen: set[int] = set()
        for path, module in model.named_modules():
            for name, tensor in module._parameters.items():
                if tensor is not None and tensor.numel() and id(tensor) not in seen:
                    seen.add(id(tensor))
                    self.tensors.append(tensor)
                    self.owners.append(path)
                    names.append(name)
        self.counts = np.array([t.numel() for t in self.tensors], dtype=float)
        self.sizes = np.array([len(places(t)) for t in self.tensors], dtype=np.int64)
        self.starts = np.cumsum(self.sizes) - self.sizes
        self.layers: dict[str, _Layer] = {}
        for path in dict.fromkeys(self.owners):
            own = [at for at, owner in enumerate(self.owners) if owner == path]
            biggest = max(own, key=lambda at: self.counts[at])
            biases = [at for at in own if names[at].startswith("bias")]
            self.layers[path] = _Layer(slice(own[0], own[-1] + 1), biggest, biases)
