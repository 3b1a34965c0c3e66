"""Learned curves: against their definitions, written out or by SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline

import actlab

X = torch.linspace(-2.6, 2.6, 41, dtype=torch.float64)


@pytest.mark.parametrize("order", [0, 1, 2, 3, 4])
def test_splines_are_those_of_scipy(order):
    layer = actlab.get("kan_bspline").module(
        inputs=1, outputs=1, grid=4, order=order, low=-1.5, high=2.5
    )
    layer = layer.double()
    layer.knots = torch.linspace(-1.5 - order, 2.5 + order, 5 + 2 * order, dtype=torch.float64)
    x = X
    found = layer.basis(x).numpy()
    for k in range(4 + order):
        spline = BSpline.basis_element(layer.knots[k : k + order + 2].numpy(), extrapolate=False)
        expected = np.nan_to_num(spline(x.numpy()))
        if order == 0:  # SciPy's piece is closed on the right
            low, high = layer.knots[k : k + 2].tolist()
            expected = ((x >= low) & (x < high)).double().numpy()
        np.testing.assert_allclose(found[:, k], expected, atol=1e-14)
    inside = (x >= -1.5) & (x < 2.5)
    np.testing.assert_allclose(found[inside.numpy()].sum(1), 1, rtol=1e-14)


def test_a_kan_layer_is_the_sum_over_its_edges():
    torch.manual_seed(1)
    layer = actlab.get("kan_bspline").module(inputs=3, outputs=2).double()
    layer.scale.data.uniform_(0.5, 2)
    x = torch.rand(7, 3, dtype=torch.float64) * 2 - 1
    basis, silu = layer.basis(x), actlab.get("silu")(x)
    for o in range(2):
        total = torch.zeros(7, dtype=torch.float64)
        for i in range(3):
            spline = (layer.coefficients[o, i] * basis[:, i]).sum(-1)
            total += layer.base[o, i] * silu[:, i] + layer.scale[o, i] * spline
        torch.testing.assert_close(layer(x)[:, o], total)
    assert layer(x.reshape(7, 1, 3)).shape == (7, 1, 2)


def test_outside_of_the_grid_only_the_base_is_left():
    layer = actlab.get("kan_bspline").module(inputs=2, outputs=2)
    x = torch.tensor([[9.0, -8.0]])
    torch.testing.assert_close(layer(x), torch.nn.functional.silu(x) @ layer.base.T)


def test_radial_layer_is_its_formula():
    torch.manual_seed(2)
    layer = actlab.get("kan_rbf").module(inputs=4, outputs=3).double()
    x = torch.randn(5, 4, dtype=torch.float64)
    u = (x - x.mean(1, keepdim=True)) / (x.var(1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    places = torch.linspace(-2, 2, 8, dtype=torch.float64)
    layer.centres = places
    bumps = torch.exp(-(((u[..., None] - places) / (4 / 7)) ** 2))
    weights = layer.coefficients.reshape(3, 4, 8)
    expected = torch.einsum("nik,oik->no", bumps, weights)
    expected = expected + layer.base(torch.nn.functional.silu(x))
    torch.testing.assert_close(layer(x), expected)
    plain = actlab.get("kan_rbf").module(inputs=4, outputs=3, normalise=False)
    assert isinstance(plain.norm, torch.nn.Identity)


@pytest.mark.parametrize("degree", [1, 2, 4, 7])
def test_polynomials_are_those_of_chebyshev(degree):
    torch.manual_seed(3)
    layer = actlab.get("kan_chebyshev").module(inputs=2, outputs=3, degree=degree).double()
    x = torch.randn(6, 2, dtype=torch.float64)
    u = np.tanh(x.numpy())
    expected = np.zeros((6, 3))
    for o in range(3):
        for i in range(2):
            numbers = layer.coefficients[o, i].detach().numpy()
            expected[:, o] += np.polynomial.chebyshev.chebval(u[:, i], numbers)
    np.testing.assert_allclose(layer(x).detach(), expected, rtol=1e-12)


@pytest.mark.parametrize("start", ["tanh", "elu", "sin(x)"])
def test_kernels_start_as_the_function(start):
    layer = actlab.get("kaf").module(channels=2, start=start).double()
    x = torch.linspace(-2.5, 2.5, 51, dtype=torch.float64)[:, None].expand(51, 2)
    expected = actlab.define(f"{start}(x)" if start.isidentifier() else start)(x)
    # the ridge of 1e-6 and float32 weights keep it from being nearer
    assert (layer(x) - expected).abs().max() < 0.01
    spacing = 6 / 19
    written = (
        layer.weight[0] * torch.exp(-((x[:, :1] - layer.centres) ** 2) / (6 * spacing**2))
    ).sum(1)
    torch.testing.assert_close(layer(x)[:, 0], written)


def test_a_linear_spline_goes_through_its_knots_and_on():
    layer = actlab.get("linear_spline").module(channels=2, size=5, reach=2.0, start="x * x")
    layer = layer.double()
    x = torch.tensor([[-3.0, -2.0], [-1.5, 0.0], [0.25, 1.0], [2.0, 4.0]], dtype=torch.float64)
    expected = torch.tensor([[7.0, 4.0], [2.5, 0.0], [0.25, 1.0], [4.0, 10.0]], dtype=torch.float64)
    torch.testing.assert_close(layer(x), expected)
    layer.values.data[1] = torch.tensor([0.0, 1, 0, 0, 0], dtype=torch.float64)
    assert layer(x)[0].tolist() == [7.0, 0.0]
    hat = layer(torch.tensor([[0.0, -0.75]], dtype=torch.float64))
    assert hat[0, 1] == 0.75
    assert torch.isnan(layer(torch.tensor([[float("nan"), 0.0]], dtype=torch.float64)))[0, 0]


def test_hinges_are_the_formula():
    torch.manual_seed(4)
    layer = actlab.get("apl").module(channels=3, hinges=4).double()
    x = torch.randn(6, 3, 2, dtype=torch.float64)
    a, b = layer.slopes[:, :, None], layer.places[:, :, None]
    expected = torch.relu(x) + sum(a[s] * torch.relu(b[s] - x) for s in range(4))
    torch.testing.assert_close(layer(x), expected)
    assert layer.slopes.abs().max() <= 0.2


@pytest.mark.parametrize(
    ("name", "options", "wanted"),
    [
        ("kan_bspline", {"inputs": 2, "outputs": 2, "low": 1.0, "high": 1.0}, "low < high"),
        ("kan_bspline", {"inputs": 2, "outputs": 2, "order": -1}, "order is -1"),
        ("kan_rbf", {"inputs": 2, "outputs": 2, "centres": 1}, "centres is 1"),
        ("kaf", {"channels": 2, "reach": -1.0}, "low < high"),
        ("linear_spline", {"channels": 2, "size": 1}, "size is 1"),
        ("apl", {"channels": 2, "hinges": 2.0}, r"hinges is 2\.0"),
    ],
)
def test_sizes_that_make_no_sense(name, options, wanted):
    with pytest.raises(ValueError, match=wanted):
        actlab.get(name).module(**options)


@pytest.mark.parametrize("start", ["softmax", "swiglu", 3])
def test_only_functions_of_one_number_are_fitted(start):
    with pytest.raises(TypeError, match="takes functions of one number"):
        actlab.get("kaf").module(channels=2, start=start)
