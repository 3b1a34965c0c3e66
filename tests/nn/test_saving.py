"""What a layer keeps for its backward pass."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

import actlab
from actlab.engines import outputs


def kept(layer, x):
    """The addresses of the tensors kept between forward and backward."""
    found = []

    def pack(tensor):
        found.append(tensor.data_ptr())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        y = layer(x)
    return found, y


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "softplus"])
def test_the_output_is_kept_where_nothing_is_lost(name):
    x = (torch.randn(50, 60) * 6).requires_grad_()
    found, y = kept(actlab.get(name).module(), x)
    assert found == [y.data_ptr()]
    above = torch.randn(50, 60)
    (gradient,) = torch.autograd.grad(y, x, above)
    exact = actlab.get(name).derivative(x.detach().double()) * above.double()
    assert torch.allclose(gradient.double(), exact, rtol=2.5e-7, atol=0)


@pytest.mark.parametrize("name", ["gelu", "silu", "mish", "sigmoid", "tanh", "elu"])
def test_else_the_input_is_kept_and_nothing_more(name):
    x = torch.randn(50, 60, requires_grad=True)
    found, _ = kept(actlab.get(name).module(), x)
    assert found == [x.data_ptr()]


def test_a_pair_keeps_its_two_inputs():
    x, gate = (torch.randn(50, 60, requires_grad=True) for _ in range(2))
    found, _ = kept(lambda t: actlab.get("swiglu")(t, gate), x)
    assert sorted(found) == sorted([x.data_ptr(), gate.data_ptr()])


@pytest.mark.parametrize("size", [(3, 4), (50, 60)], ids=["small", "large"])
@pytest.mark.parametrize("name", outputs.kinds())
def test_the_output_is_kept_on_request(name, size):
    layer = actlab.get(name).module(save="output")
    x = (torch.randn(size, dtype=torch.float64)).requires_grad_()
    found, y = kept(layer, x)
    assert found == [y.data_ptr()]
    (gradient,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    assert torch.allclose(gradient, actlab.get(name).derivative(x), rtol=1e-11)
    (second,) = torch.autograd.grad(gradient.sum(), x)
    assert torch.allclose(second, actlab.get(name).derivative(x, order=2), rtol=1e-9, atol=1e-12)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):  # noqa: S301
        assert torch.equal(twin(x), y)
    assert "save='output'" in repr(layer)


def test_the_tail_is_what_it_costs():
    x = torch.full((2000,), 20.0, requires_grad=True)
    for save, slope in (("input", 2.061153618190203e-09), ("output", 0.0)):
        (gradient,) = torch.autograd.grad(actlab.get("sigmoid").module(save=save)(x).sum(), x)
        assert gradient[0].item() == pytest.approx(slope, rel=1e-6)


def test_functions_whose_slope_does_not_follow():
    with pytest.raises(ValueError, match="does not follow from its output; that of sigmoid"):
        actlab.get("gelu").module(save="output")
    with pytest.raises(ValueError, match="'input' or 'output', but 'both'"):
        actlab.get("tanh").module(save="both")
    with pytest.raises(ValueError, match="where nothing is learned"):
        actlab.get("elu").module(save="output", learnable=True)
