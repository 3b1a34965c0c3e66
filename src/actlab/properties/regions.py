"""Where a function passes no gradient to speak of: read off its own formula.

A function has a flat tail where, from some point outwards, its slope stays below a small part of
its usual slope (the root mean square of f'(z) for z ~ N(0, 1)). A place inside where the slope
is zero, such as the minimum of GELU, is no tail: inputs pass through it and go on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from scipy.special import ndtri

from actlab.activation import Activation
from actlab.engines.numpy import step_by_step

__all__ = ["DEAD_SLOPE", "SATURATED_SLOPE", "Regions", "regions"]

SATURATED_SLOPE: Final = 0.05
"""Up to this part of the usual slope the tail of a function counts as saturated."""
DEAD_SLOPE: Final = 0.001
"""Up to this part a unit whose inputs all lie there learns nothing."""
_REACH: Final = 60.0


@dataclass(frozen=True)
class Regions:
    """The flat tails of a function: inputs up to `left` and from `right` on.

    Attributes:
        left, right: where the saturated tails begin; infinite where there is none.
        dead_left, dead_right: the same for the stricter bound, a part `DEAD_SLOPE` of the slope.
        slope: the usual slope.
    """

    left: float
    right: float
    dead_left: float
    dead_right: float
    slope: float

    @property
    def squashes(self) -> bool:
        """Whether both ends are flat, as of a sigmoid."""
        return math.isfinite(self.left) and math.isfinite(self.right)


@lru_cache(maxsize=256)
def regions(activation: Activation) -> Regions | None:
    """The flat tails of a function of one number; None for other kinds and constants.

    Example:
        >>> import actlab
        >>> regions(actlab.get("relu")).left
        0.0
        >>> round(regions(actlab.get("tanh")).right, 1)
        2.4
    """
    if activation.kind != "scalar" or activation.is_constant:
        return None
    # step by step: a kernel of its own would take longer to compile than this takes
    derivative = step_by_step(activation.filled(activation.slope()), (), ("x",))
    usual = np.asarray(derivative(ndtri((np.arange(2048) + 0.5) / 2048)))
    slope = float(np.sqrt(np.mean(np.square(usual))))
    if not 0 < slope < math.inf:
        return None
    x = np.linspace(-_REACH, _REACH, 24001)
    sizes = np.abs(derivative(x))
    left, right = _tails(x, sizes, SATURATED_SLOPE * slope)
    dead_left, dead_right = _tails(x, sizes, DEAD_SLOPE * slope)
    return Regions(left, right, dead_left, dead_right, slope)


def _tails(x: Any, sizes: Any, floor: float) -> tuple[float, float]:
    steep = np.flatnonzero(~(sizes <= floor))  # a NaN is no proof of flatness
    if len(steep) == 0:
        return -math.inf, math.inf
    first, last = int(steep[0]), int(steep[-1])
    left = float(round(x[first - 1], 9)) + 0.0 if first > 0 else -math.inf
    right = float(round(x[last + 1], 9)) + 0.0 if last + 1 < len(x) else math.inf
    return left, right
