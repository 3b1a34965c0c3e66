"""actlab: a laboratory for the activation functions of neural networks.

Every public name is resolved when it is first used; importing actlab imports no framework.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Activation": "actlab.activation",
    "ActivationSearch": "actlab.compare.estimator",
    "ActlabError": "actlab.errors",
    "DataError": "actlab.errors",
    "FormulaError": "actlab.errors",
    "UnknownNameError": "actlab.errors",
    "bench": "actlab.timing",
    "boundary": "actlab.lessons.boundary",
    "claims": "actlab.properties",
    "advise": "actlab.compare.advice",
    "compare": "actlab.compare",
    "define": "actlab.catalogue",
    "explain": "actlab.paths",
    "families": "actlab.catalogue",
    "flow": "actlab.lessons.flow",
    "forecast": "actlab.theory",
    "get": "actlab.catalogue",
    "identify": "actlab.identity",
    "initialise": "actlab.nn",
    "keras_layer": "actlab.nn.keras_layer",
    "names": "actlab.catalogue",
    "plot": "actlab.plots",
    "swap": "actlab.nn",
    "warm": "actlab.paths",
    "watch": "actlab.health",
}

if TYPE_CHECKING:
    from actlab.activation import Activation
    from actlab.catalogue import define, families, get, names
    from actlab.errors import ActlabError, DataError, FormulaError, UnknownNameError


__all__ = [
    "Activation",
    "ActlabError",
    "DataError",
    "FormulaError",
    "UnknownNameError",
    "define",
    "families",
    "get",
    "names",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if not name.startswith("_"):
        from actlab.catalogue import get as lookup
        from actlab.errors import UnknownNameError as Unknown

        try:
            return lookup(name)
        except Unknown as error:
            raise AttributeError(f"module 'actlab' has no attribute {name!r}: {error}") from None
    raise AttributeError(f"module 'actlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_HOMES, *globals(), *import_module("actlab.catalogue").names()})
