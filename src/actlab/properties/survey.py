"""The properties of one activation, put together from its pieces and their sign charts."""

from __future__ import annotations

import math
from functools import lru_cache

from actlab.activation import Activation
from actlab.formula import Expression, Symbol
from actlab.formula.calculus import tidy
from actlab.properties.facts import Fact, PairProperties, Properties, VectorProperties
from actlab.properties.pairs import gate_function, of_pair
from actlab.properties.shape import Shape
from actlab.properties.structure import switches_are_known
from actlab.properties.vectors import of_vectors
from actlab.theory.breakpoints import pieces, settled
from actlab.theory.meanfield import moments

__all__ = ["properties"]


def properties(activation: Activation) -> Properties | PairProperties | VectorProperties:
    """What can be known of an activation.

    Args:
        activation: a function of one number, a gated pair, or a function of a whole vector.

    Returns:
        `Properties` with a `Fact` for each statement (`PairProperties` for a gated pair,
        `VectorProperties` for a function of whole vectors); `lines()` is for a terminal.

    Raises:
        TypeError: for functions of complex numbers and for layers with weights of their own.

    Example:
        >>> import actlab
        >>> known = properties(actlab.define("tanh(x)"))
        >>> known.monotone.value, known.monotone.proved
        ('increasing', True)
        >>> known.lipschitz.value
        1.0
    """
    if activation.kind == "vector":
        return of_vectors(activation)
    if activation.kind in {"complex", "layer"}:
        raise TypeError(
            f"{activation.name} {activation.nature}; properties are those of real functions"
        )
    if activation.kind == "gated":
        gate = gate_function(activation)
        return of_pair(activation, None if gate is None else _of_scalar(gate))
    return _of_scalar(activation)


def _of_scalar(activation: Activation) -> Properties:
    return _of_formula(activation.name, settled(activation), activation)


@lru_cache(maxsize=256)
def _of_formula(name: str, formula: Expression, activation: Activation) -> Properties:
    plain = _plain_definition(activation, formula)
    survey = Shape(formula, pieces(formula), switches_are_known(formula), plain)
    mean, second = _moments(activation, survey.symmetry)
    zeros, zero_spans = survey.roots(formula, lambda e: e)
    fixed, fixed_spans = survey.roots(
        tidy("sub", (formula, Symbol("x"))), lambda e: tidy("sub", (e, Symbol("x")))
    )
    left, right = survey.asymptote(-math.inf), survey.asymptote(math.inf)
    return Properties(
        name=name,
        range=survey.range,
        monotone=survey.monotone,
        curvature=survey.curvature,
        symmetry=survey.symmetry,
        smoothness=survey.smoothness,
        kinks=Fact(survey.kinks, survey.all_kinks, "one-sided derivatives at each breakpoint"),
        zeros=zeros,
        zero_spans=zero_spans,
        fixed_points=fixed,
        fixed_spans=fixed_spans,
        left=left,
        right=right,
        lipschitz=survey.lipschitz,
        lipschitz_slope=survey.lipschitz_slope,
        saturates=survey.saturates,
        dead=survey.dead,
        mean=mean,
        second_moment=second,
        value_at_0=survey.at_0(0),
        slope_at_0=survey.at_0(1),
    )


def _plain_definition(activation: Activation, formula: Expression) -> bool:
    """Whether the paper's form makes no choices where the form that engines run does.

    It is then smooth, as the other form, which is cut in pieces against rounding, must be too.
    """
    definition = activation.definition
    if definition is None or definition == activation.formula or len(pieces(formula)) == 1:
        return False
    bound = activation.filled(definition)
    return len(pieces(bound)) == 1 and switches_are_known(bound)


def _moments(
    activation: Activation, symmetry: Fact[str]
) -> tuple[Fact[float | None], Fact[float | None]]:
    how = "quadrature, two rules agree to 11 digits"
    try:
        found = moments(activation)
    except ArithmeticError as error:
        return Fact(None, False, str(error)), Fact(None, False, str(error))
    if symmetry.value == "odd" and symmetry.proved:
        return Fact(0.0, True, "it is odd"), Fact(found.second, False, how)
    return Fact(found.mean, False, how), Fact(found.second, False, how)
