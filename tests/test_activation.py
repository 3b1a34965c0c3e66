"""The activation as a value: numbers, equality, what may be asked of it."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import actlab
from actlab.errors import UnknownNameError


@pytest.mark.parametrize("name", ["leaky_relu", "rrelu", "softmax", "swiglu"])
def test_pickle_and_copy_keep_everything(name: str) -> None:
    f = actlab.get(name)
    for again in (pickle.loads(pickle.dumps(f)), copy.deepcopy(f)):  # noqa: S301  our own bytes
        assert again == f
        assert again.parameters == f.parameters
        assert again.reference == f.reference
        x = np.linspace(-2, 2, 8)
        assert np.array_equal(again(x), f(x))


def test_equal_means_same_formula_with_same_numbers() -> None:
    assert actlab.get("swish") == actlab.get("silu") == actlab.define("x * sigmoid(x)")
    assert actlab.get("swish", beta=2) != actlab.get("silu")
    assert len({actlab.get("swish"), actlab.get("silu")}) == 1


def test_numbers_are_checked() -> None:
    f = actlab.get("leaky_relu")
    with pytest.raises(UnknownNameError, match=r"no parameter 'slope'.*negative_slope=0.01"):
        f.with_parameters(slope=0.1)
    with pytest.raises(TypeError, match=r"is a number, but '0\.1' was given"):
        f.with_parameters(negative_slope="0.1")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="is a number"):
        f.with_parameters(negative_slope=True)
    with pytest.raises(ValueError, match="finite number"):
        f.with_parameters(negative_slope=float("nan"))
    with pytest.raises(ValueError, match="positive number"):
        actlab.get("celu").with_parameters(alpha=0.0)
    assert f.parameters == {"negative_slope": 0.01}


def test_an_activation_does_not_change() -> None:
    f = actlab.get("leaky_relu")
    with pytest.raises(AttributeError):
        f.name = "mine"  # type: ignore[misc]
    with pytest.raises(TypeError):
        f.parameters["negative_slope"] = 1.0  # type: ignore[index]
    assert f.with_parameters(negative_slope=0.2).parameters == {"negative_slope": 0.2}
    assert f.parameters == {"negative_slope": 0.01}


def test_frameworks_have_their_own_defaults() -> None:
    assert actlab.get("gelu", like="jax") == actlab.get("gelu_tanh")
    assert actlab.get("gelu", like="torch") == actlab.get("gelu")
    assert actlab.get("leaky_relu", like="keras").parameters["negative_slope"] == 0.3
    keras = actlab.get("leaky_relu", like="keras.activations")
    assert keras.parameters["negative_slope"] == 0.2
    assert actlab.get("hard_sigmoid", like="onnx").parameters["alpha"] == 0.2
    with pytest.raises(UnknownNameError, match="does not ship telu"):
        actlab.get("telu", like="torch")


def test_names_lead_to_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean leaky_relu"):
        actlab.get("leakyrelo")
    with pytest.raises(AttributeError, match="did you mean gelu"):
        _ = actlab.gelo
    assert actlab.get("LeakyReLU") is actlab.get("leaky-relu")
