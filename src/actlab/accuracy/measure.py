"""Measure an engine, or a peer, against the exact value.

Exact values come from mpmath, at a few hundred inputs per function; that is slow. The inputs of
the narrower formats are many (all 65,536 of 16 bits, 100,000 of float32), so there the reference
is the NumPy engine in float64, which is a reference only because it is measured itself first:
its error against mpmath must stay below `REFERENCE` float64 ULP at the float32 and float64
samples, so that it adds less than 2**-18 ULP to a float32 error. Where it does not, the function
is measured at the exact sample alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from actlab.accuracy import points
from actlab.accuracy.error import FORMATS, Exact, error_in_ulp
from actlab.engines import cpu
from actlab.engines.numpy import step_by_step

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["FLUSHING", "REFERENCE", "Measured", "Subject", "measure", "subject"]

REFERENCE: Final = 2.0**11

FLUSHING: Final = frozenset({"jax", "tensorflow"})
"""Engines whose library computes with subnormal numbers as with zeros, on some processors."""

Subject = Callable[..., Any]
"""`subject(*inputs, dtype=...)`: float64 arrays of numbers of that format in and out."""


@dataclass(frozen=True)
class Measured:
    """The largest error found, and where."""

    function: str
    engine: str
    dtype: str
    order: int
    wrt: str
    max_ulp: float
    at: tuple[float, ...]
    computed: float
    exact: float
    points: int
    """How many inputs were measured."""
    dense: bool
    """Whether the many inputs were, and not only those with an exact reference."""
    intervals: tuple[tuple[float, float], ...]
    """Where the error is counted in the ULP of the edge; see `points.intervals`."""

    def __str__(self) -> str:
        slope = {0: "", 1: "'"}.get(self.order, f"^({self.order})")
        by = f" by {self.wrt}" if self.order and self.wrt != "x" else ""
        at = ", ".join(repr(value) for value in self.at)
        return (
            f"{self.function}{slope}{by} {self.engine} {self.dtype}: {self.max_ulp:.3g} ULP at "
            f"{at} ({self.computed!r}, exactly {self.exact!r}; {self.points} inputs)"
        )


def subject(
    activation: Activation,
    engine: str,
    order: int = 0,
    wrt: str = "x",
    *,
    kernels_from: float | None = None,
) -> Subject:
    """An engine of actlab as something to measure.

    Args:
        activation: what to compute.
        engine: "numpy", "torch", "jax" or "tensorflow".
        order: of the derivative.
        wrt: the input to differentiate by.
        kernels_from: elements from which compiled kernels are used, where there are any; as
            usual without it.
    """

    def run(*inputs: Any, dtype: str) -> Any:
        with _wide(engine, dtype), cpu.kernels_from(kernels_from):
            arrays = [_array(engine, values, dtype) for values in inputs]
            if order == 0:
                return _floats(activation(*arrays))
            return _floats(activation.derivative(*arrays, order=order, wrt=wrt))

    return run


def _array(engine: str, values: Any, dtype: str) -> Any:
    if engine == "numpy":
        return values.astype(dtype)
    if engine == "torch":
        import torch

        return torch.from_numpy(np.ascontiguousarray(values)).to(getattr(torch, dtype))
    if engine == "jax":
        import jax.numpy as jnp

        return jnp.asarray(values, dtype)
    if engine == "tensorflow":
        import tensorflow as tf

        return tf.cast(tf.constant(values), dtype)
    raise ValueError(
        f"there is no engine {engine!r} to measure; there are numpy, torch, jax and tensorflow"
    )


def _wide(engine: str, dtype: str) -> AbstractContextManager[None]:
    """JAX has float64 only where it is switched on."""
    if engine == "jax" and dtype == "float64":
        import jax

        context: AbstractContextManager[None] = jax.enable_x64(True)
        return context
    return nullcontext()


def _floats(result: Any) -> Any:
    if hasattr(result, "detach"):
        return result.detach().double().numpy()
    return np.asarray(result, np.float64)


def measure(
    activation: Activation,
    engine: str | Subject,
    dtype: str,
    order: int = 0,
    wrt: str = "x",
) -> Measured:
    """The largest error of an engine over the fixed inputs of a format.

    Args:
        activation: a scalar, gated or vector function.
        engine: "numpy", "torch", "jax", "tensorflow", or a peer as a `Subject`.
        dtype: "float16", "bfloat16" (not numpy), "float32" or "float64".
        order: order of the derivative; vector functions have only their value.
        wrt: the input to differentiate by, for a gated pair.

    Returns:
        The worst case.
    """
    name = engine if isinstance(engine, str) else getattr(engine, "__name__", "peer")
    paths = _paths(activation, engine, order, wrt, dtype) if isinstance(engine, str) else [engine]
    if activation.kind == "vector":
        batches = [_vectors(activation, dtype)]
        trusted = False
    else:
        trusted = dtype == "float64" or _trusted(activation, order, wrt) is not None
        batches = []
        if dtype in {"float32", "float64"}:
            batches.append(_exact(activation, dtype, order, wrt))
        if dtype != "float64" and trusted:
            batches.append(_dense(activation, dtype, order, wrt))
        elif dtype in {"float16", "bfloat16"}:
            batches.append(_exact(activation, dtype, order, wrt))
    worst: tuple[float, tuple[float, ...], float, float] = (-1.0, (), 0.0, 0.0)
    for run, (inputs, exact, least) in product(paths, batches):
        computed = run(*inputs, dtype=dtype)
        unit = least
        if name in FLUSHING:
            unit = np.maximum(0.0 if least is None else least, _lost(dtype))
        errors = error_in_ulp(computed.ravel(), exact, dtype, unit)
        if name in FLUSHING:
            errors = np.where(_any_subnormal(inputs, dtype, errors.shape), 0.0, errors)
        place = int(np.argmax(errors))
        if errors[place] > worst[0]:
            value = float(exact.floats()[place])
            # a vector function may give more or fewer numbers than it takes
            at = tuple(float(v.ravel()[place * v.size // computed.size]) for v in inputs)
            worst = (float(errors[place]), at, float(computed.ravel()[place]), value)
    near = points.intervals(activation, order, wrt) if activation.kind != "vector" else ()
    return Measured(
        activation.name, name, dtype, order, wrt, *worst,
        points=sum(len(exact) for _, exact, _ in batches), dense=trusted, intervals=near,
    )  # fmt: skip


def _paths(activation: Activation, engine: str, order: int, wrt: str, dtype: str) -> list[Subject]:
    """Each way that an engine may take: by compiled kernels, and by the library's operations."""
    if engine == "jax":
        compiled = subject(activation, engine, order, wrt)
        return [compiled, _uncompiled(compiled)]
    both = engine in {"numpy", "torch"} and order <= cpu.HIGHEST_ORDER
    if not (both and dtype in {"float32", "float64"}):
        return [subject(activation, engine, order, wrt)]
    return [subject(activation, engine, order, wrt, kernels_from=start) for start in (0, math.inf)]


