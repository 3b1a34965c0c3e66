"""Activations as layers of PyTorch and Keras, exchanging layers, and weights to match."""

from __future__ import annotations

from importlib import import_module
from typing import Any

try:
    from actlab.nn.initialising import Initialised, initialise
    from actlab.nn.layer import ActivationModule, module
    from actlab.nn.swapping import swap
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise

    def __getattr__(name: str) -> Any:
        """Without PyTorch there is the Keras layer; the rest says what it lacks when it is used."""
        if name in __all__:
            import_module("torch")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["ActivationModule", "Initialised", "initialise", "module", "swap"]
