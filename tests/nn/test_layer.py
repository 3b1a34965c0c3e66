"""The PyTorch layer: parameters, dtypes, transforms, copies, and what it refuses."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, vmap

import actlab
from actlab.errors import UnknownNameError

SCALAR = [name for name in actlab.names() if actlab.get(name).kind == "scalar"]
LEARNABLE = [name for name in SCALAR if actlab.get(name).parameters and not actlab.get(name).random]
EXACT = [name for name in LEARNABLE if actlab.get(name).backward is None]
"""Functions whose gradient by x is the derivative of their value."""


@pytest.mark.parametrize("name", SCALAR)
def test_forward_is_the_function(name: str) -> None:
    f = actlab.get(name)
    x = torch.linspace(-4, 4, 24).reshape(2, 3, 4)
    layer = f.module().eval()
    assert torch.equal(layer(x), f(x))
    assert list(layer.parameters()) == []


@pytest.mark.parametrize("name", LEARNABLE)
@pytest.mark.parametrize("channels", [None, 3])
def test_learned_parameters_start_at_the_defaults(name: str, channels: int | None) -> None:
    f = actlab.get(name)
    layer = f.module(learnable=True, channels=channels).double()
    shape = () if channels is None else (channels,)
    assert {key: tuple(value.shape) for key, value in layer.named_parameters()} == dict.fromkeys(
        f.parameters, shape
    )
    layer.load_state_dict(
        {key: torch.full(shape, value, dtype=torch.float64) for key, value in f.parameters.items()}
    )
    x = torch.linspace(-4, 4, 24, dtype=torch.float64).reshape(2, 3, 4)
    # the layer has float64 numbers where the formula has decimal ones: half a unit off at most
    moved = sum(abs(f.derivative(x, wrt=p) * v) for p, v in f.parameters.items()) * 2.0**-53
    assert (abs(layer(x) - f(x)) <= 1e-14 * abs(f(x)) + moved).all()


@pytest.mark.parametrize("name", EXACT)
def test_gradients_of_parameters(name: str) -> None:
    f = actlab.get(name)
    if name == "threshold":
        f = f.with_parameters(threshold=0.5, value=0.25)  # away from the points that are tried
    layer = f.module(learnable=True, channels=3).double()
    x = torch.tensor([[-1.7, 0.31, 1.3], [2.1, -0.43, 0.77]], dtype=torch.float64)
    names = [key for key, _ in layer.named_parameters()]

    def call(x: torch.Tensor, *values: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = functional_call(layer, dict(zip(names, values, strict=True)), (x,))
        return result

    assert torch.autograd.gradcheck(call, (x.requires_grad_(), *layer.parameters()))


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4), (2, 3, 4, 5)])
def test_channels_lie_along_dimension_one_as_in_prelu(shape: tuple[int, ...]) -> None:
    layer = actlab.get("prelu").module(learnable=True, channels=3)
    peer = nn.PReLU(3)
    weights = torch.tensor([0.1, 0.5, -2.0])
    layer.load_state_dict({"weight": weights})
    peer.load_state_dict({"weight": weights})
    x = torch.randn(shape)
    assert torch.equal(layer(x), peer(x))


@pytest.mark.parametrize("shape", [(3,), (), (4, 2), (3, 4)])
def test_input_without_these_channels_is_refused(shape: tuple[int, ...]) -> None:
    layer = actlab.get("prelu").module(learnable=True, channels=3)
    with pytest.raises(ValueError, match="3 channels"):
        layer(torch.zeros(shape))


@pytest.mark.parametrize("x_dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("own_dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("channels", [None, 3])
def test_result_has_the_dtype_of_the_input(
    x_dtype: torch.dtype, own_dtype: torch.dtype, channels: int | None
) -> None:
    layer = actlab.get("swish").module(learnable=True, channels=channels).to(own_dtype)
    x = torch.randn(2, 3, dtype=x_dtype, requires_grad=True)
    y = layer(x)
    assert y.dtype == x_dtype
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == x_dtype
    assert layer.beta.grad.dtype == own_dtype
    # the parameter is exact at its default, so its dtype must not change the value
    assert torch.equal(y, actlab.get("swish")(x))


def test_random_slope_is_drawn_in_training_and_the_mean_in_evaluation() -> None:
    layer = actlab.get("rrelu", lower=0.2, upper=0.4).module()
    x = -torch.ones(10_000)
    torch.manual_seed(0)
    drawn = -layer(x)
    assert 0.2 <= drawn.min() < 0.201
    assert 0.399 < drawn.max() <= 0.4
    # ten thousand uniform draws: the mean's deviation is 0.2/sqrt(12e4), 5 of them
    assert abs(drawn.mean().item() - 0.3) < 0.003
    torch.manual_seed(0)
    assert torch.equal(-layer(x), drawn)
    assert torch.equal(layer(-x), -x)
    assert layer(x.half()).dtype == torch.float16
    torch.testing.assert_close(layer.eval()(x), torch.full_like(x, -0.3))


def test_a_positive_parameter_acts_positive_and_comes_back() -> None:
    f = actlab.get("softplus")
    assert f.specs["beta"].positive
    layer = f.module(learnable=True)
    with torch.no_grad():
        layer.beta.fill_(-3.0)
    x = torch.tensor([0.5, 2.0])
    y = layer(x)
    assert torch.equal(y, f(x, beta=torch.tensor(1e-4)))
    y.sum().backward()
    assert layer.beta.grad is not None
    assert layer.beta.grad.item() < 0  # a larger beta lowers the sum, and is asked for


def test_some_parameters_may_be_learned() -> None:
    layer = actlab.get("selu").module(learnable="alpha")
    assert [name for name, _ in layer.named_parameters()] == ["alpha"]
    layer = actlab.get("selu").module(learnable=["scale", "alpha"])
    assert [name for name, _ in layer.named_parameters()] == ["alpha", "scale"]


def test_gated_and_vector() -> None:
    x, gate = torch.randn(2, 6), torch.randn(2, 6)
    glu = actlab.get("glu").module()
    assert torch.equal(glu(x, gate), actlab.get("glu")(x, gate))
    torch.testing.assert_close(glu(x), nn.GLU()(x))
    columns = actlab.get("glu").module(axis=0)
    torch.testing.assert_close(columns(x), nn.GLU(0)(x))
    torch.testing.assert_close(actlab.get("softmax").module(axis=0)(x), torch.softmax(x, 0))
    with pytest.raises(TypeError, match="no gate"):
        actlab.get("relu").module()(x, gate)


@pytest.mark.parametrize(
    ("name", "options", "error", "words"),
    [
        ("relu", {"learnable": True}, TypeError, "no parameter"),
        ("rrelu", {"learnable": True}, TypeError, "no parameter"),
        ("elu", {"learnable": "beta"}, UnknownNameError, "it has: alpha"),
        ("elu", {"channels": 3}, ValueError, "learnable=True"),
        ("elu", {"channels": 0, "learnable": True}, ValueError, "at least 1"),
        ("elu", {"channels": True, "learnable": True}, ValueError, "at least 1"),
        ("elu", {"axis": 1}, TypeError, "no axis"),
    ],
)
def test_refusals(
    name: str, options: dict[str, object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        actlab.get(name).module(**options)


def test_a_name_that_modules_use_can_not_be_learned() -> None:
    with pytest.raises(ValueError, match="rename"):
        actlab.define("x * training", training=1.0).module(learnable=True)


def test_repr() -> None:
    f = actlab.get("leaky_relu", negative_slope=0.2)
    assert repr(f.module()) == "Activation('leaky_relu', negative_slope=0.2)"
    mine = actlab.define("x * tanh(exp(beta * x))", name="mine", beta=1.5)
    assert repr(mine.module()) == "Activation('x * tanh(exp(beta * x))', beta=1.5)"
    assert repr(mine.module(learnable=True)).endswith("beta=learned[1.5])")
    assert repr(mine.module(learnable=True, channels=7)).endswith("beta=learned[7])")
    assert repr(actlab.get("softmax").module(axis=1)) == "Activation('softmax', axis=1)"


@pytest.mark.parametrize("text", ["leaky_relu", "rrelu", "softmax", "x * tanh(exp(x))"])
def test_copies_and_pickles(text: str) -> None:
    f = actlab.catalogue.resolve(text)
    layer = f.module(learnable=text == "leaky_relu").eval()
    x = torch.randn(3, 4)
    before = layer(x)  # plans are made, and must not stand in the way
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):  # noqa: S301
        assert torch.equal(twin(x), before)
        assert twin.activation == f
        assert {id(p) for p in twin.parameters()}.isdisjoint(map(id, layer.parameters()))


def test_state_dict_survives_a_file() -> None:
    layer = actlab.get("swish").module(learnable=True, channels=2)
    with torch.no_grad():
        layer.beta.copy_(torch.tensor([0.5, 2.0]))
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    twin = actlab.get("swish").module(learnable=True, channels=2)
    twin.load_state_dict(torch.load(file, weights_only=True))
    assert twin.beta.tolist() == [0.5, 2.0]


def test_per_sample_gradients() -> None:
    layer = actlab.get("swish").module(learnable=True, channels=3)
    values = {"beta": torch.tensor([0.5, 1.0, 2.0])}
    x = torch.randn(5, 2, 3)

    def loss(values: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = functional_call(layer, values, (x,)).sum()
        return result

    together = vmap(grad(loss), in_dims=(None, 0))(values, x)["beta"]
    alone = torch.stack([grad(loss)(values, sample)["beta"] for sample in x])
    # sums of the same few terms, in an order that may differ
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)


def test_a_model_trains_the_parameter() -> None:
    torch.manual_seed(0)
    layer = actlab.get("leaky_relu").module(learnable=True)
    x = torch.randn(64, 8)
    target = torch.where(x > 0, x, 0.3 * x)
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.5)
    for _ in range(100):
        optimiser.zero_grad()
        nn.functional.mse_loss(layer(x), target).backward()
        optimiser.step()
    assert abs(layer.negative_slope.item() - 0.3) < 1e-4


tracing = pytest.mark.filterwarnings(  # by torch.compile itself, for every custom function
    "ignore:.*should not be instantiated:DeprecationWarning"
)


@tracing
@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("gelu", {}),
        ("rrelu", {}),
        ("swish", {"learnable": True}),
        ("swish", {"learnable": True, "channels": 4}),
        ("softplus", {"learnable": True}),
        ("swiglu", {}),
        ("softmax", {}),
    ],
)
def test_compiles_without_a_graph_break(text: str, options: dict[str, object]) -> None:
    torch._dynamo.reset()
    layer = actlab.get(text).module(**options)
    layer.train(text != "rrelu")
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    x = torch.randn(3, 4)
    expected_x, traced_x = (x.clone().requires_grad_() for _ in range(2))
    expected, traced = layer(expected_x), compiled(traced_x)
    torch.testing.assert_close(traced, expected)
    expected.sum().backward()
    gradients = [p.grad.clone() for p in layer.parameters()]
    layer.zero_grad()
    traced.sum().backward()
    torch.testing.assert_close(traced_x.grad, expected_x.grad)
    for parameter, gradient in zip(layer.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


@tracing
def test_random_slope_is_drawn_when_compiled() -> None:
    torch._dynamo.reset()
    layer = torch.compile(actlab.get("rrelu").module(), fullgraph=True, backend="aot_eager")
    drawn = -layer(-torch.ones(100))
    assert drawn.std() > 0.03
    assert drawn.min() >= 1 / 8
    assert drawn.max() <= 1 / 3 + 1e-7
