"""Layers that mix, move or share catalogued functions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from actlab.activation import Activation
from actlab.catalogue import get
from actlab.nn.own_weights import LayerModule, along_channels, check_channels_of
from actlab.nn.settings import count, divided, rational_start, scalar_function

__all__ = ["GroupRational", "LinearCombination", "TransformativeAdaptive"]


# looked up here, since torch.compile can't follow a search by name
_RATIONAL = get("rational_b")


class TransformativeAdaptive(LayerModule):
    r"""α·f(βx + γ) + δ with learned α, β, γ, δ; it starts as f.

    Args:
        function: f, by name, formula or itself; one of one number.
        channels: how many channels have numbers of their own, along dimension 1 of the input;
            without it the layer has one of each.

    Example:
        >>> import actlab
        >>> layer = actlab.get("taaf").module(function="tanh", channels=3)
        >>> bool((layer(torch.ones(2, 3)) == torch.tanh(torch.ones(2, 3))).all())
        True

    Source: Kunc, Kléma (2021), doi:10.1371/journal.pone.0243915.
    """

    def __init__(self, function: str | Activation = "tanh", channels: int | None = None) -> None:
        self_function = scalar_function(function, "taaf")
        super().__init__("taaf", function=self_function.name, channels=channels)
        self.function = self_function
        self.channels = None if channels is None else count("channels", channels)
        shape = () if channels is None else (channels,)
        self.alpha, self.beta = (nn.Parameter(torch.ones(shape)) for _ in range(2))
        self.gamma, self.delta = (nn.Parameter(torch.zeros(shape)) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the function; the shape stays."""
        numbers: tuple[Tensor, ...] = (self.alpha, self.beta, self.gamma, self.delta)
        if self.channels is not None:
            check_channels_of(x, self.channels)
            numbers = tuple(along_channels(number, x) for number in numbers)
        alpha, beta, gamma, delta = numbers
        result: Tensor = alpha * self.function(beta * x + gamma) + delta
        return result


class LinearCombination(LayerModule):
    r"""Σ wᵢ·fᵢ(x) with learned weights, which start at 1/n.

    Args:
        functions: the fᵢ, by name, formula or themselves; each of one number.
        channels: how many channels have weights of their own, along dimension 1 of the input.

    Raises:
        ValueError: if no function was given.

    Example:
        >>> import actlab
        >>> layer = actlab.get("lincomb").module(functions=("relu", "tanh"))
        >>> layer(torch.tensor([0.0, 2.0]))
        tensor([0.0000, 1.4820], grad_fn=<AddBackward0>)

    Source: Pishchik (2023), doi:10.20944/preprints202301.0463.v1.
    """

    def __init__(self, functions: Sequence[str | Activation], channels: int | None = None) -> None:
        items = [functions] if isinstance(functions, str | Activation) else list(functions)
        own = [scalar_function(item, "lincomb") for item in items]
        if not own:
            raise ValueError("lincomb needs at least one function, for example ('relu', 'tanh')")
        super().__init__("lincomb", functions=tuple(f.name for f in own), channels=channels)
        self.functions = tuple(own)
        self.channels = None if channels is None else count("channels", channels)
        shape = (len(own),) if channels is None else (len(own), channels)
        self.weight = nn.Parameter(torch.full(shape, 1 / len(own)))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the function; the shape stays."""
        if self.channels is not None:
            check_channels_of(x, self.channels)
        total = torch.zeros_like(x)
        for weight, f in zip(self.weight, self.functions, strict=True):
            total = total + (weight if self.channels is None else along_channels(weight, x)) * f(x)
        return total


class GroupRational(LayerModule):
    r"""P(x)/(1 + |Q(x)|) of degrees 5 and 4, with coefficients for each group of channels.

    Args:
        channels: size of the input along `axis`.
        groups: how many groups of neighbouring channels.
        start: "identity", "gelu" or "swish": what it starts as.
        axis: where the channels are.

    Raises:
        ValueError: if the channels do not divide into the groups, or `start` is none of them.

    Example:
        >>> import actlab
        >>> layer = actlab.get("group_rational").module(channels=16, groups=4)
        >>> layer(torch.zeros(2, 5, 16)).shape
        torch.Size([2, 5, 16])

    Source: Yang, Wang (2024), arXiv:2409.10594.
    """

    def __init__(
        self, channels: int, groups: int = 8, start: str = "swish", axis: int = -1
    ) -> None:
        super().__init__("group_rational", channels=channels, groups=groups, start=start, axis=axis)
        self.channels, self.axis = count("channels", channels), axis
        self.share = divided(channels, groups)
        top, bottom = (torch.tensor(row) for row in rational_start(start))
        self.numerator = nn.Parameter(top.repeat(groups, 1))
        self.denominator = nn.Parameter(bottom.repeat(groups, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the function; the shape stays."""
        check_channels_of(x, self.channels, self.axis)

        def spread(column: Tensor) -> Tensor:
            return along_channels(column.repeat_interleave(self.share), x, self.axis)

        settings = {f"a{i}": spread(column) for i, column in enumerate(self.numerator.unbind(1))}
        settings |= {
            f"b{i}": spread(column) for i, column in enumerate(self.denominator.unbind(1), 1)
        }
        result: Tensor = _RATIONAL(x, **settings)
        return result
