"""The contract over the whole registry for JAX and TensorFlow; the accuracy is in test_accuracy.

One test per function and framework, as each would start its framework and compile anew.
"""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import torch

import actlab
from actlab.accuracy import measure
from contract import checks, deviations
from contract.frameworks import FRAMEWORKS, is_installed

NAMES = [name for name in actlab.names() if actlab.get(name).kind in checks.ORDERS]
FORMULAS = [name for name in NAMES if actlab.get(name).kind != "vector"]
VECTORS = [name for name in NAMES if actlab.get(name).kind == "vector"]
on_frameworks = pytest.mark.parametrize(
    "framework",
    [
        pytest.param(
            name,
            marks=pytest.mark.skipif(
                not is_installed(name),
                reason=f"{name} is not installed; pip install 'actlab[dev]' has it",
            ),
        )
        for name in FRAMEWORKS
    ],
)


@on_frameworks
@pytest.mark.parametrize("name", NAMES)
def test_contract(framework, name):
    f, engine = actlab.get(name), FRAMEWORKS[framework]
    checks.check_integers(f, engine)
    for dtype in engine.dtypes:
        with engine.session(dtype):
            if f.kind != "vector":
                checks.check_single_numbers(f, engine, dtype)
            if dtype not in engine.thorough:
                continue
            checks.check_layouts(f, engine, dtype)
            checks.check_nan(f, engine, dtype)
            if f.kind == "scalar":
                checks.check_ends(f, engine, dtype)
            if f.kind == "gated":
                checks.check_pairs(f, engine, dtype)


def inputs_of(f):
    """Kinks, ends and ordinary numbers, in float32."""
    x = np.array([0.0, -0.0, 50.0, -50.0, *np.linspace(-4.03, 4.17, 12)], np.float32)
    x[4:8] = (1.0, -1.0, 3.0, -0.5)  # where many have a kink
    return (x,) if f.kind == "scalar" else (x, np.flip(x) * np.float32(0.7))


def settings_of(f):
    """Parameters to differentiate by, a little off their numbers."""
    counts = {name for name, spec in f.specs.items() if spec.whole}
    bounds = {bound for draw in f.random.values() for bound in draw.bounds}
    names = [n for n in f.parameters if n not in counts | bounds]
    return {name: np.float32(f.parameters[name] * 1.01 + 0.01) for name in names}


def check_gradients(framework, f):
    gradients = import_module(f"contract.{framework}_gradients")
    inputs, settings = inputs_of(f), settings_of(f)
    first = gradients.first(f, inputs, settings)
    for wrt, gradient in first.items():
        expected = gradients.derivative(f, inputs, settings, wrt=wrt)
        if wrt in settings:  # the gradient of a number is a sum
            size = np.abs(expected[np.isfinite(expected)]).sum()
            np.testing.assert_allclose(gradient, expected.sum(), rtol=1e-5, atol=1e-6 * size)
        else:
            np.testing.assert_array_equal(gradient, expected)
    if f.kind == "scalar":
        expected = gradients.derivative(f, inputs, {}, order=2)
        np.testing.assert_array_equal(gradients.second(f, *inputs), expected)


@on_frameworks
@pytest.mark.parametrize("name", FORMULAS)
def test_gradients_are_the_derivatives(framework, name):
    """By every input and parameter, to the second order, at kinks too."""
    check_gradients(framework, actlab.get(name))


@on_frameworks
@pytest.mark.parametrize("name", VECTORS)
def test_jacobians_are_those_of_torch(framework, name):
    f = actlab.get(name)
    x = np.random.default_rng(5).normal(size=(2, 4)).astype(np.float32)
    expected = torch.autograd.functional.jacobian(f, torch.tensor(x))
    gradients = import_module(f"contract.{framework}_gradients")
    # two float32 computations of sums of products; the contract has the values' own bounds
    np.testing.assert_allclose(gradients.jacobian(f, x), expected, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("deviation", deviations.ALL, ids=lambda d: d.name)
def test_deviations_still_occur(deviation):
    """One that no longer does has to leave the list, and what it excused with it."""
    if not is_installed(deviation.engine):
        pytest.skip(f"{deviation.engine} is not installed; pip install 'actlab[dev]' has it")
    assert deviation.occurs(), f"{deviation.name}: {deviation.cause}"


# -- the contract can fail ---------------------------------------------------------------------


@on_frameworks
def test_a_wrong_value_is_seen(framework):
    class Wrong(type(FRAMEWORKS[framework])):
        def run(self, f, *inputs, order=0, **options):
            result = super().run(f, *inputs, order=order, **options)
            return result * (1 + 2.0**-10) if order == 1 else result

    f = actlab.get("tanh")
    checks.check_accuracy(f, Wrong(), "float32", 0)
    with pytest.raises(AssertionError, match="ULP at"):
        checks.check_accuracy(f, Wrong(), "float32", 1)


@on_frameworks
def test_a_wrong_gradient_is_seen(framework, monkeypatch):
    f, wrong = (actlab.define(f"x * tanh(x) + {c}") for c in (0.375, 0.875))
    check_gradients(framework, f)
    wrong.derivative(FRAMEWORKS[framework].array([1.0], "float32"))  # is prepared correctly
    engine = import_module(f"actlab.engines.{framework}")
    right = engine.differentiate

    def once_too_often(expression, name, order=None):
        if order is None:  # as for a gradient
            expression, order = right(expression, name), 1
        return right(expression, name, order)

    monkeypatch.setattr(engine, "differentiate", once_too_often)
    with pytest.raises(AssertionError, match="Arrays are not equal"):
        check_gradients(framework, wrong)


@pytest.mark.parametrize(("below", "seen"), [(2.0**-110, True), (2.0**-126, False)])
def test_what_is_lost_with_subnormal_numbers_is_limited(below, seen):
    def jax(x, *, dtype):
        return np.where(np.abs(x) < below, 0.0, x)

    measured = measure(actlab.get("identity"), jax, "float32")
    assert (measured.max_ulp > 1) == seen
