"""JAX and TensorFlow as the contract sees them; importing this file imports neither.

A compilation of XLA takes longer than all the arithmetic of a test. So JAX runs operation by
operation, which XLA compiles once for all functions, but for the values in float32: there each
function is compiled. The inputs are filled up to few sizes, since each is a compilation. Narrow
types, whose results are those of float32 rounded once, go through the function for float32; that
they do so when they are compiled themselves is tested in tests/engines. The ledger's bounds are
the larger error of the two ways, so that compiled derivatives are measured whenever it is written.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from typing import Any

import numpy as np

from contract.engines import NumpyEngine

__all__ = ["FRAMEWORKS", "JaxEngine", "TensorflowEngine", "is_installed"]

_MANY = 128
_SIZES = (512, 131072)
"""What the inputs of the accuracy are filled up to: those with an exact value, and the many."""


def _call(f: Any, inputs: Any, order: int, options: dict[str, Any]) -> Any:
    return f.derivative(*inputs, order=order, **options) if order else f(*inputs, **options)


def _layouts(base: Any) -> dict[str, Any]:
    """Shapes alone: the arrays of these frameworks have no order in memory to choose."""
    return {"three dimensions": base.reshape(2, 2, 6), "empty": base[:0]}


class JaxEngine(NumpyEngine):
    name = "jax"
    dtypes = ("float16", "bfloat16", "float32", "float64")
    thorough = ("bfloat16", "float32")
    """Dtypes in which all checks run; float16 is like bfloat16 and float64 like float32."""
    default = "float32"

    def session(self, dtype: str) -> AbstractContextManager[None]:
        import jax

        context: AbstractContextManager[None] = jax.enable_x64(dtype == "float64")
        return context

    def measures(self, dtype: str, order: int) -> bool:
        return order == 0 or dtype != "float64"  # derivatives run operation by operation, slowly

    def array(self, values: Any, dtype: str) -> Any:
        import jax.numpy as jnp

        with np.errstate(all="ignore"):
            return jnp.asarray(np.asarray(values, np.float64), dtype)

    def integers(self, values: Any) -> Any:
        import jax.numpy as jnp

        return jnp.asarray(values)

    def run(self, f: Any, *inputs: Any, order: int = 0, **options: Any) -> Any:
        import jax
        import jax.numpy as jnp

        first = inputs[0]
        if first.ndim != 1 or first.size < _MANY or f.kind == "vector":
            with jax.disable_jit():
                return _call(f, inputs, order, options)
        dtype = np.dtype(np.float64 if first.dtype == jnp.float64 else np.float32)
        compiled = order == 0 and dtype == np.float32
        sizes = _SIZES[-1:] if compiled else _SIZES  # a function is compiled anew for each
        size = next(size for size in sizes if first.size <= size)
        # by NumPy, as XLA would compile a filling for every size
        filled = [np.pad(np.asarray(v, dtype), (0, size - v.size), mode="edge") for v in inputs]
        with nullcontext() if compiled else jax.disable_jit():
            result = _call(f, [jnp.asarray(v) for v in filled], order, options)
        with np.errstate(all="ignore"):  # a large number is infinite in a narrow type
            return np.asarray(result)[: first.size].astype(first.dtype)

    def floats(self, result: Any) -> Any:
        return np.asarray(result, np.float64)

    def layouts(self, dtype: str) -> dict[str, Any]:
        return _layouts(self.array(np.linspace(-3.3, 3.1, 24), dtype).reshape(4, 6))


class TensorflowEngine(NumpyEngine):
    name = "tensorflow"
    dtypes = thorough = ("float16", "bfloat16", "float32", "float64")
    default = "float32"

    def array(self, values: Any, dtype: str) -> Any:
        import tensorflow as tf

        return tf.cast(tf.constant(np.asarray(values, np.float64)), dtype)

    def integers(self, values: Any) -> Any:
        import tensorflow as tf

        return tf.constant(values)

    def run(self, f: Any, *inputs: Any, order: int = 0, **options: Any) -> Any:
        return _call(f, inputs, order, options)

    def floats(self, result: Any) -> Any:
        import tensorflow as tf

        return tf.cast(result, tf.float64).numpy()

    def dtype_of(self, result: Any) -> str:
        return str(result.dtype.name)

    def layouts(self, dtype: str) -> dict[str, Any]:
        import tensorflow as tf

        base = tf.reshape(self.array(np.linspace(-3.3, 3.1, 24), dtype), (4, 6))
        return {"three dimensions": tf.reshape(base, (2, 2, 6)), "empty": base[:0]}


FRAMEWORKS = {engine.name: engine for engine in (JaxEngine(), TensorflowEngine())}


def is_installed(engine: str) -> bool:
    """Whether a framework is there; where it is not, its tests are skipped and say so."""
    return find_spec(engine) is not None
