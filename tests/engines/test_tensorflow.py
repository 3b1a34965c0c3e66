"""TensorFlow tensors: what the generic contract does not say."""

from __future__ import annotations

import numpy as np
import pytest

tf = pytest.importorskip(
    "tensorflow", reason="tensorflow is not installed; pip install tensorflow-cpu"
)

import actlab  # noqa: E402
from actlab.engines import engine_of  # noqa: E402


def points(count=12, dtype="float32"):
    return tf.cast(tf.linspace(-6.0, 6.0, count), dtype)


def tape_twice(f, x):
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = f(x)
        slope = inner.gradient(y, x)
    return y, slope, outer.gradient(slope, x)


def test_tensors_and_variables_in_tensors_out():
    x = points()
    assert engine_of(x).__name__ == "actlab.engines.tensorflow"
    y = actlab.gelu(x)
    assert tf.is_tensor(y)
    np.testing.assert_allclose(y, actlab.gelu(x.numpy()), rtol=1e-6)
    np.testing.assert_array_equal(actlab.gelu(tf.Variable(x)), y)


def test_exact_gelu_keeps_its_tail():
    y, slope, curvature = tape_twice(actlab.gelu, tf.constant(-9.5))
    for order, value in enumerate((y, slope, curvature)):
        assert float(value) == pytest.approx(float(actlab.gelu.exact(-9.5, order=order)), rel=2e-6)


@pytest.mark.parametrize("compiled", [False, True])
def test_inside_tf_function(compiled):
    x = points()
    expected = tape_twice(actlab.mish, x)

    @tf.function(jit_compile=compiled)
    def run(x):
        return tape_twice(actlab.mish, x)

    for value, wanted in zip(run(x), expected, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["mish", "elu", "swiglu"])
def test_curvature_through_a_tf_function_from_outside(name):
    x = points()
    f = getattr(actlab, name)

    def plain(x):
        return f(x, x) if f.kind == "gated" else f(x)

    for value, wanted in zip(tape_twice(tf.function(plain), x), tape_twice(plain, x), strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-6)


def test_shapes_that_are_not_known_in_advance():
    slope = tf.Variable([0.1, 0.2, 0.3])

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32)])
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = actlab.leaky_relu(x, negative_slope=slope)
        return y, *tape.gradient(y, (x, slope))

    x = tf.constant([[-1.0, 2.0, -3.0], [4.0, -5.0, -6.0]])
    y, by_x, by_slope = run(x)
    np.testing.assert_allclose(y, actlab.leaky_relu(x.numpy(), negative_slope=slope.numpy()))
    np.testing.assert_allclose(by_x, np.where(x > 0, 1, slope))
    np.testing.assert_allclose(by_slope, [-1.0, -5.0, -9.0])

    @tf.function(input_signature=[tf.TensorSpec(None, tf.float32)])
    def of_any_rank(x):
        return actlab.silu(x), actlab.define("2.5")(x)

    silu, constant = of_any_rank(x)
    np.testing.assert_allclose(silu, actlab.silu(x))
    assert constant.shape == x.shape


def test_gated_pair_differentiates_both():
    x, gate = points(6), tf.reverse(points(6), [0]) * 0.4
    with tf.GradientTape() as tape:
        tape.watch((x, gate))
        y = actlab.swiglu(x, gate)
    by_x, by_gate = tape.gradient(y, (x, gate))
    np.testing.assert_allclose(by_x, actlab.swiglu.derivative(x, gate), rtol=1e-6)
    np.testing.assert_allclose(by_gate, actlab.swiglu.derivative(x, gate, wrt="gate"), rtol=1e-6)
    whole = tf.reshape(tf.range(24.0) / 9 - 1, (2, 6, 2))
    assert actlab.swiglu(whole, axis=1).shape == (2, 3, 2)


def test_gradients_of_what_was_broadcast_are_summed():
    x, gate = tf.Variable(tf.ones((3, 1))), tf.Variable(tf.ones((1, 4)))
    with tf.GradientTape() as tape:
        y = actlab.bilinear(x, gate)
    by_x, by_gate = tape.gradient(y, (x, gate))
    assert by_x.numpy().tolist() == [[4.0]] * 3
    assert by_gate.numpy().tolist() == [[3.0] * 4]


