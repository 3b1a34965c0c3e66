"""Compiled kernels: right for every layout and number of threads, and when they are taken."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

import actlab
from actlab.engines import cpu
from actlab.formula import parse
from engines.kernels import in_ulp, stepwise

ROWS, COLUMNS = 60, 48  # enough elements for a kernel, few enough to look at


@pytest.fixture(scope="module")
def numbers():
    return np.random.default_rng(3).normal(scale=4, size=(ROWS, COLUMNS))


LAYOUTS = {
    "contiguous": lambda x: x,
    "transposed": lambda x: x.T,
    "every other": lambda x: x[:, ::2],
    "part of each row": lambda x: x[:, 5:41],
    "one row for all": lambda x: np.broadcast_to(x[:1], (ROWS, COLUMNS)),
    "one column for all": lambda x: np.broadcast_to(x[:, :1], (ROWS, COLUMNS)),
    "backwards": lambda x: x[::-1, ::-1],
    "three axes": lambda x: x.reshape(6, 10, COLUMNS).transpose(1, 0, 2),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["beta_mish", "mish", "relu", "snake", "sigmoid"])
def test_every_layout(name, layout, numbers):
    f = actlab.get(name)
    x = LAYOUTS[layout](numbers.astype(np.float32))
    most = {"mish": 1.14, "sigmoid": 2}.get(name, 0.51)
    with cpu.kernels_from(0):
        from_numpy = f(x)
        from_torch = f(torch.from_numpy(np.array(x)))
    assert from_numpy.shape == x.shape
    assert in_ulp(from_numpy, stepwise(f, x)) <= most
    assert np.array_equal(from_torch.numpy(), from_numpy)


@pytest.mark.parametrize("layout", [k for k in LAYOUTS if k != "backwards"])
def test_a_tensor_keeps_its_order_in_memory_and_its_gradient_is_right(layout, numbers):
    f = actlab.get("mish")
    base = torch.from_numpy(numbers.astype(np.float32))
    as_numpy = LAYOUTS[layout](np.arange(base.numel()).reshape(base.shape))
    strides = [step // as_numpy.itemsize for step in as_numpy.strides]
    x = base.as_strided(as_numpy.shape, strides, int(as_numpy.flat[0])).detach()
    x.requires_grad_()
    above = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    (slope,) = torch.autograd.grad(f(x), x, above)
    assert f(x).stride() == torch.empty_like(x).stride()
    exact = stepwise(f, x.detach().numpy(), order=1) * above.double().numpy()
    assert slope.double().numpy() == pytest.approx(exact, rel=1e-6, abs=1e-8)


def test_in_place(numbers):
    address = cpu.address_of(cpu.Spec((parse("x * tanh(softplus(x))"),), ("x",), "float32"))
    x = numbers.astype(np.float32)
    expected = np.empty_like(x)
    cpu.run_flat(address, x.size, (x.ctypes.data, 0, expected.ctypes.data, 0))
    cpu.run_flat(address, x.size, (x.ctypes.data, 0, x.ctypes.data, 0))
    assert np.array_equal(x, expected)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_number_of_threads_changes_no_bit(threads):
    random = np.random.default_rng(5)
    x = torch.from_numpy(random.normal(size=(7, 5, 4001)).astype(np.float32))
    above = torch.from_numpy(random.normal(size=x.shape).astype(np.float32))
    f = actlab.get("swish")

    def run():
        leaf = x.clone().requires_grad_()
        one, each = (torch.full(s, 1.3, requires_grad=True) for s in ((), (5, 1)))
        y = f(leaf, beta=one) + f(leaf, beta=each)
        y.backward(above)
        return y.detach(), leaf.grad, one.grad, each.grad

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = run()
        torch.set_num_threads(threads)
        for mine, theirs in zip(run(), alone, strict=True):
            assert torch.equal(mine, theirs)
    finally:
        torch.set_num_threads(before)


def test_gradients_by_parameters_are_sums_in_float64():
    random = np.random.default_rng(6)
    x = torch.from_numpy(random.normal(size=(8, 6, 700)).astype(np.float32))
    above = torch.from_numpy(random.normal(size=x.shape).astype(np.float32))
    f = actlab.get("swish")
    for shape in ((), (6, 1), (700,), (8, 1, 1)):
        beta = torch.from_numpy(random.uniform(0.5, 2, shape).astype(np.float32))
        beta.requires_grad_()
        f(x, beta=beta).backward(above)
        wide = beta.detach().double().requires_grad_()
        (x.double() * torch.sigmoid(x.double() * wide)).backward(above.double())
        # what is left is float32's rounding of each product, where the sum runs over an array
        assert beta.grad.double().numpy() == pytest.approx(wide.grad.numpy(), rel=1e-5, abs=1e-4)


def test_sines_far_out_go_to_the_library():
    x = np.full(2000, 0.5, np.float32)
    x[::3], x[1] = 3e7, np.inf
    y = actlab.get("snake")(x)
    exact = stepwise(actlab.get("snake"), x)
    assert np.isnan(y[1])
    assert in_ulp(np.delete(y, 1), np.delete(exact, 1)) <= 0.51


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "relu6", "hard_tanh", "hard_shrink"])
def test_choices_are_made_in_float32_and_agree_with_pytorch(name):
    f = actlab.get(name)
    spec = cpu.Spec((f.bound,), ("x",), "float32")
    assert spec.arithmetic == "plain"
    x = torch.linspace(-8, 8, 4001)
    theirs = {
        "relu": torch.relu,
        "leaky_relu": torch.nn.functional.leaky_relu,
        "relu6": torch.nn.functional.relu6,
        "hard_tanh": torch.nn.functional.hardtanh,
        "hard_shrink": torch.nn.functional.hardshrink,
    }[name]
    assert torch.equal(f(x), theirs(x))


def test_arithmetic_is_wide_where_one_rounding_is_not_enough():
    def arithmetic(text):
        return cpu.Spec((parse(text),), ("x",), "float32").arithmetic

    assert arithmetic("maximum(x, 0)") == "plain"
    assert arithmetic("maximum(x, 0) + 1") == "plain"
    assert arithmetic("maximum(x, 0) - 0.1") == "mixed"
    assert arithmetic("0.1 * (0.3 * x)") == "mixed"
    assert arithmetic("x * sigmoid(x)") == "single"
    assert arithmetic("1 + x * sigmoid(x)") == "mixed"


def test_what_a_kernel_can_not_follow_is_composed(numbers):
    f = actlab.get("mish")
    x = torch.from_numpy(numbers)
    slopes = f.derivative(x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # PyTorch's own, on import
        from torch.fx.experimental.proxy_tensor import make_fx

        mapped = torch.func.vmap(torch.func.vmap(torch.func.grad(f)))(x)
        _, tangent = torch.func.jvp(f, (x,), (torch.ones_like(x),))
        traced = make_fx(f)(x)
    assert torch.allclose(mapped, slopes, rtol=1e-13, atol=1e-14)
    assert torch.allclose(tangent, slopes, rtol=1e-13, atol=1e-14)
    assert torch.allclose(traced(x), f(x), rtol=1e-13)


def test_second_derivatives_follow(numbers):
    f = actlab.get("mish")
    x = torch.from_numpy(numbers).requires_grad_()
    (first,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    exact = stepwise(f, numbers, order=2)
    assert second.numpy() == pytest.approx(exact, rel=1e-11, abs=1e-13)


# -- which way -----------------------------------------------------------------------------------


def test_explain_says_what_happens():
    big = np.zeros(5000, np.float32)
    assert actlab.explain("gelu", big).path == "kernel"
    assert actlab.explain("gelu", big[:1023]).path == "steps"
    assert actlab.explain("gelu", torch.zeros(5000, device="meta")).path == "composed"
    assert "1 element is fewer than the 1024" in str(actlab.explain("gelu", [1.0]))
    actlab.get("gelu")(big)
    assert actlab.explain("gelu", big).compiled


def test_the_library_keeps_what_it_does_exactly_and_at_once():
    x = torch.randn(5000)
    assert actlab.explain("relu", x).path == "own"
    assert actlab.explain("relu", x.numpy()).path == "kernel"
    # the same values, but the gradient is a surrogate's
    assert actlab.explain("sugar_relu", x).path == "kernel"
