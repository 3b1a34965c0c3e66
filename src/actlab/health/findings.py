"""A finding: what is wrong, where, since when, how that is known, why, and what helps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from actlab.errors import ActlabError

if TYPE_CHECKING:
    from actlab.health.remedies import Remedy

__all__ = ["SEVERITIES", "Finding", "Findings"]

SEVERITIES: Final = ("note", "warning", "severe")
"""By the effect on training: none seen; slows or harms it; it does not learn."""


@dataclass(frozen=True)
class Finding:
    """One trouble.

    Attributes:
        symptom: what is seen, such as "dead units" or "vanishing gradient".
        layer: path of the layer with weights that it concerns; "" for the whole network.
        cause: why, as a short name such as "learning rate too high"; "" if it is not known.
        severity: "note", "warning" or "severe".
        since: the step at which it was first seen.
        evidence: the numbers that it rests on, by name.
        text: the same in a sentence.
        advice: what to do, the most promising first.
        site: the activation concerned, if it is one.
        rule: the rule that found it.
        options: remedies by name, in order, with their arguments.
    """

    symptom: str
    layer: str
    cause: str
    severity: str
    since: int
    evidence: Mapping[str, float]
    text: str
    advice: tuple[str, ...] = ()
    site: str = ""
    rule: str = ""
    options: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    remedies: tuple[Remedy, ...] = field(default=(), compare=False, repr=False)

    @property
    def remedy(self) -> Remedy:
        """The remedy to try first; `finding.remedy.apply()` applies it.

        Raises:
            ActlabError: if there is none that can be applied by itself.
        """
        if not self.remedies:
            raise ActlabError(
                f"no remedy for {self.symptom} can be applied by itself; "
                + (f"what helps: {self.advice[0]}" if self.advice else "see its text")
            )
        return self.remedies[0]

    @property
    def rank(self) -> int:
        """0 for a note, 2 for what keeps the network from learning."""
        return SEVERITIES.index(self.severity)

    def __str__(self) -> str:
        where = f" in {self.layer}" if self.layer else ""
        lines = [f"{self.severity}: {self.symptom}{where}, since step {self.since}", self.text]
        if self.cause:
            lines.append(f"cause: {self.cause}")
        lines += [f"{'what to do' if n == 0 else 'or'}: {a}" for n, a in enumerate(self.advice)]
        return "\n  ".join(lines)


class Findings(tuple[Finding, ...]):
    """Findings, the most serious first; printed as a short report."""

    __slots__ = ()

    def __new__(cls, findings: Iterable[Finding] = ()) -> Findings:
        """Sort them."""
        return super().__new__(cls, sorted(findings, key=lambda one: -one.rank))

    def above(self, severity: str = "note") -> Findings:
        """Those more serious than this."""
        rank = SEVERITIES.index(severity)
        return Findings(one for one in self if one.rank > rank)

    def __str__(self) -> str:
        if not self:
            return "nothing found: the activations are healthy"
        return "\n\n".join(str(one) for one in self)
