"""Where a candidate stands: the weights that feed it, and the units that are counted."""

from __future__ import annotations

import math
import pickle

import pytest
import torch
from torch import nn

import actlab
from actlab.compare.batching import batches_of, rows_of
from actlab.compare.candidates import candidates_for
from actlab.compare.draws import Draws
from actlab.compare.looped import train_chunk
from actlab.compare.own_model import OwnModel
from actlab.compare.sites import Places, Site, UnitCounts
from actlab.compare.study import Chunk, Settings

RELU = actlab.get("relu")


class Residual(nn.Module):
    """Blocks with a way around them, a norm, a transposed convolution and a functional weight."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1, groups=1)
        self.norm = nn.BatchNorm2d(4)
        self.first, self.second = Site(RELU), Site(RELU)
        self.inner = nn.Conv2d(4, 4, 3, padding=1)
        self.up = nn.ConvTranspose2d(4, 2, 2, stride=2)
        self.third = Site(RELU)
        self.head = nn.Linear(2, 3)

    def forward(self, x):
        x = self.first(self.norm(self.stem(x)))
        x = self.second(x + self.inner(x))
        return self.head(self.third(self.up(x)).mean((2, 3)))


class Cell(nn.Module):
    """A recurrent cell that is called for every step of a sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.into, self.within = nn.Linear(2, 3), nn.Linear(3, 3)
        self.act, self.head = Site(RELU), nn.Linear(3, 1)

    def forward(self, x):
        state = x.new_zeros(len(x), 3)
        for step in range(x.shape[1]):
            state = self.act(self.into(x[:, step]) + self.within(state))
        return self.head(state)


def places(model, x):
    return Places(model, lambda: model(x))


def spread(weight):
    return float(weight.detach().double().std(correction=0))


def test_weights_that_feed_a_candidate_take_its_gain():
    torch.manual_seed(0)
    model = Residual()
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    found = places(model, torch.randn(2, 1, 4, 4))
    assert [call.weights for call in found.calls] == [
        ("stem.weight",), ("inner.weight",), ("up.weight",),
    ]  # fmt: skip
    assert found.scale(1.5) == ["stem.weight", "inner.weight", "up.weight"]
    fans = {"stem.weight": 9, "inner.weight": 36, "up.weight": 4 * 4 / 4}
    for name, weight in model.named_parameters():
        if name in fans:
            assert spread(weight) == pytest.approx(1.5 / math.sqrt(fans[name]), rel=1e-5)
            ratio = weight / before[name]
            assert torch.allclose(ratio, ratio.flatten()[0].expand_as(ratio), rtol=1e-4)
        else:
            assert torch.equal(weight, before[name])


def test_what_is_summed_before_a_candidate_shares_its_gain():
    torch.manual_seed(0)
    model = Cell()
    found = places(model, torch.randn(2, 4, 2))
    assert set(found.scale(2.0)) == {"into.weight", "within.weight"}
    for layer in (model.into, model.within):
        assert spread(layer.weight) == pytest.approx(2 / math.sqrt(5), rel=1e-5)


def test_a_constant_weight_keeps_its_numbers():
    model = nn.Sequential(nn.Linear(3, 2), Site(RELU), nn.Linear(2, 1))
    nn.init.zeros_(model[0].weight)
    assert places(model, torch.randn(2, 3)).scale(1.0) == []
    assert not model[0].weight.any()


def test_dead_units_of_rows_channels_and_recurrent_cells():
    torch.manual_seed(0)
    dense = nn.Sequential(nn.Linear(3, 8), Site(RELU), nn.Linear(8, 1))
    convolved = nn.Sequential(nn.Conv2d(1, 4, 3), Site(RELU), nn.Flatten(), nn.Linear(16, 1))
    with torch.no_grad():
        dense[0].bias[:2] = -1e6
        convolved[0].bias[0] = -1e6
    recurrent = Cell()
    with torch.no_grad():
        recurrent.into.bias[0] = -1e6
    for model, x, share in (
        (dense, torch.randn(50, 3), 2 / 8),
        (convolved, torch.randn(20, 1, 4, 4), 1 / 4),
        (recurrent, torch.randn(40, 5, 2), 1 / 3),
    ):
        counts = UnitCounts(model, places(model, x[:2]))
        with torch.no_grad(), counts.counting():
            for rows in x.split(7):
                model(rows)
        assert counts.shares()[0] == pytest.approx(share)


def test_a_layer_that_is_used_twice_has_units_of_its_own_in_each_place():
    act = Site(RELU)
    model = nn.Sequential(nn.Linear(3, 4), act, nn.Linear(4, 4), act, nn.Linear(4, 1))
    with torch.no_grad():
        model[0].bias[:] = 1e6
        model[2].bias[:] = -1e12
    x = torch.randn(9, 3)
    counts = UnitCounts(model, places(model, x))
    with torch.no_grad(), counts.counting():
        model(x)
        model(x)
    assert counts.shares()[0] == 0.5


# --- batches ----------------------------------------------------------------------------------


def test_batches_of_tensors_hold_every_row_once_and_no_row_alone():
    x = torch.arange(33)
    batches = list(batches_of((x, x), Settings(batch_size=8), 0, 0))
    assert [len(a) for a, _ in batches] == [8, 8, 8, 9]
    assert sorted(torch.cat([a for a, _ in batches]).tolist()) == x.tolist()
    again = list(batches_of((x, x), Settings(batch_size=8), 0, 0))
    later = list(batches_of((x, x), Settings(batch_size=8), 0, 1))
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(batches, again, strict=True))
    assert not torch.equal(batches[0][0], later[0][0])


def test_a_loaders_own_generator_begins_anew_for_every_member():
    from torch.utils.data import DataLoader, TensorDataset

    rows = TensorDataset(torch.arange(12))
    loader = DataLoader(rows, 4, shuffle=True, generator=torch.Generator().manual_seed(1))
    orders = [
        torch.cat([batch[0] for batch in batches_of(loader, Settings(), 0, epoch)]).tolist()
        for epoch in (0, 0, 1)
    ]
    assert orders[0] == orders[1] != orders[2]


def test_what_training_draws_does_not_change_the_batches():
    def drawing():
        for _ in range(3):
            yield torch.rand(2)

    class Drawing:
        def __iter__(self):
            return drawing()

    def seen(drawn):
        found = []
        with Draws(0).used():
            for batch in batches_of(Drawing(), Settings(), 0, 0):
                found.append(batch)
                torch.rand(drawn)
        return torch.cat(found)

    assert torch.equal(seen(0), seen(5))


def test_rows_of_batches_of_every_form():
    x = torch.zeros(3, 2)
    assert [rows_of(b) for b in (x, (x, 1), [{"a": x}], {"a": x}, torch.zeros(()))] == [
        3, 3, 3, 3, 1,
    ]  # fmt: skip


def test_a_problem_travels_to_other_processes():
    from joblib.externals.loky.backend.reduction import dumps

    generator = torch.Generator().manual_seed(0)
    x = torch.randn(60, 4, generator=generator)
    width = 6  # what is closed over travels along

    def build():
        return nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 2))

    problem = OwnModel(build, lambda: (x, (x[:, 0] > 0).long()))
    settings = problem.settled(Settings(epochs=1, learning_rates=(0.01,)))
    there = pickle.loads(bytes(dumps(problem)))  # noqa: S301  of this test's own making
    both = [
        train_chunk(one, candidates_for("relu"), Chunk(0, ((0, 0),)), settings)[0]
        for one in (problem, there)
    ]
    assert both[0].train_loss == both[1].train_loss
    assert both[0].test_score == both[1].test_score
