"""Recurrent layers of the user's network, opened for the candidate."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

import actlab
from actlab.compare.finding import find
from actlab.compare.own_model import OwnModel
from actlab.compare.recurrence import function_of, unrolled
from actlab.compare.sites import Places, Site
from actlab.compare.study import Settings
from actlab.errors import ActlabError

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")

DEEP = {"num_layers": 2, "bidirectional": True, "dropout": 0.4}
LAYERS = {
    "rnn": (nn.RNN, {}),
    "rnn with relu": (nn.RNN, {"nonlinearity": "relu", "batch_first": True}),
    "deep rnn": (nn.RNN, DEEP),
    "gru": (nn.GRU, {"bias": False}),
    "deep gru": (nn.GRU, DEEP),
    "lstm": (nn.LSTM, {"batch_first": True}),
    "deep lstm": (nn.LSTM, DEEP),
    "lstm with fewer outputs": (nn.LSTM, {"proj_size": 2, "bias": False} | DEEP),
}
CLOSE = 5e-7
"""A few roundings of float32: the steps are added up in another order."""


def pieces(given):
    output, state = given
    return [output, *(state if isinstance(state, tuple) else [state])]


def differences(one, other):
    assert [a.shape for a in one] == [b.shape for b in other]
    return max(float((a - b).detach().abs().max()) for a, b in zip(one, other, strict=True))


def same_function(layer):
    return {"tanh": nn.Tanh(), "relu": nn.ReLU()}[function_of(layer)]


@pytest.mark.parametrize("name", LAYERS)
def test_an_unrolled_layer_is_the_same_layer(name):
    torch.manual_seed(0)
    kind, options = LAYERS[name]
    layer = kind(3, 5, **options)
    twin = unrolled(layer, same_function(layer))
    weights = sum(weight.numel() for weight in layer.parameters())
    assert sum(weight.numel() for weight in twin.parameters()) == weights
    for x in (torch.randn(4, 6, 3), torch.randn(6, 3)):
        state = layer(x)[1]
        for training in (True, False):
            for given in ((x,), (x, state)):
                both = []
                for network in (layer.train(training), twin.train(training)):
                    torch.manual_seed(1)  # the same dropout
                    both.append(pieces(network(*given)))
                assert differences(*both) < CLOSE


@pytest.mark.parametrize("kind", [nn.RNNCell, nn.GRUCell, nn.LSTMCell])
def test_an_unrolled_cell_is_the_same_cell(kind):
    torch.manual_seed(0)
    cell, x = kind(3, 5), torch.randn(4, 3)
    twin = unrolled(cell, nn.Tanh())
    for given in ((x,), (x, cell(x))):
        both = [network(*given) for network in (cell, twin)]
        assert differences(*(one if isinstance(one, tuple) else (one,) for one in both)) < CLOSE


def test_frozen_weights_stay_frozen():
    layer = nn.GRU(2, 3).requires_grad_(False)
    assert not any(weight.requires_grad for weight in unrolled(layer, nn.Tanh()).parameters())


class Reader(nn.Module):
    def __init__(self, kind=nn.LSTM, hidden=None):
        super().__init__()
        self.cell = kind(2, 4, batch_first=True)
        self.head = nn.Linear(4, 2)
        self.act = hidden or nn.Identity()

    def forward(self, x):
        return self.head(self.act(self.cell(x)[0][:, -1]))


def data():
    x = torch.randn(60, 5, 2, generator=torch.Generator().manual_seed(0))
    return x, (x.sum((1, 2)) > 0).long()


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_the_candidate_takes_the_place_of_tanh_and_gates_keep_their_draws(kind):
    problem = OwnModel(lambda: Reader(kind), data())
    torch.manual_seed(0)
    model = problem.network(actlab.get("sin"), Settings())
    sites = [module for module in model.modules() if isinstance(module, Site)]
    assert [site.activation.name for site in sites] == ["sin"]
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    scaled = Places(model, lambda: model(data()[0])).scale(3.0)
    assert sorted(scaled) == ["cell.cells.0.new_h.weight", "cell.cells.0.new_x.weight"]
    for name, weight in model.named_parameters():
        assert torch.equal(weight, before[name]) == (name not in scaled)
    fan_in = 2 + 4
    assert float(model.cell.cells[0].new_x.weight.detach().std(correction=0)) == pytest.approx(
        3.0 / fan_in**0.5, rel=1e-5
    )


def test_inside_an_lstm_candidates_are_compared():
    result = actlab.compare(
        model=Reader, data=data(), activations="tanh,sin", epochs=1, blocks=3, learning_rates=0.01,
        stack=False, workers=1,
    )  # fmt: skip
    assert "Exchanged in the model: tanh." in result.task.notes
    assert any("step by step" in note and "nn.LSTM cell" in note for note in result.task.notes)
    assert result.row("tanh").scores != result.row("sin").scores


def test_beside_other_activations_a_recurrent_layer_keeps_its_own():
    exchange = find(Reader(hidden=nn.ReLU()), lambda model: model(data()[0]))
    assert [one.activation.name for one in exchange.narrowed(None).chosen] == ["relu"]
    assert any("tanh (inside nn.LSTM cell)" in note for note in exchange.narrowed(None).notes())
    assert [one.path for one in exchange.narrowed(["tanh"]).chosen] == ["cell"]


def test_a_packed_sequence_is_refused_in_a_sentence():
    layer = unrolled(nn.GRU(2, 3), nn.Tanh())
    with pytest.raises(ActlabError, match=r"nn\.GRU gets a packed sequence; .* mask"):
        layer(pack_sequence([torch.ones(3, 2), torch.ones(1, 2)]))


class Halves(nn.Module):
    """A gated pair along the channels of an image, as a call or as a layer."""

    def __init__(self, layer):
        super().__init__()
        self.first, self.last = nn.Conv2d(1, 6, 3), nn.Linear(3, 2)
        self.layer = nn.GLU(dim=1) if layer else None

    def forward(self, x):
        x = self.first(x)
        x = nn.functional.glu(x, 1) if self.layer is None else self.layer(x)
        return self.last(x.mean((2, 3)))


@pytest.mark.parametrize("layer", [True, False], ids=["layer", "call"])
def test_a_gated_pair_is_exchanged_along_its_own_axis(layer):
    x = torch.randn(60, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    given = x, (x.mean((1, 2, 3)) > 0).long()
    with pytest.raises(ActlabError, match=r"there are glu \(.*hidden\); name .* replace="):
        OwnModel(lambda: Halves(layer), given)
    problem = OwnModel(lambda: Halves(layer), given, replace="glu")
    torch.manual_seed(0)
    model = problem.network(actlab.get("bilinear"), Settings())
    torch.manual_seed(0)
    one, two = (same := Halves(layer)).first(x).chunk(2, 1)
    expected = same.last((one * two).mean((2, 3)))
    assert torch.allclose(model(x), expected, atol=1e-6)