def test_forward_mode():
    x = points()
    with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator:
        y = actlab.silu(x)
    np.testing.assert_allclose(accumulator.jvp(y), actlab.silu.derivative(x), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_narrow_types_are_float32_rounded_once(dtype):
    x = points(1001, dtype)
    y = actlab.mish(x)
    assert y.dtype == dtype
    np.testing.assert_array_equal(
        tf.cast(y, tf.float32),
        tf.cast(tf.cast(actlab.mish(tf.cast(x, "float32")), dtype), "float32"),
    )


def test_mixed_inputs_take_the_wider_type():
    pair = (tf.ones(2, "bfloat16"), tf.ones(2, "float16")), (tf.ones(2), tf.ones(2, "float64"))
    assert [actlab.swiglu(*both).dtype for both in pair] == [tf.float32, tf.float64]
    assert actlab.leaky_relu(tf.ones(2, "bfloat16"), negative_slope=tf.constant(0.3)).dtype == (
        tf.bfloat16
    )


def test_integers_stay_where_the_formula_only_chooses():
    large = 2**62 + 1
    assert actlab.relu(tf.constant([-3, large], tf.int64)).numpy().tolist() == [0, large]
    assert actlab.silu(tf.constant([1, 2])).dtype == tf.float32
    assert actlab.silu(tf.constant([True])).dtype == tf.float32


def test_refuses_what_is_no_dense_real_tensor():
    with pytest.raises(TypeError, match="takes real numbers, but complex64 was given"):
        actlab.relu(tf.constant([1j], tf.complex64))
    with pytest.raises(TypeError, match="takes real numbers, but string was given"):
        actlab.relu(tf.constant(["a"]))
    with pytest.raises(TypeError, match="dense tensor"):
        actlab.relu(tf.ragged.constant([[1.0], [2.0, 3.0]]))
    with pytest.raises(ValueError, match="axis 2 is out of range"):
        actlab.softmax(points(), axis=2)


def test_softmax_along_an_axis_and_its_jacobian():
    x = tf.constant([[0.1, -0.4, 1.2], [2.0, 0.0, 0.5]])
    np.testing.assert_allclose(actlab.softmax(x, axis=0), tf.nn.softmax(x, axis=0), rtol=1e-6)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        p = actlab.softmax(x)
    jacobian = tape.jacobian(p, x, experimental_use_pfor=False)[0, :, 0, :]
    np.testing.assert_allclose(jacobian, np.diag(p[0]) - np.outer(p[0], p[0]), rtol=1e-5, atol=1e-7)


def test_complex_numbers_come_apart_and_together():
    f = actlab.get("cardioid")
    z = tf.constant([1 + 2j, -0.5j])
    np.testing.assert_allclose(f(z), f(z.numpy()), rtol=1e-6)


def test_straight_through_gradients_are_those_stated():
    f = actlab.get("ste_sign")
    x = tf.constant([-2.0, -0.5, 0.5, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    np.testing.assert_array_equal(y, tf.sign(x))
    np.testing.assert_array_equal(tape.gradient(y, x), [0.0, 1.0, 1.0, 0.0])


def test_a_saved_model_needs_no_actlab(tmp_path):
    class Model(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def __call__(self, x):
            return actlab.gelu(x)

    tf.saved_model.save(Model(), str(tmp_path / "model"))
    again = tf.saved_model.load(str(tmp_path / "model"))
    x = points()
    np.testing.assert_allclose(again(x), actlab.gelu(x), rtol=1e-6)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = again(x)
    np.testing.assert_allclose(tape.gradient(y, x), actlab.gelu.derivative(x), rtol=1e-5)


def test_autograph_does_not_rewrite_the_engine(caplog):
    f = actlab.define("x * tanh(exp(x)) + 0.25")

    @tf.function
    def run(x):
        if tf.reduce_sum(x) > 0:  # which AutoGraph does rewrite
            return f(x)
        return -f(x)

    x = points()
    np.testing.assert_allclose(run(x + 1), f(x + 1), rtol=1e-6)
    assert "could not transform" not in caplog.text
