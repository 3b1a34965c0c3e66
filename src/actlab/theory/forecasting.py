"""What a deep network will do to signal and gradient, before it is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from actlab.activation import Activation
from actlab.catalogue import resolve
from actlab.theory.gains import gain
from actlab.theory.meanfield import layer, scalar, slope_kurtosis

__all__ = ["Forecast", "forecast"]

_STEADY: Final = 0.02
"""Rates of the gradient per layer below this are called steady: a factor of e over 50 layers."""


@dataclass(frozen=True)
class Forecast:
    """Signal and gradient, layer by layer, of a wide random network.

    Attributes:
        activation: name of the function.
        depth: number of layers.
        sigma_w: standard deviation of the weights times sqrt(width).
        sigma_b: standard deviation of the biases.
        variance: variance of the pre-activations of layer 1 ... depth; infinite once it can
            no longer be represented.
        gradient: natural logarithm of the gradient norm with respect to the pre-activations of
            layer 1 ... depth, relative to the last layer.
        sensitivity: factor by which a small relative deviation of the first variance has grown
            at the last layer. Far above 1 the forecast is that of an infinitely wide network
            only: one of finite width drifts away, up or down.
        width: units of each layer, if it was given.
        scatter: standard deviation of `gradient` between networks of that width; empty without
            one.
    """

    activation: str
    depth: int
    sigma_w: float
    sigma_b: float
    variance: tuple[float, ...]
    gradient: tuple[float, ...]
    sensitivity: float
    width: int | None = None
    scatter: tuple[float, ...] = ()

    @property
    def rate(self) -> float:
        """Mean growth of the logarithm of the gradient norm per layer, from last to first."""
        if self.depth == 1:
            return 0.0
        return (self.gradient[0] - self.gradient[-1]) / (self.depth - 1)

    @property
    def verdict(self) -> str:
        """`steady`, `vanishing` or `exploding` gradients, from the last layer to the first.

        `unknown` where the variance leaves what can be represented.
        """
        if math.isnan(self.rate):
            return "unknown"
        if math.isinf(self.rate):
            return "exploding" if self.rate > 0 else "vanishing"
        if abs(self.rate) < _STEADY:
            return "steady"
        return "vanishing" if self.rate < 0 else "exploding"

    def lines(self) -> list[tuple[str, str]]:
        """Label and text, for a terminal."""
        told = f"{self.verdict}: no gradient reaches layer 1"
        if math.isfinite(self.gradient[0]):
            told = (
                f"{self.verdict}: layer 1 has 10^{self.gradient[0] / math.log(10) + 0.0:+.2f} of "
                f"layer {self.depth} ({self.rate + 0.0:+.4f} per layer in ln)"
            )
        elif self.gradient[0] != -math.inf:
            told = f"{self.verdict}: the variance leaves what can be represented"
        width = "width" if self.width is None else f"{self.width}"
        shown = [
            ("weights", f"N(0, {self.sigma_w:.6g}²/{width}), biases N(0, {self.sigma_b:.6g}²)"),
            ("signal", f"variance {self.variance[0]:.3g} in layer 1, {self.variance[-1]:.3g} in "
             f"layer {self.depth}"),
            ("gradient", told),
        ]  # fmt: skip
        if self.scatter:
            shown.append(
                ("one network", f"scatters about that by 10^±{self.scatter[0] / math.log(10):.2f}")
            )
        if not 0.1 <= self.sensitivity <= 10:
            word = "grows" if self.sensitivity > 1 else "shrinks"
            shown.append(
                ("stability", f"a deviation of the variance {word} {self.sensitivity:.3g}-fold")
            )
        return shown


def forecast(
    activation: str | Activation,
    depth: int = 50,
    *,
    sigma_w: float | None = None,
    sigma_b: float = 0.0,
    variance: float = 1.0,
    width: int | None = None,
) -> Forecast:
    r"""Signal variance and gradient norm through the layers of a wide random network.

    .. math:: q_{l+1} = \sigma_w^2 E[f(\sqrt{q_l} z)^2] + \sigma_b^2, \quad
              |\delta_l|^2 = \sigma_w^2 E[f'(\sqrt{q_l} z)^2] \, |\delta_{l+1}|^2

    That is the mean over many networks. At a width n the factor of one layer scatters by the
    relative variance (3k - 1)/n with k = E[f'^4] / E[f'^2]^2, and the layers' add up; how the
    variance itself wanders is left out.

    Args:
        activation: a function of one number; its name or formula will do.
        depth: number of layers.
        sigma_w: standard deviation of the weights times sqrt(width); the gain by default.
        sigma_b: standard deviation of the biases.
        variance: of the pre-activations of the first layer.
        width: units of each layer, to tell how much one network scatters.

    Returns:
        A `Forecast`; `lines()` is for a terminal.

    Raises:
        TypeError: for gated pairs and functions of whole vectors.
        ValueError: if depth or width is below 1, or a standard deviation or variance is out of
            range.
        ArithmeticError: if the function has no gain and no sigma_w is given.

    Example:
        >>> import actlab
        >>> forecast(actlab.get("relu"), depth=50).verdict
        'steady'

    Source: Poole et al. (2016), arXiv:1606.05340; Schoenholz et al. (2017), arXiv:1611.01232;
    finite width, for ReLU (k = 2): Hanin, Nica (2018), arXiv:1812.05994.
    """
    if isinstance(activation, str):
        activation = resolve(activation)
    scalar(activation)
    if depth < 1:
        raise ValueError(f"a network has one layer or more, but depth={depth!r} was given")
    if width is not None and width < 1:
        raise ValueError(f"a layer has one unit or more, but width={width!r} was given")
    if not 0 < variance < math.inf:
        raise ValueError(f"variance is a positive number, but {variance!r} was given")
    if sigma_w is None:
        sigma_w = gain(activation)
    if not (0 <= sigma_w < math.inf and 0 <= sigma_b < math.inf):
        raise ValueError(
            f"standard deviations are 0 or more, but sigma_w={sigma_w!r}, sigma_b={sigma_b!r} "
            "was given"
        )
    variances, rates, sensitivity = [variance], [0.0], 1.0
    at, known = None, math.nan
    while len(variances) < depth:
        q = variances[-1]
        try:
            at = at if at is not None and q == known else layer(activation, q)
            known = q
        except ArithmeticError:
            variances += [math.inf] * (depth - len(variances))
            rates += [math.nan] * (depth - len(rates))
            break
        following = sigma_w**2 * at.second + sigma_b**2
        if abs(following - q) <= 1e-12 * q:
            following = q  # a fixed point that repels must not be left by a rounding
        chi = sigma_w**2 * at.slope
        rates.append(0.5 * math.log(chi) if chi > 0 else -math.inf)
        if following > 0:
            sensitivity *= abs(sigma_w**2 * at.response) * q / following
        variances.append(following)
    gradient = [0.0]
    for rate in reversed(rates[1:]):
        gradient.append(gradient[-1] + rate)
    scatter = () if width is None else _scatter(activation, variances, width)
    return Forecast(
        activation.name,
        depth,
        float(sigma_w),
        float(sigma_b),
        tuple(variances),
        tuple(reversed(gradient)),
        sensitivity,
        width,
        scatter,
    )


def _scatter(activation: Activation, variances: list[float], width: int) -> tuple[float, ...]:
    """Standard deviation of ln of the gradient norm, from the last layer to the first."""
    known: dict[float, float] = {}
    squares = [0.0]
    for q in reversed(variances[:-1]):
        if q not in known:
            known[q] = slope_kurtosis(activation, q)
        squares.append(squares[-1] + math.log1p((3 * known[q] - 1) / width))
    return tuple(0.5 * math.sqrt(square) for square in reversed(squares))
