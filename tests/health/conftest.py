"""Small networks and trainings that the tests of health share."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def mlp(act=nn.ReLU, depth=3, width=32, inputs=8, outputs=3):
    sizes = [inputs, *[width] * depth]
    layers = []
    for a, b in itertools.pairwise(sizes):
        layers += [nn.Linear(a, b), act()]
    return nn.Sequential(*layers, nn.Linear(width, outputs))


def rows(count=256, inputs=8):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(count, inputs, generator=generator)
    return x, x[:, :3].argmax(1)


def sgd(model, rate=0.1):
    return torch.optim.SGD(model.parameters(), rate)


def train(model, optimizer, steps=60, x=None, y=None, loss=functional.cross_entropy, size=64):
    if x is None:
        x, y = rows()
    losses = []
    for step in range(steps):
        start = step * size % len(x)
        value = loss(model(x[start : start + size]), y[start : start + size])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(float(value.detach()))
    return losses
