"""The NumPy engine: documented examples, dtypes, refusals."""

from __future__ import annotations

import numpy as np
import pytest

import actlab


def test_relu_keeps_integers():
    for dtype in ("int8", "int32", "int64"):
        result = actlab.relu(np.array([-2, -1, 0, 1, 2], dtype))
        assert result.dtype == dtype
        assert result.tolist() == [0, 0, 0, 1, 2]
    assert actlab.relu([-2, -1, 0, 1, 2]).tolist() == [0, 0, 0, 1, 2]
    assert actlab.relu(np.array([0, 3], "uint8")).tolist() == [0, 3]


def test_others_promote_integers():
    assert actlab.tanh(np.array([0, 1])).dtype == np.float64
    assert actlab.leaky_relu(np.array([-1, 1])).tolist() == [-0.01, 1.0]


def test_softmax():
    result = actlab.softmax([1, 2, 3, 4, 1, 2, 3])
    expected = [
        0.02364054, 0.06426166, 0.1746813, 0.474833, 0.02364054, 0.06426166, 0.1746813,
    ]  # fmt: skip
    # the seven digits that are printed
    np.testing.assert_allclose(result, expected, rtol=5e-7)
    assert actlab.softmax([1000.0, 1001.0]) == pytest.approx([0.26894142, 0.73105858])
    table = np.arange(6.0).reshape(2, 3)
    for axis in (0, 1, -1, -2):
        np.testing.assert_allclose(actlab.softmax(table, axis=axis).sum(axis=axis), 1, rtol=1e-15)


def test_leaky_relu():
    result = actlab.leaky_relu([-2.0, -1.0, 0.0, 1.0, 2.0])
    assert result.tolist() == [-0.02, -0.01, 0.0, 1.0, 2.0]


def test_scalars_and_lists():
    assert float(actlab.silu(0.0)) == 0.0
    assert np.shape(actlab.silu(1.0)) == ()
    assert np.shape(actlab.silu([[1.0], [2.0]])) == (2, 1)
    assert np.shape(actlab.silu([])) == (0,)
    assert actlab.silu(np.float32(1)).dtype == np.float32


def test_input_is_never_changed():
    for name in ("identity", "relu", "silu"):
        x = np.array([-1.0, 2.0])
        result = actlab.get(name)(x)
        assert not np.shares_memory(result, x), name
        assert x.tolist() == [-1.0, 2.0]


def test_infinities_and_signed_zero():
    result = actlab.silu(np.array([-np.inf, np.inf, -0.0]))
    assert result.tolist() == [0.0, np.inf, 0.0]
    assert np.signbit(result).tolist() == [True, False, True]


@pytest.mark.parametrize(
    "value",
    [
        1j, [1 + 2j], np.array([1j], "complex64"), "text", ["a", "b"], b"bytes", [None], {"x": 1},
        np.array([object()]), np.array(["2020-01-01"], "datetime64[D]"),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_refuses_what_is_no_real_number(value):
    for name in ("relu", "silu", "softmax"):
        with pytest.raises(TypeError, match="real numbers"):
            actlab.get(name)(value)


def test_ragged_lists_are_refused():
    with pytest.raises((ValueError, TypeError)):
        actlab.relu([[1.0, 2.0], [3.0]])


def test_softmax_of_a_scalar_or_a_wrong_axis():
    with pytest.raises(TypeError, match="at least one dimension"):
        actlab.softmax(1.0)
    with pytest.raises(ValueError, match="axis 2 is out of range"):
        actlab.softmax([1.0, 2.0], axis=2)


def test_scalar_functions_take_no_gate_or_axis():
    with pytest.raises(TypeError, match="takes no axis"):
        actlab.relu([1.0], axis=0)
    with pytest.raises(TypeError, match="takes no gate"):
        actlab.relu([1.0], [1.0])


def test_gated_pairs():
    x, gate = np.array([1.0, -2.0]), np.array([0.5, 3.0])
    pair = np.concatenate([x, gate])
    np.testing.assert_array_equal(actlab.glu(pair), actlab.glu(x, gate))
    with pytest.raises(ValueError, match="even size"):
        actlab.glu([1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match="no use"):
        actlab.glu(x, gate, axis=0)


def test_parameters_by_keyword():
    x = np.array([-2.0, 2.0])
    assert actlab.leaky_relu(x, negative_slope=0.5).tolist() == [-1.0, 2.0]
    slopes = np.array([0.25, 0.5])
    assert actlab.leaky_relu(-np.ones(2), negative_slope=slopes).tolist() == [-0.25, -0.5]
    with pytest.raises(actlab.UnknownNameError, match="negative_slope"):
        actlab.leaky_relu(x, slope=0.5)


def test_derivatives_of_any_order():
    f = actlab.define("x**4")
    assert [float(f.derivative(2.0, order=n)) for n in range(6)] == [16, 32, 48, 48, 24, 0]
    assert float(actlab.leaky_relu.derivative(-3.0, wrt="negative_slope")) == -3.0
    with pytest.raises(ValueError, match="differentiate by"):
        actlab.relu.derivative(1.0, wrt="alpha")
    with pytest.raises(TypeError, match="jacrev"):
        actlab.softmax.derivative([1.0, 2.0])


def test_state_of_numpy_errors_is_left_alone():
    with np.errstate(all="raise"):
        actlab.silu(np.array([-1e5, 1e308, -np.inf]))
        before = np.geterr()
    actlab.mish(np.array([1e308]))
    assert np.geterr() != before
