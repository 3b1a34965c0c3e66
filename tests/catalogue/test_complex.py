"""Complex functions: against cmath, exact values, gradients, dtypes and what they refuse."""

from __future__ import annotations

import cmath
import copy
import math
import pickle

import mpmath
import numpy as np
import pytest
import torch

import actlab
from actlab.accuracy import error_in_ulp

NAMES = actlab.names("complex_valued")
RANDOM = np.random.default_rng(6)
Z = np.concatenate(
    [
        RANDOM.normal(size=12) + 1j * RANDOM.normal(size=12),
        [0.3, -0.4, 2j, -1.5j, 3 - 1e-6j, -2 + 1e-9j, 1e-3 + 1e-3j],
    ]
)
SET = {
    "modrelu": {"b": -0.25},
    "wire": {"omega": 2.0, "scale": 0.7},
    "siglog": {"c": 2.0, "r": 3.0},
}


def function(name):
    return actlab.get(name, **SET.get(name, {}))


def sig(x):
    return 1 / (1 + math.exp(-x))


WRITTEN_AGAIN = {
    "modrelu": lambda z: max(abs(z) - 0.25, 0) * cmath.exp(1j * cmath.phase(z)),
    "complex_relu": lambda z: complex(max(z.real, 0), max(z.imag, 0)),
    "zrelu": lambda z: z if 0 <= cmath.phase(z) <= math.pi / 2 else 0,
    "cardioid": lambda z: (1 + math.cos(cmath.phase(z))) / 2 * z,
    "siglog": lambda z: z / (2 + abs(z) / 3),
    "amplitude_phase_tanh": lambda z: math.tanh(abs(z)) * cmath.exp(1j * cmath.phase(z)),
    "split_tanh": lambda z: complex(math.tanh(z.real), math.tanh(z.imag)),
    "split_sigmoid": lambda z: complex(sig(z.real), sig(z.imag)),
    "complex_tanh": cmath.tanh,
    "wire": lambda z: cmath.exp(2j * z - abs(0.7 * z) ** 2),
}


def test_all_are_written_again():
    assert set(WRITTEN_AGAIN) == set(NAMES)
    assert all(actlab.get(name).kind == "complex" for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_value_is_the_one_written_again(name):
    # 1 + cos of a phase near pi cancels in what is written again
    np.testing.assert_allclose(
        function(name)(Z), [WRITTEN_AGAIN[name](complex(z)) for z in Z], rtol=1e-12, atol=1e-16
    )


@pytest.mark.parametrize("name", NAMES)
def test_both_parts_are_exact(name):
    f = function(name)
    for z in map(complex, Z):
        exact, computed = f.exact(z, digits=50), f(z)
        more = f.exact(z, digits=70)
        with mpmath.workdps(70):
            assert abs(exact - more) <= mpmath.mpf(10) ** -49 * abs(more)
        # measured: at most 4.7 units, of either part
        assert error_in_ulp(computed.real, exact.real, "float64") < 16
        assert error_in_ulp(computed.imag, exact.imag, "float64") < 16


@pytest.mark.parametrize("name", NAMES)
def test_gradients(name):
    f = function(name)
    z = torch.tensor(Z[:4] * 0.6, requires_grad=True)
    assert torch.autograd.gradcheck(f, (z,))
    assert torch.autograd.gradgradcheck(f, (z,))


@pytest.mark.parametrize("name", NAMES)
def test_gradients_of_parameters(name):
    f = function(name)
    numbers = [
        torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in f.parameters.values()
    ]
    if not numbers:
        return
    z = torch.tensor(Z[:3])

    def call(*values):
        return f(z, **dict(zip(f.parameters, values, strict=True)))

    assert torch.autograd.gradcheck(call, tuple(numbers))


@pytest.mark.parametrize("name", NAMES)
def test_dtypes_and_real_inputs(name):
    f = function(name)
    assert f(Z.astype(np.complex64)).dtype == np.complex64
    assert f(Z.real.astype(np.float32)).dtype == np.complex64
    assert f(Z.real).dtype == np.complex128
    assert f([1, 2]).dtype == np.complex128
    assert f(torch.tensor(Z).to(torch.complex64)).dtype == torch.complex64
    assert f(torch.tensor(Z.real)).dtype == torch.complex128
    assert f(torch.ones(2, dtype=torch.bfloat16)).dtype == torch.complex64
    np.testing.assert_array_equal(f(Z.real), f(Z.real + 0j))
    assert f(1 + 1j).shape == ()
    near = f(Z.astype(np.complex64).astype(np.complex128))
    np.testing.assert_allclose(f(Z.astype(np.complex64)), near, rtol=2e-7)
    torch.testing.assert_close(f(torch.tensor(Z)), torch.tensor(f(Z)), rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize("name", [n for n in NAMES if n != "wire"])
def test_zero_huge_and_missing_numbers(name):
    f = function(name)
    assert np.isfinite(f(np.array([0j, 1e-300 + 1e-310j, 1e200 - 1e200j, -1e300 + 1e-300j]))).all()
    lost = f(np.array([complex(math.nan, 1), complex(1, math.nan)]))
    assert np.isnan(lost.real)[0]
    assert np.isnan(lost.imag)[1]
    z = torch.zeros(3, dtype=torch.complex128, requires_grad=True)
    torch.view_as_real(f(z)).sum().backward()
    assert torch.isfinite(torch.view_as_real(z.grad)).all()


def test_what_some_of_them_keep():
    phase = np.angle(Z)
    for name in ("cardioid", "siglog", "amplitude_phase_tanh"):
        np.testing.assert_allclose(np.angle(function(name)(Z)), phase, atol=1e-8)
    x = np.linspace(-3, 3, 13)
    np.testing.assert_allclose(actlab.get("cardioid")(x), np.maximum(x, 0), atol=1e-16)
    np.testing.assert_allclose(actlab.get("modrelu")(Z), Z, rtol=1e-15)
    assert actlab.get("modrelu", b=-0.5)(0.3 + 0.3j) == 0
    assert (abs(actlab.get("siglog", r=3.0)(Z * 1e9)) <= 3).all()
    far = actlab.get("complex_tanh")(np.array([400 + 1j, -400 + 1j]))
    np.testing.assert_allclose(far, [1, -1])


def test_layers_learn_a_number_per_channel():
    layer = actlab.get("modrelu").module(learnable=True, channels=3)
    z = torch.randn(2, 3, 5, dtype=torch.complex64)
    assert layer(z).dtype == torch.complex64
    layer(z).abs().sum().backward()
    assert layer.b.grad.shape == (3,)
    again = pickle.loads(pickle.dumps(copy.deepcopy(layer)))  # noqa: S301
    assert torch.equal(again(z), layer(z))
    again.load_state_dict(layer.state_dict())


def test_what_they_refuse():
    f = actlab.get("modrelu")
    with pytest.raises(TypeError, match="complex numbers and is not holomorphic"):
        f.derivative(1j)
    with pytest.raises(TypeError, match="takes no gate"):
        f(1j, 2j)
    with pytest.raises(TypeError, match="takes no axis"):
        f(1j, axis=0)
    with pytest.raises(TypeError, match="takes no axis"):
        f.module(axis=0)
    with pytest.raises(TypeError, match="real numbers"):
        actlab.get("relu")(1j)
    with pytest.raises(TypeError, match="maps complex numbers"):
        f.properties()
    with pytest.raises(actlab.ActlabError, match="maps complex numbers; a curve shows"):
        actlab.plot("modrelu")
