"""Keras layers with weights of their own, held against the PyTorch layers of the same functions.

On TensorFlow here; `test_keras_layer.py` trains and saves some of them on each backend.
"""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
import torch
from torch import nn

import actlab
from actlab.errors import ActlabError

pytestmark = [
    pytest.mark.skipif(
        find_spec("keras") is None or find_spec("tensorflow") is None,
        reason="keras or tensorflow is not installed; pip install 'actlab[dev]' has both",
    ),
    # Keras itself makes arrays of its variables in a way that NumPy 2 deprecates
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

NAMES = [name for name in actlab.names() if actlab.get(name).kind == "layer"]
EDGES = ("kan_bspline", "kan_chebyshev", "kan_rbf")
CHANNELS = 4
OPTIONS = {
    **{name: {"outputs": 3} for name in EDGES},
    "lincomb": {"functions": ["relu", "tanh", "x * sigmoid(x)"], "channels": CHANNELS},
    "taaf": {"function": actlab.get("swish", beta=1.5), "channels": CHANNELS},
    "group_rational": {"groups": 2},
    "dynamic_relu": {"reduction": 1},
}


@pytest.fixture(autouse=True)
def _on_tensorflow():
    import keras

    if keras.backend.backend() != "tensorflow":
        pytest.skip("these tests are for Keras on TensorFlow")


def keras_layer(name, **more):
    return actlab.keras_layer(name, **{**OPTIONS.get(name, {}), **more})


def torch_layer(name):
    """The PyTorch layer in evaluation, with numbers unlike those that it starts with."""
    torch.manual_seed(3)
    size = {"inputs": CHANNELS} if name in EDGES else {"channels": CHANNELS}
    place = {"axis": 1} if name == "group_rational" else {}
    module = actlab.get(name).module(**size | OPTIONS.get(name, {}) | place).eval()
    statistics = ("mean", "variance", "running_mean", "running_var")
    with torch.no_grad():
        for tensor in module.parameters():
            tensor.add_(0.1 * torch.rand_like(tensor))
        for path, tensor in module.named_buffers():
            if path.rpartition(".")[2] in statistics:
                tensor.add_(0.1 * torch.rand_like(tensor))
    return module


def copy(module, layer):
    """Hand the numbers of a PyTorch layer to the Keras layer."""
    if hasattr(module, "variance"):
        layer.norm.set_weights([module.mean.numpy(), module.variance.numpy()])
    for name, child in module.named_children():
        own = [tensor.detach() for tensor in child.parameters()]
        if isinstance(child, nn.Linear):
            own[0] = own[0].T
        elif isinstance(child, nn.Conv2d):
            own[0] = own[0].permute(2, 3, 0, 1)
        elif hasattr(child, "running_mean"):
            own += [child.running_mean, child.running_var]
        getattr(layer, name).set_weights([tensor.numpy() for tensor in own])
    for name, tensor in module.named_parameters(recurse=False):
        getattr(layer, name).assign(tensor.detach().numpy())


@pytest.mark.parametrize("name", NAMES)
def test_it_is_the_function_of_the_pytorch_layer(name):
    x = np.random.default_rng(0).normal(size=(6, 5, 5, CHANNELS)).astype(np.float32)
    layer, module = keras_layer(name), torch_layer(name)
    layer.build(x.shape)
    copy(module, layer)
    with torch.no_grad():
        if name in EDGES:
            want = module(torch.tensor(x)).numpy()
        else:
            want = np.moveaxis(module(torch.tensor(x).movedim(-1, 1)).numpy(), 1, -1)
    # the sums of the two frameworks differ in the last bits, by the largest term (kaf has large
    # ones of both signs)
    np.testing.assert_allclose(layer(x), want, rtol=0, atol=1e-5 * np.abs(want).max())


def test_they_train_and_are_saved_in_one_model(tmp_path):
    import keras

    x = np.random.default_rng(0).normal(size=(8, 3, 3, CHANNELS)).astype(np.float32)
    inputs = keras.Input(x.shape[1:])
    made = [keras_layer(name, **({"outputs": 4} if name in EDGES else {})) for name in NAMES]
    model = keras.Model(inputs, keras.layers.add([layer(inputs) for layer in made]))
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
    before = [weight.numpy().copy() for weight in model.weights]
    model.fit(x, 3 * x, epochs=2, verbose=0)
    still = [
        weight.path
        for weight, old in zip(model.weights, before, strict=True)
        if (weight.numpy() == old).all()
    ]
    # a batch normalisation takes away what a bias before it adds
    assert [path for path in still if not ("meta_acon" in path and path.endswith("/bias"))] == []

    model.save(tmp_path / "own.keras")
    again = keras.models.load_model(tmp_path / "own.keras")
    np.testing.assert_array_equal(again(x), model(x))
    kept = {layer.activation.name: layer for layer in again.layers if hasattr(layer, "activation")}
    assert sorted(kept) == NAMES
    assert kept["taaf"].function == actlab.get("swish", beta=1.5)
    assert str(kept["lincomb"].functions[2].formula) == "x * sigmoid(x)"


def test_statistics_follow_the_data_in_training_alone():
    layer = keras_layer("dice")
    x = np.random.default_rng(1).normal(3.0, 2.0, size=(50, CHANNELS)).astype(np.float32)
    layer(x)
    np.testing.assert_array_equal(layer.norm.moving_mean, np.zeros(CHANNELS))
    layer(x, training=True)
    np.testing.assert_allclose(layer.norm.moving_mean, 0.1 * x.mean(0), rtol=1e-5)


def test_the_size_is_that_of_the_input_unless_it_was_given():
    layer = keras_layer("apl", channels=3)
    with pytest.raises(ValueError, match="3 channels, counted along the last dimension"):
        layer(np.ones((2, 5), np.float32))
    assert keras_layer("apl")(np.ones((2, 5), np.float32)).shape == (2, 5)
    with pytest.raises(ValueError, match="5 channels do not divide into 2 groups"):
        keras_layer("group_rational")(np.ones((2, 5), np.float32))
    with pytest.raises(ValueError, match=r"takes images \(N, H, W, C\)"):
        keras_layer("funnel_relu")(np.ones((2, 5), np.float32))


def test_bad_requests_say_how_the_layer_is_made():
    write = r"write keras_layer\('kan_chebyshev', outputs, degree=4\)"
    with pytest.raises(TypeError, match=f"the layer kan_chebyshev lacks outputs; {write}"):
        actlab.keras_layer("kan_chebyshev")
    with pytest.raises(TypeError, match=f"has no colour; {write}"):
        actlab.keras_layer("kan_chebyshev", outputs=3, colour=1)
    with pytest.raises(TypeError, match="learns its weights in any case"):
        actlab.keras_layer("apl", learnable=True)
    with pytest.raises(ValueError, match="channels is 0; a whole number"):
        actlab.keras_layer("apl", channels=0)
    with pytest.raises(ValueError, match="kernel_size is 2; an odd number"):
        actlab.keras_layer("funnel_relu", kernel_size=2)
    with pytest.raises((TypeError, ActlabError), match="layer with weights of its own"):
        actlab.get("apl")(np.ones((2, 5)))
