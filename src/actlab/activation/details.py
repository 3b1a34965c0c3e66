"""What stands beside a formula: its numbers, what is drawn, where it comes from, who ships it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Parameter", "Random", "Reference", "Shipped"]


@dataclass(frozen=True)
class Parameter:
    """A number that shapes a function, with the default of its paper."""

    default: float
    meaning: str = ""
    positive: bool = False
    """Whether the formula needs it above zero."""
    above: float = -math.inf
    below: float = math.inf
    """The formula needs it strictly between these."""
    whole: bool = False
    """Whether it is a count: a whole number of at least 1."""

    @property
    def least(self) -> float:
        """What the formula needs it above; minus infinity for most."""
        return 0.0 if self.positive else self.above

    def allows(self, value: float) -> bool:
        """Whether the formula can work with a number."""
        fits = math.isfinite(value) and self.least < value < self.below
        return fits and (not self.whole or (value >= 1 and value == int(value)))

    @property
    def wanted(self) -> str:
        """What `allows` allows, in words."""
        if self.whole:
            return "a whole number of at least 1"
        if self.positive:
            return "a positive number"
        if math.isinf(self.above):
            return "a finite number" if math.isinf(self.below) else f"a number below {self.below:g}"
        if math.isinf(self.below):
            return f"a number above {self.above:g}"
        return f"a number between {self.above:g} and {self.below:g}"


@dataclass(frozen=True)
class Random:
    """A symbol of the formula that is drawn per element in training, and is its mean otherwise.

    A uniform draw lies between two parameters. The other laws are the standard ones; those of
    them without a mean of zero stand at zero all the same, where they only shift every input.
    """

    low: str = ""
    high: str = ""
    """Names of the parameters that bound a uniform draw."""
    law: Literal["uniform", "normal", "logistic", "gumbel"] = "uniform"

    @property
    def bounds(self) -> tuple[str, ...]:
        """Names of the parameters that the law has for itself."""
        return (self.low, self.high) if self.law == "uniform" else ()

    def mean(self, parameters: Mapping[str, Any]) -> Any:
        """What stands for it outside of training."""
        if self.law == "uniform":
            return (parameters[self.low] + parameters[self.high]) / 2
        return 0.0

    def __str__(self) -> str:
        if self.law == "uniform":
            return f"drawn between {self.low} and {self.high}"
        return f"drawn from the standard {self.law.replace('gumbel', 'Gumbel')} law"


@dataclass(frozen=True)
class Reference:
    """Where a formula comes from."""

    authors: str
    year: int
    title: str = ""
    arxiv: str = ""
    doi: str = ""
    where: str = ""
    """Journal, conference or site, where there is no arXiv number."""

    def __str__(self) -> str:
        place = f"arXiv:{self.arxiv}" if self.arxiv else (self.doi or self.where)
        parts = [f"{self.authors} ({self.year})"]
        if self.title:
            parts.append(self.title)
        if place:
            parts.append(place)
        return ", ".join(parts)


@dataclass(frozen=True)
class Shipped:
    """How a framework ships a function: under which name, with which numbers."""

    path: str
    parameters: Mapping[str, float] = field(default_factory=dict)
    """Defaults that differ from the catalogue's."""
    function: str = ""
    """The catalogued function that this name means there, where it is another one."""
    note: str = ""
