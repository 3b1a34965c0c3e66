"""Primitives in float64 whose arguments and results are sums of two numbers.

For formulas that lose digits in plain float64: a number is a pair `(high, low)` with a low part of
at most half a unit of the high one. Arithmetic is that of T. Dekker (1971, Numer. Math. 18), with
fused multiply-adds; polynomials are evaluated by the compensated Horner scheme of S. Graillat,
Ph. Langlois and N. Louvet (2005). Results are right to about 2**-64, those of `arcsinh` and `pow`
to float64 beside the effect of the argument's low part. A low part that is no number, as beside an
infinity, is dropped.
"""

from __future__ import annotations

import math

from actlab.engines.vectormath import PERIODIC_LIMIT, tables
from actlab.engines.vectormath import float64 as plain
from actlab.engines.vectormath.bits import (
    absolute,
    bit,
    choose,
    copysign,
    fma,
    horner,
    long_horner,
    power_of_two,
    primitive,
    scale,
    square_root,
)

__all__ = [
    "absolute_of",
    "add",
    "arcsinh",
    "arctan",
    "clip",
    "cos",
    "cosh",
    "div",
    "eq",
    "erf",
    "erfc",
    "exp",
    "expm1",
    "far_cos",
    "far_sin",
    "ge",
    "gt",
    "le",
    "log",
    "log1p",
    "log_sigmoid",
    "lt",
    "maximum",
    "minimum",
    "mul",
    "ne",
    "neg",
    "normcdf",
    "normpdf",
    "pick",
    "power",
    "rounded",
    "sech",
    "sigmoid",
    "sign",
    "sin",
    "sinh",
    "softplus",
    "sqrt",
    "sub",
    "tanh",
    "tanh_shrink",
]

Pair = tuple[float, float]

ONE = (1.0, 0.0)
ROOT_HALF = (float.fromhex("0x1.6a09e667f3bcdp-1"), float.fromhex("-0x1.bdd3413b26456p-55"))
ROOT_2 = (plain.SQRT_2, plain.SQRT_2_LOW)
DENSITY = (plain.NORMAL_DENSITY, plain.NORMAL_DENSITY_LOW)
ERF_SLOPE = tuple(2 / math.sqrt(math.pi) * c for c in (-1 / 3, 1 / 5, -1 / 14, 1 / 54, -1 / 264))
"""The first terms of the derivative of erf(x)/x by x**2."""


# -- arithmetic ------------------------------------------------------------------------------


@primitive
def _tidy(high: float, low: float) -> Pair:
    """The sum of a number and a smaller one; what is no number is dropped, a -0 stays."""
    total = high + low
    rest = low - (total - high)
    good = (absolute(rest) < math.inf) & (low != 0.0)
    return choose(good, total, high), choose(good, rest, 0.0)


@primitive
def _sum(a: float, b: float) -> Pair:
    total = a + b
    back = total - a
    return total, (a - (total - back)) + (b - back)


@primitive
def rounded(a: Pair) -> float:
    """The nearest float64."""
    return choose(a[1] == 0.0, a[0], a[0] + a[1])


@primitive
def add(a: Pair, b: Pair) -> Pair:
    """A + b."""
    total, rest = _sum(a[0], b[0])
    return _tidy(total, rest + (a[1] + b[1]))


@primitive
def neg(a: Pair) -> Pair:
    """-a."""
    return -a[0], -a[1]


@primitive
def sub(a: Pair, b: Pair) -> Pair:
    """A - b."""
    return add(a, neg(b))


@primitive
def mul(a: Pair, b: Pair) -> Pair:
    """A * b."""
    product = a[0] * b[0]
    rest = fma(a[0], b[1], fma(a[1], b[0], fma(a[0], b[0], -product)))
    return _tidy(product, rest)


@primitive
def div(a: Pair, b: Pair) -> Pair:
    """A / b."""
    quotient = a[0] / b[0]
    rest = fma(-quotient, b[1], fma(-quotient, b[0], a[0]) + a[1])
    return _tidy(quotient, rest / b[0])


@primitive
def _times(factor: float, a: Pair) -> Pair:
    """A power of two times a pair."""
    return factor * a[0], factor * a[1]


@primitive
def lt(a: Pair, b: Pair) -> bool:
    """A < b."""
    return (a[0] < b[0]) | ((a[0] == b[0]) & (a[1] < b[1]))


@primitive
def gt(a: Pair, b: Pair) -> bool:
    """A > b."""
    return lt(b, a)


