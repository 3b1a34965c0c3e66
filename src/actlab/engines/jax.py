"""The JAX engine: arrays in, arrays out, under `jit`, `vmap`, `grad` and `scan`.

Each expression is a function with `jax.custom_jvp`; its derivative is the expression's own stable
derivative, applied the same way, so that forward and reverse mode of any order follow. float16,
bfloat16 and narrower types are computed in float32 and rounded once; float64 needs
`jax_enable_x64`. Integers keep their type where the formula only chooses among integers and
become the default floating type elsewhere, as with `jax.nn`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import scipy.special
from jax.custom_derivatives import SymbolicZero

from actlab.engines.elementary import Elementary
from actlab.engines.guard import guard
from actlab.engines.numpy import keeps_integers
from actlab.engines.source import compile_function
from actlab.formula import Expression, differentiate

__all__ = ["TABLE", "as_array", "join", "parts", "prepare", "vector"]

_PLAIN = ("abs", "sign", "exp", "log", "sqrt", "sin", "cos", "arcsinh")
_STABLE = ("expm1", "log1p", "sinh", "cosh", "tanh", "sech", "tanh_shrink", "sigmoid", "softplus",
           "log_sigmoid", "erf", "erfc", "normcdf", "normpdf", "arctan")  # fmt: skip
_COMPARED = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}

TABLE = {
    **{name: f"jnp.{name}(_like({{a}}, {{x}}))" for name in _PLAIN},
    **{name: f"_stable.{name}(_like({{a}}, {{x}}))" for name in _STABLE},
    **{
        name: f"(_like({{a}}, {{x}}) {sign} _like({{b}}, {{x}}))"
        for name, sign in _COMPARED.items()
    },
    "add": "({a} + {b})", "sub": "({a} - {b})", "mul": "({a} * {b})", "neg": "(-{a})",
    "div": "jnp.divide(_like({a}, {x}), _like({b}, {x}))",
    "pow": "jnp.power(_like({a}, {x}), _like({b}, {x}))",
    "pi": "3.141592653589793", "e": "2.718281828459045",
    "minimum": "jnp.minimum(_like({a}, {x}), _like({b}, {x}))",
    "maximum": "jnp.maximum(_like({a}, {x}), _like({b}, {x}))",
    "clip": "jnp.clip(_like({a}, {x}), _like({b}, {x}), _like({c}, {x}))",
    "where": "jnp.where({a}, _like({b}, {x}), _like({c}, {x}))",
}  # fmt: skip
"""One JAX operation per primitive; a constant operand becomes an array like `x`."""


def _like(value: Any, like: Any) -> Any:
    return value if isinstance(value, jax.Array) else jnp.asarray(value, like.dtype)


class _Library:
    """JAX as the stable forms use it."""

    exp, log, abs, where = (staticmethod(f) for f in (jnp.exp, jnp.log, jnp.abs, jnp.where))
    arctan = staticmethod(jnp.arctan)
    minimum, maximum, round = (staticmethod(f) for f in (jnp.minimum, jnp.maximum, jnp.round))

    @staticmethod
    def is_wide(a: Any) -> bool:
        return bool(a.dtype == jnp.float64)


_SCOPE = {"jnp": jnp, "_stable": Elementary(_Library()), "_like": _like}
_VARIABLES = ("x", "gate", "re", "im")


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
        self.inputs = sum(name in _VARIABLES for name in names)
        differentiable = jax.custom_jvp(self.run)
        differentiable.defjvp(self.push, symbolic_zeros=True)
        # compiled as a whole, as jax.nn's functions are; inside a jit it becomes a part of that
        self.apply = jax.jit(differentiable, inline=True)

    def run(self, *values: Any) -> Any:
        """The value; the variables come first, and their dtype is that of the result."""
        dtype = jnp.result_type(*values[: self.inputs])
        work = _working(dtype)
        moved = [jnp.asarray(value, work) for value in values]
        numbers = [number for _, number in self.fixed]
        result = _compiled(self.expression, self.names, self.fixed, work.name)(*moved, *numbers)
        shape = jnp.broadcast_shapes(*(value.shape for value in moved))
        return jnp.broadcast_to(jnp.asarray(result, dtype), shape)

    def push(self, values: Any, tangents: Any) -> Any:
        """The value, and its change when the inputs change by the tangents."""
        value = self.apply(*values)
        total = jnp.zeros_like(value)
        for name, tangent in zip(self.names, tangents, strict=True):
            if not isinstance(tangent, SymbolicZero):  # a zero times an infinite slope is NaN
                total = total + (tangent * self.slope(name).apply(*values)).astype(value.dtype)
        return value, total

    def slope(self, name: str) -> Kernel:
        """The kernel of the derivative with respect to one argument."""
        derived = self.backward if name == "x" else None
        if derived is None:
            derived = differentiate(self.expression, name)
        return _kernel(derived, self.names, self.fixed)


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


def prepare(
    expression: Expression,
    variables: tuple[str, ...],
    fixed: Mapping[str, float],
    given: tuple[str, ...],
    wrt: str = "x",
    order: int = 0,
    backward: Expression | None = None,
) -> Callable[..., Any]:
    """A function of JAX arrays that computes an expression or one of its derivatives.

    Args:
        expression: the formula.
        variables: names of the inputs.
        fixed: parameters with their numbers.
        given: parameters that come with each call, as numbers or arrays.
        wrt: symbol to differentiate by.
        order: order of the derivative; 0 is the value.
        backward: what stands in for the derivative by `x` when JAX differentiates.

    Returns:
        A function of the variables and the given parameters, in that order, with derivatives by
        every array among them.
    """
    derived = differentiate(expression, wrt, order)
    kernel = _kernel(derived, (*variables, *given), tuple(fixed.items()), backward)
    keeps = order == 0 and not fixed and not given and keeps_integers(expression)
    plain = jax.jit(compile_function([expression], variables, TABLE, _SCOPE)) if keeps else None
    count = len(variables)

    def run(*values: Any) -> Any:
        inputs = [as_array(value) for value in values[:count]]
        dtype = jnp.result_type(*inputs)
        if not jnp.issubdtype(dtype, jnp.floating):
            if plain is not None and dtype != jnp.bool_:
                return plain(*inputs).astype(dtype)
            inputs = [_floating(value) for value in inputs]
        return kernel.apply(*inputs, *values[count:])

    return run


def as_array(value: Any) -> Any:
    """A list or number as a JAX array of real numbers."""
    array = value if isinstance(value, jax.Array) else jnp.asarray(value)
    if not any(
        jnp.issubdtype(array.dtype, kind) for kind in (jnp.floating, jnp.integer, jnp.bool_)
    ):
        raise TypeError(
            f"an activation takes real numbers, but {array.dtype} was given; "
            "use floating-point or integer values"
        )
    return array


def parts(z: Any) -> tuple[Any, Any]:
    """The real and the imaginary part of complex numbers, or of real ones."""
    array = jnp.asarray(z)
    if not jnp.issubdtype(array.dtype, jnp.complexfloating):
        array = jax.lax.complex(real := _widened(as_array(array)), jnp.zeros_like(real))
    return array.real, array.imag


def join(real: Any, imaginary: Any) -> Any:
    """A complex array of its two parts."""
    return jax.lax.complex(real, imaginary)


def _floating(array: Any) -> Any:
    """An array as it is, or in the default floating type."""
    if jnp.issubdtype(array.dtype, jnp.floating):
        return array
    return array.astype(jnp.result_type(float))


def _widened(array: Any) -> Any:
    """An array of at least float32."""
    array = _floating(array)
    return array.astype(_working(array.dtype))


def _working(dtype: Any) -> Any:
    """The dtype that is computed in."""
    return jnp.dtype(jnp.float64 if dtype == jnp.float64 else jnp.float32)


class Operations:
    """What a vector rule may use, on JAX arrays.

    Reductions keep their axis. Positions along the axis count from 0.
    """

    exp, log, log1p, sqrt = (staticmethod(f) for f in (jnp.exp, jnp.log, jnp.log1p, jnp.sqrt))
    abs, sign, where = (staticmethod(f) for f in (jnp.abs, jnp.sign, jnp.where))
    maximum, sigmoid = staticmethod(jnp.maximum), staticmethod(jax.nn.sigmoid)
    bits = 60
    """How many halvings of an interval float64 can tell apart."""

    @staticmethod
    def log_sigmoid(x: Any) -> Any:
        """The logarithm of the logistic function."""
        return jax.nn.log_sigmoid(x)

    @staticmethod
    def indicator(condition: Any, x: Any) -> Any:
        """1 where a condition holds, else 0, as numbers of the kind of x."""
        return condition.astype(x.dtype)

    @staticmethod
    def quantile(p: Any) -> Any:
        """The number that N(0, 1) stays below with probability p."""
        if isinstance(p, jax.Array):
            return jax.scipy.special.ndtri(p)
        return float(scipy.special.ndtri(p))

    @staticmethod
    def max(x: Any, axis: int) -> Any:
        """Largest along an axis."""
        return jnp.max(x, axis=axis, keepdims=True)

    @staticmethod
    def sum(x: Any, axis: int) -> Any:
        """Sum along an axis."""
        return jnp.sum(x, axis=axis, keepdims=True)

    @staticmethod
    def sort(x: Any, axis: int) -> Any:
        """In ascending order along an axis."""
        return jnp.sort(x, axis=axis)

    @staticmethod
    def cumsum(x: Any, axis: int) -> Any:
        """Sums of the entries so far."""
        return jnp.cumsum(x, axis=axis)

    @staticmethod
    def positions(x: Any, axis: int) -> Any:
        """0, 1, 2, ... along an axis, of a shape that broadcasts against x."""
        shape = [1] * x.ndim
        shape[axis] = x.shape[axis]
        return jnp.arange(x.shape[axis], dtype=x.dtype).reshape(shape)

    @staticmethod
    def reshape(x: Any, shape: Any) -> Any:
        """The same entries in another shape."""
        return jnp.reshape(x, shape)

    @staticmethod
    def concat(arrays: Any, axis: int) -> Any:
        """One after the other along an axis."""
        return jnp.concatenate(arrays, axis=axis)

    @staticmethod
    def constant(x: Any) -> Any:
        """The same numbers, through which no gradient passes."""
        return jax.lax.stop_gradient(x)


def vector(rule: Callable[..., Any], x: Any, axis: int, parameters: Mapping[str, Any]) -> Any:
    """Apply a vector rule along an axis."""
    array = as_array(x)
    if not -array.ndim <= axis < array.ndim:
        raise ValueError(f"axis {axis} is out of range for an array of {array.ndim} dimensions")
    arrays = {name: value for name, value in parameters.items() if isinstance(value, jax.Array)}
    numbers = tuple((name, value) for name, value in parameters.items() if name not in arrays)
    return _vector(rule, axis, numbers)(array, arrays)


@lru_cache(maxsize=1024)
def _vector(
    rule: Callable[..., Any], axis: int, numbers: tuple[tuple[str, Any], ...]
) -> Callable[..., Any]:
    def run(x: Any, arrays: dict[str, Any]) -> Any:
        result = rule(Operations, _widened(x), axis, **dict(numbers), **arrays)
        return result.astype(_floating(x).dtype)

    return jax.jit(run, inline=True)
