"""The networks of the built-in problems: held against those of PyTorch, and what they must keep."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

import actlab
from actlab.compare.batching import batches_of
from actlab.compare.problem import problem_named
from actlab.compare.problems.convolutional import UNet
from actlab.compare.problems.recurrent import RecurrentNetwork
from actlab.compare.problems.transformer import Transformer
from actlab.compare.study import Settings


def settings_of(problem, **changes):
    return problem.settled(replace(Settings(), **{**problem.defaults, **changes}))


def test_plain_cells_are_those_of_pytorch():
    ours = RecurrentNetwork("rnn", 3, (4, 5), 2, actlab.tanh)
    theirs = nn.RNN(3, 4, batch_first=True), nn.RNN(4, 5, batch_first=True)
    for cell, layer in zip(ours.cells, theirs, strict=True):
        _copy(cell.new, layer, slice(None))
    x = torch.randn(6, 7, 3)
    torch.testing.assert_close(ours(x), ours.last(theirs[1](theirs[0](x)[0])[0][:, -1]))


def test_lstm_is_that_of_pytorch():
    ours, theirs = (
        RecurrentNetwork("lstm", 3, (4,), 2, actlab.tanh),
        nn.LSTM(3, 4, batch_first=True),
    )
    gate = {"write": slice(0, 4), "forget": slice(4, 8), "new": slice(8, 12), "show": slice(12, 16)}
    cell = ours.cells[0]
    _copy(cell.new, theirs, gate["new"])
    _copy(cell.gates, theirs, gate["write"], slice(0, 4))
    _copy(cell.gates, theirs, gate["show"], slice(4, 8))
    _copy(cell.gates, theirs, gate["forget"], slice(8, 12))
    with torch.no_grad():
        cell.gates.bias[8:] -= 1  # ours begins open
    x = torch.randn(6, 7, 3)
    torch.testing.assert_close(ours(x), ours.last(theirs(x)[0][:, -1]))


def test_gru_is_that_of_pytorch_where_nothing_is_reset():
    """Elsewhere the paper's gate acts before the matrix, and PyTorch's after it."""
    ours, theirs = RecurrentNetwork("gru", 3, (4,), 2, actlab.tanh), nn.GRU(3, 4, batch_first=True)
    with torch.no_grad():
        theirs.bias_ih_l0[:4] = 100  # keep all
    cell = ours.cells[0]
    _copy(cell.gates, theirs, slice(0, 8))
    _copy(cell.new, theirs, slice(8, 12))
    x = torch.randn(6, 7, 3)
    torch.testing.assert_close(ours(x), ours.last(theirs(x)[0][:, -1]))


def _copy(ours, theirs, rows, into=slice(None)):
    with torch.no_grad():
        ours.weight[into] = torch.cat([theirs.weight_ih_l0, theirs.weight_hh_l0], 1)[rows]
        ours.bias[into] = (theirs.bias_ih_l0 + theirs.bias_hh_l0)[rows]


def test_a_character_sees_none_that_come_later():
    model = Transformer(9, 12, 8, 2, (12,), actlab.gelu)
    x = torch.randint(9, (2, 12))
    other = x.clone()
    other[:, 7:] = (x[:, 7:] + 1) % 9
    before, after = model(x), model(other)
    assert torch.equal(before[..., :7], after[..., :7])
    assert not torch.equal(before[..., 7], after[..., 7])
    assert before.shape == (2, 9, 12)
    changed = x.clone()
    changed[:, 0] = (x[:, 0] + 1) % 9
    assert not torch.equal(before[..., -1], model(changed)[..., -1])


def test_candidates_train_equally_many_weights_on_text():
    problem = problem_named("text")
    settings = settings_of(problem)
    sizes = {
        label: sum(weight.numel() for weight in problem.network(f, settings).parameters())
        for label, f in ((label, actlab.get(label)) for label in problem.candidates.split(","))
    }
    assert len(set(sizes.values())) == 1, sizes


def test_a_u_net_hands_across_and_keeps_the_size():
    model = UNet((4, 6, 8), actlab.relu)
    x = torch.randn(2, 1, 16, 16)
    assert model(x).shape == (2, 16, 16)
    with torch.no_grad():
        model.up[1][0].weight[:, 6:] = 0  # what the first level hands across
        without = model(x)
        x[..., 5, 5] += 0.01
    assert not torch.equal(model(x), without)


def test_batch_normalisation_is_what_tells_the_two_apart():
    kinds = {
        name: {
            type(m).__name__ for m in problem_named(name).network(actlab.relu, Settings()).modules()
        }
        for name in ("digits-image", "digits-image-bn")
    }
    assert kinds["digits-image-bn"] - kinds["digits-image"] == {"BatchNorm2d"}


def test_batches_are_the_same_for_every_candidate():
    problem = problem_named("digits-rows")
    settings = settings_of(problem)
    parts = problem.parts(0, settings)
    first, again = (next(batches_of(parts.train, settings, 0, 0)) for _ in range(2))
    assert all(map(torch.equal, first, again))
