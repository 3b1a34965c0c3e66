"""Random formulas for property-based tests."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from actlab.formula import PRIMITIVES, Call, Number, Symbol

COMPARISONS = sorted(name for name, row in PRIMITIVES.items() if row.is_comparison)
WORDS = sorted(
    name
    for name, row in PRIMITIVES.items()
    if not row.is_comparison and name not in {"where", "pow", "neg"}
)

numbers = st.one_of(
    st.integers(0, 10**6).map(Number),
    st.decimals(0, 10**6, allow_nan=False, places=6).map(lambda d: Number(Fraction(d))),
    st.integers(-40, 40).map(lambda k: Number(Fraction(10) ** k)),
)
leaves = st.one_of(
    numbers, st.sampled_from([Symbol("x"), Symbol("gate"), Symbol("beta"), Call("pi", ())])
)


def _negated(operand):
    # the parser reads "-2" as a number
    return Number(-operand.value) if isinstance(operand, Number) else Call("neg", (operand,))


def _calls(inner):
    plain = st.sampled_from(WORDS).flatmap(
        lambda head: st.tuples(*[inner] * PRIMITIVES[head].arity).map(lambda a: Call(head, a))
    )
    compared = st.builds(
        lambda h, a, b: Call(h, (a, b)), st.sampled_from(COMPARISONS), inner, inner
    )
    chosen = st.builds(lambda c, a, b: Call("where", (c, a, b)), compared, inner, inner)
    powers = st.builds(lambda a, n: Call("pow", (a, Number(n))), inner, st.integers(-8, 8))
    return st.one_of(plain, chosen, powers, inner.map(_negated))


expressions = st.recursive(leaves, _calls, max_leaves=12)
"""Any valid expression of x, gate and the parameter beta."""

SMOOTH = sorted(
    set(WORDS)
    - {"abs", "sign", "minimum", "maximum", "clip", "exp", "expm1", "sinh", "cosh", "div", "log",
       "log1p", "sqrt", "pi", "e"}
)  # fmt: skip
"""Primitives that are smooth and tame at every real number."""


def _smooth_calls(inner):
    return st.sampled_from(SMOOTH).flatmap(
        lambda head: st.tuples(*[inner] * PRIMITIVES[head].arity).map(lambda a: Call(head, a))
    )


smooth_expressions = st.recursive(
    st.one_of(st.just(Symbol("x")), st.integers(1, 3).map(Number), st.just(Number(Fraction(1, 4)))),
    _smooth_calls,
    max_leaves=5,
)
"""Expressions of x alone, differentiable everywhere."""
