"""Formulas of `x` evaluated as they stand, without the mending of far ends that engines do."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import numpy as np

from actlab.engines.numpy_operations import SCOPE, TABLE, evaluate_steps
from actlab.engines.source import compile_function
from actlab.formula import Expression

__all__ = ["plain"]

_LARGE: Final = 2000
"""Formulas of more nodes are walked, which is slower, but needs no compilation."""


@lru_cache(maxsize=2048)
def plain(expression: Expression) -> Callable[[Any], Any]:
    """A function of arrays; NaN where the formula overflows on the way to a value.

    Example:
        >>> from actlab.formula import parse
        >>> float(plain(parse("x * x"))(3.0))
        9.0
    """
    if expression.size > _LARGE:
        return lambda x: evaluate_steps(expression, {"x": np.asarray(x, float)}, {}, "float64")[
            expression
        ]
    compiled = compile_function([expression], ("x",), TABLE, SCOPE)

    def run(x: Any) -> Any:
        with np.errstate(all="ignore"):
            return np.broadcast_to(compiled(np.asarray(x, float)), np.shape(x))

    return run
