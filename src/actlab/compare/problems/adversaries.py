"""A generator with the candidate in it, and the critic that it plays against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from torch import Tensor, nn

from actlab.compare.problems.units import linear

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["NOISE", "Adversaries"]

NOISE: Final = 32
"""Numbers that the generator begins from."""
_CRITIC: Final = (64, 64)
"""Widths of the critic's hidden layers, whatever the generator has."""


class Adversaries(nn.Module):
    """Two perceptrons: the generator makes rows out of noise, the critic tells them from real ones.

    The candidate acts in the generator alone. The critic keeps leaky ReLU with slope 0.2, as in
    DCGAN (Radford, Metz, Chintala, 2015, arXiv:1511.06434): so every candidate is measured
    against the same critic, and a poor critic is not taken for a good generator.

    Called with noise (rows, `NOISE`), the module is the generator: pixels in [0, 1], (rows, size).

    Args:
        size: numbers of a row.
        hidden: widths of the generator's hidden layers.
        activation: the candidate.
    """

    def __init__(self, size: int, hidden: Sequence[int], activation: Activation) -> None:
        super().__init__()
        self.generator = nn.Sequential()
        inputs = NOISE
        for units in hidden:
            self.generator.extend(linear(inputs, units, activation))
            inputs = units
        self.generator.append(nn.Linear(inputs, size))
        self.critic = _critic(size)

    def forward(self, noise: Tensor) -> Tensor:
        """Generated rows."""
        result: Tensor = self.generator(noise).sigmoid()
        return result


def _critic(inputs: int) -> nn.Sequential:
    critic = nn.Sequential()
    for units in _CRITIC:
        critic.extend([nn.Linear(inputs, units), nn.LeakyReLU(0.2)])
        inputs = units
    return critic.append(nn.Linear(inputs, 1))
