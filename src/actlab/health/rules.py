"""From statistics to findings: pure functions, and the order in which troubles explain others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from actlab.health import rules_training as training
from actlab.health import rules_units as units
from actlab.health import rules_values as values
from actlab.health.evidence import Evidence
from actlab.health.findings import Finding, Findings
from actlab.health.record import INPUT, Record

__all__ = ["RULES", "diagnose"]

RULES: Final[tuple[Callable[[Evidence], Iterator[Finding]], ...]] = (
    training.not_observed,
    values.not_finite,
    values.data_not_scaled,
    values.contradicting_output,
    training.frozen_layers,
    units.constant_weights,
    units.bad_scale,
    training.rate_too_high,
    units.saturation,
    units.dead_units,
    training.exploding_gradient,
    training.vanishing_gradient,
    training.rate_too_low,
    training.overfitting,
    units.constant_output,
    units.not_centred,
    training.no_schedule,
)
"""Every rule; where one trouble causes another, the cause stands first."""


def diagnose(record: Record) -> Findings:
    """All findings of a record: the most serious first, causes before what follows from them.

    Example:
        >>> print(diagnose(Record()))
        nothing found: the activations are healthy
    """
    seen = Evidence.of(record)
    found = [finding for rule in RULES for finding in rule(seen)]
    return Findings(_explained(found))


def _explained(found: list[Finding]) -> Iterator[Finding]:
    """Findings that another one explains become notes that name it."""
    root = _root(found)
    for finding in found:
        if root is None or finding is root or not _follows(root, finding):
            yield finding
        else:
            yield replace(
                finding,
                severity="note",
                text=f"{finding.text} This follows from: {root.symptom}"
                + (f" in {root.layer}." if root.layer else "."),
            )


def _root(found: list[Finding]) -> Finding | None:
    """The trouble that explains others: present from the start, or the first number lost."""
    serious = [one for one in found if one.rank > 0]
    begins = [
        one for one in serious
        if one.rule in {"dead_units", "saturation"} and one.cause in {"bias", "initialisation"}
    ]  # fmt: skip
    broken = [one for one in serious if one.rule == "not_finite"]
    if broken and broken[0].cause not in {"learning rate too high"}:
        return broken[0]
    for rule in ("data_not_scaled", "contradicting_output", "constant_weights", "bad_scale"):
        for one in serious:
            if one.rule == rule:
                return one
    if begins:
        return begins[0]
    for rule in ("exploding_gradient", "rate_too_high", "not_finite", "vanishing_gradient",
                 "dead_units", "rate_too_low"):  # fmt: skip
        for one in serious:
            if one.rule == rule:
                return one
    return None


def _follows(root: Finding, finding: Finding) -> bool:
    if finding.rule in {"frozen_layers", "overfitting", "not_observed", "contradicting_output"}:
        return False
    if finding.rule == "data_not_scaled":
        return root.layer == INPUT
    if root.rule == finding.rule and root.cause in {"bias", "initialisation"}:
        return finding.cause not in {"bias", "initialisation"}
    return True
