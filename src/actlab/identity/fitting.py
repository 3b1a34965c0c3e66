"""Numbers that make one function of another, by least squares over many starts at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from actlab.engines.numpy_operations import SCOPE, TABLE
from actlab.engines.source import compile_function
from actlab.formula import Expression
from actlab.identity.values import REACH

__all__ = ["affine_starts", "fit", "settle"]

_ROUNDS: Final = 40
_PATIENCE: Final = 8
_HOPELESS: Final = 3e-2
_EXACT: Final = 1e-11


def fit(
    expression: Expression,
    names: Sequence[str],
    starts: Any,
    inputs: Mapping[str, Any],
    target: Any,
) -> tuple[Any, float]:
    """Parameters with which an expression is closest to given values.

    Levenberg's and Marquardt's method, all starts as rows of one array.

    Args:
        expression: a formula of the inputs and the named parameters.
        names: the parameters.
        starts: one row per start.
        inputs: the points.
        target: the values there.

    Returns:
        The best row and its largest relative difference from the target.
    """
    residual = _residual(expression, names, inputs, target)
    with np.errstate(all="ignore"):
        return _descend(residual, np.asarray(starts, np.float64))


def settle(
    expression: Expression,
    names: Sequence[str],
    found: Any,
    usual: Any,
    inputs: Mapping[str, Any],
    target: Any,
) -> Any:
    """The parameters that were found, with the usual number for each that changes nothing."""
    residual = _residual(expression, names, inputs, target)
    with np.errstate(all="ignore"):
        least = np.max(np.abs(residual(found[None])))
        for place, number in enumerate(usual):
            tried = found.copy()
            tried[place] = number
            if np.max(np.abs(residual(tried[None]))) <= max(2 * least, _EXACT):
                found = tried
    return found


def _residual(
    expression: Expression, names: Sequence[str], inputs: Mapping[str, Any], target: Any
) -> Any:
    function = compile_function([expression], (*inputs, *names), TABLE, SCOPE)
    weight = 1 / (1 + np.abs(target))
    points = list(inputs.values())

    def residual(rows: Any) -> Any:
        values = function(*points, *(rows[:, k : k + 1] for k in range(len(names))))
        result = (np.broadcast_to(values, (len(rows), len(target))) - target) * weight
        return np.where(np.isfinite(result), result, 1e9)

    return residual


def _descend(residual: Any, rows: Any) -> tuple[Any, float]:
    count, size = rows.shape
    now = residual(rows)
    damping = np.full(count, 1e-3)
    for round_ in range(_ROUNDS):
        step = 1e-6 * np.maximum(np.abs(rows), 1e-2)
        moved = (rows[:, None, :] + step[:, None, :] * np.eye(size)).reshape(-1, size)
        slopes = (residual(moved).reshape(count, size, -1) - now[:, None, :]) / step[:, :, None]
        square = slopes @ slopes.transpose(0, 2, 1)
        pull = np.einsum("rkn,rn->rk", slopes, now)
        scale = np.einsum("rkk->rk", square) + 1e-9  # a parameter may change nothing
        square = square + damping[:, None, None] * scale[:, :, None] * np.eye(size)
        tried = rows - np.linalg.solve(square, pull[:, :, None])[:, :, 0]
        then = residual(tried)
        better = np.sum(then**2, axis=1) < np.sum(now**2, axis=1)
        rows = np.where(better[:, None], tried, rows)
        now = np.where(better[:, None], then, now)
        damping = np.where(better, damping / 8, damping * 6)
        worst = np.max(np.abs(now), axis=1)
        if worst.min() < _EXACT or (damping > 1e8).all():
            break
        if round_ >= _PATIENCE and worst.min() > _HOPELESS:
            break
    worst = np.max(np.abs(now), axis=1)
    best = int(np.argmin(worst))
    return rows[best], float(worst[best])


def affine_starts(values: Any, x: Any, target: Any) -> list[tuple[int, Any, float]]:
    """Which functions may be the target after scaling and shifting input and output.

    All functions at once, by interpolation in their values on the grid: the target is fitted by
    a·g(b·x + c) + d with a few starts for b and c, where a and d follow.

    Args:
        values: one function per row, on the grid over [-REACH, REACH].
        x: points within it.
        target: values there.

    Returns:
        Row, (a, b, c, d) and largest relative difference, the closest first.
    """
    values = np.where(np.isfinite(values), np.clip(values, -1e6, 1e6), 0.0)
    slopes = np.gradient(values, 2 * REACH / (values.shape[1] - 1), axis=1)
    scales = [1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 0.25, 1.5]
    count = len(values)
    b = np.tile(scales, (count, 1))
    c = np.zeros_like(b)
    weight = 1 / (1 + np.abs(target))
    which = np.arange(count)[:, None, None]
    best = np.full(b.shape, np.inf)
    kept = np.zeros((*b.shape, 4))
    for _ in range(10):
        place = (b[..., None] * x + c[..., None] + REACH) / (2 * REACH) * (values.shape[1] - 1)
        place = np.clip(place, 0, values.shape[1] - 1.001)
        left = place.astype(np.intp)
        part = place - left
        g = values[which, left] * (1 - part) + values[which, left + 1] * part
        dg = slopes[which, left] * (1 - part) + slopes[which, left + 1] * part
        a, d = _line(g, target, weight)
        miss = (a[..., None] * g + d[..., None] - target) * weight
        worst = np.max(np.abs(miss), axis=-1)
        better = worst < best
        best = np.where(better, worst, best)
        kept = np.where(better[..., None], np.stack([a, b, c, d], axis=-1), kept)
        columns = np.stack([a[..., None] * dg * x, a[..., None] * dg, g, np.ones_like(g)], axis=-2)
        columns = columns * weight
        square = columns @ columns.swapaxes(-1, -2)
        trace = np.einsum("...kk->...k", square)
        square = square + (1e-4 * trace[..., None] + 1e-9) * np.eye(4)
        move = np.linalg.solve(square, (columns @ miss[..., None]))[..., 0]
        b = np.clip(b - np.clip(move[..., 0], -0.5, 0.5), -6, 6)
        c = np.clip(c - np.clip(move[..., 1], -1, 1), -6, 6)
    chosen = np.argmin(best, axis=1)
    rows = np.arange(count)
    found = [(int(k), kept[k, chosen[k]], float(best[k, chosen[k]])) for k in rows]
    return sorted(found, key=lambda item: item[2])


def _line(g: Any, target: Any, weight: Any) -> tuple[Any, Any]:
    """The weighted least squares a and d of a·g + d."""
    share = weight**2 / np.sum(weight**2)
    mean, goal = (g * share).sum(-1), (target * share).sum()
    spread = ((g - mean[..., None]) ** 2 * share).sum(-1)
    a = ((g - mean[..., None]) * (target - goal) * share).sum(-1) / (spread + 1e-12)
    return a, goal - a * mean
