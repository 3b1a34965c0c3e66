"""How a family of the catalogue writes its entries down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from actlab.activation import (
    ComplexRule,
    LayerRule,
    Parameter,
    Random,
    Reference,
    Rule,
    Shipped,
    VectorRule,
)

__all__ = [
    "ComplexRule",
    "Entry",
    "LayerRule",
    "Parameter",
    "Random",
    "Reference",
    "Rule",
    "Shipped",
    "VectorRule",
    "ships",
]


@dataclass(frozen=True)
class Entry:
    """One function as text; the registry parses it when it is first asked for.

    `formula` is the stable form that engines run; `definition` is the paper's form where that
    is another. Other entries may be called by their names. `backward` is what a paper puts in the
    place of the derivative; `training` is the formula in training, where it is another one.
    """

    name: str
    formula: str | Rule
    definition: str = ""
    parameters: Mapping[str, float | Parameter] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    reference: Reference | None = None
    ships: Mapping[str, tuple[Shipped, ...]] = field(default_factory=dict)
    random: Mapping[str, Random] = field(default_factory=dict)
    backward: str = ""
    training: str = ""
    note: str = ""


def ships(**frameworks: str | Shipped | Iterable[str | Shipped]) -> dict[str, tuple[Shipped, ...]]:
    """Who ships a function: `ships(torch="torch.nn.GELU", jax=Shipped("jax.nn.gelu", ...))`."""
    table: dict[str, tuple[Shipped, ...]] = {}
    for framework, given in frameworks.items():
        items = (given,) if isinstance(given, str | Shipped) else tuple(given)
        table[framework] = tuple(Shipped(i) if isinstance(i, str) else i for i in items)
    return table
