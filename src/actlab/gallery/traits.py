"""What the index can be filtered by."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from actlab.properties import PairProperties, Properties, VectorProperties

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["TRAITS", "known", "traits"]

TRAITS: Final = {
    "monotone": "it never changes direction",
    "smooth": "every derivative is continuous",
    "bounded": "its values stay between two numbers",
    "zero-centred": "its mean is 0 for inputs from N(0, 1)",
    "learnable": "its paper has parameters that the network learns",
}
"""Each with its meaning, as the index says it."""

_LEARNED: Final = frozenset({"adaptive", "learnable", "splines"})
_ROUNDING: Final = 1e-12


def known(activation: Activation) -> Properties | PairProperties | VectorProperties | None:
    """The properties; None for complex functions and layers."""
    if activation.kind in {"complex", "layer"}:
        return None
    found: Any = activation.properties()
    return found  # type: ignore[no-any-return]


def traits(activation: Activation) -> frozenset[str]:
    """Those of `TRAITS` that a function has.

    Only functions of one number are monotone, smooth, bounded or zero-centred here, and of
    vectors those that give shares of 1 are bounded.

    Example:
        >>> import actlab
        >>> sorted(traits(actlab.get("tanh")))
        ['bounded', 'monotone', 'smooth', 'zero-centred']
    """
    found = set()
    if activation.family in _LEARNED or any(
        "learned" in spec.meaning for spec in activation.specs.values()
    ):
        found.add("learnable")
    facts = known(activation)
    if isinstance(facts, VectorProperties) and facts.sums_to_one.value and facts.nonnegative.value:
        found.add("bounded")
    if not isinstance(facts, Properties):
        return frozenset(found)
    if facts.monotone.value != "no":
        found.add("monotone")
    if math.isinf(facts.smoothness.value):
        found.add("smooth")
    extent = facts.range.value
    if math.isfinite(extent.low) and math.isfinite(extent.high):
        found.add("bounded")
    mean = facts.mean.value
    if mean is not None and abs(mean) < _ROUNDING:
        found.add("zero-centred")
    return frozenset(found)
