"""Source code of an activation, for a language or framework, without a dependency on actlab.

One file per target, each with `write(subject)`; they share the expressions that the engines run.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from actlab.errors import UnknownNameError
from actlab.export.names import RESERVED
from actlab.export.subject import Subject

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["TARGETS", "export"]

TARGETS: Final = ("numpy", "torch", "jax", "keras", "c", "javascript", "latex")

_LANGUAGES: Final = {"c": "c", "javascript": "javascript"}
_OTHER_NAMES: Final = {"pytorch": "torch", "js": "javascript", "tex": "latex", "np": "numpy"}


def export(activation: Activation, target: str, *, derivative: bool = True) -> str:
    """Source text of a function and its derivative, to be pasted; see `Activation.export`.

    Args:
        activation: what is exported; its current numbers are the defaults of the arguments.
        target: "numpy", "torch", "jax", "keras", "c", "javascript" or "latex".
        derivative: whether the derivative is written as well.

    Returns:
        Source text with a header comment: name, formula, parameters, paper.

    Raises:
        UnknownNameError: for another target.
        TypeError: for what a target cannot express: complex functions, layers, vector functions
            that move entries about, and in C those that sort.

    Example:
        >>> import actlab
        >>> f = actlab.define("maximum(x, 0)", name="mine")
        >>> print(f.export("javascript", derivative=False))
        // An activation function.
        //
        // name: mine
        // formula: maximum(x, 0)
        <BLANKLINE>
        export function mine(x) {
            return Math.max(x, 0.0);
        }
        <BLANKLINE>
    """
    name = _OTHER_NAMES.get(target.casefold(), target.casefold()) if isinstance(target, str) else ""
    if name not in TARGETS:
        raise UnknownNameError(
            f"there is no export to {target!r}; the targets are {', '.join(TARGETS)}"
        )
    if activation.kind in {"complex", "layer"} and name != "latex":
        raise TypeError(
            f"{activation.name} {activation.nature}; an export writes functions of real numbers "
            "without weights, so use it from actlab, or export it to latex"
        )
    module = import_module(f"{__name__}.{name}")
    reserved = RESERVED[_LANGUAGES.get(name, "python")] | getattr(module, "RESERVED", frozenset())
    source: str = module.write(Subject(activation, derivative, reserved))
    return source
