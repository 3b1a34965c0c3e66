"""TensorFlow tensors, for the Keras engine: eager, inside `tf.function`, and under XLA.

Each expression is a `tf.custom_gradient` whose gradient is the expression's own stable
derivative, applied the same way, so that tapes of any order follow. float16 and bfloat16 are
computed in float32 and rounded once; integers keep their type where the formula only chooses
among integers and become Keras' default floating type elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import scipy.special
import tensorflow as tf

from actlab.engines.elementary import Elementary
from actlab.engines.guard import guard
from actlab.engines.numpy import keeps_integers
from actlab.engines.source import compile_function
from actlab.formula import Expression, differentiate

__all__ = ["TABLE", "as_array", "join", "parts", "prepare", "vector"]

_PLAIN = {"exp": "exp", "log": "math.log", "sqrt": "sqrt", "sin": "sin", "cos": "cos",
          "arcsinh": "asinh", "abs": "abs"}  # fmt: skip
_STABLE = ("expm1", "log1p", "sinh", "cosh", "tanh", "sech", "tanh_shrink", "sigmoid", "softplus",
           "log_sigmoid", "erf", "erfc", "normcdf", "normpdf", "arctan")  # fmt: skip
_COMPARED = {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal",
             "eq": "equal", "ne": "not_equal"}  # fmt: skip

TABLE = {
    **{name: f"tf.{found}(_like({{a}}, {{x}}))" for name, found in _PLAIN.items()},
    **{name: f"_stable.{name}(_like({{a}}, {{x}}))" for name in _STABLE},
    **{
        name: f"tf.{found}(_like({{a}}, {{x}}), _like({{b}}, {{x}}))"
        for name, found in _COMPARED.items()
    },
    "add": "({a} + {b})", "sub": "({a} - {b})", "mul": "({a} * {b})", "div": "({a} / {b})",
    "neg": "(-{a})", "pow": "tf.pow(_like({a}, {x}), _like({b}, {x}))",
    "pi": "3.141592653589793", "e": "2.718281828459045", "sign": "tf.sign(_like({a}, {x}))",
    "minimum": "tf.minimum(_like({a}, {x}), _like({b}, {x}))",
    "maximum": "tf.maximum(_like({a}, {x}), _like({b}, {x}))",
    "clip": "tf.minimum(tf.maximum(_like({a}, {x}), _like({b}, {x})), _like({c}, {x}))",
    "where": "tf.where({a}, _like({b}, {x}), _like({c}, {x}))",
}  # fmt: skip
"""One TensorFlow operation per primitive; a constant operand becomes a tensor like `x`."""


def _like(value: Any, like: Any) -> Any:
    if tf.is_tensor(value):
        return value
    return tf.constant(value, like.dtype) if like.dtype.is_floating else tf.cast(value, like.dtype)


class _Library:
    """TensorFlow as the stable forms use it."""

    exp, log, abs, round = map(staticmethod, (tf.exp, tf.math.log, tf.abs, tf.round))
    minimum, maximum, arctan = map(staticmethod, (tf.minimum, tf.maximum, tf.atan))

    @staticmethod
    def where(condition: Any, a: Any, b: Any) -> Any:
        """A number beside an array gets its dtype."""
        return tf.where(condition, _like(a, b), _like(b, a))

    @staticmethod
    def is_wide(a: Any) -> bool:
        return bool(a.dtype == tf.float64)


_SCOPE = {
    "tf": tf,
    "_stable": Elementary(_Library()),
    "_like": _like,
}
_VARIABLES = ("x", "gate", "re", "im")
_NARROW = {tf.float16, tf.bfloat16}


class Kernel:
    """One expression as composed operations, with its derivatives at hand."""

    def __init__(
        self,
        expression: Expression,
        names: tuple[str, ...],
        fixed: tuple[tuple[str, float], ...],
        backward: Expression | None = None,
    ) -> None:
        self.expression = expression
        self.backward = backward
        self.names = names
        self.fixed = fixed

    def run(self, values: Sequence[Any]) -> Any:
        """The value, without a record for gradients; the dtype is that of the first input."""
        dtype = values[0].dtype
        work = tf.float32 if dtype in _NARROW else dtype
        moved = [tf.cast(v, work) if tf.is_tensor(v) else tf.constant(v, work) for v in values]
        numbers = [tf.constant(number, work) for _, number in self.fixed]
        function = _compiled(self.expression, self.names, self.fixed, work.name)
        return _broadcast(tf.cast(function(*moved, *numbers), dtype), moved)

    def apply(self, values: Sequence[Any]) -> Any:
        """The value; gradients reach every tensor among the values."""
        places = [place for place, value in enumerate(values) if tf.is_tensor(value)]

        def formula(*tensors: Any) -> tuple[Any, Callable[..., Any]]:
            own = list(values)
            for place, tensor in zip(places, tensors, strict=True):
                own[place] = tensor

            def backward(upstream: Any) -> list[Any]:
                return [self._pull(upstream, own, place) for place in places]

            return self.run(own), backward

        tensors = [values[place] for place in places]
        if not tf.executing_eagerly():
            # a backward pass keeps these; those of another graph would be out of scope in a second
            tensors = [tf.identity(tensor) for tensor in tensors]
        return tf.custom_gradient(formula)(*tensors)

    def _pull(self, upstream: Any, values: Sequence[Any], place: int) -> Any:
        """The gradient by one of the values."""
        name, value = self.names[place], values[place]
        derived = self.backward if name == "x" else None
        if derived is None:
            derived = differentiate(self.expression, name)
        slope = _kernel(derived, self.names, self.fixed).apply(values)
        return tf.cast(_sum_to(upstream * slope, value), value.dtype)


@lru_cache(maxsize=4096)
def _kernel(
    expression: Expression,
    names: tuple[str, ...],
    fixed: tuple[tuple[str, float], ...],
    backward: Expression | None = None,
) -> Kernel:
    return Kernel(expression, names, fixed, backward)


@lru_cache(maxsize=4096)
def _compiled(
    expression: Expression, names: tuple[str, ...], fixed: tuple[tuple[str, float], ...], dtype: str
) -> Callable[..., Any]:
    probe = {**dict(fixed), **{name: 0.5 for name in names if name not in _VARIABLES}}
    guarded = guard(expression, tuple(sorted(probe.items())), dtype)
    return compile_function([guarded], (*names, *(name for name, _ in fixed)), TABLE, _SCOPE)


def _broadcast(result: Any, inputs: Sequence[Any]) -> Any:
    """A result of the inputs' common shape, which a constant does not have by itself."""
    static = inputs[0].shape
    shape = tf.shape(inputs[0])
    for value in inputs[1:]:
        if value.shape.rank != 0:
            static = tf.broadcast_static_shape(static, value.shape)
            shape = tf.broadcast_dynamic_shape(shape, tf.shape(value))
    if static.is_fully_defined() and result.shape == static:
        return result
    result = tf.broadcast_to(result, shape)
    result.set_shape(static) if not tf.executing_eagerly() else None
    return result


