"""A small causal transformer whose feed-forward layers hold the candidate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from actlab.compare.problems.units import unit

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["Transformer", "distances", "feed_forward"]


def feed_forward(size: int, units: int, activation: Activation) -> nn.Sequential:
    """Up to `units` pre-activations, the candidate, and down again, without biases.

    A gated pair has two matrices up, and two thirds of the units (rounded, where 3 does not divide
    them), so that both forms have 2 · size · units weights: three matrices of two thirds are as
    much as two whole ones.

    Example:
        >>> from actlab import get
        >>> [sum(p.numel() for p in feed_forward(8, 48, get(name)).parameters())
        ...  for name in ("gelu", "geglu")]
        [768, 768]

    Source: Shazeer (2020), GLU variants improve transformer, arXiv:2002.05202.
    """
    gated = activation.kind == "gated"
    inner = round(units * 2 / 3) if gated else units
    return nn.Sequential(
        nn.Linear(size, inner * (2 if gated else 1), bias=False),
        unit(activation, -1),
        nn.Linear(inner, size, bias=False),
    )


class _Block(nn.Module):
    """Attention to what came before and a feed-forward layer, each normalised and added."""

    def __init__(self, size: int, heads: int, units: int, activation: Activation) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_feed_forward = nn.LayerNorm(size), nn.LayerNorm(size)
        self.attention = nn.Linear(size, 3 * size, bias=False)
        self.together = nn.Linear(size, size, bias=False)
        self.feed_forward = feed_forward(size, units, activation)

    def forward(self, x: Tensor, distance: Tensor) -> Tensor:
        x = x + self.together(self._attend(self.before_attention(x), distance))
        result: Tensor = x + self.feed_forward(self.before_feed_forward(x))
        return result

    def _attend(self, x: Tensor, distance: Tensor) -> Tensor:
        rows, steps, size = x.shape
        parts = self.attention(x).reshape(rows, steps, 3, self.heads, size // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        scores = query @ key.transpose(-1, -2) / math.sqrt(size // self.heads)
        shares = (scores - distance).softmax(-1)
        together: Tensor = (shares @ value).transpose(1, 2).reshape(rows, steps, size)
        return together


def distances(steps: int, heads: int) -> Tensor:
    """What attention loses with the distance, (heads, steps, steps); infinite to what comes later.

    The slopes begin at 1 and fall to a quarter from head to head: the first sees little but the
    last characters.

    Source: Press, Smith, Lewis (2021), Train short, test long (ALiBi), arXiv:2108.12409, where the
    slopes of four heads begin at a quarter.
    """
    place = torch.arange(steps)
    back = place[:, None] - place
    slopes = 0.25 ** torch.arange(heads)
    return (slopes[:, None, None] * back).masked_fill(back < 0, math.inf)


class Transformer(nn.Module):
    """Characters in, logits of the next character out.

    Shapes: x (rows, steps) of int64, the result (rows, characters, steps), as a
    cross-entropy takes it.

    Args:
        characters: how many there are.
        steps: the most that are read at once.
        size: of the stream between the blocks; divisible by `heads`.
        heads: of the attention.
        hidden: units of each block's feed-forward layer (of a gated pair two thirds of them).
        activation: the candidate.

    Where a character stands is told by its distance alone: see `distances`.

    Sources: Vaswani et al. (2017), Attention is all you need, arXiv:1706.03762; normalised before
    each layer as in Xiong et al. (2020), arXiv:2002.04745.
    """

    distance: Tensor

    def __init__(
        self,
        characters: int,
        steps: int,
        size: int,
        heads: int,
        hidden: Sequence[int],
        activation: Activation,
    ) -> None:
        super().__init__()
        self.characters = nn.Embedding(characters, size)
        self.blocks = nn.ModuleList(_Block(size, heads, units, activation) for units in hidden)
        self.norm = nn.LayerNorm(size)
        self.last = nn.Linear(size, characters)
        self.register_buffer("distance", distances(steps, heads), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of what comes next, at every place from what stands up to it."""
        steps = x.shape[1]
        stream: Tensor = self.characters(x)
        for block in self.blocks:
            stream = block(stream, self.distance[:, :steps, :steps])
        result: Tensor = self.last(self.norm(stream)).transpose(1, 2)
        return result
