"""Every member equals the network it would be alone: `nn.Sequential`, autograd, `torch.optim`.

The plain loop below is written from PyTorch's own parts, with the true learning rate; only the
seeds, splits and batches are the trainer's.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch
from torch import nn

import actlab
from actlab.compare.batches import batch_order
from actlab.compare.study import Candidate
from actlab.compare.task import load
from actlab.compare.trainer import initial_weights

# Both sides compute in float64 and add up the same products in another order. Twelve steps of
# training grow such differences a few thousand times; a wrong term shows in the first digits.
CLOSE = {"rel": 1e-9, "abs": 1e-11}

RATES = {"sgd": (0.01, 0.1), "adagrad": (0.01, 0.1), "adadelta": (0.1, 1.0)}
F = nn.functional

OPTIMIZERS = {
    "sgd": lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9),
    "adam": lambda p, lr: torch.optim.Adam(p, lr=lr),
    "adamw": lambda p, lr: torch.optim.AdamW(p, lr=lr),
    "rmsprop": lambda p, lr: torch.optim.RMSprop(p, lr=lr),
    "adagrad": lambda p, lr: torch.optim.Adagrad(p, lr=lr),
    "adadelta": lambda p, lr: torch.optim.Adadelta(p, lr=lr),
    "adamax": lambda p, lr: torch.optim.Adamax(p, lr=lr),
    "nadam": lambda p, lr: torch.optim.NAdam(p, lr=lr),
}
SCHEDULES = {
    "constant": lambda o, _: torch.optim.lr_scheduler.ConstantLR(o, factor=1.0),
    "step": lambda o, epochs: torch.optim.lr_scheduler.StepLR(o, -(-epochs // 3), 0.1),
    "exponential": lambda o, epochs: torch.optim.lr_scheduler.ExponentialLR(
        o, 0.01 ** (1 / epochs)
    ),
    "cosine": torch.optim.lr_scheduler.CosineAnnealingLR,
}
LOSSES = {
    "cross_entropy": nn.CrossEntropyLoss(),
    "binary_cross_entropy": lambda o, y: nn.functional.binary_cross_entropy_with_logits(
        o.squeeze(-1), y.to(o.dtype)
    ),
    "mse": lambda o, y: nn.functional.mse_loss(o.squeeze(-1), y),
    "mae": lambda o, y: nn.functional.l1_loss(o.squeeze(-1), y),
    "huber": lambda o, y: nn.functional.huber_loss(o.squeeze(-1), y),
}


class Function(nn.Module):
    """A function as a layer."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


@dataclass
class Trained:
    """What the plain loop leaves behind."""

    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_score: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    test_score: float = 0.0


def network_of(function, matrices, dtype):
    """`nn.Sequential` with these weight matrices (fan_in, fan_out)."""
    layers = []
    for matrix in matrices:
        linear = nn.Linear(*matrix.shape, dtype=dtype)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(matrix.T))
            linear.bias.zero_()
        layers += [linear, Function(function)]
    return nn.Sequential(*layers[:-1])


def train_alone(function, candidate, task, block, rate, settings, loss, outputs, score):
    """Train one network in float64; `function` is the activation, on tensors."""
    dtype = torch.float64
    split = task.split(block, settings)
    widths = (split.train_x.shape[1], *settings.hidden, outputs)
    net = network_of(function, initial_weights(candidate, settings.seed, block, widths), dtype)
    parts = {}
    for part in ("train", "validation", "test"):
        x = torch.from_numpy(getattr(split, f"{part}_x")).to(dtype)
        y = torch.from_numpy(getattr(split, f"{part}_y"))
        if task.kind == "regression":
            y = (y - split.target_mean) / split.target_scale
        parts[part] = (x, y)
    optimizer = OPTIMIZERS[settings.optimizer](net.parameters(), rate)
    scheduler = SCHEDULES[settings.schedule](optimizer, settings.epochs)
    criterion, done, best, kept = LOSSES[loss], Trained(), None, None
    x, y = parts["train"]
    for epoch in range(settings.epochs):
        order = torch.from_numpy(batch_order(settings.seed, block, epoch, len(y)))
        total = 0.0
        for rows in order.split(settings.batch_size):
            optimizer.zero_grad()
            value = criterion(net(x[rows]), y[rows])
            value.backward()
            done.first.append(float(net[0].weight.grad.norm()))
            done.last.append(float(net[-1].weight.grad.norm()))
            if settings.clip_norm is not None:
                nn.utils.clip_grad_norm_(net.parameters(), settings.clip_norm)
            optimizer.step()
            total += value.item() * len(rows)
        scheduler.step()
        done.train_loss.append(total / len(y))
        with torch.no_grad():
            out = net(parts["validation"][0])
        done.validation_loss.append(float(criterion(out, parts["validation"][1])))
        done.validation_score.append(score(out, parts["validation"][1]))
        key = (done.validation_score[-1], -done.validation_loss[-1])
        if best is None or key > best:
            best, kept = key, copy.deepcopy(net.state_dict())
    net.load_state_dict(kept)
    with torch.no_grad():
        done.test_score = score(net(parts["test"][0]), parts["test"][1])
    return done


def accuracy(outputs, y):
    """Share of the rows whose class is the largest output, or the sign of the only one."""
    guess = outputs.argmax(-1) if outputs.shape[-1] > 1 else (outputs.squeeze(-1) > 0).long()
    return float((guess == y).double().mean())


def r2(outputs, y):
    """Share of the variance explained."""
    error = outputs.squeeze(-1) - y
    return 1 - float(error.square().mean() / y.var(correction=0))


