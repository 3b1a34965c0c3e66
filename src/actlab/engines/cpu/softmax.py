"""Softmax and log-softmax of rows of adjacent elements, and their backward passes.

A row is read once where its exponentials fit the thread's scratch memory, else twice. Sums run in
64 lanes of float64, in an order that depends on the row's length alone. Rows whose elements lie
apart have kernels of their own, in `softmax_across`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from actlab.engines.cpu.tasks import run_rows

__all__ = ["SoftmaxSpec", "build_softmax", "run_softmax"]

_LANES = 64


@dataclass(frozen=True)
class SoftmaxSpec:
    """A kernel over rows.

    Its operands are the input and the output, or in a backward pass the forward pass's output,
    the gradient from above, and the gradient by the input.
    """

    log: bool
    backward: bool
    dtype: Literal["float32", "float64"]
    across: bool = False
    """Whether the entries of a row lie apart, with other rows between them."""


def build_softmax(spec: SoftmaxSpec) -> bytes:
    """Object code, as `building.build` makes it."""
    from actlab.engines.cpu import softmax_across
    from actlab.engines.cpu.building import object_code

    if spec.across:
        which, load, store, clear, _, _ = _parts(spec.dtype)
        parts = which, load, store, clear
        if spec.backward:
            return object_code(softmax_across.backward(spec.log, parts))
        return object_code(softmax_across.forward(spec.log, parts, spec.dtype))
    return object_code(_backward(spec) if spec.backward else _forward(spec))


def run_softmax(
    address: Callable[[bool], int | None],
    shape: Sequence[int],
    axis: int,
    item: int,
    places: Sequence[int],
) -> bool:
    """Run a kernel on solid arrays of one shape; False where there is no kernel.

    Args:
        address: the kernel's, for rows whose entries are adjacent (False) or apart (True).
        shape: of all arrays.
        axis: that the softmax runs along, counted from 0.
        item: bytes of a number.
        places: addresses of the inputs and the output.
    """
    count = shape[axis]
    inner = math.prod(shape[axis + 1 :])
    outer = math.prod(shape) // max(1, count * inner)
    found = address(inner > 1)
    if found is None:
        return False
    if inner == 1:
        step = count * item
        run_rows(found, outer, count, [word for place in places for word in (place, step)])
        return True
    groups = -(-inner // _LANES)
    words = [word for at, place in enumerate(places) for word in (place, (inner, groups, 0)[at])]
    run_rows(found, outer * groups, count, words, width=min(inner, _LANES))
    return True


def _parts(dtype: str) -> Any:
    import numpy as np

    from actlab.engines.cpu import words
    from actlab.engines.vectormath import primitives
    from actlab.engines.vectormath.bits import choose, primitive
    from actlab.engines.vectormath.float64 import exp_of_difference

    which = primitives("float64" if dtype == "float64" else "mixed")
    load_stored = words.load64 if dtype == "float64" else words.load32
    store = words.store64 if dtype == "float64" else words.store32
    recall, keep, lanes = words.recall, words.keep, _LANES

    exp = which["exp"]

    @primitive
    def widened_power(x: float, top: float) -> Any:
        """exp(x - top) in float64, whose difference of float32 numbers is exact enough."""
        return exp(x - top)

    wide = dtype == "float64"
    which["exp_of_difference"] = exp_of_difference if wide else widened_power

    @primitive
    def load(address: int, place: int) -> Any:
        return np.float64(load_stored(address, place))

    @primitive
    def clear(memory: int, value: float) -> None:
        for j in range(lanes):
            keep(memory, j, value)

    @primitive
    def total(memory: int) -> float:
        result = 0.0
        for j in range(lanes):
            result += recall(memory, j)
        return result

    @primitive
    def largest(x: int, count: int, memory: int) -> Any:
        """The largest number; some number or -inf if there is a NaN."""
        clear(memory, -math.inf)
        for start in range(0, count, lanes):
            for j in range(min(lanes, count - start)):
                value, before = load(x, start + j), recall(memory, j)
                keep(memory, j, choose(value > before, value, before))
        top = -math.inf
        for j in range(lanes):
            top = max(top, recall(memory, j))
        return top

    return which, load, store, clear, total, largest


def _forward(spec: SoftmaxSpec) -> Any:
    from actlab.engines.cpu import words
    from actlab.engines.cpu.softmax_sums import sums_for
    from actlab.engines.vectormath import bits
    from actlab.engines.vectormath.bits import primitive

    which, load, store, _, _, largest = _parts(spec.dtype)
    power_of, log1p = which["exp_of_difference"], which["log1p"]
    word, take, scratch, choose = words.word, words.take, words.scratch, bits.choose
    recall, keep, lanes = words.recall, words.keep, _LANES
    log, room = spec.log, words.BLOCK
    sums = sums_for(spec.dtype, lanes)
    begin, include, total = sums["start"], sums["include"], sums["total"]
    inverse, part = sums["inverse"], sums["part"]

    @primitive
    def shares(x: int, count: int, top: float, memory: int, kept: int) -> Any:
        """One over the sum of exp(x - top), which are kept where there is room."""
        begin(memory)
        for start in range(0, count, lanes):
            for j in range(min(lanes, count - start)):
                power = power_of(load(x, start + j), top)
                include(memory, j, power)
                if kept:
                    keep(kept, start + j, power)
        high, low = total(memory)
        return inverse(high, low)

    @primitive
    def rest(x: int, count: int, top: float, memory: int) -> Any:
        """The sum of exp(x - top) less 1, to all digits also where it is small."""
        begin(memory)
        for start in range(0, count, lanes):
            for j in range(min(lanes, count - start)):
                below = load(x, start + j) - top
                power = choose(below == 0.0, 0.0, power_of(load(x, start + j), top))
                include(memory, j, power)
        small, low = total(memory)
        begin(memory)
        for start in range(0, count, lanes):
            for j in range(min(lanes, count - start)):
                one = choose(load(x, start + j) == top, 1.0, 0.0)
                include(memory, j, one)
        ones, _ = total(memory)
        return small + (low + (ones - 1.0))

    def kernel(task: Any) -> None:
        pieces, rows, columns, size = word(task, 1), word(task, 2), word(task, 3), word(task, 4)
        memory, powers = scratch(), scratch()
        kept = powers if columns <= room else 0
        while True:
            piece = take(task)
            if piece >= pieces:
                return
            for row in range(piece * size, min(piece * size + size, rows)):
                x = word(task, 5) + row * word(task, 6)
                y = word(task, 7) + row * word(task, 8)
                top = largest(x, columns, memory)
                if log:
                    away = log1p(rest(x, columns, top, memory))
                    for i in range(columns):
                        store(y, i, load(x, i) - top - away)
                else:
                    each, left = shares(x, columns, top, memory, kept)
                    if kept:
                        for i in range(columns):
                            store(y, i, part(recall(kept, i), each, left))
                    else:
                        for i in range(columns):
                            store(y, i, part(power_of(load(x, i), top), each, left))

    return kernel


def _backward(spec: SoftmaxSpec) -> Any:
    from actlab.engines.cpu import words
    from actlab.engines.vectormath.bits import primitive

    which, load, store, clear, total, _ = _parts(spec.dtype)
    exp = which["exp"]
    word, take, scratch = words.word, words.take, words.scratch
    recall, keep, lanes, log = words.recall, words.keep, _LANES, spec.log

    @primitive
    def weighted(y: int, g: int, count: int, memory: int) -> Any:
        """The sum of the gradient, for softmax times the output."""
        clear(memory, 0.0)
        for start in range(0, count, lanes):
            for j in range(min(lanes, count - start)):
                value = load(g, start + j)
                if not log:
                    value = value * load(y, start + j)
                keep(memory, j, recall(memory, j) + value)
        return total(memory)

    def kernel(task: Any) -> None:
        pieces, rows, columns, size = word(task, 1), word(task, 2), word(task, 3), word(task, 4)
        memory = scratch()
        while True:
            piece = take(task)
            if piece >= pieces:
                return
            for row in range(piece * size, min(piece * size + size, rows)):
                y = word(task, 5) + row * word(task, 6)
                g = word(task, 7) + row * word(task, 8)
                out = word(task, 9) + row * word(task, 10)
                whole = weighted(y, g, columns, memory)
                for i in range(columns):
                    if log:
                        store(out, i, load(g, i) - exp(load(y, i)) * whole)
                    else:
                        store(out, i, load(y, i) * (load(g, i) - whole))

    return kernel
