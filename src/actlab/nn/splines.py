"""Layers that learn the curve itself: splines, kernels, polynomials and hinges."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from actlab.activation import Activation
from actlab.catalogue import get
from actlab.nn.own_weights import LayerModule, along_channels, check_channels_of
from actlab.nn.settings import check_interval, count, even_points, kernel_start, values_at

__all__ = [
    "AdaptivePiecewiseLinear",
    "BSplineKAN",
    "ChebyshevKAN",
    "KernelActivation",
    "LinearSpline",
    "RadialBasisKAN",
]


# looked up here, since torch.compile can't follow a search by name
_SILU, _TANH = get("silu"), get("tanh")


class _EdgeFunctions(LayerModule):
    """A layer with a function on each edge; the last dimension of its input is `inputs`."""

    def __init__(self, name: str, inputs: int, outputs: int, **settings: object) -> None:
        super().__init__(name, inputs=inputs, outputs=outputs, **settings)
        self.inputs, self.outputs = count("inputs", inputs), count("outputs", outputs)

    def _check(self, x: Tensor) -> None:
        if x.dim() < 1 or x.shape[-1] != self.inputs:
            raise ValueError(
                f"this layer has {self.inputs} inputs, counted along the last dimension, but the "
                f"shape is {tuple(x.shape)}"
            )


class BSplineKAN(_EdgeFunctions):
    r"""A Kolmogorov-Arnold layer: y_o = Σ_i (w_oi silu(x_i) + s_oi Σ_k c_oik B_k(x_i)).

    The B_k are the B-splines of an order on even knots. It starts near the linear layer of
    silu(x) with Xavier's weights: s is 1 and c is drawn from N(0, 0.1²).

    Args:
        inputs: size of the last dimension of the input.
        outputs: that of the result.
        grid: how many intervals lie between `low` and `high`.
        order: degree of the splines; 3 is cubic.
        low: where the splines begin; outside of [low, high] they run out to 0.
        high: where they end.

    Raises:
        ValueError: for sizes below 1, or low >= high, or an input of another size.

    Example:
        >>> import actlab
        >>> layer = actlab.get("kan_bspline").module(inputs=2, outputs=3)
        >>> layer(torch.zeros(5, 2)).shape
        torch.Size([5, 3])

    Source: Liu, Wang, Vaidya, Ruehle, Halverson, Soljačić, Hou, Tegmark (2024), arXiv:2404.19756.
    """

    knots: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        grid: int = 5,
        order: int = 3,
        low: float = -1.0,
        high: float = 1.0,
    ) -> None:
        super().__init__("kan_bspline", inputs, outputs, grid=grid, order=order, low=low, high=high)
        check_interval(low, high)
        self.order = count("order", order, 0)
        step = (high - low) / count("grid", grid)
        places = torch.arange(-order, grid + order + 1, dtype=torch.float64)
        self.register_buffer("knots", (low + step * places).to(torch.get_default_dtype()))
        self.base = nn.Parameter(nn.init.xavier_uniform_(torch.empty(outputs, inputs)))
        self.scale = nn.Parameter(torch.ones(outputs, inputs))
        self.coefficients = nn.Parameter(0.1 * torch.randn(outputs, inputs, grid + order))

    def basis(self, x: Tensor) -> Tensor:
        """The B-splines at each number, along a new last dimension; inside they add up to 1."""
        x, t = x.unsqueeze(-1), self.knots
        values = ((x >= t[:-1]) & (x < t[1:])).to(x.dtype)
        for k in range(1, self.order + 1):
            rising = (x - t[: -k - 1]) / (t[k:-1] - t[: -k - 1])
            falling = (t[k + 1 :] - x) / (t[k + 1 :] - t[1:-k])
            values = rising * values[..., :-1] + falling * values[..., 1:]
        return values

    def forward(self, x: Tensor) -> Tensor:
        """From (..., inputs) to (..., outputs)."""
        self._check(x)
        weights = (self.scale.unsqueeze(-1) * self.coefficients).flatten(1)
        splines = nn.functional.linear(self.basis(x).flatten(-2), weights)
        return splines + nn.functional.linear(_SILU(x), self.base)


class RadialBasisKAN(_EdgeFunctions):
    r"""A Kolmogorov-Arnold layer of Gaussians beside a linear layer of silu(x).

    ``y_o = Σ_i Σ_k c_oik exp(-((u_i - g_k)/h)²) + (W silu(x) + b)_o``, where u is x after a layer
    normalisation, and h the distance of the centres g_k.

    Args:
        inputs: size of the last dimension of the input.
        outputs: that of the result.
        centres: how many Gaussians.
        low: the first centre.
        high: the last one.
        normalise: whether u is normalised.

    Example:
        >>> import actlab
        >>> layer = actlab.get("kan_rbf").module(inputs=4, outputs=3)
        >>> layer(torch.zeros(5, 4)).shape
        torch.Size([5, 3])

    Source: Li (2024), arXiv:2405.06721.
    """

    centres: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        centres: int = 8,
        low: float = -2.0,
        high: float = 2.0,
        normalise: bool = True,
    ) -> None:
        super().__init__(
            "kan_rbf", inputs, outputs, centres=centres, low=low, high=high, normalise=normalise
        )
        check_interval(low, high)
        self.width = (high - low) / (count("centres", centres, 2) - 1)
        self.register_buffer("centres", torch.linspace(low, high, centres))
        self.norm: nn.Module = nn.LayerNorm(inputs) if normalise else nn.Identity()
        self.base = nn.Linear(inputs, outputs)
        start = nn.init.trunc_normal_(torch.empty(outputs, inputs * centres), std=0.1)
        self.coefficients = nn.Parameter(start)

    def forward(self, x: Tensor) -> Tensor:
        """From (..., inputs) to (..., outputs)."""
        self._check(x)
        distance = (self.norm(x).unsqueeze(-1) - self.centres) / self.width
        bumps = torch.exp(-distance.square()).flatten(-2)
        straight: Tensor = self.base(_SILU(x))
        return nn.functional.linear(bumps, self.coefficients) + straight


class ChebyshevKAN(_EdgeFunctions):
    r"""A Kolmogorov-Arnold layer of polynomials: y_o = Σ_i Σ_k c_oik T_k(tanh x_i).

    Args:
        inputs: size of the last dimension of the input.
        outputs: that of the result.
        degree: of the highest of Chebyshev's polynomials T_k.

    Example:
        >>> import actlab
        >>> layer = actlab.get("kan_chebyshev").module(inputs=4, outputs=3)
        >>> layer(torch.zeros(5, 4)).shape
        torch.Size([5, 3])

    Source: SS, AR, R, KP (2024), arXiv:2405.07200.
    """

    def __init__(self, inputs: int, outputs: int, degree: int = 4) -> None:
        super().__init__("kan_chebyshev", inputs, outputs, degree=degree)
        terms = count("degree", degree) + 1
        self.coefficients = nn.Parameter(torch.randn(outputs, inputs, terms) / (inputs * terms))

    def forward(self, x: Tensor) -> Tensor:
        """From (..., inputs) to (..., outputs)."""
        self._check(x)
        u = _TANH(x)
        terms = [torch.ones_like(u), u]
        while len(terms) < self.coefficients.shape[-1]:
            terms.append(2 * u * terms[-1] - terms[-2])
        return nn.functional.linear(
            torch.stack(terms, -1).flatten(-2), self.coefficients.flatten(1)
        )


class KernelActivation(LayerModule):
    r"""Σ_k α_k exp(-γ(x - d_k)²) with d evenly spaced on [-reach, reach] and γ = 1/(6Δ²).

    Args:
        channels: C of an input of shape (N, C) or (N, C, ...).
        size: how many Gaussians.
        reach: where the outermost of them stand.
        start: the function that it starts near, by ridge regression at the d_k.

    Example:
        >>> import actlab
        >>> layer = actlab.get("kaf").module(channels=3)
        >>> bool((layer(torch.ones(1, 3)) - torch.tanh(torch.ones(1, 3))).abs().max() < 0.01)
        True

    Source: Scardapane, Van Vaerenbergh, Totaro, Uncini (2017), arXiv:1707.04035.
    """

    centres: Tensor

    def __init__(
        self,
        channels: int,
        size: int = 20,
        reach: float = 3.0,
        start: str | Activation = "tanh",
    ) -> None:
        super().__init__("kaf", channels=channels, size=size, reach=reach, start=str(start))
        self.channels = count("channels", channels)
        centres = even_points(reach, size)
        self.gamma, weights = kernel_start(start, centres)
        dtype = torch.get_default_dtype()
        self.register_buffer("centres", torch.tensor(centres, dtype=dtype))
        self.weight = nn.Parameter(torch.tensor(weights, dtype=dtype).repeat(channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the function; the shape stays."""
        check_channels_of(x, self.channels)
        bumps = torch.exp(-self.gamma * (x.unsqueeze(-1) - self.centres).square())
        weights = self.weight.reshape(self.channels, *(1,) * (x.dim() - 2), -1)
        return (bumps * weights).sum(-1)


