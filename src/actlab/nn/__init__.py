"""Activations as PyTorch layers: the module, exchanging layers, and weights to match."""

from actlab.nn.initialise import Initialised, initialise
from actlab.nn.layer import ActivationModule, module
from actlab.nn.swapping import swap

__all__ = ["ActivationModule", "Initialised", "initialise", "module", "swap"]
