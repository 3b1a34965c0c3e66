"""What can be known of a formula, each statement proved or measured."""

from actlab.properties.facts import (
    Asymptote,
    Extent,
    Fact,
    Kink,
    Properties,
    VectorProperties,
)
from actlab.properties.survey import properties

__all__ = [
    "Asymptote",
    "Extent",
    "Fact",
    "Kink",
    "Properties",
    "VectorProperties",
    "properties",
]