@primitive
def le(a: Pair, b: Pair) -> bool:
    """A <= b."""
    return (a[0] < b[0]) | ((a[0] == b[0]) & (a[1] <= b[1]))


@primitive
def ge(a: Pair, b: Pair) -> bool:
    """A >= b."""
    return le(b, a)


@primitive
def eq(a: Pair, b: Pair) -> bool:
    """A == b."""
    return (a[0] == b[0]) & (a[1] == b[1])


@primitive
def ne(a: Pair, b: Pair) -> bool:
    """A != b."""
    return (a[0] != b[0]) | (a[1] != b[1])


@primitive
def pick(condition: bool, a: Pair, b: Pair) -> Pair:
    """`a` where the condition holds, else `b`."""
    return choose(condition, a[0], b[0]), choose(condition, a[1], b[1])


@primitive
def absolute_of(a: Pair) -> Pair:
    """|a|."""
    return absolute(a[0]), choose(a[0] < 0.0, -a[1], a[1])


@primitive
def _with_sign(a: Pair, x: Pair) -> Pair:
    """`a`, which is positive, with the sign of x."""
    high = copysign(a[0], x[0])
    return high, choose(high == a[0], a[1], -a[1])


@primitive
def sign(a: Pair) -> Pair:
    """-1, 0 or 1."""
    return plain.sign(a[0]), 0.0


@primitive
def maximum(a: Pair, b: Pair) -> Pair:
    """The larger; NaN if one is."""
    return pick(gt(a, b) | (a[0] != a[0]), a, b)


@primitive
def minimum(a: Pair, b: Pair) -> Pair:
    """The smaller; NaN if one is."""
    return pick(lt(a, b) | (a[0] != a[0]), a, b)


@primitive
def clip(a: Pair, low: Pair, high: Pair) -> Pair:
    """Held between two numbers."""
    return minimum(maximum(a, low), high)


@primitive
def sqrt(a: Pair) -> Pair:
    """The square root."""
    root = square_root(a[0])
    return _tidy(root, (fma(-root, root, a[0]) + a[1]) / (root + root))


# -- exponentials ----------------------------------------------------------------------------


@primitive
def _reduced(high: float, low: float, k: float) -> Pair:
    """`high + low - k ln(2)`."""
    return _tidy(fma(k, -plain.LN2_HIGH, high), fma(k, -plain.LN2_LOW, low))


@primitive
def _small_expm1(r: Pair) -> Pair:
    """exp(r) - 1 for |r| <= ln(2)/2."""
    y = mul((r[0], 0.0), long_horner(r[0], tables.EXP_LONG, tables.EXP_LONG_REST))
    return _tidy(y[0], fma(r[1], 1.0 + y[0], y[1]))


@primitive
def exp(a: Pair) -> Pair:
    """e**a."""
    x = choose(a[0] < plain.LOWEST, plain.LOWEST, choose(a[0] > plain.HIGHEST, plain.HIGHEST, a[0]))
    t = fma(x, plain.LOG2_E, plain.ROUND_TWICE_BIASED)
    r = _reduced(x, choose(x == a[0], a[1], 0.0), t - plain.ROUND_TWICE_BIASED)
    p = add(ONE, _small_expm1(r))
    high = scale(p[0], t)
    return high, choose(high < math.inf, scale(p[1], t), 0.0)


@primitive
def expm1(a: Pair) -> Pair:
    """e**a - 1, also near 0."""
    x = choose(a[0] < -80.0, -80.0, choose(a[0] > 40.0, 40.0, a[0]))
    t = fma(x, plain.LOG2_E, plain.ROUND_BIASED)
    r = _reduced(x, choose(x == a[0], a[1], 0.0), t - plain.ROUND_BIASED)
    s = power_of_two(t)
    near = add(_sum(s, -1.0), _times(s, _small_expm1(r)))
    y = pick(a[0] > 37.0, sub(exp(a), ONE), near)
    return pick(absolute(a[0]) < 1e-290, a, y)


@primitive
def log(a: Pair) -> Pair:
    """ln(a)."""
    high, low = plain._long_log(a[0])
    usual = plain.log(a[0])
    return pick(absolute(usual) < math.inf, _tidy(high, low + a[1] / a[0]), (usual, 0.0))


@primitive
def log1p(a: Pair) -> Pair:
    """ln(1 + a), also near 0."""
    one, rest = _sum(1.0, a[0])
    rest = (rest + a[1]) / one
    high, low = plain._long_log(one)
    total, less = _sum(high, rest)
    y = _tidy(total, less + fma(-0.5 * rest, rest, low))
    usual = plain.log1p(a[0])
    good = (absolute(usual) < math.inf) & (absolute(a[0]) > 1e-290)
    return pick(good, y, (usual, 0.0))


