"""Softmax and log-softmax along an axis whose neighbours lie apart in memory.

The array is seen as (outer, count, inner), and the softmax runs along the middle: up to 64 adjacent
columns of one outer block go together, a lane each, so that memory is read as it lies and nothing
has to be moved. The exponentials are computed twice, which costs less than a copy.

A piece's number says which outer block and which columns it is about. Operands are the arrays, each
followed by a number: that of the columns of one outer block, then that of its groups of lanes.
"""

from __future__ import annotations

import math
from typing import Any

__all__ = ["LANES", "backward", "forward"]

LANES = 64


def forward(log: bool, parts: Any, dtype: str) -> Any:
    """The kernel of the value. Operands: x and inner, y and the groups of an outer block."""
    from actlab.engines.cpu import words
    from actlab.engines.cpu.softmax_sums import sums_for
    from actlab.engines.vectormath import bits

    which, load, store, clear = parts
    power_of, log1p = which["exp_of_difference"], which["log1p"]
    word, take, scratch, choose = words.word, words.take, words.scratch, bits.choose
    recall, keep, lanes = words.recall, words.keep, LANES
    made = sums_for(dtype, lanes)
    start, include, lane = made["start"], made["include"], made["lane"]
    inverse, part = made["inverse"], made["part"]

    def kernel(task: Any) -> None:  # noqa: PLR0912  Numba unrolls no helpers with branches
        pieces, rows, count, size = word(task, 1), word(task, 2), word(task, 3), word(task, 4)
        x, inner, y, groups = word(task, 5), word(task, 6), word(task, 7), word(task, 8)
        tops, sums, ties, rests = scratch(), scratch(), scratch(), scratch()
        while True:
            piece = take(task)
            if piece >= pieces:
                return
            for row in range(piece * size, min(piece * size + size, rows)):
                begin = (row // groups) * count * inner + (row % groups) * lanes
                width = min(lanes, inner - (row % groups) * lanes)
                clear(tops, -math.inf)
                start(sums)
                clear(ties, 0.0)
                for k in range(count):
                    place = begin + k * inner
                    for j in range(width):
                        value, before = load(x, place + j), recall(tops, j)
                        keep(tops, j, choose(value > before, value, before))
                for k in range(count):
                    place = begin + k * inner
                    for j in range(width):
                        value, top = load(x, place + j), recall(tops, j)
                        power = power_of(value, top)
                        if log:  # the largest apart: the others keep their digits beside a 1
                            power = choose(value == top, 0.0, power)
                            keep(ties, j, recall(ties, j) + choose(value == top, 1.0, 0.0))
                        include(sums, j, power)
                for j in range(width):
                    high, low = lane(sums, j)
                    if log:
                        keep(sums, j, log1p(high + (low + (recall(ties, j) - 1.0))))
                    else:
                        each, left = inverse(high, low)
                        keep(sums, j, each)
                        keep(rests, j, left)
                for k in range(count):
                    place = begin + k * inner
                    for j in range(width):
                        value, top = load(x, place + j), recall(tops, j)
                        if log:
                            store(y, place + j, value - top - recall(sums, j))
                        else:
                            power = power_of(value, top)
                            store(y, place + j, part(power, recall(sums, j), recall(rests, j)))

    return kernel


def backward(log: bool, parts: Any) -> Any:
    """The kernel of the gradient. Operands: y and inner, g and the groups, the result and 0."""
    from actlab.engines.cpu import words

    which, load, store, clear = parts
    exp = which["exp"]
    word, take, scratch = words.word, words.take, words.scratch
    recall, keep, lanes = words.recall, words.keep, LANES

    def kernel(task: Any) -> None:
        pieces, rows, count, size = word(task, 1), word(task, 2), word(task, 3), word(task, 4)
        y, inner, g, groups = word(task, 5), word(task, 6), word(task, 7), word(task, 8)
        out, sums = word(task, 9), scratch()
        while True:
            piece = take(task)
            if piece >= pieces:
                return
            for row in range(piece * size, min(piece * size + size, rows)):
                begin = (row // groups) * count * inner + (row % groups) * lanes
                width = min(lanes, inner - (row % groups) * lanes)
                clear(sums, 0.0)
                for k in range(count):
                    place = begin + k * inner
                    for j in range(width):
                        value = load(g, place + j)
                        if not log:
                            value = value * load(y, place + j)
                        keep(sums, j, recall(sums, j) + value)
                for k in range(count):
                    place = begin + k * inner
                    for j in range(width):
                        whole = recall(sums, j)
                        if log:
                            share = exp(load(y, place + j)) * whole
                            store(out, place + j, load(g, place + j) - share)
                        else:
                            share = load(g, place + j) - whole
                            store(out, place + j, load(y, place + j) * share)

    return kernel
