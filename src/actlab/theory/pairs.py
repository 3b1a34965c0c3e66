"""Expectations of a gated pair whose formula is no product of a function of each input."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from actlab.engines import numpy as engine
from actlab.formula import Expression
from actlab.theory.breakpoints import switches

__all__ = ["expectation_of_pair"]

_REACH: Final = 14.0
_NODES: Final = 24
_PANELS: Final = 28
_BISECTIONS: Final = 60
_PRECISION: Final = 1e-8


def expectation_of_pair(expression: Expression, what: str) -> float:
    """E[f(x, gate)^2] for independent x, gate ~ N(0, 1), gate by gate.

    For each gate the line of x is split where the formula changes its branch there. The outer
    integral is done with two rules.

    Raises:
        ArithmeticError: if it is infinite, undefined, or the two rules differ in the 8th digit.
    """
    rough, fine = (_nested(expression, panels) for panels in (_PANELS, _PANELS + 7))
    if not np.isfinite(fine):
        raise ArithmeticError(f"{what} is infinite or not a number")
    if abs(fine - rough) > _PRECISION * abs(fine):
        raise ArithmeticError(
            f"{what} could not be computed to 8 digits; the function grows too fast or has a "
            "singularity"
        )
    return fine


def _nested(expression: Expression, panels: int) -> float:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    edges = np.union1d(np.linspace(-_REACH, _REACH, panels + 1), [0.0])
    half = np.diff(edges) / 2
    gates = ((edges[:-1] + edges[1:])[:, None] / 2 + half[:, None] * nodes).ravel()
    outer = (half[:, None] * weights).ravel()
    splits = _splits(expression, gates)
    base = np.broadcast_to(edges, (len(gates), len(edges)))
    ends = np.sort(np.concatenate([base, splits], axis=1), axis=1)
    function = engine.for_few_calls(expression, ("x", "gate"))
    total = 0.0
    for low, high in zip(ends.T[:-1], ends.T[1:], strict=True):
        width = (high - low)[:, None] / 2
        x = (low + high)[:, None] / 2 + width * nodes
        gate = np.broadcast_to(gates[:, None], x.shape)
        with np.errstate(all="ignore"):
            root = np.exp(-(x * x + gate * gate) / 4)
            values = (function(x, gate) * root) ** 2
        total += float(((values @ weights) * width[:, 0] * outer).sum())
    return total / (2 * np.pi)


def _splits(expression: Expression, gates: Any) -> Any:
    """For each gate the x at which a choice of the formula changes; unused places hold the end."""
    grid = np.linspace(-_REACH, _REACH, 281)
    columns: list[Any] = []
    for switch in switches(expression):
        function = engine.for_few_calls(switch, ("x", "gate"))
        signs = np.sign(function(grid[None, :], gates[:, None]))
        changed = signs[:, :-1] != signs[:, 1:]
        for place in range(int(changed.sum(axis=1).max(initial=0))):
            rank = np.cumsum(changed, axis=1)
            here = changed & (rank == place + 1)
            rows = here.any(axis=1)
            index = here.argmax(axis=1)
            low, high = grid[index], grid[index + 1]
            start = signs[np.arange(len(gates)), index]
            for _ in range(_BISECTIONS):
                middle = (low + high) / 2
                same = np.sign(function(middle, gates)) == start
                low, high = np.where(same, middle, low), np.where(same, high, middle)
            columns.append(np.where(rows, high, _REACH))
    return np.stack(columns, axis=1) if columns else np.empty((len(gates), 0))