def _uncompiled(run: Subject) -> Subject:
    """JAX's operations one by one, which XLA then can't fuse."""

    def step_by_step(*inputs: Any, dtype: str) -> Any:
        import jax

        with jax.disable_jit():
            if inputs[0].ndim != 1:
                return run(*inputs, dtype=dtype)
            # filled up to a power of two, so that XLA compiles an operation for few sizes
            size = inputs[0].size
            more = (0, (1 << (size - 1).bit_length()) - size)
            return run(*(np.pad(v, more, mode="edge") for v in inputs), dtype=dtype)[:size]

    return step_by_step


def _reference(activation: Activation, order: int, wrt: str) -> Subject:
    """What stands for the exact value where it is trusted: one path, however many the inputs."""
    return subject(activation, "numpy", order, wrt, kernels_from=math.inf)


def _in_float64(activation: Activation, order: int, wrt: str) -> Subject:
    """The same formula by operations in float64, never wider: enough for most, and quicker."""
    formula = activation.filled(activation.slope(wrt, order))
    steps = step_by_step(formula, (), tuple(activation.variables))

    def run(*inputs: Any, dtype: str) -> Any:  # noqa: ARG001  it is float64
        return np.asarray(steps(*inputs), np.float64)

    return run


def _lost(dtype: str) -> float:
    """The unit where subnormal numbers count as zero: such a one, lost, times up to 2**13."""
    return float(2.0 ** (_working_least(dtype) + 13))


def _any_subnormal(inputs: tuple[Any, ...], dtype: str, shape: tuple[int, ...]) -> Any:
    """Where an input counts as zero."""
    found = np.zeros(shape, bool)
    for values in inputs:
        size = np.abs(np.ravel(values))
        if size.shape == shape:  # the result of a vector function may have another
            found |= (size > 0) & (size < 2.0 ** _working_least(dtype))
    return found


def _working_least(dtype: str) -> int:
    """The exponent of the smallest normal number of the format that is computed in."""
    return min(FORMATS[dtype].least, FORMATS["float32"].least)


