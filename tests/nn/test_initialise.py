"""Weights that keep the signal: which gain each layer gets, and what a batch then shows."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

import actlab
from actlab.errors import ActlabError
from actlab.theory import forecast, gain


def generator(seed: int = 5) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def feeds(model: nn.Module, activation: str | None = None) -> dict[str, str]:
    return {d.weight: d.activation for d in actlab.initialise(model, activation)}


class Calls(nn.Module):
    """Activations as functions, methods and with numbers, and a layer registered out of order."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(8, 2)
        self.a, self.b, self.c = nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x):
        x = functional.leaky_relu(self.a(x), 0.3)
        x = functional.gelu(self.b(x), approximate="tanh")
        return torch.sigmoid(self.last(self.c(x).tanh()))


class ByHand(nn.Module):
    """A SiLU that is written out; the sigmoid is a part of it."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 2)

    def forward(self, x):
        x = self.a(x)
        x = torch.exp(-self.b(x * torch.sigmoid(x)))
        return self.c(x)


class Residual(nn.Module):
    """One activation layer that serves twice, once after a sum."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.norm, self.act = nn.BatchNorm2d(4), nn.ELU()

    def forward(self, x):
        return self.act(x + self.second(self.act(self.norm(self.first(x)))))


class Untraceable(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 8), nn.Linear(8, 2)

    def forward(self, x):
        return self.b(torch.relu(self.a(x))) if x.sum() > 0 else x


def test_each_layer_feeds_what_comes_after_it() -> None:
    model = nn.Sequential(
        nn.Linear(4, 8), nn.Dropout(0.1), nn.ReLU(), nn.Linear(8, 8),
        actlab.get("gelu").module(), nn.Linear(8, 8), nn.Linear(8, 2), nn.Softmax(-1),
    )  # fmt: skip
    done = actlab.initialise(model)
    assert [(d.weight, d.activation) for d in done] == [
        ("0.weight", "relu"), ("3.weight", "gelu"), ("5.weight", ""), ("6.weight", ""),
    ]  # fmt: skip
    assert [d.gain for d in done] == [
        pytest.approx(math.sqrt(2)), pytest.approx(gain(actlab.get("gelu"))), 1.0, 1.0,
    ]  # fmt: skip
    assert all(not bias.any() for name, bias in model.named_parameters() if "bias" in name)


def test_calls_are_followed_with_their_numbers() -> None:
    model = Calls()
    by_name = {d.weight: d for d in actlab.initialise(model)}
    assert by_name["a.weight"].gain == pytest.approx(math.sqrt(2 / (1 + 0.3**2)), rel=1e-12)
    assert by_name["b.weight"].activation == "gelu_tanh"
    assert by_name["c.weight"].activation == "tanh"
    assert by_name["last.weight"].gain == 1.0  # scores of a sigmoid


def test_a_function_written_out_is_not_taken_for_its_part() -> None:
    done = {d.weight: d for d in actlab.initialise(ByHand())}
    assert (done["a.weight"].activation, done["a.weight"].gain) == ("", 1.0)
    assert "written out" in done["a.weight"].note
    assert "exp()" in done["b.weight"].note


def test_a_layer_that_serves_twice_and_a_sum() -> None:
    assert feeds(nn.Sequential(Residual(), nn.Flatten(), nn.Linear(64, 2))) == {
        "0.first.weight": "elu", "0.second.weight": "elu", "2.weight": "",
    }  # fmt: skip


def test_numbers_of_the_layers_count() -> None:
    model = nn.Sequential(
        nn.Linear(3, 3), nn.PReLU(3, 0.5), nn.Linear(3, 3), nn.LeakyReLU(0.2), nn.Linear(3, 3),
        actlab.get("elu", alpha=0.4).module(learnable=True),
    )  # fmt: skip
    found = [d.gain for d in actlab.initialise(model)]
    wanted = [
        math.sqrt(2 / 1.25),
        math.sqrt(2 / 1.04),
        gain(actlab.get("elu", alpha=0.4)),
    ]
    # the learned number is a float32
    assert found == pytest.approx(wanted, rel=1e-7)


def test_a_named_activation_stands_for_all_but_the_output() -> None:
    assert feeds(Untraceable(), "relu") == {"a.weight": "relu", "b.weight": ""}
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3))
    assert feeds(model, "x * tanh(exp(x))") == {"0.weight": "x * tanh(exp(x))", "2.weight": ""}


def test_a_pair_counts_both_of_its_inputs() -> None:
    model = nn.Sequential(nn.Linear(256, 512), actlab.get("swiglu").module(), nn.Linear(256, 1))
    first = actlab.initialise(model, generator=generator())[0]
    assert first.gain == pytest.approx(gain(actlab.get("swiglu")))


LAYERS = {
    "linear": (nn.Linear(400, 600), (64, 400)),
    "convolution": (nn.Conv2d(32, 64, 3), (2, 32, 30, 30)),
    "groups": (nn.Conv2d(64, 64, 3, groups=4), (2, 64, 30, 30)),
    "transposed": (nn.ConvTranspose2d(64, 32, 4, stride=2), (2, 64, 24, 24)),
    "transposed, uneven": (nn.ConvTranspose1d(128, 64, 5, stride=3), (4, 128, 300)),
    "transposed, groups": (nn.ConvTranspose2d(64, 64, 3, stride=2, groups=2), (4, 64, 24, 24)),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_the_variance_of_what_comes_out_is_the_squared_gain(kind: str) -> None:
    layer, shape = LAYERS[kind]
    model = nn.Sequential(layer, nn.ReLU())
    actlab.initialise(model, generator=generator())
    x = torch.randn(shape, generator=generator(6))
    y = layer(x).detach()
    if "transposed" in kind:  # at the border a kernel meets fewer inputs
        inner = [slice(6, -6)] * (y.dim() - 2)
        y = y[(slice(None), slice(None), *inner)]
    # some 10,000 independent weights: their mean square scatters by 1.4 %
    assert float(y.var()) == pytest.approx(2.0, rel=0.05)


def test_pytorchs_own_rule_would_be_seen() -> None:
    # its fan-in of a transposed convolution counts the output channels and no stride
    layer = nn.ConvTranspose2d(64, 32, 4, stride=2)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)
    y = layer(torch.randn((2, 64, 24, 24), generator=generator(6))).detach()[..., 6:-6, 6:-6]
    assert float(y.var()) != pytest.approx(2.0, rel=0.3)


