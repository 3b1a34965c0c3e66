"""Maps of variance and correlation through the layers of a wide random network.

A layer is z' = W f(z) + b with independent W ~ N(0, sigma_w^2 / width) and b ~ N(0, sigma_b^2).
As the width grows, the pre-activations of one input are N(0, q) and those of two inputs are
jointly normal with correlation c; one layer takes (q, c) to the next by the maps below.

Sources: Poole, Lahiri, Raghu, Sohl-Dickstein, Ganguli (2016), Exponential expressivity in deep
neural networks through transient chaos, arXiv:1606.05340; Schoenholz, Gilmer, Ganguli,
Sohl-Dickstein (2017), Deep information propagation, arXiv:1611.01232.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from actlab.activation import Activation
from actlab.engines import numpy as engine
from actlab.formula import Expression, differentiate
from actlab.theory.breakpoints import breakpoints, settled
from actlab.theory.quadrature import expectation

__all__ = ["Layer", "Moments", "correlation_map", "layer", "moments", "scalar", "variance_map"]

_PRECISION: Final = 1e-9


@dataclass(frozen=True)
class Moments:
    """What a function makes of a normal input."""

    mean: float
    second: float

    @property
    def variance(self) -> float:
        """E[f^2] - E[f]^2."""
        return self.second - self.mean**2


@dataclass(frozen=True)
class Layer:
    """Expectations of one layer at pre-activations N(0, q), per unit of sigma_w^2."""

    second: float
    """E[f(z)^2]: the variance map is sigma_w^2 times this, plus sigma_b^2."""
    response: float
    """d E[f(z)^2] / dq: how a deviation of the variance goes on."""
    slope: float
    """E[f'(z)^2]: sigma_w^2 times this is chi, by which the squared gradient is multiplied."""


def scalar(activation: Activation) -> Expression:
    """The formula of a function of one number, with its numbers put in.

    Raises:
        TypeError: for gated pairs and functions of whole vectors.
    """
    if activation.kind != "scalar":
        raise TypeError(
            f"{activation.name} {activation.nature}; this theory is that of functions of one number"
        )
    return settled(activation)


def _check_variance(q: float) -> None:
    if not 0 <= q < math.inf:
        raise ValueError(f"a variance is a finite number of 0 or more, but {q!r} was given")


def moments(activation: Activation, q: float = 1.0) -> Moments:
    """Mean and second moment of f(z) for z ~ N(0, q).

    Raises:
        TypeError: if it is no function of one number.
        ValueError: if q is negative or infinite.
        ArithmeticError: if a moment is infinite or undefined.

    Example:
        >>> import actlab
        >>> round(moments(actlab.get("relu")).mean, 9)  # 1/sqrt(2 pi)
        0.39894228
    """
    _check_variance(q)
    formula = scalar(activation)
    root = math.sqrt(q)
    function = engine.for_few_calls(formula)

    def powers(z: Any) -> Any:
        value = function(root * z)
        return np.stack([value, value * value])

    breaks = _scaled(formula, root)
    mean, second = expectation(powers, breaks, f"a moment of {activation.name}")
    return Moments(float(mean), float(second))


def _scaled(formula: Expression, root: float) -> tuple[float, ...]:
    return tuple(point / root for point in breakpoints(formula)) if root > 1e-100 else ()


def layer(activation: Activation, q: float) -> Layer:
    """The expectations that carry variance and gradient through one layer.

    The response is E[f(z)^2 (z^2/q - 1)] / (2 q), which holds for kinks and jumps too.

    Raises:
        TypeError: if it is no function of one number.
        ValueError: if q is negative or infinite.
        ArithmeticError: if an expectation is infinite or undefined.
    """
    _check_variance(q)
    formula = scalar(activation)
    function = engine.for_few_calls(formula)
    derived = engine.for_few_calls(activation.filled(activation.slope()))
    if q == 0:
        value, slope = float(function(0.0)), float(derived(0.0))
        second = differentiate(formula, "x", 2)
        curve = float(engine.for_few_calls(second)(0.0))
        return Layer(value**2, slope**2 + value * curve, slope**2)
    root = math.sqrt(q)

    def integrand(z: Any) -> Any:
        square = function(root * z) ** 2
        return np.stack([square, square * (z * z - 1), derived(root * z) ** 2])

    what = f"the variance that {activation.name} passes on"
    found = expectation(integrand, _scaled(formula, root), what, _PRECISION)
    second_moment, response, slope = (float(value) for value in found)
    return Layer(second_moment, response / (2 * q), slope)


def slope_kurtosis(activation: Activation, q: float) -> float:
    """E[f'^4] / E[f'^2]^2 at pre-activations N(0, q): how unequally units pass gradients.

    It is infinite where it has no value: no slope, or one that grows too fast.
    """
    if not 0 <= q < math.inf:
        return math.inf
    derived = engine.for_few_calls(activation.filled(activation.slope()))
    root = math.sqrt(q)
    if q == 0:
        return 1.0 if float(derived(0.0)) else math.inf

    def powers(z: Any) -> Any:
        square = derived(root * z) ** 2
        return np.stack([square, square * square])

    try:
        second, fourth = expectation(
            powers, _scaled(scalar(activation), root), "a moment of the slope", _PRECISION
        )
    except ArithmeticError:
        return math.inf
    return float(fourth / second**2) if second else math.inf


def variance_map(
    activation: Activation, q: float, sigma_w: float = 1.0, sigma_b: float = 0.0
) -> float:
    r"""The variance of the pre-activations one layer on.

    .. math:: V(q) = \sigma_w^2 \, E[f(\sqrt{q} z)^2] + \sigma_b^2

    Raises:
        TypeError, ValueError, ArithmeticError: see `moments`.

    Example:
        >>> import actlab
        >>> round(variance_map(actlab.get("relu"), 3.0, 2**0.5), 12)
        3.0
    """
    return sigma_w**2 * moments(activation, q).second + sigma_b**2


def correlation_map(
    activation: Activation, c: float, q: float = 1.0, sigma_w: float = 1.0, sigma_b: float = 0.0
) -> float:
    r"""The correlation of two inputs of variance q one layer on.

    .. math:: C(c) = (\sigma_w^2 \, E[f(u_1) f(u_2)] + \sigma_b^2) / V(q)

    with u1, u2 of variance q and correlation c.

    Args:
        activation: a function of one number.
        c: correlation between -1 and 1.
        q: variance of both inputs.
        sigma_w: standard deviation of the weights times sqrt(width).
        sigma_b: standard deviation of the biases.

    Returns:
        The correlation of the next layer.

    Raises:
        TypeError: if it is no function of one number.
        ValueError: if c or q is out of range.
        ArithmeticError: if an expectation is infinite, or not found to 8 digits.

    Example:
        >>> import actlab, math
        >>> relu = actlab.get("relu")  # Cho, Saul (2009): C(0) = 1/pi
        >>> round(correlation_map(relu, 0.0, sigma_w=2**0.5) * math.pi, 8)
        1.0
    """
    if not -1 <= c <= 1:
        raise ValueError(f"a correlation lies between -1 and 1, but {c!r} was given")
    _check_variance(q)
    following = variance_map(activation, q, sigma_w, sigma_b)
    if following == 0:
        raise ArithmeticError(f"{activation.name} passes no variance on, so no correlation either")
    shared = _product(scalar(activation), c, q, f"the correlation that {activation.name} passes on")
    return (sigma_w**2 * shared + sigma_b**2) / following


def slope_product(activation: Activation, c: float, q: float) -> float:
    """E[f'(u1) f'(u2)] for u1, u2 of variance q and correlation c."""
    scalar(activation)
    derived = activation.filled(activation.slope())
    return _product(derived, c, q, f"the gradient that {activation.name} passes on")


def _product(formula: Expression, c: float, q: float, what: str) -> float:
    """E[g(u1) g(u2)]: given the part that both inputs share, they are independent."""
    root = math.sqrt(q)
    function = engine.for_few_calls(formula)
    breaks = _scaled(formula, root)
    if abs(c) > 1 - 1e-12:
        sign = math.copysign(1, c)
        every = (*breaks, *(-point for point in breaks))
        return float(
            expectation(lambda z: function(root * z) * function(sign * root * z), every, what)
        )
    previous = math.nan
    for nodes in (16, 28, 48, 80):
        value = _shared(function, root, c, breaks, nodes)
        if abs(value - previous) <= 1e-8 * max(abs(value), 1e-6 * root):
            return value
        previous = value
    raise ArithmeticError(f"{what} could not be computed to 8 digits")


def _shared(function: Any, root: float, c: float, breaks: tuple[float, ...], nodes: int) -> float:
    reach = 9.0
    points, weights = np.polynomial.legendre.leggauss(nodes)
    common, own = math.sqrt(abs(c)), math.sqrt(1 - abs(c))
    signs = (1.0,) if c >= 0 else (1.0, -1.0)
    edges = {*np.linspace(-reach, reach, 13)}
    # given the shared part the mean is smooth on the scale of the part of one's own
    for point in breaks:
        for sign in signs:
            middle = sign * point / common if common else math.inf
            steps = own / max(common, 1e-9) * 2.0 ** np.arange(-1, 9)
            edges |= {middle, *(middle + steps), *(middle - steps)}
    outer = np.array(sorted(e for e in edges if abs(e) <= reach))
    half = np.diff(outer)[:, None] / 2
    shared = ((outer[:-1] + outer[1:])[:, None] / 2 + half * points).ravel()
    weight = (half * weights).ravel() * np.exp(-shared * shared / 2)
    means = [_mean(function, root, sign * common * shared, own, breaks, nodes) for sign in signs]
    return float((weight * means[0] * means[-1]).sum() / math.sqrt(2 * math.pi))


def _mean(
    function: Any, root: float, middle: Any, own: float, breaks: tuple[float, ...], nodes: int
) -> Any:
    """E[g(root * (middle + own * b))] over b ~ N(0, 1), for many middles at once."""
    reach = 9.0
    points, weights = np.polynomial.legendre.leggauss(nodes)
    fixed = np.broadcast_to(np.linspace(-reach, reach, 10), (len(middle), 10))
    kinks = np.array(breaks)[None, :]
    splits = np.clip((kinks - middle[:, None]) / own, -reach, reach)
    ends = np.sort(np.concatenate([fixed, splits], axis=1), axis=1)
    half = np.diff(ends, axis=1)[..., None] / 2
    b = (ends[:, :-1] + ends[:, 1:])[..., None] / 2 + half * points
    with np.errstate(all="ignore"):
        values = function(root * (middle[:, None, None] + own * b)) * np.exp(-b * b / 2)
    return (values * half * weights).sum(axis=(1, 2)) / math.sqrt(2 * math.pi)
