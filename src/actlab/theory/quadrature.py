"""Expectations under N(0, 1) by Gauss-Legendre panels, split where the function is not smooth.

Each panel is integrated once whole and once in halves; it is accepted when both agree, and halved
again when they do not. What remains of their differences is the error that is reported.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np

from actlab.theory.breakpoints import REACH

__all__ = ["PRECISION", "expectation", "integrate"]

PRECISION: Final = 1e-11
"""Relative error above which an expectation is refused."""

_NODES: Final = 20
_ROUNDS: Final = 60
_MOST_PANELS: Final = 20_000

Function = Callable[[Any], Any]


@lru_cache(maxsize=1)
def _rule() -> tuple[Any, Any]:
    return np.polynomial.legendre.leggauss(_NODES)


@np.errstate(invalid="ignore")  # infinite values are told from the result
def integrate(
    function: Function, edges: Sequence[float], tolerance: float = 1e-15
) -> tuple[Any, Any, Any]:
    """Integrals of one or several functions over the panels between `edges`.

    Args:
        function: takes points of shape (n,), returns values of shape (..., n).
        edges: increasing; every kink should be among them.
        tolerance: a panel is accepted when its two results differ by less than this part of
            the whole.

    Returns:
        The integrals, estimates of their absolute errors, and the integrals of the absolute
        values, each of shape (...).

    Example:
        >>> value, error, _ = integrate(lambda x: x * x, [0.0, 1.0, 2.0])
        >>> round(float(value), 12)
        2.666666666667
    """
    ends = np.asarray(edges, float)
    low, high = ends[:-1], ends[1:]
    whole, size = _panels(function, low, high)
    scale = size.sum(axis=-1)
    total, error, weight = (np.zeros(scale.shape) for _ in range(3))
    for round_ in range(_ROUNDS):
        middle = (low + high) / 2
        left, left_size = _panels(function, low, middle)
        right, right_size = _panels(function, middle, high)
        difference = np.abs(whole - (left + right))
        scale = np.maximum(scale, weight + (left_size + right_size).sum(axis=-1))
        open_ = ~(difference <= tolerance * scale[..., None])
        wanted = open_.reshape(-1, len(low)).any(axis=0)
        if 2 * wanted.sum() > _MOST_PANELS or round_ == _ROUNDS - 1:
            wanted[:] = False
        kept = ~wanted
        total += (left + right)[..., kept].sum(axis=-1)
        weight += (left_size + right_size)[..., kept].sum(axis=-1)
        error += difference[..., kept].sum(axis=-1)
        if not wanted.any():
            break
        low, middle, high = low[wanted], middle[wanted], high[wanted]
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
        whole = np.concatenate([left[..., wanted], right[..., wanted]], axis=-1)
    return total, error, weight


def _panels(function: Function, low: Any, high: Any) -> tuple[Any, Any]:
    """The Gauss-Legendre sums of a function and of its absolute value, panel by panel."""
    nodes, weights = _rule()
    half = (high - low) / 2
    points = (low + high)[:, None] / 2 + half[:, None] * nodes
    values = np.asarray(function(points.ravel()))
    values = values.reshape(*values.shape[:-1], len(low), _NODES)
    with np.errstate(all="ignore"):
        return (values @ weights) * half, (np.abs(values) @ weights) * half


def expectation(
    function: Function,
    breaks: Sequence[float] = (),
    what: str = "",
    precision: float = PRECISION,
) -> Any:
    r"""E[f(z)] for z ~ N(0, 1).

    .. math:: \int f(z) \varphi(z) \, dz

    Args:
        function: takes points of shape (n,), returns values of shape (n,) or (k, n).
        breaks: where the function is not smooth.
        what: what is being computed, for the message of an error.
        precision: relative error above which the result is refused.

    Returns:
        The expectation, of shape () or (k,).

    Raises:
        ArithmeticError: if it is infinite, undefined, or not found to the precision.

    Example:
        >>> round(float(expectation(lambda z: z**4)), 12)
        3.0
    """
    named = what or "the expectation under N(0, 1)"
    edges = sorted({*(b for b in breaks if abs(b) < REACH), *np.linspace(-REACH, REACH, 81)})

    def weighted(z: Any) -> Any:
        root = np.exp(-z * z / 4)
        with np.errstate(all="ignore"):
            # in two factors, so that a large value meets the small density before it overflows
            return function(z) * root * root * _DENSITY

    value, error, size = integrate(weighted, edges, 1e-4 * precision)
    if not np.all(np.isfinite(value)):
        raise ArithmeticError(f"{named} does not exist: the function is infinite or not a number")
    outer = weighted(np.array([-REACH, 1 - REACH, REACH - 1, REACH]))
    if np.any(np.abs(outer) > 1e-13 * (size[..., None] + 1e-300)):
        raise ArithmeticError(
            f"{named} is infinite: the function grows as fast as the normal density falls"
        )
    if np.any(error > precision * size + 1e-300):
        raise ArithmeticError(
            f"{named} could not be computed to {-math.log10(precision):.0f} digits; the function "
            "has a singularity, or its formula loses digits"
        )
    return value


_DENSITY: Final = 0.3989422804014327
