"""Activations as PyTorch layers: the module, and exchanging the layers of a model."""

from actlab.nn.layer import ActivationModule, module
from actlab.nn.swapping import swap

__all__ = ["ActivationModule", "module", "swap"]
