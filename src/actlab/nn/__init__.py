"""Activations as layers of PyTorch and Keras, exchanging layers, and weights to match.

Each name is resolved when it is first used, so that Keras users need no PyTorch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actlab.nn.initialise import Initialised, initialise
    from actlab.nn.layer import ActivationModule, module
    from actlab.nn.swapping import swap

__all__ = ["ActivationModule", "Initialised", "initialise", "module", "swap"]

_HOMES = {
    "ActivationModule": "layer",
    "Initialised": "initialise",
    "initialise": "initialise",
    "module": "layer",
    "swap": "swapping",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found  # importing the module has put it there under the function's name
    return found
