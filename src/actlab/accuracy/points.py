"""Where accuracy is measured: fixed inputs, and the places that a function makes difficult."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from actlab.accuracy.error import FORMATS
from actlab.engines import cpu
from actlab.formula import PRIMITIVES, Call, Expression, symbols_of
from actlab.formula.expression import nodes

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["dense", "edges", "intervals", "range_of", "sample"]

_FARTHEST: Final = 64.0

_WIDTH: Final = 1 / 2
_GAP: Final = 1 / 4
_MOST_EDGES: Final = 12
_ALMOST: Final = 1e-2


@lru_cache(maxsize=1024)
def range_of(activation: Activation) -> float:
    """Up to which size of its input a function is measured.

    Infinite, but for functions with `sin` or `cos`, which have zeros without end. Those are
    measured up to 64, or less where their extrema come closer than 1/8.
    """
    if activation.formula is None or not any(
        isinstance(node, Call) and node.head in {"sin", "cos"} for node in nodes(activation.formula)
    ):
        return math.inf
    grid = _grid()
    signs = np.sign(_float64(activation, 1, "x", "x", grid))
    extrema = grid[1:][signs[1:] != signs[:-1]]
    reach = _FARTHEST
    while reach > 1 and np.any(np.diff(extrema[np.abs(extrema) < reach]) < 1 / 8):
        reach /= 2
    return reach


def _grid() -> Any:
    near = np.arange(-70, 70, 1 / 64) + 0.00317
    far = 10.0 ** np.arange(-8, 8, 0.05)
    return np.unique(np.concatenate([near, far, -far]))


def _bisect(function: Callable[[Any], Any], low: Any, high: Any) -> tuple[Any, Any]:
    """Neighbouring numbers between which a function leaves the sign it has at each `low`."""
    sign = np.sign(function(low))
    for _ in range(200):
        middle = low + (high - low) / 2
        inside = (low < middle) & (middle < high)
        if not inside.any():
            break
        same = np.sign(function(middle)) == sign
        low = np.where(inside & same, middle, low)
        high = np.where(inside & ~same, middle, high)
    return low, high


@lru_cache(maxsize=1024)
def edges(activation: Activation) -> tuple[float, ...]:
    """Kinks and thresholds of a scalar function: where a choice in its formula changes."""
    found: set[float] = set()
    for expression in (activation.formula, activation.definition):
        for side in _sides(expression) if expression is not None else ():
            found |= _changes(replace(activation, formula=side, definition=None))
    return tuple(sorted(found, key=abs)[:_MOST_EDGES])


def _sides(expression: Expression) -> set[Expression]:
    """Expressions whose sign decides something."""
    sides: set[Expression] = set()
    for node in nodes(expression):
        if not isinstance(node, Call):
            continue
        first = node.arguments[0] if node.arguments else None
        if first is not None and node.head in {"abs", "sign"}:
            sides.add(first)
        elif PRIMITIVES[node.head].is_comparison or node.head in {"maximum", "minimum", "clip"}:
            sides |= {Call("sub", (node.arguments[0], other)) for other in node.arguments[1:]}
    return {side for side in sides if "x" in symbols_of(side) and "gate" not in symbols_of(side)}


def _changes(function: Activation) -> set[float]:
    def value(x: Any) -> Any:
        return _float64(function, 0, "x", "x", x)

    grid = _grid()
    signs = np.sign(value(grid))
    places = np.flatnonzero(signs[1:] != signs[:-1])[:64]
    low, high = _bisect(value, grid[places], grid[places + 1])
    nearest = np.where(abs(value(low)) < abs(value(high)), low, high)
    return {float(x) if abs(x) > 1e-300 else 0.0 for x in nearest}


@lru_cache(maxsize=4096)
def intervals(
    activation: Activation, order: int = 0, wrt: str = "x", variable: str = "x"
) -> tuple[tuple[float, float], ...]:
    """Neighbourhoods of the isolated zeros, other than 0, of a value or derivative.

    Inside, the relative error of any arithmetic is unbounded, so errors are counted in the ULP
    of the value at the interval's edge. Each reaches half of the zero's size to both sides,
    and at most a quarter of the way to the next zero. A zero at 0 itself is no such place for a
    value or slope, since inputs near it are exact; a second derivative may be a difference of
    terms there, and the interval is then [-1/2, 1/2].
    """

    def function(x: Any) -> Any:
        return _float64(activation, order, wrt, variable, x)

    grid = _grid()
    grid = grid[np.abs(grid) <= range_of(activation) + 4]
    values = function(grid)
    zeros = _crossings(function, grid, values) + _touching(function, grid, values)
    at_origin = any(abs(zero) <= 1e-6 for zero in zeros)
    zeros = sorted({zero for zero in zeros if abs(zero) > 1e-6})
    result = [(-_WIDTH, _WIDTH)] if at_origin and order > 1 else []
    for place, zero in enumerate(zeros):
        width = abs(zero) * _WIDTH
        for neighbour in zeros[max(place - 1, 0) : place] + zeros[place + 1 : place + 2]:
            width = min(width, abs(neighbour - zero) * _GAP)
        result.append((float(f"{zero - width:.6g}"), float(f"{zero + width:.6g}")))
    return tuple(result)


def _float64(activation: Activation, order: int, wrt: str, variable: str, x: Any) -> Any:
    inputs = [np.asarray(x, np.float64)]
    if activation.kind == "gated":
        other = np.ones_like(inputs[0])
        inputs = [inputs[0], other] if variable == "x" else [other, inputs[0]]
    with cpu.kernels_from(math.inf):  # a few grids are no reason to compile anything
        if order == 0:
            return np.asarray(activation(*inputs))
        return np.asarray(activation.derivative(*inputs, order=order, wrt=wrt))


def _crossings(function: Callable[[Any], Any], grid: Any, values: Any) -> list[float]:
    signs = np.sign(values)
    places = np.flatnonzero(signs[1:] * signs[:-1] < 0)
    low, high = _bisect(function, grid[places], grid[places + 1])
    jump = np.maximum(abs(function(low)), abs(function(high)))
    around = np.maximum(abs(values[places]), abs(values[places + 1]))
    return [float(zero) for zero in low[jump < 1e-6 * around]]


def _touching(function: Callable[[Any], Any], grid: Any, values: Any) -> list[float]:
    """Zeros without a change of sign: where |f| has a minimum that is next to nothing."""
    size = np.abs(values)
    inner = (size[1:-1] < size[:-2]) & (size[1:-1] < size[2:]) & (size[1:-1] > 0)
    signs = np.sign(values)
    same = (signs[1:-1] == signs[:-2]) & (signs[1:-1] == signs[2:])
    found = []
    for place in np.flatnonzero(inner & same) + 1:
        low, high = float(grid[place - 1]), float(grid[place + 1])
        for _ in range(80):
            third = (high - low) / 3
            if abs(function(low + third)) <= abs(function(high - third)):
                high -= third
            else:
                low += third
        around = min(abs(function(low - 1 / 8)), abs(function(low + 1 / 8)))
        if abs(function(low)) < _ALMOST * around:
            found.append(low)
    return found


def _neighbours(centres: Any, dtype: str, steps: Any) -> Any:
    form = FORMATS[dtype]
    rounded = form.round(np.asarray(centres, np.float64))
    units = np.maximum(form.spacing(rounded), form.smallest)
    return (rounded[:, None] + units[:, None] * np.asarray(steps, np.float64)).ravel()


def _special(dtype: str) -> Any:
    form = FORMATS[dtype]
    sizes = [0.0, 1.0, form.maximum, 2.0**form.least, form.smallest, 3 * form.smallest]
    return np.array([s * size for s in (1, -1) for size in sizes])


def sample(activation: Activation, dtype: str, order: int = 0) -> Any:
    """A few hundred inputs of a scalar function, chosen for an exact reference at each.

    All magnitudes of the format, the range where activations live, both tails to where
    exponentials end, and the neighbourhood of every kink, threshold and zero.
    """
    form = FORMATS[dtype]
    random = np.random.default_rng(20)
    sizes = np.exp2(random.uniform(form.least - form.precision, form.most, 48))
    tail = 760.0 if dtype == "float64" else 110.0
    centres = [0.0, *edges(activation)]
    centres += [end for interval in intervals(activation, order)[:8] for end in interval]
    centres += [sum(interval) / 2 for interval in intervals(activation, order)[:8]]
    near = _neighbours(centres, dtype, [-64, -2, -1, 0, 1, 2, 64])
    relative = np.array([1 - 2.0**-9, 1 + 2.0**-9])
    return _finish(
        activation,
        dtype,
        sizes * np.sign(random.uniform(-1, 1, 48)),
        random.uniform(-12, 12, 64),
        random.uniform(-1, 1, 32) * tail,
        np.outer([c for c in centres if c], relative).ravel(),
        near,
        _special(dtype),
    )


@lru_cache(maxsize=8)
def _patterns(dtype: str) -> Any:
    """Numbers of a format at equal steps of their bit pattern: all of them in 16 bits."""
    with np.errstate(invalid="ignore"):  # the patterns of signalling NaN are left out below
        values = _of_patterns(dtype)
    return values[np.isfinite(values)]


def _of_patterns(dtype: str) -> Any:
    if dtype == "float16":
        values = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float64)
    elif dtype == "bfloat16":
        values = (np.arange(2**16, dtype=np.uint32) << 16).view(np.float32).astype(np.float64)
    else:
        bits = np.arange(2**16, dtype=np.uint64) * 65537 + 12345
        values = bits.astype(np.uint32).view(np.float32).astype(np.float64)
    return values


def dense(activation: Activation, dtype: str, order: int = 0) -> Any:
    """All numbers of a 16-bit format, or a fixed dense set of float32."""
    if dtype != "float32":
        return _finish(activation, dtype, _patterns(dtype))
    centres = [0.0, *edges(activation)]
    centres += [end for interval in intervals(activation, order)[:8] for end in interval]
    return _finish(
        activation,
        dtype,
        _patterns(dtype),
        np.linspace(-12, 12, 2**15) + 1e-4,
        np.linspace(-110, 110, 2**14),
        _neighbours(centres, dtype, np.arange(-64, 65)),
    )


def _finish(activation: Activation, dtype: str, *parts: Any) -> Any:
    points = FORMATS[dtype].round(np.concatenate(parts))
    points = points[np.isfinite(points)]
    points = points[np.abs(points) <= range_of(activation)]
    return np.unique(points) if dtype == "float64" or len(points) < 5000 else points
