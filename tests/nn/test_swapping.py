"""Exchanging the activation layers of a model."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import actlab
from actlab.errors import UnknownNameError
from actlab.nn import swap
from actlab.nn.swapping import name_of

PLAIN = {
    nn.CELU, nn.ELU, nn.GELU, nn.GLU, nn.Hardshrink, nn.Hardsigmoid, nn.Hardswish, nn.Hardtanh,
    nn.Identity, nn.LeakyReLU, nn.LogSigmoid, nn.Mish, nn.PReLU, nn.ReLU, nn.ReLU6, nn.RReLU,
    nn.SELU, nn.SiLU, nn.Sigmoid, nn.Softplus, nn.Softshrink, nn.Softsign, nn.Tanh,
    nn.Tanhshrink,
}  # fmt: skip


def model() -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(4, 8),
        nn.ReLU(inplace=True),
        nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.ReLU6(), nn.LeakyReLU(0.3)),
        nn.Linear(8, 2),
    )


def test_replaces_by_name_and_says_where() -> None:
    net = model()
    assert swap(net, "ReLU", "leaky_relu") == ["1", "2.1"]
    assert repr(net[1]) == repr(net[2][1]) == "Activation('leaky_relu', negative_slope=0.01)"
    assert isinstance(net[2][2], nn.ReLU6)
    assert isinstance(net[2][3], nn.LeakyReLU)
    assert net[1] is not net[2][1]
    # torch's own and ours, whatever their numbers
    assert swap(net, "leaky_relu", "x * tanh(exp(x))") == ["1", "2.1", "2.3"]
    assert swap(net, actlab.get("relu"), "elu") == []


def test_computes_the_same_when_nothing_changes() -> None:
    net, x = model(), torch.randn(5, 4)
    before = net(x)
    swap(net, "relu", "relu")
    assert torch.equal(net(x), before)


@pytest.mark.parametrize("kind", sorted(PLAIN, key=lambda kind: kind.__name__))
def test_knows_the_layers_of_torch_by_what_they_compute(kind: type[nn.Module]) -> None:
    name = name_of(kind())
    assert name is not None
    x = torch.linspace(-4, 4, 10, dtype=torch.float64)
    torch.testing.assert_close(
        actlab.get(name, like="torch").module().eval()(x), kind().double().eval()(x),
        rtol=1e-6, atol=1e-7,  # torch rounds some of its constants to single precision
    )  # fmt: skip


def test_takes_nothing_else_for_an_activation() -> None:
    for other in (nn.Linear(2, 2), nn.MultiheadAttention(2, 1), nn.Dropout(), nn.Softmax2d()):
        assert name_of(other) != "identity"
    assert name_of(nn.GELU(approximate="tanh")) == "gelu_tanh"
    assert name_of(nn.Linear(2, 2)) is None
    assert name_of(nn.MultiheadAttention(2, 1)) is None


def test_shared_layers_stay_shared() -> None:
    act = nn.ReLU()
    net = nn.Sequential(nn.Linear(4, 4), act, nn.Linear(4, 4), act)
    assert swap(net, "relu", "swish", learnable=True) == ["1", "3"]
    assert net[1] is net[3]
    assert len(list(net[1].parameters())) == 1


def test_keeps_mode_dtype_and_axis() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.RReLU()).double().eval()
    swap(net, "rrelu", "swish", learnable=True)
    assert not net[1].training
    assert net[1].beta.dtype == torch.float64
    soft = nn.Sequential(nn.Linear(4, 4), nn.Softmax(dim=0))
    swap(soft, "softmax", "softmin")
    torch.testing.assert_close(soft(torch.randn(3, 4)).sum(0), torch.ones(4))


def test_refusals() -> None:
    with pytest.raises(UnknownNameError, match="did you mean"):
        swap(model(), "reluu", "elu")
    with pytest.raises(TypeError, match="same kind"):
        swap(model(), "relu", "swiglu")
    with pytest.raises(TypeError, match=r"torch\.nn\.Module was expected"):
        swap("model", "relu", "elu")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="itself"):
        swap(nn.ReLU(), "relu", "elu")
