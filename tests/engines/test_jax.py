"""The JAX engine: what the generic contract does not say."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="jax is not installed; pip install 'actlab[jax]'")
import jax.numpy as jnp  # noqa: E402

import actlab  # noqa: E402
from actlab.engines import engine_of  # noqa: E402

SOME = ["softsign", "mish"]


def points(count=64, dtype="float32"):
    return jnp.linspace(-6.0, 6.0, count, dtype=dtype)


def test_arrays_in_arrays_out():
    x = points()
    y = actlab.gelu(x)
    assert isinstance(y, jax.Array)
    assert engine_of(x).__name__ == "actlab.engines.jax"
    np.testing.assert_allclose(y, actlab.gelu(np.asarray(x)), rtol=1e-6)


def test_exact_gelu_keeps_its_tail():
    assert float(jax.nn.gelu(jnp.float32(-6.0), approximate=False)) == pytest.approx(
        float(actlab.gelu.exact(-6)), rel=1e-3
    )
    for x in (-6.0, -9.5, -11.5):
        assert float(actlab.gelu(jnp.float32(x))) == pytest.approx(
            float(actlab.gelu.exact(x)), rel=1e-6
        )
        assert float(jax.grad(actlab.gelu)(jnp.float32(x))) == pytest.approx(
            float(actlab.gelu.exact(x, order=1)), rel=1e-6
        )


@pytest.mark.parametrize("name", SOME)
def test_transformations_agree(name):
    """jit, vmap, both modes of differentiation, second derivatives and scan are one function."""
    f, x = actlab.get(name), points(12)
    first, second = f.derivative(x), f.derivative(x, order=2)
    near = {"rtol": 1e-5, "atol": 1e-6}  # fused and unfused arithmetic differ in the last bits
    np.testing.assert_allclose(jax.jit(f)(x), f(x), **near)
    np.testing.assert_allclose(jax.vmap(f)(x), f(x), **near)
    np.testing.assert_allclose(jax.jit(jax.vmap(jax.grad(f)))(x), first, **near)
    np.testing.assert_allclose(jax.jacfwd(f)(x), jnp.diag(first), **near)
    np.testing.assert_allclose(jax.jacrev(f)(x), jnp.diag(first), **near)
    hessian = jax.hessian(lambda v: f(v).sum())(x)
    np.testing.assert_allclose(hessian, jnp.diag(second), **near)

    def step(carry, value):
        return carry + f(value), jax.grad(f)(value)

    total, slopes = jax.lax.scan(step, jnp.float32(0), x)
    np.testing.assert_allclose(total, f(x).sum(), **near)
    np.testing.assert_allclose(slopes, first, **near)


def test_third_derivative_in_a_compiled_function():
    third = jax.jit(jax.grad(jax.grad(jax.grad(actlab.silu))))
    assert float(third(0.3)) == pytest.approx(float(actlab.silu.exact(0.3, order=3)), rel=1e-5)


def test_gradient_of_a_parameter_per_channel():
    x = jax.random.normal(jax.random.key(0), (4, 3, 5))
    slope = jnp.array([0.1, 0.2, 0.3]).reshape(3, 1)
    gradient = jax.grad(lambda a: actlab.leaky_relu(x, negative_slope=a).sum())(slope)
    expected = jnp.where(x > 0, 0.0, x).sum(axis=(0, 2)).reshape(3, 1)
    np.testing.assert_allclose(gradient, expected, rtol=1e-5)


def test_only_what_is_asked_for_is_differentiated():
    """A zero tangent times an infinite slope would be NaN."""
    f = actlab.define("x * sqrt(a)", a=1.0)
    assert float(jax.grad(lambda x: f(x, a=jnp.float32(0.0)))(2.0)) == 0.0


def test_gated_pair_differentiates_both():
    x, gate = points(6), points(6)[::-1] * 0.4
    by_x, by_gate = jax.grad(lambda a, b: actlab.swiglu(a, b).sum(), argnums=(0, 1))(x, gate)
    np.testing.assert_allclose(by_x, actlab.swiglu.derivative(x, gate), rtol=1e-6)
    np.testing.assert_allclose(by_gate, actlab.swiglu.derivative(x, gate, wrt="gate"), rtol=1e-6)
    whole = jnp.concatenate([x, gate])
    both = jax.grad(lambda v: actlab.swiglu(v).sum())(whole)
    np.testing.assert_allclose(both, jnp.concatenate([by_x, by_gate]), rtol=1e-6)


def test_inputs_broadcast_and_gradients_are_summed():
    x, gate = jnp.ones((3, 1)), jnp.ones((1, 4))
    by_x, by_gate = jax.grad(lambda a, b: actlab.bilinear(a, b).sum(), argnums=(0, 1))(x, gate)
    assert by_x.tolist() == [[4.0]] * 3
    assert by_gate.tolist() == [[3.0] * 4]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", SOME)
def test_narrow_types_are_float32_rounded_once(name, dtype):
    """All 65,536 numbers; compiled, as the contract's narrow types are not."""
    f = actlab.get(name)
    bits = jnp.arange(2**16, dtype=jnp.uint16)
    x = jax.lax.bitcast_convert_type(bits, jnp.dtype(dtype))
    assert f(x).dtype == dtype
    with np.errstate(invalid="ignore"):  # signalling NaNs are among them
        direct, wide = (np.asarray(y, np.float64) for y in (f(x), f(x.astype(jnp.float32))))
    np.testing.assert_array_equal(direct, np.asarray(jnp.asarray(wide, dtype), np.float64))


