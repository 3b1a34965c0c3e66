"""What is found in a user's network, and what is exchanged there."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

import actlab
from actlab.compare.exchange import Exchange
from actlab.compare.finding import find
from actlab.compare.own_model import OwnModel
from actlab.compare.sites import Site, sites_of
from actlab.compare.study import Settings
from actlab.errors import ActlabError


def found_in(model, *inputs) -> Exchange:
    return find(model, lambda m: m(*inputs))


def exchanged(model, *inputs, names=None, candidate=None) -> nn.Module:
    """A copy with every activation exchanged: for a candidate, or for itself."""
    exchange = found_in(model, *inputs).narrowed(names)
    twin = copy.deepcopy(model)
    return exchange.apply(
        twin, lambda found, _: Site(candidate) if candidate else found.activation.module()
    )


def outputs(model, x, training):
    torch.manual_seed(3)
    return model.train(training)(x)


class Functional(nn.Module):
    """Calls in all spellings, with a dropout that depends on the mode."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 5), nn.Linear(5, 5), nn.Linear(5, 3)

    def forward(self, x):
        x = functional.dropout(functional.relu(self.first(x)), 0.5, self.training)
        x = torch.tanh(self.second(x))
        x = functional.leaky_relu(x.add(1).relu_(), 0.2)
        return self.third(x)


