"""Which activations take part: names, formulas and `Activation` objects become candidates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from actlab import catalogue, theory
from actlab.activation import Activation, VectorRule
from actlab.compare.study import Candidate
from actlab.errors import ActlabError, SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DEFAULT", "candidates_for"]

DEFAULT: Final = (
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "mish",
    "hard_swish",
    "telu",
    "softplus",
    "tanh",
    "sigmoid",
)
"""The candidates when the user names none: what people use, old and new."""


def candidates_for(
    activations: str | Activation | Iterable[str | Activation] | None = None,
    *,
    family: str | None = None,
    everything: bool = False,
) -> tuple[Candidate, ...]:
    """Return the candidates that a user asked for, each with its own gain.

    Args:
        activations: names, formulas, or activations; one text may hold several, separated by
            commas outside of brackets.
        family: every catalogued function of this family, besides.
        everything: every catalogued function that maps number to number, or a gated pair.

    Raises:
        UnknownNameError, FormulaError: an entry that is neither a name nor a formula.
        SettingError: fewer than two candidates, or one that can't be trained here.
    """
    chosen: list[Activation] = []
    if activations is not None:
        chosen += [_activation(entry) for entry in _entries(activations)]
    if family is not None:
        chosen += _of_family(family)
    if everything:
        chosen += [f for f in map(catalogue.get, catalogue.names()) if _stands_between(f)]
    if activations is None and family is None and not everything:
        chosen += [catalogue.get(name) for name in DEFAULT]
    labelled = _labelled(chosen)
    for f in labelled.values():
        if reason := _why_not_trained(f):
            raise SettingError(reason)
    if not labelled:
        raise SettingError("no activation was given; name at least one, for example relu")
    return tuple(Candidate(label, f, *_gain(label, f)) for label, f in labelled.items())


def _entries(activations: Any) -> Sequence[Any]:
    if isinstance(activations, str):
        return catalogue.split_list(activations)
    if isinstance(activations, Activation):
        return [activations]
    if isinstance(activations, Iterable):
        return list(activations)
    raise ActlabError(
        f"activations is of type {type(activations).__name__}; names, formulas or activations "
        "were expected"
    )


def _activation(entry: Any) -> Activation:
    if isinstance(entry, Activation):
        return entry
    if isinstance(entry, str):
        return catalogue.resolve(entry)
    raise ActlabError(
        f"{entry!r} is of type {type(entry).__name__}; the name of an activation, a formula or "
        "an activation was expected"
    )


def _gain(label: str, activation: Activation) -> tuple[float, str]:
    """Return the gain, and what is to be said when there is none."""
    try:
        return theory.gain(activation), ""
    except (ArithmeticError, TypeError) as reason:
        return 1.0, f"The weights of {label} have the gain 1: {reason}."


def _of_family(family: str) -> list[Activation]:
    found = [catalogue.get(name) for name in catalogue.names(family)]
    chosen = [f for f in found if _stands_between(f)]
    if not chosen:
        raise SettingError(f"no function of the family {family!r} stands between two layers")
    return chosen


def _stands_between(f: Activation) -> bool:
    """Whether a function is a usual candidate: of numbers or pairs, and trained as it is."""
    return f.kind in {"scalar", "gated"} and not _why_not_trained(f)


def _why_not_trained(f: Activation) -> str:
    """A sentence on why a comparison can't train with a function; empty if it can."""
    if f.kind in {"complex", "layer"}:
        return (
            f"{f.name} {f.nature}; a comparison trains real functions that have no weights but "
            "their parameters"
        )
    if isinstance(f.rule, VectorRule) and f.rule.resizes:
        return f"{f.name} changes the number of units, which a comparison's networks keep"
    if any(not random.bounds for random in f.random.values()):
        return (
            f"{f.name} adds noise in training and a comparison trains without draws; compare "
            "what it is in evaluation instead"
        )
    return ""


def _labelled(activations: Sequence[Activation]) -> dict[str, Activation]:
    """Label -> activation; one given twice takes part once, and no label stands for two."""
    found: dict[str, Activation] = {}
    for activation in activations:
        label, number = activation.name, 1
        while label in found and found[label].signature != activation.signature:
            number += 1
            label = f"{activation.name} ({number})"
        found.setdefault(label, activation)
    return found