def test_narrower_floats_work_too():
    x = jnp.array([-1.0, 0.5, 2.0], dtype=jnp.float8_e4m3fn)
    assert actlab.silu(x).dtype == jnp.float8_e4m3fn


def test_mixed_inputs_take_the_dtype_of_the_variables():
    x, gate = jnp.ones(2, jnp.bfloat16), jnp.ones(2, jnp.float32)
    assert actlab.swiglu(x, gate).dtype == jnp.float32
    assert actlab.leaky_relu(x, negative_slope=jnp.float32(0.3)).dtype == jnp.bfloat16


def test_integers_are_those_of_jax_nn():
    for wide in (False, True):
        with jax.enable_x64(wide):
            x = jnp.array([-2, 3])
            assert actlab.relu(x).dtype == jax.nn.relu(x).dtype
            assert actlab.silu(x).dtype == jnp.exp(x).dtype  # jax.nn.silu refuses integers
            large = jnp.iinfo(x.dtype).max - 1
            assert int(actlab.relu(jnp.array([large]))[0]) == large
    assert actlab.silu(jnp.array([True, False])).dtype == jnp.float32


def test_float64_where_it_is_on():
    with jax.enable_x64(True):
        y = actlab.gelu(jnp.array([-30.0]))
        assert y.dtype == jnp.float64
        assert float(y[0]) == pytest.approx(float(actlab.gelu.exact(-30)), rel=1e-14)
        f = actlab.get("leaky_relu", negative_slope=0.1)
        assert float(f(jnp.float64(-1.0))) == -0.1


def test_refuses_what_is_no_real_number():
    for x in (jnp.array([1j]), jax.random.key(0)):
        with pytest.raises(TypeError, match="takes real numbers"):
            actlab.relu(x)
    with pytest.raises(TypeError, match="takes no gate"):
        actlab.relu(points(), points())
    with pytest.raises(ValueError, match="axis 2 is out of range"):
        actlab.softmax(points(), axis=2)


def test_a_parameter_array_with_a_numpy_array_is_jax():
    assert isinstance(actlab.leaky_relu(np.ones(2), negative_slope=jnp.float32(0.5)), jax.Array)


def test_softmax_along_an_axis_and_its_jacobian():
    x = jnp.array([[0.1, -0.4, 1.2], [2.0, 0.0, 0.5]])
    np.testing.assert_allclose(actlab.softmax(x, axis=0), jax.nn.softmax(x, axis=0), rtol=1e-6)
    p = actlab.softmax(x[0])
    np.testing.assert_allclose(
        jax.jacrev(actlab.softmax)(x[0]), jnp.diag(p) - jnp.outer(p, p), rtol=1e-5, atol=1e-7
    )


def test_complex_numbers_come_apart_and_together():
    f = actlab.get("cardioid")
    z = jnp.array([1 + 2j, -0.5j])
    assert f(z).dtype == jnp.complex64
    np.testing.assert_allclose(f(z), f(np.asarray(z)), rtol=1e-6)


def test_straight_through_gradients_are_those_stated():
    f = actlab.get("ste_sign")
    x = jnp.array([-2.0, -0.5, 0.5, 2.0])
    np.testing.assert_array_equal(f(x), jnp.sign(x))
    np.testing.assert_array_equal(jax.grad(lambda v: f(v).sum())(x), [0.0, 1.0, 1.0, 0.0])


def test_shapes_without_arithmetic():
    shape = jax.eval_shape(actlab.silu, jax.ShapeDtypeStruct((2, 3), jnp.bfloat16))
    assert (shape.shape, shape.dtype) == ((2, 3), jnp.bfloat16)


def test_a_compiled_function_holds_no_copy_of_the_engine():
    """Inside a jit the function is a part of it, with nothing left to call."""
    text = jax.jit(lambda x: actlab.silu(x) * 2).lower(points()).as_text()
    assert "callback" not in text


def test_other_arrays_need_no_jax():
    code = (
        "import actlab, sys, numpy\n"
        "actlab.gelu(numpy.ones(3))\nactlab.gelu(0.5)\n"
        "print([n for n in ('jax', 'keras', 'tensorflow', 'torch') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