class Block(nn.Module):
    """Arguments that are no tensors decide the way."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 4)

    def forward(self, x, scale=None, twice=False):
        x = functional.gelu(self.inner(x))
        if scale is not None:
            x = x * scale
        return x + x if twice else x


class Outside(nn.Module):
    """A forward that torch.fx can not follow around blocks that it can."""

    def __init__(self) -> None:
        super().__init__()
        self.block, self.head = Block(), nn.Linear(4, 2)

    def forward(self, x):
        for _ in range(int(x.shape[0] > 0) + int(x.sum() > -1e9)):
            x = self.block(x, twice=True)
        return self.head(x)


def test_calls_are_exchanged_in_both_modes():
    torch.manual_seed(0)
    model, x = Functional(), torch.randn(6, 4)
    same = exchanged(model, x)
    for training in (True, False):
        assert torch.allclose(outputs(model, x, training), outputs(same, x, training), atol=1e-6)
    assert [f.activation.name for f in found_in(model, x).found] == [
        "relu", "tanh", "relu", "leaky_relu",
    ]  # fmt: skip
    assert found_in(model, x).found[3].activation.parameters["negative_slope"] == 0.2
    other = exchanged(model, x, candidate=actlab.get("sin"))
    assert len(sites_of(other)) == 4
    # another function: a thousand times what the rounding of the same one may change
    assert not torch.allclose(outputs(model, x, False), outputs(other, x, False), atol=1e-3)


def test_a_module_inside_what_cannot_be_followed_is_rewritten_alone():
    torch.manual_seed(0)
    model, x = Outside(), torch.randn(3, 4)
    same = exchanged(model, x)
    assert torch.allclose(model(x), same(x), atol=1e-6)
    assert type(same.block) is Block
    # A rewritten forward travels with a copy, and looks at the copy's own layers.
    again = copy.deepcopy(same)
    with torch.no_grad():
        again.block.inner.weight.zero_()
    assert not torch.allclose(same(x), again(x))


def test_what_fx_cannot_follow_is_named_with_a_way_out():
    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, x):
            while x.norm() > 1:
                x = functional.relu(self.layer(x)) / 4
            return self.layer(x)

    model = Loop()
    exchange = found_in(model, torch.ones(2, 3)).narrowed(None)
    with pytest.raises(ActlabError, match=r"torch.fx can not follow the forward of Loop") as raised:
        exchange.apply(model, lambda *_: nn.Identity())
    assert "self.act = nn.ReLU()" in str(raised.value)
    assert "relu (line " in str(raised.value)
    assert "test_own_model_exchange.py" in str(raised.value)


@pytest.mark.parametrize(
    ("model", "places"),
    [
        (
            nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2), nn.Softmax(-1)),
            {"relu": "hidden", "softmax": "output"},
        ),
        (
            nn.Sequential(nn.Linear(4, 4), nn.Sigmoid(), nn.Linear(4, 1), nn.Sigmoid()),
            {"sigmoid": "hidden output"},
        ),
        (
            nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2), nn.LayerNorm(2), nn.ReLU()),
            {"tanh": "hidden", "relu": "output"},
        ),
    ],
    ids=["softmax", "sigmoid", "norm after the last weights"],
)
def test_what_stands_at_the_output_keeps_its_function(model, places):
    exchange = found_in(model, torch.randn(3, 4))
    seen: dict[str, list[str]] = {}
    for one in exchange.found:
        seen.setdefault(one.activation.name, []).append(one.place)
    assert {name: " ".join(place) for name, place in seen.items()} == places
    chosen = exchange.narrowed(None)
    assert all(one.place == "hidden" for one in chosen.chosen)
    assert any("stands at the output" in note for note in chosen.notes())


def test_a_forward_that_calls_others_in_evaluation_is_refused():
    class Moody(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x):
            x = functional.relu(self.layer(x)) if self.training else torch.tanh(self.layer(x))
            return self.layer(x)

    model = Moody()
    exchange = found_in(model, torch.ones(2, 4)).narrowed(None)
    with pytest.raises(ActlabError, match="depends on the data or on the mode"):
        exchange.apply(model, lambda *_: nn.Identity())


def test_numbers_that_the_catalogue_does_not_know_are_no_hindrance():
    class Numbers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.last = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)
            self.act = nn.Hardtanh(-0.3, 2.5)

        def forward(self, x):
            x = functional.celu(self.first(x), alpha=3.0)
            return self.last(functional.softplus(input=self.act(self.second(x)), beta=4.0))

    x = torch.randn(20, 4)
    problem = OwnModel(Numbers, (x, (x[:, 0] > 0).long()))
    assert len(sites_of(problem.network(actlab.get("relu"), Settings()))) == 3


def test_frozen_weights_do_not_make_everything_the_output():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)).requires_grad_(False)
    assert [one.place for one in found_in(model, torch.randn(3, 4)).found] == ["hidden"]
    assert not any(weight.requires_grad for weight in model.parameters())


def test_a_gate_keeps_its_function():
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.head = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)
            self.act = nn.Tanh()

        def forward(self, x):
            return self.head(self.act(self.one(x)) * torch.sigmoid(self.two(x)).unsqueeze(1)[:, 0])

    exchange = found_in(Gated(), torch.randn(3, 4))
    assert {f.activation.name: f.place for f in exchange.found} == {
        "tanh": "hidden",
        "sigmoid": "gate",
    }
    notes = list(exchange.narrowed(None).notes())
    assert any("it is a gate: sigmoid" in note for note in notes)


def test_a_transformer_layer_is_exchanged_and_leaves_its_fast_path():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    model = nn.Sequential(layer, nn.Flatten(), nn.Linear(24, 2))
    x = torch.randn(2, 3, 8)
    same = exchanged(model, x)
    different = exchanged(model, x, candidate=actlab.get("sin"))
    with torch.no_grad():
        for training in (True, False):
            expected = outputs(model, x, training)
            # the fast path adds in another order: dozens of float32 roundings of numbers near 1
            assert torch.allclose(expected, outputs(same, x, training), atol=1e-5)
            # another function: a hundred times that
            assert not torch.allclose(expected, outputs(different, x, training), atol=1e-3)


def test_a_shared_layer_stays_shared():
    act = nn.ReLU()
    model = nn.Sequential(nn.Linear(4, 4), act, nn.Linear(4, 4), act, nn.Linear(4, 2))
    model = exchanged(model, torch.randn(3, 4), candidate=actlab.get("silu"))
    assert model[1] is model[3]
    assert isinstance(model[1], Site)


@pytest.mark.parametrize(
    ("model", "names", "message"),
    [
        (nn.Linear(4, 2), None, "no activation was found in the model"),
        (nn.Sequential(nn.Linear(4, 2), nn.Sigmoid()), None, "no hidden activation"),
        (
            nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)),
            ["gelu"],
            r"no gelu to exchange; there are relu \(1, hidden\)",
        ),
    ],
    ids=["none", "only at the output", "another name"],
)
def test_nothing_to_exchange_is_said(model, names, message):
    with pytest.raises(ActlabError, match=message):
        found_in(model, torch.randn(3, 4)).narrowed(names)


def test_replace_narrows_and_can_name_what_stands_at_the_output():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2))
    only = found_in(model, torch.randn(3, 4)).narrowed(["tanh"])
    assert [one.path for one in only.chosen] == ["3"]
    assert "Not exchanged: relu." in list(only.notes())
    last = nn.Sequential(nn.Linear(4, 2), nn.Sigmoid())
    assert found_in(last, torch.randn(3, 4)).narrowed(["sigmoid"]).chosen[0].path == "1"
