"""Layers with weights of their own: made by name, trained, copied, saved, and what they refuse."""

from __future__ import annotations

import copy
import inspect
import io
import pickle
from importlib import import_module

import pytest
import torch
from torch import nn

import actlab

NAMES = [name for name in actlab.names() if actlab.get(name).kind == "layer"]
EDGES = ("kan_bspline", "kan_rbf", "kan_chebyshev")
OPTIONS = {
    **{name: {"inputs": 4, "outputs": 3} for name in EDGES},
    "lincomb": {"functions": ("relu", "tanh", "x * sigmoid(x)")},
    "taaf": {"function": "gelu", "channels": 4},
    "group_rational": {"channels": 4, "groups": 2, "axis": 1},
}


def made(name, **more):
    torch.manual_seed(5)
    return actlab.get(name).module(**{**OPTIONS.get(name, {"channels": 4}), **more})


def inputs_of(name):
    torch.manual_seed(6)
    return torch.randn((5, 4, 6, 6) if name == "funnel_relu" else (5, 4))


@pytest.mark.parametrize("name", NAMES)
def test_the_entry_says_how_the_layer_is_made(name):
    f = actlab.get(name)
    module, _, layer = f.rule.layer.partition(".")
    made_by = inspect.signature(getattr(import_module(f"actlab.nn.{module}"), layer))
    shown = [
        p.name if p.default is p.empty else f"{p.name}={p.default!r}"
        for p in made_by.parameters.values()
    ]
    assert f.rule.options == ", ".join(shown)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_no_plain_function(name):
    f = actlab.get(name)
    sentence = rf"{name} is a layer with weights of its own.*get\('{name}'\)\.module\("
    for call in (f, f.exact):
        with pytest.raises(TypeError, match=sentence):
            call(1.0)
    with pytest.raises(TypeError, match=sentence):
        f(torch.ones(2))
    with pytest.raises(TypeError, match="layer with weights of its own"):
        f.derivative(1.0)
    with pytest.raises(TypeError, match="layer with weights of its own"):
        f.properties()
    with pytest.raises(actlab.ActlabError, match="layer with weights of its own"):
        f.plot()
    assert f.latex()


@pytest.mark.parametrize("name", NAMES)
def test_wrong_options_name_the_right_ones(name):
    f = actlab.get(name)
    with pytest.raises(TypeError, match=rf"the layer {name} has no colour; write module\("):
        f.module(**OPTIONS.get(name, {"channels": 4}), colour=3)
    if "=" not in f.rule.options.partition(",")[0]:
        with pytest.raises(TypeError, match=rf"the layer {name} lacks \w+; write module\("):
            f.module()
    for option in ("channels", "inputs"):
        if option in f.rule.options and name not in {"lincomb", "taaf"}:
            wrong = {**OPTIONS.get(name, {"channels": 4}), option: 0}
            with pytest.raises(ValueError, match=f"{option} is 0; a whole number"):
                f.module(**wrong)


@pytest.mark.parametrize("name", NAMES)
def test_copies_and_saved_layers_are_the_same(name):
    layer, x = made(name).eval(), inputs_of(name)
    twin = made(name).eval()
    for parameter in twin.parameters():
        nn.init.uniform_(parameter, -1, 1)
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    twin.load_state_dict(torch.load(file))
    again = pickle.loads(pickle.dumps(layer))  # noqa: S301
    for other in (copy.deepcopy(layer), again, twin):
        assert torch.equal(other(x), layer(x))
        assert repr(other) == repr(layer)
    assert repr(layer).startswith(f"Activation('{name}'") or f"'{name}'" in repr(layer)


@pytest.mark.parametrize("name", NAMES)
def test_every_weight_is_learned(name):
    layer, x = made(name).train(), inputs_of(name)
    before = [p.detach().clone() for p in layer.parameters()]
    assert before
    optimizer = torch.optim.SGD(layer.parameters(), 0.1)
    target = torch.randn(layer(x).shape)
    losses = []
    for _ in range(20):
        loss = (layer(x) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    for (key, after), start in zip(layer.named_parameters(), before, strict=True):
        # a batch normalisation takes a bias away that is added just before it
        if name == "meta_acon" and key in {"squeeze.bias", "excite.bias"}:
            continue
        assert not torch.equal(after, start), key


@pytest.mark.parametrize("name", NAMES)
def test_gradients(name):
    layer = made(name).double().eval()
    x = inputs_of(name)[:2, :, :2, :2] if name == "funnel_relu" else inputs_of(name)[:2]
    x = x.double() * 0.7
    assert torch.autograd.gradcheck(layer, (x.requires_grad_(),))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_dtypes(name, dtype):
    layer = made(name).to(dtype).eval()
    y = layer(inputs_of(name).to(dtype))
    assert y.dtype == dtype
    assert torch.isfinite(y).all()
    if name not in EDGES:
        assert y.shape == inputs_of(name).shape


@pytest.mark.parametrize("name", [n for n in NAMES if n != "lincomb"])
def test_another_shape_is_refused(name):
    with pytest.raises(ValueError, match=r"4 (channels|inputs), counted along"):
        made(name)(torch.zeros(5, 7))


# torch.compile itself instantiates the class of a custom function that it traces
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@pytest.mark.parametrize("name", ["apl", "kaf", "linear_spline", "kan_bspline", "dice"])
def test_compiles_without_a_graph_break(name):
    layer, x = made(name).eval(), inputs_of(name)
    torch._dynamo.reset()
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), layer(x))


def test_in_a_network():
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), made("funnel_relu"), nn.Conv2d(4, 4, 3), made("meta_acon"),
        nn.Flatten(), nn.Linear(64, 4), made("dice"), made("kan_bspline"),
    )  # fmt: skip
    y = network(torch.randn(8, 1, 6, 6))
    assert y.shape == (8, 3)
    y.sum().backward()
    assert all(p.grad is not None for p in network.parameters())