@pytest.fixture
def assert_like_alone(train, peers, candidates):
    """Train pairs stacked, and each of their members alone; all numbers must agree."""

    def check(task, pairs, settings, loss="cross_entropy", outputs=3, score=accuracy, among=None):
        those = among or candidates
        found = train(task, those, pairs, settings)
        for (i, block, rate), run in found.items():
            plain = train_alone(
                peers[those[i].label], those[i], task, block, rate, settings, loss, outputs, score
            )
            assert run.train_loss == pytest.approx(plain.train_loss, **CLOSE)
            assert run.validation_loss == pytest.approx(plain.validation_loss, **CLOSE)
            assert run.validation_score == pytest.approx(plain.validation_score, **CLOSE)
            # Of an even number of steps torch's median is the lower of the two in the middle.
            for mine, theirs in (
                (run.gradient_first, plain.first),
                (run.gradient_last, plain.last),
            ):
                assert mine == pytest.approx(float(torch.tensor(theirs).median()), rel=1e-6)
            if run.test_score is not None:
                assert run.test_score == pytest.approx(plain.test_score, **CLOSE)
        assert sum(run.test_score is not None for run in found.values()) == len(pairs)

    return check


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer(tasks, pairs, settings, assert_like_alone, optimizer):
    rates = RATES.get(optimizer, (0.003, 0.02))
    settings = replace(settings, optimizer=optimizer, learning_rates=rates)
    assert_like_alone(tasks["three"], pairs, settings)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule(tasks, pairs, settings, assert_like_alone, schedule, optimizer):
    settings = replace(settings, schedule=schedule, optimizer=optimizer)
    assert_like_alone(tasks["three"], pairs[:2], settings)


@pytest.mark.parametrize(
    ("name", "loss", "outputs", "score"),
    [
        ("three", "cross_entropy", 3, accuracy),
        ("two", "cross_entropy", 2, accuracy),
        ("two", "binary_cross_entropy", 1, accuracy),
        ("amount", "mse", 1, r2),
        ("amount", "mae", 1, r2),
        ("amount", "huber", 1, r2),
    ],
)
def test_every_loss(tasks, pairs, settings, assert_like_alone, name, loss, outputs, score):
    settings = replace(settings, loss=loss)
    assert_like_alone(tasks[name], pairs[:3], settings, loss, outputs, score)


@pytest.mark.parametrize("limit", [0.05, 1e6])
def test_clipping_of_each_member(tasks, pairs, settings, assert_like_alone, limit):
    settings = replace(settings, clip_norm=limit, optimizer="sgd")
    assert_like_alone(tasks["three"], pairs, settings)


@pytest.mark.parametrize("hidden", [(6,), (4, 4, 4)])
def test_any_number_of_layers(tasks, pairs, settings, assert_like_alone, hidden):
    assert_like_alone(tasks["three"], pairs[:2], replace(settings, hidden=hidden))


def test_blocks_of_different_width(frame, settings, candidates, assert_like_alone):
    """Rare words differ from block to block, and so do the columns; padding changes nothing."""
    rng = np.random.default_rng(1)
    odd = frame[["a", "b", "three"]].assign(word=rng.choice(list("pqrstuvw"), 200))
    odd.loc[:3, "word"] = ["k1", "k1", "k2", "k2"]
    task = load(odd, target="three")
    settings = replace(settings, blocks=6, learning_rates=(0.01,))
    widths = {task.split(block, settings).train_x.shape[1] for block in range(6)}
    assert len(widths) > 1
    assert_like_alone(task, [(1, block) for block in range(6)], settings)


def test_gated_beside_scalar(tasks, settings, candidates, peers, train):
    gated = Candidate("glu", actlab.define("x * sigmoid(gate)", name="glu"), 2.0)
    settings = replace(settings, learning_rates=(0.01,))
    some = ((1, 0), (0, 0), (1, 1))
    found = train(tasks["three"], (candidates[1], gated), some, settings)
    for i, block in some:
        function, candidate = ((peers["tanh"], candidates[1]), (F.glu, gated))[i]
        plain = train_alone(
            function, candidate, tasks["three"], block, 0.01, settings, "cross_entropy", 3, accuracy
        )
        run = found[i, block, 0.01]
        assert run.validation_loss == pytest.approx(plain.validation_loss, **CLOSE)


def test_vector_function(tasks, settings, train):
    softmax = Candidate("softmax", actlab.get("softmax"), 1.0)
    settings = replace(settings, learning_rates=(0.01,))
    (run,) = train(tasks["three"], (softmax,), ((0, 0),), settings).values()
    plain = train_alone(
        nn.Softmax(-1), softmax, tasks["three"], 0, 0.01, settings, "cross_entropy", 3, accuracy
    )
    assert run.validation_loss == pytest.approx(plain.validation_loss, **CLOSE)


def test_a_single_member_and_a_crowd(tasks, settings, candidates, pairs, train):
    crowd = train(tasks["three"], candidates, pairs, settings)
    for i, block in pairs:
        for rate in settings.learning_rates:
            only = replace(settings, learning_rates=(rate,))
            (single,) = train(tasks["three"], candidates, ((i, block),), only).values()
            run = crowd[i, block, rate]
            assert run.validation_loss == pytest.approx(single.validation_loss, **CLOSE)
            assert run.chosen_epoch == single.chosen_epoch


def test_that_a_wrong_step_would_be_seen(tasks, settings, candidates, peers, train):
    """A learning rate that is wrong by a millionth is far outside of what counts as close."""
    only = replace(settings, learning_rates=(0.003,))
    (run,) = train(tasks["three"], candidates, ((0, 0),), only).values()
    plain = train_alone(
        peers["relu"],
        candidates[0],
        tasks["three"],
        0,
        0.003 * (1 + 1e-6),
        only,
        "cross_entropy",
        3,
        accuracy,
    )
    assert run.validation_loss != pytest.approx(plain.validation_loss, **CLOSE)
