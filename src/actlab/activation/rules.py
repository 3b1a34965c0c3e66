"""What an activation has that is no formula of one number."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Literal

from actlab.formula import Expression, parse

__all__ = ["ComplexRule", "Kind", "LayerRule", "Rule", "VectorRule"]

Kind = Literal["scalar", "gated", "vector", "complex", "layer"]


@dataclass(frozen=True)
class VectorRule:
    """A function of a whole vector, written once over the few operations each engine offers."""

    text: str
    """The formula as a reader would write it."""
    latex: str
    apply: Callable[..., Any]
    """`apply(operations, x, axis, **parameters)`."""
    resizes: bool = False
    """Whether the result has another size along the axis."""
    surrogate: bool = False
    """Whether its gradient is on purpose not that of its value."""
    kind: ClassVar[Kind] = "vector"


@dataclass(frozen=True)
class ComplexRule:
    """A function of a complex number, as two formulas of its real part `re` and imaginary `im`."""

    text: str
    """The formula as a reader would write it, of z."""
    latex: str
    real: str
    imaginary: str
    kind: ClassVar[Kind] = "complex"

    def parts(self, parameters: Iterable[str]) -> tuple[Expression, Expression]:
        """The formulas of the real and the imaginary part of the result."""
        names = tuple(parameters)
        return _part(self.real, names), _part(self.imaginary, names)


@lru_cache(maxsize=256)
def _part(text: str, parameters: tuple[str, ...]) -> Expression:
    return parse(text, variables=("re", "im"), parameters=parameters)


@dataclass(frozen=True)
class LayerRule:
    """A function that has weights or statistics of its own, and so exists only as a layer."""

    text: str
    latex: str
    layer: str
    """Module and class below `actlab.nn`, as in "channels.FunnelReLU"."""
    options: str = ""
    """What `module` takes, as in "channels, kernel_size=3"."""
    kind: ClassVar[Kind] = "layer"


Rule = VectorRule | ComplexRule | LayerRule
"""What an activation has that is no formula of one number."""
