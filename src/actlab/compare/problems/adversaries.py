"""A generator with the candidate in it, and the critic that it plays against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from torch import Tensor, nn

from actlab.compare.problems.units import linear

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["NOISE", "Adversaries"]

NOISE: Final = 16
"""Numbers that the generator begins from."""


class Adversaries(nn.Module):
    """Two perceptrons: the generator makes rows out of noise, the critic tells them from real ones.

    The candidate acts in the generator alone. The critic keeps leaky ReLU with slope 0.2, as in
    DCGAN (Radford, Metz, Chintala, 2015, arXiv:1511.06434): so every candidate is measured
    against the same critic, and a poor critic is not taken for a good generator.

    Called with noise (rows, `NOISE`), the module is the generator: pixels in [0, 1], (rows, size).

    Args:
        size: numbers of a row.
        hidden: widths of the generator's hidden layers; the critic has the same.
        activation: the candidate.
    """

    def __init__(self, size: int, hidden: Sequence[int], activation: Activation) -> None:
        super().__init__()
        from actlab.catalogue import get

        critic = get("leaky_relu", negative_slope=0.2)
        self.generator = _perceptron(NOISE, hidden, size, activation)
        self.critic = _perceptron(size, hidden, 1, critic)

    def forward(self, noise: Tensor) -> Tensor:
        """Generated rows."""
        result: Tensor = self.generator(noise).sigmoid()
        return result


def _perceptron(
    inputs: int, hidden: Sequence[int], outputs: int, activation: Activation
) -> nn.Sequential:
    layers: list[nn.Module] = []
    for units in hidden:
        layers.extend(linear(inputs, units, activation))
        inputs = units
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))
