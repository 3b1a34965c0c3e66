"""Formulas of `x` evaluated as they stand, without the mending of far ends that engines do."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import numpy as np

from actlab.engines.numpy_operations import SCOPE, TABLE, single
from actlab.engines.source import compile_function
from actlab.formula import Expression, linearise
from actlab.formula.program import Operand

__all__ = ["plain"]

_LARGE: Final = 2000
"""Formulas of more nodes are run step by step, which is slower, but needs no compilation."""


@lru_cache(maxsize=2048)
def plain(expression: Expression) -> Callable[[Any], Any]:
    """A function of arrays; NaN where the formula overflows on the way to a value.

    Example:
        >>> from actlab.formula import parse
        >>> float(plain(parse("x * x"))(3.0))
        9.0
    """
    small = expression.size <= _LARGE
    compiled = compile_function([expression], ("x",), TABLE, SCOPE) if small else _walk(expression)

    def run(x: Any) -> Any:
        with np.errstate(all="ignore"):
            return np.broadcast_to(compiled(np.asarray(x, float)), np.shape(x))

    return run


def _walk(expression: Expression) -> Callable[[Any], Any]:
    """A function of x that runs the steps of a formula one by one."""
    program = linearise(expression)
    (output,) = program.outputs
    steps = [(single(step.head, len(step.operands)), step.operands) for step in program.steps]

    def run(x: Any) -> Any:
        done: list[Any] = []

        def read(operand: Operand) -> Any:
            if isinstance(operand, int):
                return done[operand]
            return x if isinstance(operand, str) else float(operand)

        for operation, operands in steps:
            done.append(operation(*map(read, operands)))
        return read(output)

    return run
