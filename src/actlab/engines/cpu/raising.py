"""Formulas times a power of two, for results so small that their parts lose digits.

`x * sigmoid(x)` at -740 is the product of a large number and one below the normal numbers, which
has a digit or two. A float64 kernel whose formula does such things (`numpy_long.loses_below`) has
a second form, `raised` by 2**900 and lowered at the end. It runs over a block again where a
result is below `SMALL`, and counts for those results only.
"""

from __future__ import annotations

from fractions import Fraction

from actlab.engines.cpu.spec import whole_power
from actlab.formula import Call, Expression, Number

__all__ = ["LOWERED", "REACH", "SMALL", "raised"]

_RAISED = 900
"""Five factors share this, so that what each rounds away is still a normal number."""

LOWERED = 2.0**-_RAISED
SMALL = 2.0**-960
"""From here down a factor may have been below the normal numbers."""
REACH = 4096.0
"""No larger input has a result that is small and not 0; none can overflow when raised."""

_FAR = Number(600)
_NEAR = Number(Fraction(1, 2**500))
_FAR_BELL = Number(-35)
_BELL = Number(Fraction("15.74960994572241974429064599446720454231"))
"""(2 pi)**1.5."""
_ERF = Number(Fraction("1.128379167095512573896158903121545171688"))
"""2/sqrt(pi)."""
_ROOT_2 = Number(Fraction("1.414213562373095048801688724209698078570"))
_TERMS = 9
"""Of the asymptotic series of normcdf, for 65 bits from 35 on."""
_LARGEST = Fraction(1.7976931348623157e308)
_STRAIGHT_AT_ZERO = frozenset(("tanh", "expm1", "log1p", "sinh", "arcsinh", "arctan", "sin"))


def raised(expression: Expression, by: int = _RAISED) -> Expression:
    """An expression of 2**by times the value, right also where the value is below `SMALL`."""
    if isinstance(expression, Number):
        value = expression.value * Fraction(2) ** by
        # a bound that holds infinities stays one
        return expression if abs(value) > _LARGEST else Number(value)
    if not isinstance(expression, Call):
        return _times(by, expression)
    head, arguments = expression.head, expression.arguments
    if head in ("neg", "add", "sub", "abs", "minimum", "maximum", "clip"):
        return Call(head, tuple(raised(argument, by) for argument in arguments))
    if head == "where":
        return Call(head, (arguments[0], *(raised(argument, by) for argument in arguments[1:])))
    if head == "mul" or whole_power(expression) > 1:
        return _product(expression, by)
    if head == "div":
        above, below = arguments
        return Call("div", (raised(above, by - by // 2), raised(below, -(by // 2))))
    if head == "exp":
        half = Call("exp", (Call("mul", (Number(Fraction(1, 2)), arguments[0])),))
        return Call("mul", (_times(by, half), half))
    return _primitive(expression, by)


def _primitive(node: Call, by: int) -> Expression:
    """A function of one number by what it is like where it is small."""
    usual = _times(by, node)
    if len(node.arguments) != 1:
        return usual
    (a,) = node.arguments
    size = Call("abs", (a,))
    small: Expression
    if node.head in _STRAIGHT_AT_ZERO:
        return Call("where", (Call("lt", (size, _NEAR)), raised(a, by), usual))
    if node.head == "erf":
        small = Call("mul", (_ERF, raised(a, by)))
        return Call("where", (Call("lt", (size, _NEAR)), small, usual))
    if node.head == "normpdf":  # a fourth power, since halves are exact and squares are not
        quarter = Call("normpdf", (Call("mul", (Number(Fraction(1, 2)), a)),))
        square = Call("mul", (_times(by // 4, quarter), _times(by // 4, quarter)))
        other = Call("mul", (_times(by // 4, quarter), _times(by - by // 4 * 3, quarter)))
        return Call("mul", (Call("mul", (_BELL, square)), other))
    if node.head == "normcdf":
        small = _product(Call("mul", (Call("normpdf", (a,)), _tail(a))), by)
        return Call("where", (Call("lt", (a, _FAR_BELL)), small, usual))
    if node.head == "erfc":
        below = Call("neg", (Call("mul", (_ROOT_2, a)),))
        return _primitive(Call("normcdf", (below,)), by + 1)
    if node.head in ("sigmoid", "softplus"):
        small = raised(Call("exp", (a,)), by)
        return Call("where", (Call("lt", (a, Number(-_FAR.value))), small, usual))
    if node.head == "log_sigmoid":
        return Call("neg", (_primitive(Call("softplus", (Call("neg", (a,)),)), by),))
    if node.head == "sech":
        small = raised(Call("exp", (Call("neg", (size,)),)), by + 1)
        return Call("where", (Call("gt", (size, _FAR)), small, usual))
    return usual


def _tail(a: Expression) -> Expression:
    """The ratio of normcdf to normpdf far below 0: -(1 - 1/a**2 + 3/a**4 - 15/a**6 ...)/a."""
    square = Call("mul", (a, a))
    series: Expression = Number(1)
    for k in range(_TERMS, 0, -1):
        step = Call("div", (Call("mul", (Number(2 * k - 1), series)), square))
        series = Call("sub", (Number(1), step))
    return Call("neg", (Call("div", (series, a)),))


def _product(expression: Expression, by: int) -> Expression:
    """Each factor is raised by its share."""
    numbers: list[Expression] = []
    factors: list[Expression] = []

    def collect(node: Expression) -> None:
        if isinstance(node, Call) and node.head == "mul":
            for argument in node.arguments:
                collect(argument)
        elif isinstance(node, Call) and whole_power(node) > 1:
            for _ in range(whole_power(node)):
                collect(node.arguments[0])
        else:
            (numbers if isinstance(node, Number) else factors).append(node)

    collect(expression)
    if not factors:
        return _times(by, expression)
    shares = [by // len(factors)] * len(factors)
    shares[0] += by - sum(shares)
    terms = [raised(factor, share) for factor, share in zip(factors, shares, strict=True)]
    total, *rest = [*numbers, *terms]
    for term in rest:
        total = Call("mul", (total, term))
    return total


def _times(by: int, expression: Expression) -> Expression:
    return Call("mul", (Number(Fraction(2) ** by), expression))
