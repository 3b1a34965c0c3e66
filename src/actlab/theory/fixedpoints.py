"""Where variance and correlation settle, how deep a signal reaches, and the edge of chaos."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from actlab.activation import Activation
from actlab.theory.breakpoints import pieces
from actlab.theory.meanfield import (
    Layer,
    correlation_map,
    layer,
    scalar,
    slope_product,
    variance_map,
)

__all__ = ["EdgePoint", "FixedPoint", "dead_probability", "edge_of_chaos", "fixed_point"]

_GRID: Final = 10.0 ** np.arange(-6, 4.01, 0.25)
_CRITICAL: Final = 1e-6

Phase = Literal["ordered", "critical", "chaotic"]


@dataclass(frozen=True)
class FixedPoint:
    """Where a deep random network takes its signals.

    Attributes:
        q: variance of the pre-activations.
        c: correlation of two inputs; 1 means that all inputs become alike.
        chi: sigma_w^2 E[f'^2] at q, the factor of the squared gradient per layer; below 1
            gradients vanish (ordered phase), above 1 they explode (chaotic phase).
        response: dV/dq at q; below 1 in size the variance returns after a disturbance.
        xi_q: depth scale of the variance, -1/ln|response|, in layers.
        xi_c: depth scale of the correlation, in layers; infinite at the edge of chaos.
    """

    q: float
    c: float
    chi: float
    response: float
    xi_q: float
    xi_c: float

    @property
    def phase(self) -> Phase:
        """Ordered below chi = 1, chaotic above."""
        if abs(self.chi - 1) < _CRITICAL:
            return "critical"
        return "ordered" if self.chi < 1 else "chaotic"


@dataclass(frozen=True)
class EdgePoint:
    """A point of the edge of chaos: gradients neither vanish nor explode."""

    sigma_w: float
    sigma_b: float
    q: float


def _scale(rate: float) -> float:
    rate = abs(rate)
    if rate == 0:
        return 0.0
    return math.inf if abs(rate - 1) < 1e-12 else -1 / math.log(rate)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """A zero between two points of different sign, by bisection on the logarithm."""
    left = function(low)
    a, b = math.log(low), math.log(high)
    for _ in range(60):
        middle = (a + b) / 2
        value = function(math.exp(middle))
        if (value < 0) == (left < 0) and value != 0:
            a = middle
        else:
            b = middle
        if b - a < 1e-14:
            break
    return math.exp((a + b) / 2)


def fixed_point(activation: Activation, sigma_w: float, sigma_b: float = 0.0) -> FixedPoint:
    r"""The stable variance q* and correlation c*, with their depth scales.

    Args:
        activation: a function of one number.
        sigma_w: standard deviation of the weights times sqrt(width).
        sigma_b: standard deviation of the biases.

    Returns:
        The fixed point that an input of variance 1 is led to.

    Raises:
        TypeError: if it is no function of one number.
        ArithmeticError: if the variance grows without bound, or every variance is a fixed point
            (as for ReLU at sqrt(2)).

    Example:
        >>> import actlab
        >>> point = fixed_point(actlab.define("tanh(x)"), sigma_w=2.0, sigma_b=0.3)
        >>> point.phase
        'chaotic'

    Source: Poole et al. (2016), arXiv:1606.05340; depth scales: Schoenholz et al. (2017),
    arXiv:1611.01232.
    """
    q = _settle_variance(activation, sigma_w, sigma_b)
    at = layer(activation, q)
    chi, response = sigma_w**2 * at.slope, sigma_w**2 * at.response
    if q == 0:
        return FixedPoint(0.0, 1.0, chi, response, _scale(response), _scale(chi))
    c = 1.0 if chi <= 1 + _CRITICAL else _settle_correlation(activation, q, sigma_w, sigma_b)
    rate = chi if c == 1 else sigma_w**2 * slope_product(activation, c, q)
    critical = c == 1 and abs(chi - 1) < _CRITICAL
    return FixedPoint(q, c, chi, response, _scale(response), math.inf if critical else _scale(rate))


def _settle_variance(activation: Activation, sigma_w: float, sigma_b: float) -> float:
    """Iterate from 1 to see where it leads, then refine by bisection."""

    def excess(q: float) -> float:
        return variance_map(activation, q, sigma_w, sigma_b) - q

    start = excess(1.0)
    if abs(start) < 1e-12:
        at = layer(activation, 1.0)
        if abs(sigma_w**2 * at.response - 1) < 1e-9:
            raise ArithmeticError(
                f"every variance near 1 is a fixed point of {activation.name} at "
                f"sigma_w = {sigma_w:g}; it keeps the one it is given"
            )
        return 1.0
    factor = 10**0.25 if start > 0 else 10**-0.25
    near = 1.0
    while 1e-12 < near < 1e12:
        far = near * factor
        value = excess(far)
        if value == 0 or (value < 0) != (start < 0):
            return _root(excess, min(near, far), max(near, far))
        near = far
    if start < 0 and variance_map(activation, 0.0, sigma_w, sigma_b) == 0:
        return 0.0
    raise ArithmeticError(
        f"the variance of {activation.name} grows without bound at sigma_w = {sigma_w:g}, "
        f"sigma_b = {sigma_b:g}; take a smaller sigma_w"
    )


def _settle_correlation(activation: Activation, q: float, sigma_w: float, sigma_b: float) -> float:
    """In the chaotic phase 1 repels; the map crosses the diagonal once below it."""
    low, high = -1.0, 1.0
    high -= 1e-6
    for _ in range(40):
        middle = (low + high) / 2
        if correlation_map(activation, middle, q, sigma_w, sigma_b) > middle:
            low = middle
        else:
            high = middle
        if high - low < 1e-10:
            break
    return (low + high) / 2


def edge_of_chaos(activation: Activation, sigma_b: float = 0.0) -> EdgePoint:
    r"""The sigma_w at which gradients keep their size, for a given sigma_b.

    At a variance q the edge asks sigma_w^2 = 1 / E[f'(\sqrt{q} z)^2], and q stays put when
    sigma_b^2 = q - sigma_w^2 E[f(\sqrt{q} z)^2]; the q that gives `sigma_b` is found.

    Args:
        activation: a function of one number.
        sigma_b: standard deviation of the biases.

    Returns:
        The point of the smallest such variance.

    Raises:
        TypeError: if it is no function of one number.
        ValueError: if sigma_b is negative.
        ArithmeticError: if the function has no edge at this sigma_b.

    Example:
        >>> import actlab
        >>> edge_of_chaos(actlab.define("tanh(x)")).sigma_w
        1.0

    Source: Schoenholz et al. (2017), arXiv:1611.01232; Hayou, Doucet, Rousseau (2019), On the
    impact of the activation function on deep neural networks training, arXiv:1902.06853.
    """
    if not sigma_b >= 0:
        raise ValueError(f"sigma_b is 0 or more, but {sigma_b!r} was given")
    missing = ArithmeticError(
        f"{activation.name} has no edge of chaos at sigma_b = {sigma_b:g} with a variance "
        f"between {_GRID[0]:g} and {_GRID[-1]:g}"
    )

    def at(q: float) -> Layer:
        return layer(activation, q)

    def excess(q: float) -> float:
        here = at(q)
        if here.slope == 0:
            return math.nan
        return q - here.second / here.slope - sigma_b**2

    if sigma_b == 0:
        origin = at(0.0)
        limit = at(1e-12)
        if origin.second == 0 and limit.slope > 0:
            # nothing but 0 goes in and out; the slope next to it counts, a kink included
            smooth = abs(limit.slope - origin.slope) < 1e-5 * limit.slope
            sigma_w = 1 / math.sqrt(origin.slope if smooth else limit.slope)
            return EdgePoint(sigma_w, 0.0, 0.0)
    previous_q, previous = None, math.nan
    for q in _GRID:
        try:
            value = excess(float(q))
        except ArithmeticError:
            break
        if previous_q is not None and (value < 0) != (previous < 0) and not math.isnan(value):
            root = _root(excess, previous_q, float(q))
            return EdgePoint(1 / math.sqrt(at(root).slope), sigma_b, root)
        previous_q, previous = (None if math.isnan(value) else float(q)), value
    raise missing


def dead_probability(
    activation: Activation, inputs: int = 1, correlation: float = 0.0, q: float = 1.0
) -> float:
    r"""The probability that a unit is dead at initialisation: no input gives it a gradient.

    A unit is dead when the pre-activations of all inputs, jointly normal with variance q and
    pairwise correlation c, fall where the formula is constant; saturation is not death.

    .. math:: E_a[ P(\sqrt{q} (\sqrt{c} a + \sqrt{1-c} b) \in D)^n ]

    Args:
        activation: a function of one number.
        inputs: how many different inputs the data have.
        correlation: of the pre-activations of two inputs, from 0 to 1; it grows with depth.
        q: their variance.

    Returns:
        A probability.

    Raises:
        TypeError: if it is no function of one number.
        ValueError: if an argument is out of range.

    Example:
        >>> import actlab
        >>> dead_probability(actlab.get("relu"))
        0.5
        >>> round(dead_probability(actlab.get("relu"), inputs=2, correlation=0.5), 9)
        0.333333333
    """
    if inputs < 1 or not 0 <= correlation <= 1 or not 0 < q < math.inf:
        raise ValueError(
            "a dead unit needs inputs of 1 or more, a correlation from 0 to 1 and a positive "
            f"variance, but inputs={inputs!r}, correlation={correlation!r}, q={q!r} was given"
        )
    regions = dead_regions(activation)
    if not regions:
        return 0.0
    root = math.sqrt(q)
    normcdf = np.vectorize(lambda t: 0.5 * math.erfc(-t / math.sqrt(2)), otypes=[float])

    def inside(middle: float | np.ndarray, own: float) -> np.ndarray:
        parts = [
            normcdf((high / root - middle) / own) - normcdf((low / root - middle) / own)
            for low, high in regions
        ]
        return np.asarray(sum(parts))

    if correlation in (0, 1) or inputs == 1:
        alone = float(inside(0.0, 1.0))
        return alone if correlation == 1 else alone**inputs
    from actlab.theory.quadrature import expectation

    common, own = math.sqrt(correlation), math.sqrt(1 - correlation)
    return float(expectation(lambda a: inside(common * a, own) ** inputs, (), "a probability"))


def dead_regions(activation: Activation) -> tuple[tuple[float, float], ...]:
    """The intervals on which the formula itself is constant, neighbours joined."""
    from actlab.formula import Number, differentiate

    found: list[tuple[float, float]] = []
    for piece in pieces(scalar(activation)):
        if differentiate(piece.expression) != Number(0):
            continue
        if found and found[-1][1] == piece.low:
            found[-1] = (found[-1][0], piece.high)
        else:
            found.append((piece.low, piece.high))
    return tuple(found)
