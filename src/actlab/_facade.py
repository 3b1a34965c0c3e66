"""The one place where a lower layer hands a call up, by name and only when it happens.

`Activation` is a frozen value at the bottom of the package, yet its users expect `f(x)`,
`f.plot()` and `f.module()`; a comparison's result is expected to write its report. Each such
method names the function that does the work; the module that holds it is imported at the call,
so that no import runs upward.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

__all__ = ["Shelf", "as_written", "constant", "load"]

WORK = {
    "evaluate": "actlab.engines",
    "derivative": "actlab.engines",
    "evaluate_exactly": "actlab.engines",
    "properties": "actlab.properties",
    "plot": "actlab.plots",
    "module": "actlab.nn",
    "keras_layer": "actlab.nn.keras_layer",
    "export": "actlab.export",
    "comparison": "actlab.report",
    "notebook": "actlab.report.notebook",
    "health": "actlab.report",
}

F = TypeVar("F", bound=Callable[..., Any])


def constant(function: F) -> F:
    """Tell torch.compile to run a function while it traces instead of tracing into it.

    This is what `torch.compiler.assume_constant_result` does, without importing PyTorch. Only
    plain constants may be returned, so such a function fills a shelf that is then read.
    """
    function._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return as_written(function)


def as_written(function: F) -> F:
    """Tell TensorFlow's AutoGraph to call a function as it is instead of rewriting it.

    This is what `tf.autograph.experimental.do_not_convert` does, without importing TensorFlow.
    """
    function.autograph_info__ = {}  # type: ignore[attr-defined]
    return function


class Shelf:
    """Named things made on demand.

    Attributes, because torch.compile reads each one afresh where it would keep a dictionary as
    it first saw it.
    """


_LOADED = Shelf()


@constant
def _import(work: str) -> bool:
    if not hasattr(_LOADED, work):
        setattr(_LOADED, work, getattr(import_module(WORK[work]), work))
    return True


def load(work: str) -> Callable[..., Any]:
    """The function called `work`, from the module that is responsible for it."""
    _import(work)
    function: Callable[..., Any] = getattr(_LOADED, work)
    return function
