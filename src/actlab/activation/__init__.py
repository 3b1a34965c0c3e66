"""The activation: a frozen value that says what a function is; others work with it."""

from actlab.activation.details import Parameter, Random, Reference, Shipped
from actlab.activation.function import Activation
from actlab.activation.rules import ComplexRule, Kind, LayerRule, Rule, VectorRule

__all__ = [
    "Activation",
    "ComplexRule",
    "Kind",
    "LayerRule",
    "Parameter",
    "Random",
    "Reference",
    "Rule",
    "Shipped",
    "VectorRule",
]
