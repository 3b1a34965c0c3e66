"""The one place where a lower layer hands a call up, by name and only when it happens.

`Activation` is a frozen value at the bottom of the package, yet its users expect `f(x)`,
`f.plot()` and `f.module()`. Each such method names the function that does the work; the module
that holds it is imported at the call, so that no import runs upward.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["call"]

WORK = {
    "evaluate": "actlab.engines",
    "derivative": "actlab.engines",
    "evaluate_exactly": "actlab.engines",
    "explain": "actlab.engines",
    "properties": "actlab.properties",
    "plot": "actlab.plots",
    "module": "actlab.nn",
    "export": "actlab.export",
}


def call(work: str, *arguments: Any, **options: Any) -> Any:
    """Run the function called `work` in the module that is responsible for it."""
    return getattr(import_module(WORK[work]), work)(*arguments, **options)