class LinearSpline(LayerModule):
    r"""A piecewise linear curve with a knot at each of `size` even places on [-reach, reach].

    Learned are its values at the knots; beyond the last two the lines go on.

    Args:
        channels: C of an input of shape (N, C) or (N, C, ...).
        size: how many knots.
        reach: where the outermost of them stand.
        start: the function whose values at the knots it starts with.

    Example:
        >>> import actlab
        >>> layer = actlab.get("linear_spline").module(channels=2)
        >>> layer(torch.tensor([[-8.0, 3.0]])).detach()
        tensor([[-0.0800,  3.0000]])

    Source: Bohra, Campos, Gupta, Aziznejad, Unser (2020), doi:10.1109/OJSP.2020.3039379.
    """

    def __init__(
        self,
        channels: int,
        size: int = 51,
        reach: float = 4.0,
        start: str | Activation = "leaky_relu",
    ) -> None:
        super().__init__(
            "linear_spline", channels=channels, size=size, reach=reach, start=str(start)
        )
        self.channels, self.reach = count("channels", channels), reach
        values = torch.tensor(values_at(start, even_points(reach, size), "linear_spline"))
        self.values = nn.Parameter(values.to(torch.get_default_dtype()).repeat(channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the function; the shape stays."""
        check_channels_of(x, self.channels)
        size = self.values.shape[1]
        place = (x + self.reach) * ((size - 1) / (2 * self.reach))
        left = place.detach().nan_to_num().floor().clamp(0, size - 2).long()
        first = along_channels(torch.arange(self.channels, device=x.device) * size, x)
        values = self.values.reshape(-1)
        low, high = values[first + left], values[first + left + 1]
        return low + (high - low) * (place - left)


class AdaptivePiecewiseLinear(LayerModule):
    r"""relu(x) + Σ_s a_s relu(b_s - x) with learned hinges.

    Args:
        channels: C of an input of shape (N, C) or (N, C, ...).
        hinges: S, how many hinges.

    Example:
        >>> import actlab
        >>> layer = actlab.get("apl").module(channels=2, hinges=3)
        >>> layer(torch.full((1, 2), 9.0)).tolist()
        [[9.0, 9.0]]

    Source: Agostinelli, Hoffman, Sadowski, Baldi (2014), arXiv:1412.6830.
    """

    def __init__(self, channels: int, hinges: int = 5) -> None:
        super().__init__("apl", channels=channels, hinges=hinges)
        self.channels = count("channels", channels)
        shape = (count("hinges", hinges), channels)
        self.slopes = nn.Parameter(torch.empty(shape).uniform_(-0.2, 0.2))
        self.places = nn.Parameter(0.5 * torch.randn(shape))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the function; the shape stays."""
        check_channels_of(x, self.channels)
        total = torch.relu(x)
        for slope, place in zip(self.slopes, self.places, strict=True):
            hinge = torch.relu(along_channels(place, x) - x)
            total = total + along_channels(slope, x) * hinge
        return total