@pytest.mark.parametrize("name", ["relu", "tanh", "elu"])
def test_a_deep_network_keeps_its_signal(name: str) -> None:
    f = actlab.get(name)
    layers = [m for _ in range(10) for m in (nn.Linear(512, 512), f.module())]
    model = nn.Sequential(*layers, nn.Linear(512, 512))
    actlab.initialise(model, generator=generator())
    with torch.no_grad():
        out = model(torch.randn(64, 512, generator=generator(6)))
    # these functions hold a variance; what feeds a layer counts at the next, the output has gain 1
    wanted = forecast(f, 11, variance=gain(f) ** 2).variance[-1] / gain(f) ** 2
    # ten layers of width 512: the variance scatters by some 20 %
    assert float(out.square().mean()) == pytest.approx(wanted, rel=0.5)


RECURRENT = {
    "RNN": (nn.RNN(300, 200), 1),
    "LSTM": (nn.LSTM(300, 200), 4),
    "GRU": (nn.GRU(300, 200, num_layers=2, bidirectional=True), 3),
    "LSTMCell": (nn.LSTMCell(300, 200), 4),
    "RNN with relu": (nn.RNN(300, 200, nonlinearity="relu"), 1),
}


@pytest.mark.parametrize("kind", RECURRENT)
def test_recurrent_layers(kind: str) -> None:
    layer, blocks = RECURRENT[kind]
    done = actlab.initialise(layer, generator=generator())
    wanted = math.sqrt(2) if "relu" in kind else gain(actlab.get("tanh"))
    for one in done:
        parts = dict(layer.named_parameters())[one.weight].detach().chunk(blocks)
        spread = [float(part.std()) * math.sqrt(one.fan_in) for part in parts]
        candidate = 2 if blocks > 1 else 0
        for place, found in enumerate(spread):
            # 40,000 numbers: their deviation scatters by 0.4 %
            assert found == pytest.approx(wanted if place == candidate else 1.0, rel=0.02)
    assert done[0].fan_in == 500
    assert not any(p.any() for n, p in layer.named_parameters() if n.startswith("bias"))


def test_draws_are_reproducible() -> None:
    first, second = (nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.GRU(8, 3)) for _ in range(2))
    actlab.initialise(first, generator=generator())
    actlab.initialise(second, generator=generator())
    for (name, a), b in zip(first.named_parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b), name
    actlab.initialise(second)
    assert not torch.equal(first[0].weight, second[0].weight)


def test_what_is_left_is_named() -> None:
    model = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    model[3].weight = model[1].weight
    before = model[0].weight.clone()
    done = {d.weight: str(d) for d in actlab.initialise(model)}
    assert torch.equal(model[0].weight, before)
    assert done["0.weight"] == "0.weight: left as it was; weights of Embedding are not drawn"
    assert "shared with 1.weight" in done["3.weight"]
    frozen = nn.Sequential(nn.Linear(4, 4).requires_grad_(False), nn.ReLU())
    assert "frozen" in str(actlab.initialise(frozen)[0])


def test_a_normed_weight_is_set_through_its_norm() -> None:
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(300, 300))
    (done,) = actlab.initialise(nn.Sequential(layer, nn.ReLU()), generator=generator())
    assert done.gain == pytest.approx(math.sqrt(2))
    assert float(layer.weight.detach().std()) == pytest.approx(done.std, rel=0.02)


def test_transformer_layers_tell_their_function() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, activation="gelu")
    known = feeds(nn.Sequential(layer, nn.Linear(8, 1)))
    assert known["0.linear1.weight"] == "gelu"
    assert known["0.linear2.weight"] == ""


@pytest.mark.parametrize(
    ("model", "options", "error", "message"),
    [
        (3, {}, TypeError, "torch.nn.Module was expected"),
        (nn.ReLU(), {}, ActlabError, "no weight to initialise"),
        (nn.LazyLinear(3), {}, ActlabError, "run the model on one batch"),
        (Untraceable(), {}, ActlabError, "no activation was recognised in Untraceable"),
        (nn.Linear(3, 3), {"activation": "softmax"}, TypeError, "whole vectors"),
        (nn.Linear(3, 3), {"activation": "rleu"}, LookupError, "did you mean"),
        (nn.Linear(3, 3), {"activation": "x - x + 0"}, ArithmeticError, "no gain"),
    ],
    ids=["no module", "no weight", "lazy", "unrecognised", "vector", "typing error", "no gain"],
)
def test_what_can_not_be_done_is_said(model, options, error, message) -> None:
    before = [p.clone() for p in model.parameters() if not nn.parameter.is_lazy(p)] if (
        isinstance(model, nn.Module)
    ) else []  # fmt: skip
    with pytest.raises(error, match=message):
        actlab.initialise(model, **options)
    for old, new in zip(before, model.parameters() if before else (), strict=True):
        assert torch.equal(old, new)
