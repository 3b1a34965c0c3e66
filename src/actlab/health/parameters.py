"""The weights of a model: which layer each belongs to, and where its samples stand."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

from actlab.health.sampling import places

__all__ = ["Parameters"]


class _Layer(NamedTuple):
    """One layer's weights, by their places in `Parameters`."""

    own: NDArray[np.int64]
    matrix: slice
    """Samples of the largest one."""
    biases: list[slice]


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
        ends = np.cumsum(self.sizes)
        self.starts = ends - self.sizes
        self.layers: dict[str, _Layer] = {}
        for path in dict.fromkeys(self.owners):
            own = [at for at, owner in enumerate(self.owners) if owner == path]
            of = {at: slice(int(self.starts[at]), int(ends[at])) for at in own}
            biggest = max(own, key=lambda at: self.counts[at])
            biases = [of[at] for at in own if names[at].startswith("bias")]
            self.layers[path] = _Layer(np.array(own), of[biggest], biases)