@primitive
def _decay(a: Pair) -> Pair:
    """exp(-|a|)."""
    return exp(neg(absolute_of(a)))


@primitive
def sigmoid(a: Pair) -> Pair:
    """1/(1 + exp(-a))."""
    e = _decay(a)
    return div(pick(a[0] < 0.0, e, ONE), add(ONE, e))


@primitive
def softplus(a: Pair) -> Pair:
    """ln(1 + exp(a))."""
    return add(pick(a[0] < 0.0, (0.0, 0.0), a), log1p(_decay(a)))


@primitive
def log_sigmoid(a: Pair) -> Pair:
    """ln(sigmoid(a))."""
    return neg(softplus(neg(a)))


@primitive
def tanh(a: Pair) -> Pair:
    """The hyperbolic tangent."""
    m = expm1(_times(-2.0, absolute_of(a)))
    y = _with_sign(div(neg(m), add((2.0, 0.0), m)), a)
    return pick(absolute(a[0]) < 1e-290, a, y)


@primitive
def tanh_shrink(a: Pair) -> Pair:
    """A - tanh(a)."""
    usual = plain.tanh_shrink(a[0])
    slope = plain.tanh(a[0])
    return pick(absolute(a[0]) < 0.1, _tidy(usual, a[1] * slope * slope), sub(a, tanh(a)))


@primitive
def sech(a: Pair) -> Pair:
    """1/cosh(a)."""
    e = _decay(a)
    return div(_times(2.0, e), add(ONE, mul(e, e)))


@primitive
def sinh(a: Pair) -> Pair:
    """(exp(a) - exp(-a))/2."""
    m = expm1(absolute_of(a))
    y = _with_sign(_times(0.5, add(m, div(m, add(m, ONE)))), a)
    usual = plain.sinh(a[0])
    far = _tidy(usual, a[1] * absolute(usual))
    return pick(absolute(a[0]) < 700.0, pick(absolute(a[0]) < 1e-290, a, y), far)


@primitive
def cosh(a: Pair) -> Pair:
    """(exp(a) + exp(-a))/2."""
    e = exp(absolute_of(a))
    usual = plain.cosh(a[0])
    far = _tidy(usual, absolute_of(a)[1] * usual)
    return pick(absolute(a[0]) < 700.0, _times(0.5, add(e, div(ONE, e))), far)


# -- the normal distribution -----------------------------------------------------------------


@primitive
def _gauss(a: Pair, factor: float) -> Pair:
    """exp(factor * a * a)."""
    return exp(_times(factor, mul(a, a)))


@primitive
def _tail(a: Pair) -> Pair:
    """normcdf(-a) for a >= 0.7, by Mills' ratio; see `float64._mills`."""
    held = pick(a[0] > 39.0, (39.0, 0.0), pick(a[0] < 0.7, (0.7, 0.0), a))
    d = add(held, (4.0, 0.0))
    t = div(sub(held, (4.0, 0.0)), d)
    high, low = long_horner(t[0], tables.MILLS_LONG, tables.MILLS_LONG_REST)
    # what t[1] changes, by the differential equation of the ratio
    ratio = high / d[0]
    slope = fma(d[0], fma(held[0], ratio, -plain.NORMAL_DENSITY), ratio)
    low = fma(t[1], 0.125 * d[0] * d[0] * slope, low)
    return mul(_gauss(a, -0.5), div(_tidy(high, low), d))


@primitive
def _near(a: Pair) -> Pair:
    """erf(a) for |a| <= 0.714."""
    z = mul(a, a)
    high, low = long_horner(z[0], tables.ERF_LONG, tables.ERF_LONG_REST)
    low = fma(z[1], horner(z[0], ERF_SLOPE), low)
    return mul(a, _tidy(high, low))


@primitive
def normpdf(a: Pair) -> Pair:
    """exp(-a*a/2)/sqrt(2 pi)."""
    return mul(_gauss(a, -0.5), DENSITY)


@primitive
def normcdf(a: Pair) -> Pair:
    """The probability below a under N(0, 1)."""
    tail = _tail(absolute_of(a))
    near = _times(0.5, add(ONE, _near(mul(a, ROOT_HALF))))
    far = pick(a[0] > 0.0, sub(ONE, tail), tail)
    return pick(absolute(a[0]) < 0.9, near, far)


@primitive
def _erfc_tail(a: Pair) -> Pair:
    return _times(2.0, _tail(mul(absolute_of(a), ROOT_2)))


