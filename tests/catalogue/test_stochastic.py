"""Functions that draw in training: the law of the draw, and silence in evaluation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import actlab

X = (-2.3, -0.4, 0.0, 0.7, 1.9)
COUNT = 200_000


def drawn(name, x, **parameters):
    torch.manual_seed(3)
    layer = actlab.get(name, **parameters).module().train()
    return layer(torch.full((COUNT,), x, dtype=torch.float64))


def close(values, expected, deviation):
    """Within five standard errors, which chance exceeds once in two million times."""
    assert values.mean().item() == pytest.approx(expected, abs=5 * deviation / math.sqrt(COUNT))


@pytest.mark.parametrize("name", ["noisy_relu", "probact", "binary_concrete", "hard_concrete"])
def test_evaluation_draws_nothing(name):
    f = actlab.get(name)
    layer = f.module().eval()
    x = torch.tensor(X)
    assert torch.equal(layer(x), f(x))
    assert torch.equal(layer(x), layer(x))
    layer.train()
    assert not torch.equal(layer(x), layer(x))
    torch.manual_seed(1)
    first = layer(x)
    torch.manual_seed(1)
    assert torch.equal(first, layer(x))


@pytest.mark.parametrize("x", X)
def test_noise_of_the_noisy_relu(x):
    spread = math.sqrt(1 / (1 + math.exp(-x)))
    # E[max(x + s z, 0)] of a normal z
    density = math.exp(-((x / spread) ** 2) / 2) / math.sqrt(2 * math.pi)
    expected = x * (1 + math.erf(x / spread / math.sqrt(2))) / 2 + spread * density
    close(drawn("noisy_relu", x), expected, spread)


@pytest.mark.parametrize("x", X)
def test_noise_of_probact(x):
    y = drawn("probact", x, sigma=0.5)
    close(y, max(x, 0), 0.5)
    assert y.std().item() == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize("x", X)
def test_a_concrete_coin_shows_heads_as_often_as_its_odds_say(x):
    share = 1 / (1 + math.exp(-x))
    y = drawn("binary_concrete", x)
    assert ((y > 0) & (y < 1)).all()
    close((y > 0.5).double(), share, 0.5)


@pytest.mark.parametrize("x", X)
def test_a_hard_concrete_gate_is_shut_as_often_as_its_paper_says(x):
    y = drawn("hard_concrete", x)
    assert ((y >= 0) & (y <= 1)).all()
    # P(s <= 0) = sigmoid(beta log(-gamma/zeta) - x)
    shut = 1 / (1 + math.exp(-(2 / 3 * math.log(0.1 / 1.1) - x)))
    close((y == 0).double(), shut, 0.5)
    at_rest = actlab.get("hard_concrete")(x)
    assert at_rest == pytest.approx(min(max(1.2 / (1 + math.exp(-x)) - 0.1, 0), 1), rel=1e-14)


def test_gumbel_noise_chooses_with_the_probabilities_of_softmax():
    logits = torch.tensor([0.5, -1.0, 1.3, 0.0])
    torch.manual_seed(2)
    layer = actlab.get("gumbel_softmax", tau=0.5).module().train()
    chosen = layer(logits.expand(COUNT, 4)).argmax(1)
    shares = torch.bincount(chosen, minlength=4) / COUNT
    room = 5 * 0.5 / math.sqrt(COUNT)  # as in `close`; a share deviates by 1/2 at most
    np.testing.assert_allclose(shares, torch.softmax(logits, 0), atol=room)
    hard = actlab.get("gumbel_softmax_hard").module().train()(logits.expand(COUNT, 4))
    np.testing.assert_allclose(hard.mean(0), torch.softmax(logits, 0), atol=room)


@pytest.mark.parametrize("name", ["noisy_relu", "probact", "binary_concrete", "gumbel_softmax"])
def test_gradients_with_a_given_draw(name):
    f = actlab.get(name).in_training
    x = torch.tensor([[0.4, -1.2, 2.2, 0.9]], dtype=torch.float64, requires_grad=True)
    noise = torch.tensor([[0.3, 0.8, -0.5, 1.1]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, noise: f(x, noise=noise), (x, noise))


def test_the_size_of_the_noise_is_learned():
    layer = actlab.get("probact").module(learnable="sigma").train()
    layer(torch.zeros(64)).square().sum().backward()
    assert layer.sigma.grad.item() > 0
    layer.eval()
    layer.sigma.grad = None
    layer(torch.ones(4)).sum().backward()
    assert layer.sigma.grad.item() == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_dtypes_stay(dtype):
    for name in actlab.names("stochastic"):
        assert actlab.get(name).module().train()(torch.zeros(5, dtype=dtype)).dtype == dtype


def test_formulas_of_training_are_shown_and_not_lost():
    f = actlab.get("hard_concrete", beta=0.5)
    assert str(f.training) != str(f.formula)
    assert f.in_training.parameters["beta"] == 0.5
    assert actlab.get("relu").in_training is actlab.get("relu")
    assert str(f.random["noise"]) == "drawn from the standard logistic law"
