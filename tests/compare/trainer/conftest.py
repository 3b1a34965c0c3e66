"""Small tasks, candidates, and a short word for training a chunk of them."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
import torch

import actlab
from actlab.compare.study import Candidate, Chunk, Settings
from actlab.compare.task import load
from actlab.compare.trainer import train_chunk

F = torch.nn.functional
FUNCTIONS = {
    "relu": ("maximum(x, 0)", F.relu, 1.4),
    "tanh": ("tanh(x)", torch.tanh, 1.6),
    "silu": ("x * sigmoid(x)", F.silu, 1.7),
    "elu": ("where(x > 0, x, expm1(x))", F.elu, 1.2),
}


@pytest.fixture(scope="session")
def settings():
    return Settings(hidden=(7, 5), epochs=4, batch_size=40, blocks=2, learning_rates=(0.003, 0.02))


@pytest.fixture(scope="session")
def pairs():
    return ((0, 0), (1, 1), (2, 0), (2, 1), (3, 0))


@pytest.fixture(scope="session")
def candidates():
    return tuple(
        Candidate(name, actlab.define(text, name=name), gain)
        for name, (text, _, gain) in FUNCTIONS.items()
    )


@pytest.fixture(scope="session")
def peers():
    """PyTorch's own functions, by the label of the candidate."""
    return {name: function for name, (_, function, _) in FUNCTIONS.items()}


@pytest.fixture(scope="session")
def frame():
    rng = np.random.default_rng(11)
    x = rng.normal(size=(200, 5))
    scale = x @ rng.normal(size=5) + 0.3 * rng.normal(size=200)
    frame = pd.DataFrame(x, columns=list("abcde"))
    frame["amount"] = 40.0 + 12.0 * scale
    frame["two"] = np.where(scale > 0, "yes", "no")
    frame["three"] = pd.cut(scale, [-99, -1, 1, 99], labels=["low", "mid", "high"]).astype(str)
    return frame


@pytest.fixture(scope="session")
def tasks(frame):
    x = frame[list("abcde")]
    return {name: load(x, y=frame[name]) for name in ("amount", "two", "three")}


@pytest.fixture(scope="session")
def train():
    """Train a chunk; its runs by (candidate index, block, learning rate)."""

    def trained(task, candidates, pairs, settings, dtype=torch.float64):
        runs = train_chunk(task, candidates, Chunk(0, tuple(pairs)), settings, dtype=dtype)
        keys = [(i, b, rate) for i, b in pairs for rate in settings.learning_rates]
        found = dict(zip(keys, runs, strict=True))
        for (i, b, rate), run in found.items():
            assert (run.candidate, run.block, run.learning_rate) == (candidates[i].label, b, rate)
        return found

    return trained


@pytest.fixture(scope="session")
def numbers():
    """All of a run but the measured time."""

    def everything(run):
        return {f.name: getattr(run, f.name) for f in fields(run) if f.name != "step_seconds"}

    return everything
