"""Layers that look at the data, and mixtures: against their formulas."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import actlab


def test_funnel_is_the_larger_of_input_and_convolution():
    torch.manual_seed(1)
    layer = actlab.get("funnel_relu").module(channels=3, kernel_size=5)
    x = torch.randn(4, 3, 9, 7)
    weight = layer.window.weight
    assert weight.shape == (3, 1, 5, 5)
    layer.eval()
    layer.norm.running_mean.uniform_(-1, 1)
    layer.norm.running_var.uniform_(0.5, 2)
    seen = nn.functional.conv2d(x, weight, padding=2, groups=3)
    mean, variance = (v[:, None, None] for v in (layer.norm.running_mean, layer.norm.running_var))
    torch.testing.assert_close(layer(x), torch.maximum(x, (seen - mean) / (variance + 1e-5).sqrt()))
    with pytest.raises(ValueError, match="takes images"):
        layer(torch.zeros(2, 3, 5))
    with pytest.raises(ValueError, match="kernel_size is 4; an odd number"):
        actlab.get("funnel_relu").module(channels=3, kernel_size=4)


@pytest.mark.parametrize("shared", [False, True])
def test_dynamic_relu_starts_near_relu_and_is_its_formula(shared):
    torch.manual_seed(2)
    layer = actlab.get("dynamic_relu").module(channels=8, shared=shared, pieces=3)
    x = torch.randn(4, 8, 5, 5)
    nn.init.zeros_(layer.excite.weight)
    nn.init.zeros_(layer.excite.bias)
    torch.testing.assert_close(layer(x), torch.relu(x))
    nn.init.normal_(layer.excite.weight)
    y = layer(x)
    for n in range(4):
        hidden = torch.relu(layer.squeeze(x[n].mean((1, 2))))
        numbers = 2 * torch.sigmoid(layer.excite(hidden)) - 1
        for c in range(8):
            own = numbers[:6] if shared else numbers[6 * c : 6 * c + 6]
            slopes, heights = own[:3] + torch.tensor([1.0, 0, 0]), own[3:] / 2
            lines = [a * x[n, c] + b for a, b in zip(slopes, heights, strict=True)]
            torch.testing.assert_close(y[n, c], torch.stack(lines).amax(0))
    assert layer(x[:, :, 0, 0]).shape == (4, 8)


def test_meta_acon_is_acon_with_its_own_sharpness():
    torch.manual_seed(3)
    layer = actlab.get("meta_acon").module(channels=4, reduction=2, normalise=False)
    x = torch.randn(3, 4, 6, 6)
    beta = torch.sigmoid(layer.excite(layer.squeeze(x.mean((2, 3)))))
    p1, p2 = layer.p1[:, None, None], layer.p2[:, None, None]
    expected = (p1 - p2) * x * torch.sigmoid(beta[:, :, None, None] * (p1 - p2) * x) + p2 * x
    torch.testing.assert_close(layer(x), expected, rtol=1e-5, atol=1e-6)
    assert layer.squeeze.out_features == 2
    assert actlab.get("meta_acon").module(channels=64).squeeze.out_features == 16
    lone = actlab.get("meta_acon").module(channels=4)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        lone(x[:1])


def test_dice_uses_the_batch_in_training_and_what_it_saw_afterwards():
    torch.manual_seed(4)
    layer = actlab.get("dice").module(channels=3)
    layer.alpha.data = torch.tensor([0.0, 0.5, -1.0])
    x = 2 + 3 * torch.randn(400, 3)
    share = torch.sigmoid((x - x.mean(0)) / x.std(0, unbiased=False))
    torch.testing.assert_close(layer(x), share * x + (1 - share) * layer.alpha * x)
    for _ in range(60):
        layer(x)
    layer.eval()
    kept = 0.9**61  # of the mean 0 and the variance 1 that it began with
    mean, variance = (1 - kept) * x.mean(0), kept + (1 - kept) * x.var(0)
    torch.testing.assert_close(layer.mean, mean)
    share = torch.sigmoid((x[:5] - mean) / variance.sqrt())
    expected = share * x[:5] + (1 - share) * layer.alpha * x[:5]
    torch.testing.assert_close(layer(x[:5]), expected)
    assert layer(torch.randn(2, 3, 4)).shape == (2, 3, 4)


@pytest.mark.parametrize("start", ["identity", "gelu", "swish"])
def test_rationals_start_as_the_function(start):
    layer = actlab.get("group_rational").module(channels=8, groups=4, start=start)
    x = torch.linspace(-3, 3, 61)[:, None].expand(61, 8)
    # the fits of the library leave 2e-3 for GELU, less for the others
    assert (layer(x) - actlab.get(start)(x)).abs().max() < 3e-3


def test_rational_groups_have_their_own_coefficients():
    layer = actlab.get("group_rational").module(channels=6, groups=3)
    x = torch.linspace(-2, 2, 5)[:, None].expand(5, 6)
    nn.init.zeros_(layer.numerator[1].data)
    y = layer(x)
    assert (y[:, 2:4] == 0).all()
    assert torch.equal(y[:, :2], y[:, 4:])
    first = actlab.get("group_rational").module(channels=6, groups=3, axis=1)
    first.load_state_dict(layer.state_dict())
    assert torch.equal(first(x[:, :, None]).squeeze(2), y)
    with pytest.raises(ValueError, match="6 channels do not divide into 4 groups"):
        actlab.get("group_rational").module(channels=6, groups=4)
    with pytest.raises(ValueError, match="start is 'mish'; known are identity, gelu, swish"):
        actlab.get("group_rational").module(channels=6, groups=3, start="mish")


def test_mixtures_are_their_formulas():
    x = torch.randn(4, 3)
    layer = actlab.get("lincomb").module(functions=("relu", actlab.get("sin")), channels=3)
    layer.weight.data.uniform_(-1, 1)
    expected = layer.weight[0] * torch.relu(x) + layer.weight[1] * actlab.get("sin")(x)
    torch.testing.assert_close(layer(x), expected)
    taaf = actlab.get("taaf").module(function="gelu", channels=3)
    for parameter in taaf.parameters():
        nn.init.uniform_(parameter, 0.5, 2)
    expected = taaf.alpha * actlab.get("gelu")(taaf.beta * x + taaf.gamma) + taaf.delta
    torch.testing.assert_close(taaf(x), expected)
    with pytest.raises(TypeError, match="softmax maps whole vectors"):
        actlab.get("taaf").module(function="softmax")
    with pytest.raises(ValueError, match="at least one function"):
        actlab.get("lincomb").module(functions=())