def _sum_to(value: Any, like: Any) -> Any:
    """The gradient of what was broadcast: summed over the new dimensions."""
    if value.shape.is_fully_defined() and value.shape == like.shape:
        return value
    shape = tf.shape(like)
    axes, _ = tf.raw_ops.BroadcastGradientArgs(s0=shape, s1=tf.shape(value))
    return tf.reshape(tf.reduce_sum(value, axes), shape)


def prepare(
    expression: Expression,
    variables: tuple[str, ...],
    fixed: Mapping[str, float],
    given: tuple[str, ...],
    wrt: str = "x",
    order: int = 0,
    backward: Expression | None = None,
) -> Callable[..., Any]:
    """A function of TensorFlow tensors that computes an expression or one of its derivatives.

    Args:
        expression: the formula.
        variables: names of the inputs.
        fixed: parameters with their numbers.
        given: parameters that come with each call, as numbers or tensors.
        wrt: symbol to differentiate by.
        order: order of the derivative; 0 is the value.
        backward: what stands in for the derivative by `x` when a tape differentiates.

    Returns:
        A function of the variables and the given parameters, in that order, with gradients for
        every tensor among them.
    """
    derived = differentiate(expression, wrt, order)
    kernel = _kernel(derived, (*variables, *given), tuple(fixed.items()), backward)
    keeps = order == 0 and not fixed and not given and keeps_integers(expression)
    plain = compile_function([expression], variables, TABLE, _SCOPE) if keeps else None
    count = len(variables)

    def run(*values: Any) -> Any:
        inputs = [as_array(value) for value in values[:count]]
        if plain is not None and inputs[0].dtype.is_integer:
            return plain(*inputs)
        inputs = [_floating(value) for value in inputs]
        if len({value.dtype for value in inputs}) > 1:
            wide = tf.float64 if any(v.dtype == tf.float64 for v in inputs) else tf.float32
            inputs = [tf.cast(value, wide) for value in inputs]
        rest = (v if isinstance(v, int | float) else as_array(v) for v in values[count:])
        return kernel.apply([*inputs, *rest])

    return run


