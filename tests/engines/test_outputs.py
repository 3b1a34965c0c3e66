"""`out=`: results go where they are wanted."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import actlab


@pytest.mark.parametrize("size", [7, 5000])
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_a_result_goes_where_it_is_wanted(library, size):
    x = np.linspace(-9, 9, size, dtype=np.float32)
    if library == "torch":
        x = torch.from_numpy(x)
    wanted, slope = actlab.gelu(x), actlab.gelu.derivative(x)
    out = x * 0
    assert actlab.gelu(x, out=out) is out
    assert bool((out == wanted).all())
    actlab.gelu.derivative(x, out=out)
    assert bool((out == slope).all())
    assert actlab.gelu(x, out=x) is x  # in place
    assert bool((x == wanted).all())


def test_an_output_that_overlaps_the_input_gets_what_the_input_was():
    memory = np.linspace(-9, 9, 5001)
    wanted = actlab.tanh(memory[:-1])
    actlab.tanh(memory[:-1], out=memory[1:])
    assert np.array_equal(memory[1:], wanted)


def test_pairs_parameters_and_strides_fill_an_output_too():
    x, gate = np.random.default_rng(0).normal(size=(2, 3000))
    out = np.empty_like(x)
    assert np.array_equal(actlab.swiglu(x, gate, out=out), actlab.swiglu(x, gate))
    actlab.leaky_relu(x, negative_slope=gate, out=out)
    assert np.array_equal(out, actlab.leaky_relu(x, negative_slope=gate))
    wide = np.zeros((3000, 2))
    actlab.silu(x, out=wide[:, 1])
    assert np.array_equal(wide[:, 1], actlab.silu(x))
    assert not wide[:, 0].any()


def test_an_output_that_can_not_serve_is_refused_in_a_sentence():
    x = np.zeros(4)
    with pytest.raises(ValueError, match=r"out has the shape \(3,\) and the result \(4,\)"):
        actlab.relu(x, out=np.empty(3))
    with pytest.raises(TypeError, match="a NumPy array"):
        actlab.relu(x, out=[0, 0, 0, 0])
    with pytest.raises(TypeError, match="no record for gradients"):
        actlab.relu(torch.zeros(4, requires_grad=True), out=torch.empty(4))
    fixed = np.zeros(4)
    fixed.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        actlab.relu(x, out=fixed)
