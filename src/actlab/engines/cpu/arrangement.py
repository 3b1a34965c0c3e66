"""How the operands of one call lie in memory, and which kernel serves them.

Arrays of NumPy and tensors of PyTorch look alike here: `Layout` is what both can tell of
themselves. A parameter that has one value for each row of adjacent elements (a number, or a value
per channel) is an operand by row; one that varies along the last axis is an array like x.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache

from actlab.engines.cpu import thresholds
from actlab.engines.cpu.spec import Spec
from actlab.engines.cpu.store import address_of
from actlab.formula import Expression, substitute
from actlab.formula.calculus import tidied
from actlab.formula.parse import number

__all__ = [
    "HIGHEST_ORDER",
    "Fixed",
    "backward_address",
    "bound",
    "by_row",
    "in_place",
    "kernels_from",
    "large_enough",
    "value_address",
]

HIGHEST_ORDER = 1
"""Derivatives up to this order have kernels; networks are trained with no others."""

_taken_from: ContextVar[float | None] = ContextVar("taken_from", default=None)


def large_enough(elements: int, engine: str) -> bool:
    """Whether so many elements are for a kernel, in the engine "numpy" or "torch"."""
    start = _taken_from.get()
    return elements >= (thresholds.KERNEL_FROM[engine] if start is None else start)


@contextmanager
def kernels_from(elements: float | None) -> Iterator[None]:
    """Take kernels from another number of elements on: 0 always, `math.inf` never, None as usual.

    For measuring one path alone, in this thread.
    """
    before = _taken_from.set(elements)
    try:
        yield
    finally:
        _taken_from.reset(before)


Fixed = tuple[tuple[str, float], ...]


def by_row(shape: Sequence[int], steps: Sequence[int]) -> int:
    """How many of the last axes a broadcast operand does not vary along, if they are worth it.

    Args:
        shape: of the result.
        steps: of the operand, broadcast to that shape; 0 along an axis where it repeats.

    Returns:
        The number of axes, 0 where the operand is better read as an array.
    """
    axes, columns = 0, 1
    for size, step in zip(reversed(shape), reversed(steps), strict=True):
        if step and size > 1:
            break
        axes, columns = axes + 1, columns * size
    return axes if columns >= thresholds.SHORTEST_ROW or axes == len(shape) else 0


@lru_cache(maxsize=4096)
def value_address(
    expression: Expression,
    fixed: Fixed,
    arrays: tuple[str, ...],
    rows: tuple[str, ...],
    dtype: str,
) -> int | None:
    """The kernel of an expression with the numbers `fixed` put in."""
    return address_of(_value(expression, fixed, arrays, rows, dtype))


@lru_cache(maxsize=4096)
def in_place(expression: Expression, fixed: Fixed, arrays: tuple[str, ...], dtype: str) -> bool:
    """Whether such a kernel may write its results over its input."""
    return not _value(expression, fixed, arrays, (), dtype).reads_twice


def _value(
    expression: Expression,
    fixed: Fixed,
    arrays: tuple[str, ...],
    rows: tuple[str, ...],
    dtype: str,
) -> Spec:
    return Spec((bound(expression, fixed),), arrays, dtype, rows)  # type: ignore[arg-type]


@lru_cache(maxsize=4096)
def backward_address(
    slopes: tuple[tuple[str, Expression], ...],
    fixed: Fixed,
    arrays: tuple[str, ...],
    rows: tuple[str, ...],
    dtype: str,
) -> int | None:
    """The kernel that multiplies slopes by the gradient: stored for arrays, summed for rows."""
    known = {name: bound(slope, fixed) for name, slope in slopes}
    outputs = tuple(known[name] for name in arrays if name in known)
    sums = tuple(known[name] for name in rows if name in known)
    return address_of(Spec(outputs, arrays, dtype, rows, sums, backward=True))  # type: ignore[arg-type]


def bound(expression: Expression, fixed: Fixed) -> Expression:
    """The expression with numbers put in, without factors of one."""
    return tidied(substitute(expression, {name: number(value) for name, value in fixed}))
