"""The NumPy engine: any array-like in, a NumPy array out.

float16, bfloat16 and float32 are computed in float64 and rounded once. Integers keep their type
where the formula only chooses among integers (`relu`), and become float64 elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

import numpy as np

from actlab.engines import cpu, numpy_kernels, numpy_long
from actlab.engines.guard import VARIABLES, guard
from actlab.engines.numpy_operations import SCOPE, TABLE
from actlab.engines.source import compile_function
from actlab.formula import Call, Expression, Number, Symbol, differentiate
from actlab.formula.expression import nodes

__all__ = [
    "as_array",
    "for_few_calls",
    "keeps_integers",
    "prepare",
    "step_by_step",
    "vector",
    "vector_needs_long",
]


@lru_cache(maxsize=4096)
def _compiled(expression: Expression, inputs: tuple[str, ...]) -> Callable[..., Any]:
    return compile_function([expression], inputs, TABLE, SCOPE)


@lru_cache(maxsize=4096)
def keeps_integers(expression: Expression) -> bool:
    """Whether integers in give integers out: the formula only chooses among them."""
    choosing = {
        "maximum", "minimum", "abs", "sign", "clip", "where", "neg",
        "lt", "le", "gt", "ge", "eq", "ne",
    }  # fmt: skip
    return all(
        (node.head in choosing)
        if isinstance(node, Call)
        else (node.value.denominator == 1 if isinstance(node, Number) else node.name in "x gate")
        for node in nodes(expression)
        if isinstance(node, Call | Number | Symbol)
    )


def as_array(value: Any) -> Any:
    """A list or number as an array of real numbers."""
    array = np.asarray(value)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype.name == "bfloat16" or array.dtype in (np.float16, np.float32, np.float64):
        return array
    if array.dtype.kind in "biu":
        return array
    shown = "text" if array.dtype.kind in "US" else array.dtype.name
    raise TypeError(
        f"an activation takes real numbers, but {shown} was given; "
        "use floating-point or integer values"
    )


def prepare(
    expression: Expression,
    variables: tuple[str, ...],
    fixed: Mapping[str, float],
    given: tuple[str, ...],
    wrt: str = "x",
    order: int = 0,
    backward: Expression | None = None,  # noqa: ARG001  NumPy has no backward pass
) -> Callable[..., Any]:
    """A function of NumPy arrays that computes an expression or one of its derivatives.

    Args:
        expression: the formula.
        variables: names of the inputs.
        fixed: parameters with their numbers.
        given: parameters that come with each call, as numbers or arrays.
        wrt: symbol to differentiate by.
        order: order of the derivative; 0 is the value.
        backward: has no use here.

    Returns:
        A function of the variables and the given parameters, in that order. Its result is an
        array, or a NumPy scalar for scalars; the inputs broadcast.
    """
    derived = differentiate(expression, wrt, order)
    names, numbers = (*variables, *given), tuple(fixed.items())

    integers = order == 0 and not fixed and not given and keeps_integers(expression)
    plain = _compiled(expression, variables) if integers else None

    def run(*values: Any) -> Any:
        arrays = [as_array(value) for value in values]
        dtype = np.result_type(*arrays[: len(variables)])
        if dtype.kind in "biu":
            if plain is not None and dtype.kind != "b":
                return np.asarray(plain(*arrays)).astype(dtype, copy=False)[()]
            dtype = np.dtype(np.float64)
        if order <= cpu.HIGHEST_ORDER:
            result = numpy_kernels.value(derived, numbers, names, len(variables), arrays, dtype)
            if result is not None:
                return result
        wide = step_by_step(derived, numbers, names, long=dtype == np.float64)(*arrays)
        with np.errstate(all="ignore"):
            return wide.astype(dtype, order="K")[()]

    return run


@lru_cache(maxsize=4096)
def step_by_step(
    expression: Expression,
    fixed: tuple[tuple[str, float], ...],
    names: tuple[str, ...],
    *,
    long: bool = False,
) -> Callable[..., Any]:
    """A function of arrays that runs an expression in float64, one operation after the other.

    Args:
        expression: what to compute.
        fixed: numbers of the parameters that are not among the names.
        names: of the arrays.
        long: whether to take long doubles where float64 would lose digits that a result shows.
    """
    probe = {**dict(fixed), **{name: 0.5 for name in names if name not in VARIABLES}}
    guarded = guard(expression, tuple(sorted(probe.items())), "float64")
    whole = cpu.bound(guarded, fixed)
    width: Any = np.float64
    constants: tuple[float, ...] = tuple(value for _, value in fixed)
    if long and numpy_long.is_needed(whole, names):
        function, width, constants = numpy_long.program(whole, names), np.longdouble, ()
    else:
        function = _compiled(guarded, (*names, *dict(fixed)))

    def run(*arrays: Any) -> Any:
        wide = [array.astype(width, copy=False) for array in arrays]
        with np.errstate(all="ignore"):
            result = np.asarray(function(*wide, *constants)).astype(np.float64, copy=False)
        shape = np.broadcast_shapes(*(array.shape for array in arrays))
        return result if result.shape == shape else np.broadcast_to(result, shape)

    return run


def for_few_calls(expression: Expression, names: tuple[str, ...] = ("x",)) -> Callable[..., Any]:
    """A function of numbers and arrays in float64, without a kernel: compiling takes longer."""
    steps = step_by_step(expression, (), names)

    def run(*inputs: Any) -> Any:
        return steps(*(np.asarray(values, np.float64) for values in inputs))[()]

    return run


def parts(z: Any) -> tuple[Any, Any]:
    """The real and the imaginary part of complex numbers, or of real ones."""
    array = np.asarray(z)
    if array.dtype.kind != "c":
        real = as_array(array)
        narrow = (real.dtype.kind == "f" and real.dtype.itemsize < 8) or real.dtype.kind == "V"
        array = real.astype(np.complex64 if narrow else np.complex128)
    return array.real, array.imag


def join(real: Any, imaginary: Any) -> Any:
    """A complex array of its two parts."""
    result = np.empty(np.shape(real), np.result_type(np.asarray(real).dtype, np.complex64))
    result.real, result.imag = real, imaginary
    return result[()]


_TOLERATED = {False: 2.0, True: 4.0}
"""Units in the last place that a vector rule may be off before long doubles are taken.

