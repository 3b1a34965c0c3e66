"""Data and networks that the tests of a model of one's own share."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset


def rows(count=90):
    generator = np.random.default_rng(0)
    x = generator.standard_normal((count, 4)).astype(np.float32)
    return x, (x[:, 0] * x[:, 1] > 0).astype(np.int64)


def mlp():
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


class Called(nn.Module):
    """Calls its activations, normalises batches and drops units."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2)

    def forward(self, x):
        x = functional.dropout(functional.relu(self.norm(self.first(x))), 0.2, self.training)
        return self.last(x)


def loaders(seed):
    x, y = map(torch.from_numpy, rows())
    order = torch.randperm(len(x))  # drawn anew for each block
    parts = [TensorDataset(x[o], y[o]) for o in (order[:50], order[50:70], order[70:])]
    return tuple(DataLoader(part, 16, shuffle=i == 0) for i, part in enumerate(parts))
