"""Statements that are often repeated, held against what is known of each function.

A row is a statement, the functions it is made of, how it is checked, and one place where it
stands, if such a place was read. The verdict of a row is what the properties say; the column
`true` holds what it was when the row was written, and a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from actlab.activation import Activation
from actlab.catalogue import get
from actlab.properties.facts import Fact, Properties, shown
from actlab.properties.survey import properties

__all__ = ["CLAIMS", "Claim", "Verdict", "claims"]

_Check = Callable[[Activation, Properties], Fact[Any]]


@dataclass(frozen=True)
class Claim:
    """A statement that is made of some functions.

    Attributes:
        statement: as the rest of a sentence that begins with the function's name.
        functions: canonical names.
        holds: whether a fact, as `check` finds it, makes the statement true.
        check: the fact that decides.
        answer: what is the case instead, from that fact.
        said: a place where the statement stands; "" if none was read.
        true: what the verdict was found to be.
    """

    statement: str
    functions: tuple[str, ...]
    check: _Check
    holds: Callable[[Any], bool]
    answer: Callable[[Any], str]
    said: str = ""
    true: bool = False


@dataclass(frozen=True)
class Verdict:
    """A statement about one function, and whether it is true.

    Attributes:
        function: canonical name.
        statement: as the rest of a sentence that begins with the name.
        true: what the facts say.
        proved: whether they are proved.
        answer: what is the case.
        said: a place where the statement stands; "" if none was read.
    """

    function: str
    statement: str
    true: bool
    proved: bool
    answer: str
    said: str

    def __str__(self) -> str:
        word = "true" if self.true else "false"
        known = "proved" if self.proved else "measured"
        return f"{self.function} {self.statement}: {word}, {self.answer}  ({known})"


def claims(activation: str | Activation) -> list[Verdict]:
    """The repeated statements about a function, each with its verdict.

    Args:
        activation: a catalogued function, or its name. Other numbers than the catalogue's may
            give another verdict.

    Returns:
        A verdict for each statement; empty where none is on record. `str` gives a sentence.

    Raises:
        UnknownNameError: for a name that nothing carries.

    Example:
        >>> for verdict in claims("silu"):
        ...     print(verdict)
        silu is monotone: false, it falls left of its minimum at -1.27846  (proved)
        silu is convex: false, its slope rises here and falls there  (proved)
        silu is 1-Lipschitz: false, its steepest slope is 1.09984  (proved)
    """
    f = get(activation) if isinstance(activation, str) else activation
    if f.family == "user":
        return []
    return [_judged(claim, f) for claim in CLAIMS if f.name in claim.functions]


def _judged(claim: Claim, f: Activation) -> Verdict:
    known = properties(f)
    assert isinstance(known, Properties)  # noqa: S101  the table names scalar functions only
    fact = claim.check(f, known)
    true = claim.holds(fact.value)
    return Verdict(f.name, claim.statement, true, fact.proved, claim.answer(fact.value), claim.said)


def _monotone(_: Activation, known: Properties) -> Fact[Any]:
    proved = known.monotone.proved and known.range.proved
    return Fact((known.monotone.value, known.range.value.low_at), proved)


def _slope_at_0(_: Activation, known: Properties) -> Fact[Any]:
    found = [kink for kink in known.kinks.value if kink.at == 0 and kink.order <= 1]
    return Fact(found, known.kinks.proved)


def _first_kinks(_: Activation, known: Properties) -> Fact[Any]:
    return Fact([k for k in known.kinks.value if k.order <= 1], known.kinks.proved)


def _from_gelu(f: Activation, _: Properties) -> Fact[Any]:
    x = np.linspace(-8, 8, 160_001)
    return Fact(float(np.max(np.abs(f(x) - get("gelu")(x)))), False)


def _square_rule(f: Activation, _: Properties) -> Fact[Any]:
    return Fact((float(f.derivative(1.0)), 1 - float(f(1.0)) ** 2), False)


def _sides(kinks: Any) -> str:
    return "; ".join(f"{shown(k.left)} | {shown(k.right)} at {shown(k.at)}" for k in kinks)


CLAIMS: Final[tuple[Claim, ...]] = (
    Claim(
        "is monotone",
        ("silu", "swish", "gelu", "gelu_tanh", "mish", "hard_swish", "telu", "smish", "logish"),
        _monotone,
        lambda value: value[0] != "no",
        lambda value: f"it falls left of its minimum at {shown(value[1][0])}",
        said="elastic-ai.creator, issue 299 (2023): Swish as a monotonic module, "
        "https://github.com/es-ude/elastic-ai.creator/issues/299",
    ),
    Claim(
        "is convex",
        ("silu", "swish", "gelu", "mish", "hard_swish", "selu"),
        lambda _, known: known.curvature,
        lambda value: value == "convex",
        lambda _: "its slope rises here and falls there",
    ),
    Claim(
        "is 1-Lipschitz",
        ("silu", "swish", "gelu", "gelu_tanh", "mish", "hard_swish", "selu", "telu"),
        lambda _, known: known.lipschitz,
        lambda value: value <= 1,
        lambda value: f"its steepest slope is {shown(value)}",
    ),
    Claim(
        "is smooth everywhere, including at x = 0",
        ("elu", "celu", "selu"),
        lambda _, known: known.smoothness,
        lambda value: value == np.inf,
        lambda value: f"it has {max(int(value), 0) or 'no'} continuous derivative"
        f"{'' if value == 1 else 's'}",
        said="NeuroScript documentation, ELU, "
        "https://neuroscript-lang.com/docs/primitives/Activations/elu",
    ),
    Claim(
        "has no derivative at x = 0",
        ("elu", "celu"),
        _slope_at_0,
        bool,
        lambda kinks: "both sides have the slope 1" if not kinks else _sides(kinks),
        said="OneNoughtOne, exponential linear activation, "
        "https://www.onenoughtone.com/problems/exponential-linear-activation",
    ),
    Claim(
        "is zero-centred",
        ("elu",),
        lambda _, known: known.mean,
        lambda value: abs(value) < 1e-9,
        lambda value: f"its mean under N(0, 1) is {shown(value)}",
        said="OneNoughtOne, exponential linear activation, "
        "https://www.onenoughtone.com/problems/exponential-linear-activation",
    ),
    Claim(
        "has mean 0 under N(0, 1)",
        ("selu",),
        lambda _, known: known.mean,
        lambda value: abs(value) < 1e-9,
        lambda _: "that is what its constants are for",
        said="Klambauer, Unterthiner, Mayr, Hochreiter (2017), arXiv:1706.02515",
        true=True,
    ),
    Claim(
        "has a continuous slope; only its second derivative jumps",
        ("hard_swish",),
        _first_kinks,
        lambda kinks: not kinks,
        lambda kinks: f"its slope jumps, {_sides(kinks)}",
        said="Lucid documentation, hardswish, "
        "https://chanlumerico.github.io/lucid/api/lucid.nn.functional/hardswish",
    ),
    Claim(
        "keeps its gradient for negative inputs, unlike ReLU",
        ("mish",),
        lambda _, known: known.saturates,
        lambda value: value not in {"left", "both"},
        lambda _: "it tends to 0 there, and its slope with it",
        said="NeuroScript documentation, Mish, "
        "https://neuroscript-lang.com/docs/primitives/Activations/mish",
    ),
    Claim(
        "equals gelu within 0.0001 everywhere",
        ("gelu_tanh",),
        _from_gelu,
        lambda value: value <= 1e-4,
        lambda value: f"the largest difference is {shown(value)}",
        said="Upskilled, Smooth modern activations, "
        "https://upskilled.consulting/courses/supplement/activation-functions/reading/r3/",
    ),
    Claim(
        "has the derivative 1 - f(x)^2",
        ("softsign",),
        _square_rule,
        lambda value: abs(value[0] - value[1]) < 1e-9,
        lambda value: f"at 1 the slope is {shown(value[0])}, and 1 - f^2 is {shown(value[1])}",
        said="a table of activation functions, https://rstudio-pubs-static.s3.amazonaws.com/"
        "301255_98636afc9e324758ac4ecd6e1c60d588.html",
    ),
)  # fmt: skip
"""The table. To add a statement, add a row and run its test."""
