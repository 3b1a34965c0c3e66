"""Activations as layers of PyTorch and Keras, exchanging layers, and weights to match.

Each name is resolved when it is first used: the Keras layer neither needs nor loads PyTorch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actlab.nn.initialising import Initialised, initialise
    from actlab.nn.layer import ActivationModule, module
    from actlab.nn.swapping import swap

__all__ = ["ActivationModule", "Initialised", "initialise", "module", "swap"]

_HOMES = {
    "ActivationModule": "layer",
    "Initialised": "initialising",
    "initialise": "initialising",
    "module": "layer",
    "swap": "swapping",
}


def __getattr__(name: str) -> Any:
    """Import what was asked for; without PyTorch this says that it is missing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"actlab.nn.{_HOMES[name]}"), name)