By whether there are many elements; for few the digits cost nothing.
"""


class Operations:
    """What a vector rule may use, on NumPy arrays.

    Reductions keep their axis. Positions along the axis count from 0.
    """

    exp, log, log1p, sqrt = (staticmethod(f) for f in (np.exp, np.log, np.log1p, np.sqrt))
    abs, sign, where = (staticmethod(f) for f in (np.abs, np.sign, np.where))
    maximum = staticmethod(np.maximum)
    softmax_at_once = staticmethod(numpy_kernels.softmax)
    bits = 60
    """How many halvings of an interval float64 can tell apart."""

    @staticmethod
    def exp_of_difference(x: Any, top: Any) -> Any:
        """exp(x - top), with what the difference rounds away (D. Knuth's sum of two numbers)."""
        difference = x - top
        back = difference - x
        rest = (x - (difference - back)) - (top + back)
        power = np.exp(difference)
        return power + power * np.where(np.isfinite(rest), rest, 0.0)

    @staticmethod
    def sigmoid(x: Any) -> Any:
        """The logistic function, without overflow."""
        small = np.exp(-np.abs(x))
        return np.where(x < 0, small, 1.0) / (1 + small)

    @staticmethod
    def log_sigmoid(x: Any) -> Any:
        """The logarithm of the logistic function."""
        return -np.logaddexp(0.0, -x)

    @staticmethod
    def indicator(condition: Any, x: Any) -> Any:
        """1 where a condition holds, else 0, as numbers of the kind of x."""
        return np.where(condition, x.dtype.type(1), x.dtype.type(0))

    @staticmethod
    def quantile(p: Any) -> Any:
        """The number that N(0, 1) stays below with probability p."""
        import scipy.special

        return scipy.special.ndtri(p)

    @staticmethod
    def max(x: Any, axis: int) -> Any:
        """Largest along an axis."""
        return np.max(x, axis=axis, keepdims=True)

    @staticmethod
    def sum(x: Any, axis: int) -> Any:
        """Sum along an axis."""
        return np.sum(x, axis=axis, keepdims=True)

    @staticmethod
    def sort(x: Any, axis: int) -> Any:
        """In ascending order along an axis."""
        return np.sort(x, axis=axis)

    @staticmethod
    def cumsum(x: Any, axis: int) -> Any:
        """Sums of the entries so far."""
        return np.cumsum(x, axis=axis)

    @staticmethod
    def positions(x: Any, axis: int) -> Any:
        """0, 1, 2, ... along an axis, of a shape that broadcasts against x."""
        shape = [1] * x.ndim
        shape[axis] = x.shape[axis]
        return np.arange(x.shape[axis], dtype=np.float64).reshape(shape)

    @staticmethod
    def reshape(x: Any, shape: Any) -> Any:
        """The same entries in another shape."""
        return np.reshape(x, shape)

    @staticmethod
    def concat(arrays: Any, axis: int) -> Any:
        """One after the other along an axis."""
        return np.concatenate(arrays, axis=axis)

    @staticmethod
    def constant(x: Any) -> Any:
        """The same numbers, through which no gradient passes."""
        return x


class _OnlyKernels(Operations):
    """The same for rules that kernels serve, which keep all digits by themselves."""

    @staticmethod
    def softmax_at_once(x: Any, axis: int, *, log: bool) -> Any:
        """By a kernel or not at all."""
        done = numpy_kernels.softmax(x, axis, log=log)
        if done is None:
            raise _NoKernelError
        return done


class _NoKernelError(Exception):
    """A vector rule needs more than kernels."""


def _refuse(*_: Any) -> Any:
    raise _NoKernelError


for _name in ("exp", "log1p", "sum", "cumsum", "exp_of_difference", "quantile"):
    setattr(_OnlyKernels, _name, staticmethod(_refuse))


class _LongOperations(Operations):
    """The same on long doubles, for rules that lose digits in float64."""

    softmax_at_once = staticmethod(lambda *_, **__: None)

    @staticmethod
    def quantile(p: Any) -> Any:
        """One step of Newton's method from that of float64."""
        start = np.asarray(Operations.quantile(np.asarray(p, np.float64)), np.longdouble)
        beyond = numpy_long.normcdf(start) - p
        return np.where(np.isfinite(start), start - beyond / numpy_long.normpdf(start), start)


def vector(rule: Callable[..., Any], x: Any, axis: int, parameters: Mapping[str, float]) -> Any:
    """Apply a vector rule along an axis."""
    array = as_array(x)
    dtype = np.dtype(np.float64) if array.dtype.kind in "biu" else array.dtype
    _check_axis(axis, array.ndim)
    long = dtype == np.float64 and vector_needs_long(rule, parameters, array.size)
    if long and cpu.large_enough(array.size, "numpy"):
        with suppress(_NoKernelError), np.errstate(all="ignore"):
            return rule(_OnlyKernels, array.astype(np.float64), axis, **parameters).astype(dtype)
    return _vector(rule, array, axis, parameters, long=long).astype(dtype)


def _vector(
    rule: Callable[..., Any], x: Any, axis: int, parameters: Mapping[str, Any], *, long: bool
) -> Any:
    with np.errstate(all="ignore"):
        if not long:
            return rule(Operations, x.astype(np.float64, copy=False), axis, **parameters)
        settings = {name: _long_number(value) for name, value in parameters.items()}
        return rule(_LongOperations, x.astype(np.longdouble), axis, **settings)


def _long_number(value: Any) -> Any:
    """A parameter in long double; a float means its shortest decimal."""
    if isinstance(value, float):
        return value if value.is_integer() else np.longdouble(repr(float(value)))
    return value.astype(np.longdouble) if isinstance(value, np.ndarray) else value


def vector_needs_long(
    rule: Callable[..., Any], parameters: Mapping[str, Any], elements: int
) -> bool:
    """Whether a vector rule loses digits in float64 that its results show."""
    if not numpy_long.AVAILABLE:
        return False
    numbers = ((k, float(v) if isinstance(v, int | float) else 0.5) for k, v in parameters.items())
    return _lost(rule, tuple(sorted(numbers))) > _TOLERATED[cpu.large_enough(elements, "numpy")]


@lru_cache(maxsize=1024)
def _lost(rule: Callable[..., Any], parameters: tuple[tuple[str, float], ...]) -> float:
    """The error of a rule in float64 on some rows, in units in the last place."""
    random = np.random.default_rng(10)
    rows = random.normal(size=(64, 6)) * np.repeat([0.1, 1.0, 5.0, 30.0], 16)[:, None]
    try:
        with cpu.kernels_from(math.inf):
            mine, exact = (
                _vector(rule, rows, 1, dict(parameters), long=long) for long in (False, True)
            )
    except ValueError:  # groups of some size, of which six are none
        return 0.0
    with np.errstate(all="ignore"):
        errors = np.abs(mine - exact) / np.spacing(np.abs(exact.astype(np.float64)))
    return float(np.max(errors, initial=0.0, where=np.isfinite(errors)))


def _check_axis(axis: int, dimensions: int) -> None:
    if dimensions == 0:
        raise TypeError("a vector function needs at least one dimension, but a scalar was given")
    if not -dimensions <= axis < dimensions:
        raise ValueError(f"axis {axis} is out of range for an array of {dimensions} dimensions")
