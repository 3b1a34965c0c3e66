"""The catalogue in numbers: every function at the same points, evaluated once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from actlab import catalogue
from actlab.engines.numpy_operations import evaluate_steps
from actlab.formula import Expression

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["NEAR", "REACH", "Row", "at", "rows"]

REACH: Final = 8.0
"""How far from 0 functions are compared."""

NEAR: Final = 2001
"""Points on [-REACH, REACH] where differences are looked at; odd, so that 0 is one of them."""

_FEW: Final = 48


@dataclass(frozen=True)
class Row:
    """One catalogued function."""

    activation: Activation
    few: Any
    """Its values at the points of `points`, enough to tell functions apart."""
    many: Any
    """Its values at NEAR points; for a gated pair the same as `few`."""


def points(kind: str) -> dict[str, Any]:
    """Inputs that tell functions apart: no round numbers, both signs, some far out."""
    steps = np.arange(_FEW)
    x = 6.5 * (2 * ((0.5 + steps * 0.6180339887498949) % 1) - 1)
    x[:10] = [-410.7, -61.3, -17.3, -9.1, -1e-7, 1e-7, 9.7, 15.9, 57.9, 389.3]
    if kind == "scalar":
        return {"x": x}
    return {"x": x, "gate": 5.5 * (2 * ((0.3 + steps * 0.7548776662466927) % 1) - 1)}


def grid() -> Any:
    """NEAR points, evenly."""
    return np.linspace(-REACH, REACH, NEAR)


def at(expression: Expression, inputs: Mapping[str, Any]) -> Any:
    """Values of a formula without parameters, as plain float64 arithmetic gives them."""
    return evaluate_steps(expression, inputs, {}, "float64")[expression]


def row(activation: Activation) -> Row:
    """The numbers of one function."""
    inputs = points(activation.kind)
    if activation.kind == "gated":
        few = at(activation.bound, inputs)
        return Row(activation, few, few)
    x = np.concatenate([inputs["x"], grid()])
    values = at(activation.bound, {"x": x})
    return Row(activation, values[:_FEW], values[_FEW:])


@lru_cache(maxsize=2)
def rows(kind: str) -> tuple[Row, ...]:
    """The catalogued functions of one kind, at their defaults."""
    functions = (catalogue.get(name) for name in catalogue.names())
    return tuple(row(f) for f in functions if f.kind == kind)
