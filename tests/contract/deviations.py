"""Where a framework makes an engine differ from the contract, each with its cause.

A deviation is excused only while it occurs: `test_deviations_still_occur` fails for one that does
not, and then its excuse has to go too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import actlab


@dataclass(frozen=True)
class Deviation:
    name: str
    engine: str
    cause: str
    excuses: str
    """What the tests or the accuracy measurement leave out for it."""
    occurs: Callable[[], bool]


def _jax_flushes_results() -> bool:
    import jax.numpy as jnp

    return float(actlab.exponential(jnp.float32(-90.0))) == 0.0


def _jax_flushes_inputs() -> bool:
    import jax.numpy as jnp

    tiny = jnp.asarray(np.float32(1e-40))
    return float(actlab.relu(tiny)) == 0.0 and float(actlab.relu.derivative(tiny)) == 0.0


def _jax_fuses() -> bool:
    import jax
    import jax.numpy as jnp

    f = actlab.define("x * x + x")
    x = jnp.linspace(-3.0, 3.0, 4096)
    with jax.disable_jit():
        apart = f(x)
    return bool((f(x) != apart).any())


def _jax_merges_exponentials() -> bool:
    import jax
    import jax.numpy as jnp

    f = actlab.define("exp(-x * x) * exp(-x * x / 3)")
    x = jnp.linspace(6.0, 7.0, 4096)
    with jax.disable_jit():
        apart = f(x)
    # beyond the last bits that fusing changes
    return bool((jnp.abs(f(x) / apart - 1) > 1e-6).any())


def _jax_has_no_float64() -> bool:
    import jax.numpy as jnp

    return str(actlab.gelu(jnp.asarray(np.ones(2))).dtype) == "float32"


def _tensorflow_flushes_results() -> bool:
    import tensorflow as tf

    return float(actlab.exponential(tf.constant(-90.0))) == 0.0


ALL = (
    Deviation(
        "jax-flushes-results",
        "jax",
        "XLA on the CPU sets flush-to-zero: a subnormal result, also an intermediate one, is 0.",
        "accuracy.measure counts errors in units of at least 2**-113 (float64: 2**-1009): a lost "
        "intermediate result of up to 2**-126 times a factor of up to 2**13.",
        _jax_flushes_results,
    ),
    Deviation(
        "jax-flushes-inputs",
        "jax",
        "XLA on the CPU sets denormals-are-zero: comparisons and arithmetic take a subnormal "
        "input for 0, so that relu of it is 0 and so is the slope.",
        "accuracy.measure leaves subnormal inputs out.",
        _jax_flushes_inputs,
    ),
    Deviation(
        "jax-fuses",
        "jax",
        "XLA contracts a product and a sum to one rounding inside a compiled function, so that "
        "compiled and uncompiled results differ in the last bits.",
        "The accuracy check runs compiled, and the others need no last bit.",
        _jax_fuses,
    ),
    Deviation(
        "jax-merges-exponentials",
        "jax",
        "XLA rewrites exp(a) * exp(b) as exp(a + b), and the rounding of a sum of size 80 costs "
        "tens of units in the last place.",
        "Bounds of formulas that multiply exponentials are higher than TensorFlow's; the stable "
        "forms in engines/elementary.py multiply none.",
        _jax_merges_exponentials,
    ),
    Deviation(
        "jax-has-no-float64",
        "jax",
        "JAX makes float32 of float64 unless jax_enable_x64 is set.",
        "Tests and measurements in float64 switch it on.",
        _jax_has_no_float64,
    ),
    Deviation(
        "tensorflow-flushes-results",
        "tensorflow",
        "Eigen's vectorised exp ends at the smallest normal number, and TensorFlow's threads set "
        "flush-to-zero: a subnormal result is 0, or not, by where it was computed.",
        "accuracy.measure counts errors in units of at least 2**-113 and leaves subnormal inputs "
        "out, as for JAX.",
        _tensorflow_flushes_results,
    ),
)
