"""The PyTorch engine: what the generic contract does not say."""

from __future__ import annotations

import math
import pickle
import threading

import numpy as np
import pytest
import torch

import actlab


def test_documented_examples():
    integers = actlab.relu(torch.tensor([-2, -1, 0, 1, 2]))
    assert integers.dtype == torch.int64
    assert integers.tolist() == [0, 0, 0, 1, 2]
    assert torch.isfinite(actlab.softmax(torch.tensor([1000.0, 1001.0]))).all()
    result = actlab.leaky_relu(torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0]))
    torch.testing.assert_close(result, torch.tensor([-0.02, -0.01, 0.0, 1.0, 2.0]))


def test_exact_gelu_keeps_its_tail():
    x = torch.tensor([-6.0], requires_grad=True)
    assert torch.nn.functional.gelu(x).item() == 0.0
    y = actlab.gelu(x)
    assert y.item() == pytest.approx(float(actlab.gelu.exact(-6)), rel=1e-5)
    y.backward()
    assert x.grad.item() == pytest.approx(float(actlab.gelu.exact(-6, order=1)), rel=1e-5)


def test_integers_take_the_default_dtype():
    assert actlab.silu(torch.tensor([1, 2])).dtype == torch.float32
    assert actlab.silu(torch.tensor([True, False])).dtype == torch.float32


def test_refuses_complex_numbers():
    for name in ("relu", "silu", "softmax"):
        with pytest.raises(TypeError, match="real numbers"):
            actlab.get(name)(torch.tensor([1 + 1j]))
    with pytest.raises(TypeError, match="real numbers"):
        actlab.glu(torch.ones(1), torch.tensor([1 + 1j]))


def test_no_branch_of_where_poisons_the_gradient():
    f = actlab.define("where(x > 0, sqrt(x), x)")
    x = torch.tensor([-1.0, 0.0, 4.0], requires_grad=True)
    f(x).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0, 0.25]


def test_gradients_at_both_ends_are_numbers():
    for name in ("silu", "mish", "gelu", "softplus", "elu", "tanh", "telu"):
        x = torch.tensor([-math.inf, -1e30, -1e4, 1e4, 1e30], requires_grad=True)
        actlab.get(name)(x).sum().backward()
        assert torch.isfinite(x.grad).all(), name


def test_third_derivative_by_autograd():
    x = torch.tensor([0.3, -1.2], dtype=torch.float64, requires_grad=True)
    value = actlab.silu(x).sum()
    for _ in range(3):
        (slope,) = torch.autograd.grad(value, x, create_graph=True)
        value = slope.sum()
    expected = [float(actlab.silu.exact(v, order=3)) for v in (0.3, -1.2)]
    np.testing.assert_allclose(slope.detach().numpy(), expected, rtol=1e-13)


def test_gradient_of_a_parameter_per_channel():
    x = torch.randn(4, 3, 5, dtype=torch.float64)
    slope = torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64, requires_grad=True)
    actlab.leaky_relu(x, negative_slope=slope.reshape(3, 1)).sum().backward()
    expected = torch.where(x > 0, 0.0, x).sum(dim=(0, 2))
    torch.testing.assert_close(slope.grad, expected)


def test_a_parameter_tensor_with_a_numpy_array_is_torch():
    assert isinstance(
        actlab.leaky_relu(torch.ones(2), negative_slope=torch.tensor(0.5)), torch.Tensor
    )


def test_no_gradient_is_kept_where_none_is_wanted():
    x = torch.randn(5, requires_grad=True)
    with torch.no_grad():
        assert not actlab.silu(x).requires_grad
    with torch.inference_mode():
        assert not actlab.silu(x).requires_grad
    assert not actlab.silu(x.detach()).requires_grad


def test_input_is_never_changed_or_handed_back():
    x = torch.tensor([-1.0, 2.0])
    for name in ("identity", "relu", "silu"):
        result = actlab.get(name)(x)
        result.mul_(0)
        assert x.tolist() == [-1.0, 2.0], name


def test_gated_pair_saves_two_tensors_and_differentiates_both():
    x, gate = (torch.randn(6, dtype=torch.float64, requires_grad=True) for _ in range(2))
    actlab.swiglu(x, gate).sum().backward()
    np.testing.assert_allclose(
        gate.grad, actlab.swiglu.derivative(x.detach(), gate.detach(), wrt="gate"), rtol=1e-13
    )
    whole = torch.cat([x.detach(), gate.detach()]).requires_grad_(True)
    actlab.swiglu(whole).sum().backward()
    torch.testing.assert_close(whole.grad, torch.cat([x.grad, gate.grad]))


def test_a_slope_that_is_an_input_is_a_tensor_of_its_own():
    f = actlab.define("x * gate")
    x, gate = torch.randn(3, 1, requires_grad=True), torch.randn(1, 4, requires_grad=True)
    slope = f.derivative(x, gate, wrt="gate")
    assert slope.shape == (3, 4)
    (slope * slope).sum().backward()
    torch.testing.assert_close(x.grad, 8 * x.detach())
    square = torch.randn(3, 4)
    assert f.derivative(square, square.clone(), wrt="gate").data_ptr() != square.data_ptr()


def test_jacobian_of_softmax():
    x = torch.tensor([0.1, -0.4, 1.2], dtype=torch.float64)
    p = actlab.softmax(x)
    jacobian = torch.func.jacrev(actlab.softmax)(x)
    torch.testing.assert_close(jacobian, torch.diag(p) - torch.outer(p, p))


def test_meta_tensors_have_shapes():
    x = torch.empty(2, 3, device="meta")
    assert actlab.silu(x).shape == (2, 3)
    assert actlab.silu(x).device.type == "meta"


def test_several_threads_at_once():
    x = torch.linspace(-3, 3, 1000)
    expected = {n: actlab.get(n)(x) for n in ("mish", "gelu", "elu")}
    failures = []

    def work(name):
        for _ in range(20):
            fresh = actlab.define(f"{name}(x) * 1.0 + 0.0")
            if not torch.allclose(fresh(x), expected[name]):
                failures.append(name)

    threads = [threading.Thread(target=work, args=(name,)) for name in expected for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_activations_travel_by_pickle():
    f = actlab.get("leaky_relu", negative_slope=0.3)
    f(torch.ones(2))
    again = pickle.loads(pickle.dumps(f))  # noqa: S301
    assert again == f
    assert again(-1.0) == f(-1.0)


# Dynamo itself instantiates the class of a custom function that it traces
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_compiled_function_is_right_with_its_default_backend_traced():
    torch._dynamo.reset()
    f = actlab.get("leaky_relu")

    def run(x, slope):
        return f(x, negative_slope=slope)

    compiled = torch.compile(run, fullgraph=True, backend="eager")
    x = torch.linspace(-2, 2, 9)
    slope = torch.tensor(0.3)
    torch.testing.assert_close(compiled(x, slope), run(x, slope))