Batch = tuple[tuple[Any, ...], Exact, Any]
"""Inputs, exact values, and the least unit to count in at each."""


@lru_cache(maxsize=64)
def _exact(activation: Activation, dtype: str, order: int, wrt: str) -> Batch:
    inputs: tuple[Any, ...]
    if activation.kind == "gated":
        inputs = _few_pairs(dtype)
    else:
        inputs = (points.sample(activation, dtype, order),)
    if activation.kind == "gated" and wrt == "gate":
        from actlab.engines.exact import evaluate

        numbers = [
            evaluate(activation.bound, {"x": x, "gate": g}, {}, wrt="gate", order=order, digits=20)
            for x, g in zip(*inputs, strict=True)
        ]
    else:
        numbers = [
            activation.exact(*(float(v) for v in row), order=order, digits=20)
            for row in zip(*inputs, strict=True)
        ]
    return inputs, Exact.of_numbers(numbers), _least(activation, dtype, order, wrt, inputs)


@lru_cache(maxsize=16)
def _dense(activation: Activation, dtype: str, order: int, wrt: str) -> Batch:
    inputs: tuple[Any, ...]
    if activation.kind == "gated":
        inputs = _many_pairs(dtype)
    else:
        inputs = (points.dense(activation, dtype, order),)
    reference = _trusted(activation, order, wrt)
    assert reference is not None, "only what is trusted stands for exact values"  # noqa: S101
    values = reference(*inputs, dtype="float64")
    return inputs, Exact.of_floats(values), _least(activation, dtype, order, wrt, inputs)


@lru_cache(maxsize=4096)
def _trusted(activation: Activation, order: int, wrt: str) -> Subject | None:
    """What in NumPy may stand for the exact value of narrower formats, if anything may."""
    for reference in (_in_float64, _reference):
        run = reference(activation, order, wrt)
        if _is_exact(run, activation, order, wrt):
            return run
    return None


def _is_exact(run: Subject, activation: Activation, order: int, wrt: str) -> bool:
    for dtype in ("float32", "float64"):
        inputs, exact, least = _exact(activation, dtype, order, wrt)
        if dtype == "float32":  # the unit at an edge is that of float64
            least = _least(activation, "float64", order, wrt, inputs)
        computed = run(*inputs, dtype="float64")
        if not float(np.max(error_in_ulp(computed, exact, "float64", least))) <= REFERENCE:
            return False
    return True


def _least(
    activation: Activation, dtype: str, order: int, wrt: str, inputs: tuple[Any, ...]
) -> Any:
    """The unit at the edge of the interval that an input lies in; 0 outside."""
    least = np.zeros(inputs[0].shape)
    run = _reference(activation, order, wrt)
    for place, variable in enumerate(activation.variables):
        for interval in points.intervals(activation, order, wrt, variable):
            inside = (inputs[place] >= interval[0]) & (inputs[place] <= interval[1])
            if not inside.any():
                continue
            units = []
            for edge in interval:
                moved = [values[inside] for values in inputs]
                moved[place] = np.full_like(moved[place], edge)
                units.append(FORMATS[dtype].spacing(run(*moved, dtype="float64")))
            least[inside] = np.maximum(least[inside], np.minimum(*units))
    return least


def _few_pairs(dtype: str) -> tuple[Any, ...]:
    sizes = np.array([0.0, 1e-6, 0.3, 1.7, 4.1, 9.3, 30.0])
    values = FORMATS[dtype].round(np.concatenate([sizes, -sizes[1:]]))
    x, gate = np.meshgrid(values, values)
    return x.ravel(), gate.ravel()


def _many_pairs(dtype: str) -> tuple[Any, ...]:
    random = np.random.default_rng(21)
    form = FORMATS[dtype]
    scale = np.exp2(random.uniform(-12, 6, (2, 2**15)))
    return tuple(form.round(row) for row in scale * random.choice([-1.0, 1.0], scale.shape))


@lru_cache(maxsize=256)
def _vectors(activation: Activation, dtype: str) -> Batch:
    random = np.random.default_rng(22)
    rows = random.normal(size=(24, 6)) * np.repeat([0.1, 1.0, 5.0, 30.0], 6)[:, None]
    rows[0] = 0.0
    rows[6] += 1000.0
    x = FORMATS[dtype].round(rows)
    numbers = [value for row in x for value in activation.exact(row, digits=25)]
    return (x,), Exact.of_numbers(numbers), None
