r"""The closed vocabulary of the formula language: one row per primitive.

A row says everything that the package knows of a primitive: how it is written, how it is
differentiated, what its exact value is, and how it is typeset. Engines and printers add one
column each, in their own file.

`derivative` is a formula over the arguments `a, b, c` and their derivatives `da, db, dc`. It is
written so that no digits are lost where the plain rule loses them: `sigmoid'` is
``sigmoid(a)*sigmoid(-a)``, never ``s*(1-s)``; `tanh'` is ``sech(a)**2``, never ``1-tanh**2``.
Where a comparison chooses a branch, so does the derivative; at a kink it is that of the branch
chosen there, so that ``maximum(x, 0)`` has the derivative 0 at 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["ALIASES", "PRIMITIVES", "Primitive"]


@dataclass(frozen=True)
class Primitive:
    """One word of the language."""

    name: str
    arity: int
    derivative: str
    exact: Callable[..., Any]
    """`exact(mp, *arguments)` with an mpmath context; comparisons return a bool."""
    latex: str
    """Typeset form with the places `{a}`, `{b}`, `{c}`."""
    operator: str = ""
    """How it is written between its arguments, for operators and comparisons."""
    precedence: int = 9
    meaning: str = ""

    @property
    def is_comparison(self) -> bool:
        """Whether the result is true or false rather than a number."""
        return self.operator in {"<", "<=", ">", ">=", "==", "!="}


_FAR: Final = 10**15
"""Where exponentials count as 0 or infinite: exp(1e15) has more digits than any number needs."""


def _exp(mp: Any, a: Any) -> Any:
    if a > _FAR:
        return mp.inf
    return mp.mpf(0) if a < -_FAR else mp.exp(a)


def _expm1(mp: Any, a: Any) -> Any:
    return _exp(mp, a) - 1 if abs(a) > _FAR else mp.expm1(a)


def _cosh(mp: Any, a: Any) -> Any:
    return mp.inf if abs(a) > _FAR else mp.cosh(a)


def _sinh(mp: Any, a: Any) -> Any:
    return _sign(mp, a) * mp.inf if abs(a) > _FAR else mp.sinh(a)


def _tanh(mp: Any, a: Any) -> Any:
    return _sign(mp, a) if abs(a) > _FAR else mp.tanh(a)


def _sech(mp: Any, a: Any) -> Any:
    return mp.mpf(0) if abs(a) > _FAR else mp.sech(a)


def _sigmoid(mp: Any, a: Any) -> Any:
    if a >= 0:
        return 1 / (1 + _exp(mp, -a))
    small = _exp(mp, a)
    return small / (1 + small)


def _softplus(mp: Any, a: Any) -> Any:
    return a + mp.log1p(_exp(mp, -a)) if a > 0 else mp.log1p(_exp(mp, a))


def _erfc(mp: Any, a: Any) -> Any:
    if abs(a) > 10**7:
        return mp.mpf(0 if a > 0 else 2)
    return mp.erfc(a)


def _erf(mp: Any, a: Any) -> Any:
    return _sign(mp, a) if abs(a) > 10**7 else mp.erf(a)


def _normpdf(mp: Any, a: Any) -> Any:
    return _exp(mp, -a * a / 2) / mp.sqrt(2 * mp.pi)


def _sign(mp: Any, a: Any) -> Any:
    return mp.mpf((a > 0) - (a < 0))


def _row(
    name: str,
    arity: int,
    derivative: str,
    exact: Callable[..., Any],
    latex: str = "",
    operator: str = "",
    precedence: int = 9,
    meaning: str = "",
) -> Primitive:
    if not latex:
        latex = rf"\operatorname{{{{{name}}}}}({', '.join(['{a}', '{b}', '{c}'][:arity])})"
    return Primitive(name, arity, derivative, exact, latex, operator, precedence, meaning)


_ROWS: Final = (
    # operators, in the order of their precedence
    _row("lt", 2, "", lambda _, a, b: a < b, "{a} < {b}", "<", 1),
    _row("le", 2, "", lambda _, a, b: a <= b, r"{a} \le {b}", "<=", 1),
    _row("gt", 2, "", lambda _, a, b: a > b, "{a} > {b}", ">", 1),
    _row("ge", 2, "", lambda _, a, b: a >= b, r"{a} \ge {b}", ">=", 1),
    _row("eq", 2, "", lambda _, a, b: a == b, "{a} = {b}", "==", 1),
    _row("ne", 2, "", lambda _, a, b: a != b, r"{a} \ne {b}", "!=", 1),
    _row("add", 2, "da + db", lambda _, a, b: a + b, "{a} + {b}", "+", 2),
    _row("sub", 2, "da - db", lambda _, a, b: a - b, "{a} - {b}", "-", 2),
    _row("mul", 2, "da * b + a * db", lambda _, a, b: a * b, r"{a}\,{b}", "*", 3),
    _row("div", 2, "(da - a / b * db) / b", lambda _, a, b: a / b, r"\frac{{{a}}}{{{b}}}", "/", 3),
    _row("neg", 1, "-da", lambda _, a: -a, "-{a}", "-", 4),
    _row(
        "pow",
        2,
        "b * a**(b - 1) * da + a**b * log(a) * db",
        lambda mp, a, b: mp.power(a, b),
        "{a}^{{{b}}}",
        "**",
        5,
    ),
    # constants
    _row("pi", 0, "0", lambda mp: +mp.pi, r"\pi", meaning="ratio of circumference and diameter"),
    _row("e", 0, "0", lambda mp: +mp.e, r"\mathrm{{e}}", meaning="base of the natural logarithm"),
    # choice and size
    _row("abs", 1, "sign(a) * da", lambda _, a: abs(a), r"\left|{a}\right|"),
    _row("sign", 1, "0", _sign, meaning="-1, 0 or 1; its derivative is 0"),
    _row("minimum", 2, "where(a < b, da, db)", lambda _, a, b: min(a, b), r"\min({a}, {b})"),
    _row("maximum", 2, "where(a > b, da, db)", lambda _, a, b: max(a, b), r"\max({a}, {b})"),
    _row(
        "clip",
        3,
        "where(a > b, where(a < c, da, dc), db)",
        lambda _, a, b, c: min(max(a, b), c),
        r"\operatorname{{clip}}({a}, {b}, {c})",
        meaning="a limited to [b, c]; the derivative is 0 at both ends",
    ),
    _row(
        "where",
        3,
        "where(a, db, dc)",
        lambda _, a, b, c: b if a else c,
        r"\begin{{cases}}{b} & \text{{if }}{a}\\ {c} & \text{{otherwise}}\end{{cases}}",
        meaning="b where the comparison a holds, else c",
    ),
    # exponentials and logarithms
    _row("exp", 1, "exp(a) * da", _exp, r"e^{{{a}}}"),
    _row("expm1", 1, "exp(a) * da", _expm1, r"(e^{{{a}}} - 1)"),
    _row("log", 1, "da / a", lambda mp, a: mp.log(a), r"\ln({a})"),
    _row("log1p", 1, "da / (1 + a)", lambda mp, a: mp.log1p(a), r"\ln(1 + {a})"),
    _row("sqrt", 1, "0.5 * da / sqrt(a)", lambda mp, a: mp.sqrt(a), r"\sqrt{{{a}}}"),
    # circular and hyperbolic
    _row("sin", 1, "cos(a) * da", lambda mp, a: mp.sin(a), r"\sin({a})"),
    _row("cos", 1, "-sin(a) * da", lambda mp, a: mp.cos(a), r"\cos({a})"),
    _row("arctan", 1, "da / (1 + a * a)", lambda mp, a: mp.atan(a), r"\arctan({a})"),
    _row(
        "arcsinh",
        1,
        "da / sqrt(1 + a * a)",
        lambda mp, a: mp.asinh(a),
        r"\operatorname{{arsinh}}({a})",
    ),
    _row("sinh", 1, "cosh(a) * da", _sinh, r"\sinh({a})"),
    _row("cosh", 1, "sinh(a) * da", _cosh, r"\cosh({a})"),
    _row("tanh", 1, "sech(a)**2 * da", _tanh, r"\tanh({a})"),
    _row(
        "sech", 1, "-tanh(a) * sech(a) * da", _sech, meaning="1/cosh, without overflow in the tails"
    ),
    _row(
        "tanh_shrink",
        1,
        "tanh(a)**2 * da",
        lambda mp, a: a - _tanh(mp, a),
        r"({a} - \tanh({a}))",
        meaning="a - tanh(a), without cancellation near 0",
    ),
    # sigmoids
    _row("sigmoid", 1, "sigmoid(a) * sigmoid(-a) * da", _sigmoid, r"\sigma({a})"),
    _row("softplus", 1, "sigmoid(a) * da", _softplus, meaning="ln(1 + exp(a)), without overflow"),
    _row("log_sigmoid", 1, "sigmoid(-a) * da", lambda mp, a: -_softplus(mp, -a), r"\ln\sigma({a})"),
    # the normal distribution
    _row("erf", 1, "2 / sqrt(pi) * exp(-a * a) * da", _erf),
    _row("erfc", 1, "-2 / sqrt(pi) * exp(-a * a) * da", _erfc),
    _row(
        "normcdf",
        1,
        "normpdf(a) * da",
        lambda mp, a: _erfc(mp, -a / mp.sqrt(2)) / 2,
        r"\Phi({a})",
        meaning="distribution function of N(0, 1), exact in the lower tail",
    ),
    _row(
        "normpdf",
        1,
        "-a * normpdf(a) * da",
        _normpdf,
        r"\varphi({a})",
        meaning="density of N(0, 1)",
    ),
)

PRIMITIVES: Final[dict[str, Primitive]] = {row.name: row for row in _ROWS}
"""Every primitive by its name; operators are among them (`add`, `pow`, `lt`, ...)."""

ALIASES: Final[dict[str, str]] = {"max": "maximum", "min": "minimum", "atan": "arctan"}
"""Other spellings that the parser accepts."""
