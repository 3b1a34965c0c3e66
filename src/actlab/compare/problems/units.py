"""Where a candidate stands in the built-in networks.

A gated candidate takes two pre-activations for each unit, so the layer before it has `fold` times
as many weight vectors, as in the table task's perceptron.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from actlab.compare.sites import Site
from actlab.nn.layer import ActivationModule

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["constant_unit", "convolution", "fold", "linear", "unit"]


def fold(activation: Activation) -> int:
    """How many pre-activations a unit has: 2 of a gated pair, else 1."""
    return 2 if activation.kind == "gated" else 1


def unit(activation: Activation, axis: int) -> Site:
    """The candidate as a layer whose units lie along `axis`."""
    return Site(activation) if activation.kind == "scalar" else Site(activation, axis=axis)


def constant_unit(activation: Activation, axis: int) -> ActivationModule:
    """An activation as a layer that the trainer does not take for a place of the candidate."""
    if activation.kind == "scalar":
        return ActivationModule(activation)
    return ActivationModule(activation, axis=axis)


def linear(inputs: int, units: int, activation: Activation) -> nn.Sequential:
    """A linear layer and the candidate."""
    return nn.Sequential(nn.Linear(inputs, units * fold(activation)), unit(activation, -1))


def convolution(
    channels: int, filters: int, activation: Activation, *, batch_norm: bool = False
) -> nn.Sequential:
    """A 3 × 3 convolution that keeps the size, batch normalisation if wished, the candidate."""
    wide = filters * fold(activation)
    layers: list[nn.Module] = [nn.Conv2d(channels, wide, 3, padding=1, bias=not batch_norm)]
    if batch_norm:
        layers.append(nn.BatchNorm2d(wide))
    return nn.Sequential(*layers, unit(activation, 1))
