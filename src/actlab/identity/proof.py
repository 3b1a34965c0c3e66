"""Whether two formulas are the same function: proved by rules, or measured to many digits.

A proof cuts both formulas where their choices change, which must be at zeros of linear expressions,
writes what is left over exponentials, logarithms and the error function, and lets SymPy find that
the difference vanishes. What no rule shows is measured: both formulas at a dozen points to fifty
digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

from actlab.engines.exact import evaluate
from actlab.formula import PRIMITIVES, Call, Expression, Number, Symbol, substitute, symbols_of
from actlab.formula.calculus import tidied
from actlab.formula.expression import nodes

__all__ = ["agreeing_digits", "is_proved"]

DIGITS: Final = 50
_LARGEST: Final = 160
_NOTHING: Final = 1e-70
_CHOICES: Final = {"where", "abs", "sign", "minimum", "maximum", "clip"}
_POINTS: Final = tuple(
    Fraction(text)
    for text in (
        "-4987",
        "-43/9",
        "-31/11",
        "-17/9",
        "-13/17",
        "-1/99999999",
        "1/88888888",
        "11/23",
        "19/17",
        "37/13",
        "59/7",
        "4999",
    )
)


def agreeing_digits(f: Expression, g: Expression) -> int:
    """To how many digits two formulas agree at a dozen points of x (and gate), at most 50.

    0 where they do not agree to 30.
    """
    fewest, seen = DIGITS, 0
    for place in range(len(_POINTS)):
        a, b = _exactly(f, place), _exactly(g, place)
        if not (_is_finite(a) and _is_finite(b)):
            if _is_finite(a) != _is_finite(b):
                return 0
            continue
        seen += 1
        if a != b:
            ratio = abs(a - b) / max(abs(a), abs(b))
            if abs(a - b) < _NOTHING:  # a form that cancels far out gives 0 for what is next to it
                continue
            if ratio > 1e-30:
                return 0
            fewest = min(fewest, -int(_log10(ratio)) - 1)
    return fewest if seen >= len(_POINTS) // 2 else 0


@lru_cache(maxsize=4096)
def _exactly(formula: Expression, place: int) -> Any:
    """The value at one of the points."""
    inputs = {"x": _POINTS[place], "gate": _POINTS[(5 * place + 3) % len(_POINTS)]}
    used = {name: inputs[name] for name in symbols_of(formula)}
    return evaluate(formula, used, {}, digits=DIGITS + 2)


def _is_finite(value: Any) -> bool:
    return bool(abs(value) < float("inf"))  # NaN is not


def _log10(ratio: Any) -> float:
    import mpmath

    return float(mpmath.log10(ratio))


def is_proved(f: Expression, g: Expression) -> bool:
    """Whether rules show that two formulas of x are one function."""
    f, g = tidied(f), tidied(g)
    if f == g:
        return True
    if max(f.size, g.size) > _LARGEST:
        return False
    import sympy

    try:
        cuts = sorted({cut for e in (f, g) for cut in _cuts(sympy, e)})
        difference = Call("sub", (f, g))
        between = (_resolved(difference, inside) for inside in _insides(cuts))
        there = (substitute(_resolved(difference, cut), {"x": Number(cut)}) for cut in cuts)
        return all(_vanishes(sympy, e) for e in (*between, *there))
    except _NotShownError:
        return False


class _NotShownError(Exception):
    """No rule applies."""


def _cuts(sympy: Any, expression: Expression) -> Iterator[Fraction]:
    """Where choices change: zeros of linear expressions of x with rational coefficients."""
    for node in nodes(expression):
        if not isinstance(node, Call) or not symbols_of(node):
            continue
        if PRIMITIVES[node.head].is_comparison or node.head in {"minimum", "maximum", "clip"}:
            first, *others = node.arguments
        elif node.head in {"abs", "sign"}:
            first, others = node.arguments[0], [Number(0)]
        else:
            continue
        for other in others:
            yield from _zero(sympy, Call("sub", (first, other)))


def _zero(sympy: Any, switch: Expression) -> Iterator[Fraction]:
    if any(isinstance(n, Call) and n.head in _CHOICES for n in nodes(switch)):
        raise _NotShownError
    if symbols_of(switch) != {"x"}:
        raise _NotShownError
    written = sympy.expand(_written(sympy, switch))
    x = sympy.Symbol("x", real=True)
    if not written.is_polynomial(x):
        raise _NotShownError
    polynomial = sympy.Poly(written, x)
    if polynomial.degree() > 1 or not all(c.is_Rational for c in polynomial.all_coeffs()):
        raise _NotShownError
    if polynomial.degree() == 1:
        slope, start = polynomial.all_coeffs()
        root = -start / slope
        yield Fraction(int(root.p), int(root.q))


def _insides(cuts: list[Fraction]) -> Iterator[Fraction]:
    """One point inside of each interval."""
    if not cuts:
        yield Fraction(1, 7)
        return
    yield cuts[0] - 1
    yield from ((low + high) / 2 for low, high in pairwise(cuts))
    yield cuts[-1] + 1


def _resolved(expression: Expression, x: Fraction) -> Expression:
    """The formula with every choice made as it is made at a point."""
    made: dict[Expression, Expression] = {}
    for node in nodes(expression):
        if not isinstance(node, Call):
            made[node] = node
            continue
        operands = tuple(made[o] for o in node.arguments)
        made[node] = _chosen(node.head, operands, x)
    return made[expression]


def _chosen(head: str, operands: tuple[Expression, ...], x: Fraction) -> Expression:
    def sign(e: Expression) -> int:
        value = evaluate(e, {"x": x}, {}, digits=20)
        return int(value > 0) - int(value < 0)

    if head == "where":
        one = Call("where", (operands[0], Number(1), Number(0)))
        return operands[1] if sign(one) else operands[2]
    if head == "abs":
        return operands[0] if sign(operands[0]) >= 0 else Call("neg", operands)
    if head == "sign":
        return Number(sign(operands[0]))
    if head in {"minimum", "maximum"}:
        first_is_less = sign(Call("sub", operands)) < 0
        return operands[0] if first_is_less == (head == "minimum") else operands[1]
    if head == "clip":
        low = _chosen("maximum", operands[:2], x)
        return _chosen("minimum", (low, operands[2]), x)
    return Call(head, operands)


def _vanishes(sympy: Any, difference: Expression) -> bool:
    written = _written(sympy, difference)
    if written == 0:
        return True
    if written.count_ops() > 4 * _LARGEST:
        raise _NotShownError
    top = sympy.numer(sympy.together(sympy.expand(written, power_base=False)))
    return bool(sympy.expand(top) == 0)


def _written(sympy: Any, expression: Expression) -> Any:
    """A formula without choices over exp, log, sin, cos, atan and erf."""
    done: dict[Expression, Any] = {}
    for node in nodes(expression):
        if isinstance(node, Number):
            done[node] = sympy.Rational(node.value.numerator, node.value.denominator)
        elif isinstance(node, Symbol):
            done[node] = sympy.Symbol(node.name, real=True)
        elif isinstance(node, Call):
            word = _WORDS.get(node.head)
            if word is None:
                raise _NotShownError
            done[node] = word(sympy, *(done[o] for o in node.arguments))
    return done[expression]


def _exp(s: Any, a: Any) -> Any:
    return s.exp(s.expand(a))


def _log(s: Any, a: Any) -> Any:
    """With exponentials and positive numbers taken out: ln(1 + 1/e^x) is ln(1 + e^x) - x."""
    total, rest = s.Integer(0), s.Integer(1)
    for factor in s.Mul.make_args(s.factor_terms(s.together(a))):
        base, power = factor.as_base_exp()
        if isinstance(factor, s.exp):
            total += factor.args[0]
        elif base == s.E:
            total += power
        elif factor.is_Rational and factor > 0:
            total += s.log(factor)
        else:
            rest *= factor
    return total + (s.log(s.expand(rest)) if rest != 1 else 0)


def _tanh(s: Any, a: Any) -> Any:
    power = _exp(s, 2 * a)
    return (power - 1) / (power + 1)


_WORDS: Final[dict[str, Any]] = {
    "add": lambda _, a, b: a + b,
    "sub": lambda _, a, b: a - b,
    "mul": lambda _, a, b: a * b,
    "div": lambda _, a, b: a / b,
    "neg": lambda _, a: -a,
    "pow": lambda _, a, b: a**b,
    "pi": lambda s: s.pi,
    "e": lambda s: s.E,
    "exp": _exp,
    "expm1": lambda s, a: _exp(s, a) - 1,
    "log": _log,
    "log1p": lambda s, a: _log(s, 1 + a),
    "sqrt": lambda s, a: s.sqrt(a),
    "sin": lambda s, a: s.sin(s.expand(a)),
    "cos": lambda s, a: s.cos(s.expand(a)),
    "arctan": lambda s, a: s.atan(s.expand(a)),
    "arcsinh": lambda s, a: s.log(a + s.sqrt(s.expand(a * a) + 1)),
    "sinh": lambda s, a: (_exp(s, a) - _exp(s, -a)) / 2,
    "cosh": lambda s, a: (_exp(s, a) + _exp(s, -a)) / 2,
    "tanh": _tanh,
    "sech": lambda s, a: 2 * _exp(s, a) / (_exp(s, 2 * a) + 1),
    "tanh_shrink": lambda s, a: a - _tanh(s, a),
    "sigmoid": lambda s, a: _exp(s, a) / (1 + _exp(s, a)),
    "softplus": lambda s, a: _log(s, 1 + _exp(s, a)),
    "log_sigmoid": lambda s, a: -_log(s, 1 + _exp(s, -a)),
    "erf": lambda s, a: s.erf(s.expand(a)),
    "erfc": lambda s, a: 1 - s.erf(s.expand(a)),
    "normcdf": lambda s, a: (1 + s.erf(s.expand(a / s.sqrt(2)))) / 2,
    "normpdf": lambda s, a: _exp(s, -a * a / 2) / s.sqrt(2 * s.pi),
}
"""Each primitive over the few functions that SymPy compares well."""