@primitive
def erf(a: Pair) -> Pair:
    """The error function."""
    far = _with_sign(sub(ONE, _erfc_tail(a)), a)
    return pick(absolute(a[0]) < 0.7, pick(absolute(a[0]) < 1e-290, _scaled_near(a), _near(a)), far)


@primitive
def _scaled_near(a: Pair) -> Pair:
    """The same for the smallest numbers, whose products' low parts are lost."""
    return plain.erf(a[0]), 0.0


@primitive
def erfc(a: Pair) -> Pair:
    """1 - erf(a)."""
    tail = _erfc_tail(a)
    far = pick(a[0] < 0.0, sub((2.0, 0.0), tail), tail)
    return pick(absolute(a[0]) < 0.7, sub(ONE, _near(a)), far)


# -- circular functions ----------------------------------------------------------------------


@primitive
def _sine(r: Pair) -> Pair:
    z = mul((r[0], 0.0), (r[0], 0.0))
    high, low = long_horner(z[0], tables.SIN_LONG, tables.SIN_LONG_REST)
    y = mul((r[0], 0.0), _tidy(high, fma(z[1], fma(z[0], 1 / 60, -1 / 6), low)))
    return _tidy(y[0], fma(r[1], fma(z[0], fma(z[0], 1 / 24, -0.5), 1.0), y[1]))


@primitive
def _cosine(r: Pair) -> Pair:
    z = mul((r[0], 0.0), (r[0], 0.0))
    high, low = long_horner(z[0], tables.COS_LONG, tables.COS_LONG_REST)
    slope = r[0] * fma(z[0], fma(z[0], 1 / 120, -1 / 6), 1.0)
    return _tidy(high, fma(-r[1], slope, fma(z[1], fma(z[0], 1 / 12, -0.5), low)))


@primitive
def sin(a: Pair) -> Pair:
    """Sine, for |a| up to `PERIODIC_LIMIT`; NaN beyond."""
    t, r, low = plain._quadrant(a[0])
    rest = _tidy(r, low + a[1])
    y = pick(bit(t, 0), _cosine(rest), _sine(rest))
    y = pick(a[0] == 0.0, a, pick(bit(t, 1), neg(y), y))
    return pick(absolute(a[0]) <= PERIODIC_LIMIT, y, (math.nan, 0.0))


@primitive
def cos(a: Pair) -> Pair:
    """Cosine, for |a| up to `PERIODIC_LIMIT`; NaN beyond."""
    t, r, low = plain._quadrant(a[0])
    rest = _tidy(r, low + a[1])
    y = pick(bit(t, 0), _sine(rest), _cosine(rest))
    y = pick(bit(t, 0) != bit(t, 1), neg(y), y)
    return pick(absolute(a[0]) <= PERIODIC_LIMIT, y, (math.nan, 0.0))


@primitive
def far_sin(a: Pair) -> Pair:
    """Sine by the library, to float64 beside the low part's effect."""
    return _tidy(math.sin(a[0]), a[1] * math.cos(a[0]))


@primitive
def far_cos(a: Pair) -> Pair:
    """Cosine by the library, to float64 beside the low part's effect."""
    return _tidy(math.cos(a[0]), -a[1] * math.sin(a[0]))


@primitive
def arctan(a: Pair) -> Pair:
    """Arc tangent: one step of Newton's method from the plain one."""
    y = plain.arctan(a[0])
    x = pick(absolute(a[0]) < 1e150, a, (copysign(1e150, a[0]), 0.0))
    s, c = _plain_circle(y)
    better = _tidy(y, rounded(div(sub(mul(x, c), s), add(c, mul(x, s)))))
    return pick((absolute(a[0]) > 1e-150) & (a[0] == a[0]), better, (y, a[1]))


@primitive
def _plain_circle(y: float) -> tuple[Pair, Pair]:
    """Sine and cosine of a number."""
    return sin((y, 0.0)), cos((y, 0.0))


@primitive
def arcsinh(a: Pair) -> Pair:
    """The inverse of sinh."""
    size = absolute(a[0])
    slope = choose(size < 1e150, 1.0 / square_root(1.0 + size * size), 0.0)
    return _tidy(plain.arcsinh(a[0]), a[1] * slope)


@primitive
def power(a: Pair, b: Pair) -> Pair:
    """a**b."""
    usual = plain.power(a[0], b[0])
    change = b[0] * (a[1] / a[0]) + b[1] * plain.log(absolute(a[0]))
    return _tidy(usual, usual * change)
