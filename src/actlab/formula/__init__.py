"""The formula language: vocabulary, parser, printer and derivatives; it knows no array library."""

from actlab.formula.calculus import differentiate
from actlab.formula.expression import Call, Expression, Number, Symbol, substitute, symbols_of
from actlab.formula.parse import parse
from actlab.formula.printing import to_latex, to_text
from actlab.formula.program import Program, Step, linearise
from actlab.formula.vocabulary import PRIMITIVES, Primitive

__all__ = [
    "PRIMITIVES",
    "Call",
    "Expression",
    "Number",
    "Primitive",
    "Program",
    "Step",
    "Symbol",
    "differentiate",
    "linearise",
    "parse",
    "substitute",
    "symbols_of",
    "to_latex",
    "to_text",
]
