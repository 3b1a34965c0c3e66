"""Small convolutional networks: a classifier of images, and a U-Net."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from actlab.compare.problems.units import convolution

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["ImageClassifier", "UNet"]


class ImageClassifier(nn.Module):
    """3 × 3 convolutions, each with the candidate and all but the last with a halving, classes.

    What the last convolution finds is averaged over the image's quarters. Shapes: x (rows,
    channels, height, width) with even sizes, the result (rows, classes).

    Args:
        channels: of the images.
        filters: of each convolution.
        classes: outputs.
        activation: the candidate.
        batch_norm: normalise over the batch between convolution and candidate.
    """

    def __init__(
        self,
        channels: int,
        filters: Sequence[int],
        classes: int,
        activation: Activation,
        *,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for place, wide in enumerate(filters):
            if place:
                layers.append(nn.AvgPool2d(2, ceil_mode=True))
            layers.append(convolution(channels, wide, activation, batch_norm=batch_norm))
            channels = wide
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.last = nn.Linear(4 * channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the classes."""
        result: Tensor = self.last(self.features(x))
        return result


class UNet(nn.Module):
    """Down by halves and up again, each level handing what it saw across to its way up.

    Shapes: x (rows, 1, height, width), divisible by 2 as often as there are levels below the
    first; the result (rows, height, width), one logit a pixel.

    Args:
        filters: of each level, from the whole image down.
        activation: the candidate, after every convolution but the last.

    Source: Ronneberger, Fischer, Brox (2015), U-Net, arXiv:1505.04597.
    """

    def __init__(self, filters: Sequence[int], activation: Activation) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            convolution(below, wide, activation)
            for below, wide in zip([1, *filters], filters, strict=False)
        )
        self.up = nn.ModuleList(
            convolution(below + wide, wide, activation)
            for below, wide in zip(filters[:0:-1], filters[-2::-1], strict=True)
        )
        self.smaller = nn.AvgPool2d(2)
        self.larger = nn.Upsample(scale_factor=2)
        self.last = nn.Conv2d(filters[0], 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the foreground."""
        across = []
        for place, level in enumerate(self.down):
            x = level(self.smaller(x) if place else x)
            across.append(x)
        for level, seen in zip(self.up, reversed(across[:-1]), strict=True):
            x = level(torch.cat([self.larger(x), seen], 1))
        result: Tensor = self.last(x).squeeze(1)
        return result
