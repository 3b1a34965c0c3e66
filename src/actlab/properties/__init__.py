"""What can be known of a formula, each statement proved or measured."""

from actlab.properties.claims import Claim, Verdict, claims
from actlab.properties.facts import (
    Asymptote,
    Extent,
    Fact,
    Kink,
    PairProperties,
    Properties,
    Span,
    VectorProperties,
)
from actlab.properties.survey import properties

__all__ = [
    "Asymptote",
    "Claim",
    "Extent",
    "Fact",
    "Kink",
    "PairProperties",
    "Properties",
    "Span",
    "VectorProperties",
    "Verdict",
    "claims",
    "properties",
]