def _floating(tensor: Any) -> Any:
    """A tensor as it is, or in Keras' default floating type."""
    from keras import config

    return tensor if tensor.dtype.is_floating else tf.cast(tensor, config.floatx())


def _widened(tensor: Any) -> Any:
    """A tensor of at least float32."""
    return tf.cast(tensor, tf.float32) if tensor.dtype in _NARROW else tensor


def as_array(value: Any) -> Any:
    """A list, number or variable as a tensor of real numbers."""
    if isinstance(value, tf.RaggedTensor | tf.SparseTensor):
        raise TypeError(
            f"a {type(value).__name__} was given, but an activation takes a dense tensor; "
            "apply it to the values, as with tf.ragged.map_flat_values"
        )
    tensor = tf.convert_to_tensor(value)
    if not (tensor.dtype.is_floating or tensor.dtype.is_integer or tensor.dtype.is_bool):
        raise TypeError(
            f"an activation takes real numbers, but {tensor.dtype.name} was given; "
            "use floating-point or integer values"
        )
    return tensor


def parts(z: Any) -> tuple[Any, Any]:
    """The real and the imaginary part of complex numbers, or of real ones."""
    tensor = tf.convert_to_tensor(z)
    if not tensor.dtype.is_complex:
        real = _widened(_floating(as_array(tensor)))
        return real, tf.zeros_like(real)
    return tf.math.real(tensor), tf.math.imag(tensor)


def join(real: Any, imaginary: Any) -> Any:
    """A complex tensor of its two parts."""
    return tf.complex(real, imaginary)


class Operations:
    """What a vector rule may use, on tensors.

    Reductions keep their axis. Positions along the axis count from 0.
    """

    exp, log, log1p = (staticmethod(f) for f in (tf.exp, tf.math.log, tf.math.log1p))
    abs, sign, sqrt = (staticmethod(f) for f in (tf.abs, tf.sign, tf.sqrt))
    maximum, where = staticmethod(tf.maximum), staticmethod(tf.where)
    sigmoid = staticmethod(tf.sigmoid)
    bits = 60
    """How many halvings of an interval float64 can tell apart."""

    @staticmethod
    def log_sigmoid(x: Any) -> Any:
        """The logarithm of the logistic function."""
        return tf.math.log_sigmoid(x)

    @staticmethod
    def constant(x: Any) -> Any:
        """The same numbers, through which no gradient passes."""
        return tf.stop_gradient(x) if tf.is_tensor(x) else x

    @staticmethod
    def indicator(condition: Any, x: Any) -> Any:
        """1 where a condition holds, else 0, as numbers of the kind of x."""
        return tf.cast(condition, x.dtype)

    @staticmethod
    def quantile(p: Any) -> Any:
        """The number that N(0, 1) stays below with probability p."""
        return tf.math.ndtri(p) if tf.is_tensor(p) else float(scipy.special.ndtri(p))

    @staticmethod
    def max(x: Any, axis: int) -> Any:
        """Largest along an axis."""
        return tf.reduce_max(x, axis, keepdims=True)

    @staticmethod
    def sum(x: Any, axis: int) -> Any:
        """Sum along an axis."""
        return tf.reduce_sum(x, axis, keepdims=True)

    @staticmethod
    def sort(x: Any, axis: int) -> Any:
        """In ascending order along an axis."""
        return tf.sort(x, axis)

    @staticmethod
    def cumsum(x: Any, axis: int) -> Any:
        """Sums of the entries so far."""
        return tf.cumsum(x, axis)

    @staticmethod
    def positions(x: Any, axis: int) -> Any:
        """0, 1, 2, ... along an axis, of a shape that broadcasts against x."""
        size = tf.shape(x)[axis]
        shape = [1] * x.shape.rank
        shape[axis] = size
        return tf.reshape(tf.cast(tf.range(size), x.dtype), shape)

    @staticmethod
    def reshape(x: Any, shape: Any) -> Any:
        """The same entries in another shape."""
        return tf.reshape(x, shape)

    @staticmethod
    def concat(arrays: Any, axis: int) -> Any:
        """One after the other along an axis."""
        return tf.concat(arrays, axis)


def vector(rule: Callable[..., Any], x: Any, axis: int, parameters: Mapping[str, Any]) -> Any:
    """Apply a vector rule along an axis."""
    tensor = _floating(as_array(x))
    rank = tensor.shape.rank
    if rank is not None and not -rank <= axis < rank:
        raise ValueError(f"axis {axis} is out of range for a tensor of {rank} dimensions")
    return tf.cast(rule(Operations, _widened(tensor), axis, **parameters), tensor.dtype)
