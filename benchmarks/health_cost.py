"""What watching costs: bare and watched training steps, taken in turn in one process.

Times are of the processor, one thread, so that other work on the machine counts little.
"""

from __future__ import annotations

import statistics
import time

import torch
from torch import nn
from torch.nn import functional

from actlab.health import Watch

CYCLE = 10


def mlp():
    layers = [nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(),
              nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)]  # fmt: skip
    return nn.Sequential(*layers), torch.randn(128, 784)


def cnn():
    layers = [nn.Conv2d(3, 32, 3, 1, 1), nn.BatchNorm2d(32), nn.ReLU(),
              nn.Conv2d(32, 64, 3, 2, 1), nn.BatchNorm2d(64), nn.ReLU(),
              nn.Conv2d(64, 128, 3, 2, 1), nn.BatchNorm2d(128), nn.ReLU(),
              nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10)]  # fmt: skip
    return nn.Sequential(*layers), torch.randn(16, 3, 32, 32)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = nn.TransformerEncoderLayer(
            256, 8, 1024, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.head = nn.Linear(256, 10)

    def forward(self, x):
        return self.head(self.block(x).mean(1))


def transformer():
    return Block(), torch.randn(8, 32, 256)


CASES = {"MLP": mlp, "CNN": cnn, "transformer block": transformer}


def step(model, optimizer, x, y):
    """Seconds of a training step."""
    start = time.process_time()
    loss = functional.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return time.process_time() - start


def overhead(make, every, cycles):
    """Median over cycles of watched / bare - 1, and the median bare step in milliseconds."""
    torch.manual_seed(0)
    bare, x = make()
    watched, _ = make()
    y = torch.randint(0, 10, (len(x),))
    optimizers = [torch.optim.Adam(m.parameters(), 1e-4) for m in (bare, watched)]
    ratios, times = [], []
    with Watch(watched, optimizers[1], every=every):
        for place in range(cycles + 2):
            took = [0.0, 0.0]
            for turn in range(CYCLE):
                for who in ((0, 1), (1, 0))[turn % 2]:
                    took[who] += step((bare, watched)[who], optimizers[who], x, y)
            if place >= 2:
                ratios.append(took[1] / took[0])
                times.append(took[0] / CYCLE)
    return statistics.median(ratios) - 1, 1000 * statistics.median(times)


def measure(cycles):
    """Rows of (case, bare step in ms, overhead every 10 steps, overhead every step)."""
    torch.set_num_threads(1)
    rows = []
    for name, make in CASES.items():
        ten, bare = overhead(make, 10, cycles)
        one, _ = overhead(make, 1, cycles)
        rows.append((name, bare, ten, one))
    return rows
