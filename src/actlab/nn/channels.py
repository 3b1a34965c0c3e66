"""Layers that look at the neighbourhood, the image or the batch to shape their function."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from actlab.catalogue import get
from actlab.nn.own_weights import LayerModule, along_channels, check_channels_of
from actlab.nn.settings import count

__all__ = ["Dice", "DynamicReLU", "FunnelReLU", "MetaAcon"]

# looked up here, since torch.compile can't follow a search by name
_SIGMOID, _ACON = get("sigmoid"), get("acon_c")


class FunnelReLU(LayerModule):
    r"""max(x, T(x)), where T is a depthwise convolution and a batch normalisation.

    Args:
        channels: C of an input of shape (N, C, H, W).
        kernel_size: width of the window, an odd number.

    Raises:
        ValueError: for an even window, or an input of other channels or no image.

    Example:
        >>> import actlab
        >>> layer = actlab.get("funnel_relu").module(channels=3)
        >>> layer(torch.zeros(2, 3, 8, 8)).shape
        torch.Size([2, 3, 8, 8])

    Source: Ma, Zhang, Sun (2020), arXiv:2007.11824.
    """

    def __init__(self, channels: int, kernel_size: int = 3) -> None:
        super().__init__("funnel_relu", channels=channels, kernel_size=kernel_size)
        self.channels = count("channels", channels)
        if count("kernel_size", kernel_size) % 2 == 0:
            raise ValueError(f"kernel_size is {kernel_size}; an odd number was expected")
        self.window = nn.Conv2d(
            channels, channels, kernel_size, padding=kernel_size // 2, groups=channels, bias=False
        )
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the function; the shape stays."""
        check_channels_of(x, self.channels)
        if x.dim() != 4:
            raise ValueError(
                f"funnel_relu takes images (N, C, H, W), but {tuple(x.shape)} was given"
            )
        return torch.maximum(x, self.norm(self.window(x)))


class DynamicReLU(LayerModule):
    r"""The largest of K lines whose slopes and heights depend on the mean over the image.

    ``y_c = max_k(a_k x_c + b_k)`` with ``(a, b) = start + (1, 1/2)·(2σ(W2 relu(W1 mean(x))) - 1)``;
    the first slope starts at 1, all else at 0, so that it starts near a ReLU.

    Args:
        channels: C of an input of shape (N, C) or (N, C, ...).
        pieces: K, how many lines.
        reduction: how many times narrower the hidden layer of the coefficients is.
        shared: one function for all channels (the paper's A) instead of one for each (its B).

    Example:
        >>> import actlab
        >>> layer = actlab.get("dynamic_relu").module(channels=8)
        >>> layer(torch.zeros(2, 8, 4)).shape
        torch.Size([2, 8, 4])

    Source: Chen, Dai, Liu, Chen, Yuan, Liu (2020), arXiv:2003.10027.
    """

    start: Tensor
    range: Tensor

    def __init__(
        self, channels: int, pieces: int = 2, reduction: int = 4, shared: bool = False
    ) -> None:
        super().__init__(
            "dynamic_relu", channels=channels, pieces=pieces, reduction=reduction, shared=shared
        )
        self.channels, self.pieces = count("channels", channels), count("pieces", pieces)
        hidden = max(channels // count("reduction", reduction), 1)
        self.owners = 1 if shared else channels
        self.squeeze = nn.Linear(channels, hidden)
        self.excite = nn.Linear(hidden, 2 * pieces * self.owners)
        self.register_buffer("start", torch.tensor([1.0] + [0.0] * (2 * pieces - 1)))
        self.register_buffer("range", torch.tensor([1.0] * pieces + [0.5] * pieces))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the function; the shape stays."""
        check_channels_of(x, self.channels)
        mean = x.flatten(2).mean(2) if x.dim() > 2 else x
        shape = self.excite(torch.relu(self.squeeze(mean))).reshape(
            -1, self.owners, 2 * self.pieces
        )
        lines = self.start + self.range * (2 * _SIGMOID(shape) - 1)
        slopes, heights = lines.reshape(*lines.shape[:2], *(1,) * (x.dim() - 2), -1).chunk(2, -1)
        result: Tensor = (slopes * x.unsqueeze(-1) + heights).amax(-1)
        return result


class MetaAcon(LayerModule):
    r"""ACON-C, whose sharpness β depends on the mean over the image.

    ``β = σ(norm(W2 norm(W1 mean(x))))``; the two slopes of each channel start from N(0, 1).

    Args:
        channels: C of an input of shape (N, C) or (N, C, ...).
        reduction: r; the hidden layer has max(r, C // r) units.
        normalise: whether batch normalisations follow the two maps, as in the authors' code. They
            need more than one example in training.

    Example:
        >>> import actlab
        >>> layer = actlab.get("meta_acon").module(channels=4)
        >>> layer(torch.randn(2, 4, 8, 8)).shape
        torch.Size([2, 4, 8, 8])

    Source: Ma, Zhang, Liu, Sun (2021), arXiv:2009.04759.
    """

    def __init__(self, channels: int, reduction: int = 16, normalise: bool = True) -> None:
        super().__init__("meta_acon", channels=channels, reduction=reduction, normalise=normalise)
        self.channels = count("channels", channels)
        hidden = max(count("reduction", reduction), channels // reduction)
        self.squeeze, self.excite = nn.Linear(channels, hidden), nn.Linear(hidden, channels)
        self.norm1: nn.Module = nn.BatchNorm1d(hidden) if normalise else nn.Identity()
        self.norm2: nn.Module = nn.BatchNorm1d(channels) if normalise else nn.Identity()
        self.p1, self.p2 = (nn.Parameter(torch.randn(channels)) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the function; the shape stays."""
        check_channels_of(x, self.channels)
        mean = x.flatten(2).mean(2) if x.dim() > 2 else x
        beta = _SIGMOID(self.norm2(self.excite(self.norm1(self.squeeze(mean)))))
        p1, p2 = along_channels(self.p1, x), along_channels(self.p2, x)
        sharpness = beta.reshape(*beta.shape, *(1,) * (x.dim() - 2))
        result: Tensor = _ACON(x, p1=p1, p2=p2, beta=sharpness)
        return result


class Dice(LayerModule):
    r"""PReLU whose kink is smooth and stands at the mean of the data.

    ``p x + (1 - p) α x`` with ``p = σ((x - E[x])/√(Var[x] + ε))``; α starts at 0.

    Args:
        channels: C of an input of shape (N, C) or (N, C, ...).
        epsilon: added to the variance.
        momentum: how fast the running mean and variance, which evaluation uses, follow.

    Example:
        >>> import actlab
        >>> layer = actlab.get("dice").module(channels=4)
        >>> layer(torch.randn(16, 4)).shape
        torch.Size([16, 4])

    Source: Zhou, Song, Zhu, Fan, Zhu, Ma, Yan, Jin, Li, Gai (2018), arXiv:1706.06978.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int, epsilon: float = 1e-8, momentum: float = 0.1) -> None:
        super().__init__("dice", channels=channels, epsilon=epsilon, momentum=momentum)
        self.channels = count("channels", channels)
        self.epsilon, self.momentum = epsilon, momentum
        self.alpha = nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the function; the shape stays."""
        check_channels_of(x, self.channels)
        share = _SIGMOID(
            nn.functional.batch_norm(
                x,
                self.mean,
                self.variance,
                training=self.training,
                momentum=self.momentum,
                eps=self.epsilon,
            )
        )
        result: Tensor = x * (share + (1 - share) * along_channels(self.alpha, x))
        return result
