"""Sums in the lanes of a softmax kernel, and the division by them.

For float32 data a float64 for each lane is enough. For float64 data what each addition rounds away
is added up beside it (D. Knuth's sum of two numbers), in the second half of the same memory, so
that a long row has as many digits as a short one.
"""

from __future__ import annotations

from typing import Any

__all__ = ["sums_for"]


def sums_for(dtype: str, lanes: int) -> dict[str, Any]:
    """The functions of lanes that a kernel needs, by name.

    - `start(memory)`: all sums are 0;
    - `include(memory, j, value)`: add to the sum of lane j;
    - `lane(memory, j)`: that sum, in two parts;
    - `total(memory)`: of all lanes, in two parts;
    - `inverse(high, low)`: one over a sum, in two parts;
    - `part(power, each, left)`: a number times such an inverse.
    """
    from actlab.engines.cpu import words
    from actlab.engines.vectormath.bits import fma, primitive

    recall, keep = words.recall, words.keep

    if dtype != "float64":

        @primitive
        def start(memory: int) -> None:
            for j in range(lanes):
                keep(memory, j, 0.0)

        @primitive
        def include(memory: int, j: int, value: float) -> None:
            keep(memory, j, recall(memory, j) + value)

        @primitive
        def lane(memory: int, j: int) -> Any:
            return recall(memory, j), 0.0

        @primitive
        def total(memory: int) -> Any:
            result = 0.0
            for j in range(lanes):
                result += recall(memory, j)
            return result, 0.0

        @primitive
        def inverse(high: float, low: float) -> Any:  # noqa: ARG001
            return 1.0 / high, 0.0

        @primitive
        def part(power: float, each: float, left: float) -> float:  # noqa: ARG001
            return power * each

    else:

        @primitive
        def start(memory: int) -> None:
            for j in range(2 * lanes):
                keep(memory, j, 0.0)

        @primitive
        def include(memory: int, j: int, value: float) -> None:
            before = recall(memory, j)
            after = before + value
            back = after - before
            lost = (before - (after - back)) + (value - back)
            keep(memory, j, after)
            keep(memory, lanes + j, recall(memory, lanes + j) + lost)

        @primitive
        def lane(memory: int, j: int) -> Any:
            return recall(memory, j), recall(memory, lanes + j)

        @primitive
        def total(memory: int) -> Any:
            high, low = 0.0, 0.0
            for j in range(lanes):
                value = recall(memory, j)
                after = high + value
                back = after - high
                low += (high - (after - back)) + (value - back)
                low += recall(memory, lanes + j)
                high = after
            return high, low

        @primitive
        def inverse(high: float, low: float) -> Any:
            each = 1.0 / high
            return each, (fma(-each, high, 1.0) - each * low) * each

        @primitive
        def part(power: float, each: float, left: float) -> float:
            return fma(power, each, power * left)

    made = (start, include, lane, total, inverse, part)
    names = ("start", "include", "lane", "total", "inverse", "part")
    return dict(zip(names, made, strict=True))
