"""Keras' own types: symbolic tensors, variables, and what they cannot do."""

from __future__ import annotations

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="keras is not installed; pip install 'actlab[keras]'")
pytest.importorskip("tensorflow", reason="tensorflow is not installed; pip install tensorflow-cpu")

import actlab  # noqa: E402
from actlab.engines import engine_of  # noqa: E402

if keras.backend.backend() != "tensorflow":
    pytest.skip("these tests are for Keras on TensorFlow", allow_module_level=True)


def predict(inputs, output, *values):
    return np.asarray(keras.Model(inputs, output)(list(values) if len(values) > 1 else values[0]))


def test_a_symbolic_tensor_becomes_a_layer_of_the_graph():
    x = keras.Input((6,))
    y = actlab.gelu(x)
    assert engine_of(x).__name__ == "actlab.engines.keras"
    assert isinstance(y, keras.KerasTensor)
    assert y.shape == (None, 6)
    values = np.linspace(-4, 4, 12, dtype=np.float32).reshape(2, 6)
    np.testing.assert_allclose(predict(x, y, values), actlab.gelu(values), rtol=1e-6)


def test_symbolic_parameters_axes_and_gates():
    x, gate = keras.Input((6,)), keras.Input((6,))
    a = np.linspace(-4, 4, 12, dtype=np.float32).reshape(2, 6)
    b = a[::-1].copy()
    np.testing.assert_allclose(
        predict([x, gate], actlab.swiglu(x, gate), a, b), actlab.swiglu(a, b), rtol=1e-6
    )
    np.testing.assert_allclose(predict(x, actlab.swiglu(x), a), actlab.swiglu(a), rtol=1e-6)
    slope = actlab.leaky_relu(x, negative_slope=0.3)
    np.testing.assert_allclose(predict(x, slope, a), np.where(a > 0, a, np.float32(0.3) * a))
    columns = keras.Input((2, 3))
    c = a.reshape(2, 2, 3)
    np.testing.assert_allclose(
        predict(columns, actlab.softmax(columns, axis=1), c), actlab.softmax(c, axis=1), rtol=1e-6
    )


def test_what_a_symbolic_tensor_cannot_do():
    x = keras.Input((6,))
    with pytest.raises(TypeError, match="a derivative of silu can't be part of a graph"):
        actlab.silu.derivative(x)
    with pytest.raises(TypeError, match="a parameter of leaky_relu can't be part of a graph"):
        actlab.leaky_relu(x, negative_slope=keras.Input((6,)))
    with pytest.raises(ValueError, match="cuts its input in two halves"):
        actlab.swiglu(keras.Input((5,)))


def test_variables_hand_their_value_on():
    import tensorflow as tf

    x = keras.Variable(np.array([-2.0, 3.0], np.float32))
    slope = keras.Variable(0.25)
    with tf.GradientTape() as tape:
        y = actlab.leaky_relu(x, negative_slope=slope)
    assert tf.is_tensor(y)
    np.testing.assert_allclose(y, [-0.5, 3.0])
    by_x, by_slope = tape.gradient(y, (x.value, slope.value))
    np.testing.assert_allclose(by_x, [0.25, 1.0])
    assert float(by_slope) == -2.0
    plain = tf.constant([-2.0, 3.0])
    np.testing.assert_allclose(actlab.leaky_relu(plain, negative_slope=slope), y)
    np.testing.assert_allclose(actlab.leaky_relu.derivative(x, negative_slope=slope), [0.25, 1.0])


def test_the_default_floating_type_is_that_of_keras():
    import tensorflow as tf

    before = keras.config.floatx()
    try:
        keras.config.set_floatx("float64")
        assert actlab.silu(tf.constant([1, 2])).dtype == tf.float64
    finally:
        keras.config.set_floatx(before)
