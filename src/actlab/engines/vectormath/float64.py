"""Primitives in float64.

The bounds are in `vectormath.BOUNDS`. Where a plain formula would exceed them,
what one operation rounds away is kept and added at the end (T. Dekker 1971, Numer. Math. 18): the
low part of the reduced argument, of `x*x` in `exp(-x*x)`, of `expm1` in `tanh`.
"""

from __future__ import annotations

import math

from actlab.engines.vectormath import PERIODIC_LIMIT, tables
from actlab.engines.vectormath.bits import (
    absolute,
    bit,
    choose,
    copysign,
    exponent_and_mantissa,
    fma,
    horner,
    power_of_two,
    primitive,
    scale,
    square_root,
)
from actlab.engines.vectormath.mixed import (
    clip,
    finish_power,
    maximum,
    minimum,
    sign,
    sqrt,
)

__all__ = [
    "absolute",
    "arcsinh",
    "arctan",
    "clip",
    "cos",
    "cosh",
    "erf",
    "erfc",
    "exp",
    "expm1",
    "log",
    "log1p",
    "log_sigmoid",
    "maximum",
    "minimum",
    "normcdf",
    "normpdf",
    "power",
    "sech",
    "sech_softplus",
    "sigmoid",
    "sign",
    "sin",
    "sinh",
    "softplus",
    "sqrt",
    "tanh",
    "tanh_shrink",
    "tanh_softplus",
]

LOG2_E = math.log2(math.e)
# ln(2) in a part of 42 bits, whose products with exponents are exact, and the rest.
LN2_HIGH = float.fromhex("0x1.62e42fefa38p-1")
LN2_LOW = float.fromhex("0x1.ef35793c7673p-45")
ROUND = 1.5 * 2.0**52
ROUND_BIASED = ROUND + 1023
ROUND_TWICE_BIASED = ROUND + 2046
ROUND_QUARTERING = ROUND + 1021
TWO_THIRDS = 2 / 3
TWO_THIRDS_LOW = float.fromhex("0x1.5555555555555p-55")
LOWEST = -746.0
HIGHEST = 710.7
"""exp of this, also halved, and of everything above is infinite."""
SQRT_HALF = math.sqrt(0.5)
SQRT_2 = math.sqrt(2)
SQRT_2_LOW = float.fromhex("-0x1.bdd3413b26456p-54")
NORMAL_DENSITY = float.fromhex("0x1.9884533d43651p-2")
NORMAL_DENSITY_LOW = float.fromhex("-0x1.cbc0d30ebfd15p-56")
TWO_OVER_PI = 2 / math.pi
EIGHTH = math.sqrt(2) - 1
THREE_EIGHTHS = math.sqrt(2) + 1
HALF_PI = math.pi / 2
HALF_PI_LOW = 6.123233995736766e-17
# pi/2 in three parts, the first two of 33 bits (Cody and Waite 1980).
HALF_PI_1 = float.fromhex("0x1.921fb544p0")
HALF_PI_2 = float.fromhex("0x1.0b4611a6p-34")
HALF_PI_3 = float.fromhex("0x1.3198a2e037073p-69")


@primitive
def exp_terms(x: float, low: float) -> tuple[float, float, float]:
    """`(one, small, t)` with `exp(x + low) = scale(one + small, t)`: only their sum rounds."""
    t = fma(x, LOG2_E, ROUND_TWICE_BIASED)
    k = t - ROUND_TWICE_BIASED
    h = fma(k, -LN2_HIGH, x)
    rest = fma(k, LN2_LOW, -low)
    r = h - rest
    w = fma(r * r, horner(r, tables.EXP), -rest)
    one = 1.0 + h
    return one, (h - (one - 1.0)) + w, t


@primitive
def _exp_parts(x: float, low: float) -> tuple[float, float]:
    """The pair `(p, t)` with `exp(x + low) = scale(p, t)`, p in [0.7, 1.42], for tiny `low`."""
    one, small, t = exp_terms(choose(x < LOWEST, LOWEST, choose(x > HIGHEST, HIGHEST, x)), low)
    return one + small, t


@primitive
def exp(x: float) -> float:
    """e**x."""
    p, t = _exp_parts(x, 0.0)
    return scale(p, t)


@primitive
def exp_of_difference(x: float, top: float) -> float:
    """exp(x - top), with what the difference rounds away."""
    difference = x - top
    back = difference - x
    low = (x - (difference - back)) - (top + back)
    p, t = _exp_parts(difference, choose(absolute(low) < math.inf, low, 0.0))
    return scale(p, t)


@primitive
def _quarter_expm1(x: float) -> tuple[float, float]:
    """`(e**x - 1)/4` as a sum of two numbers; a quarter overflows no earlier than sinh does."""
    x = choose(x < -50.0, -50.0, choose(x > HIGHEST, HIGHEST, x))
    t = fma(x, LOG2_E, ROUND_QUARTERING)
    k = t - ROUND_QUARTERING
    h = fma(k, -LN2_HIGH, x)
    rest = k * LN2_LOW
    r = h - rest
    w = fma(r * r, horner(r, tables.EXP), -rest)
    s = power_of_two(t)
    a = s - 0.25
    high = fma(s, h, a)
    low = fma(s, w, fma(s, h, -(high - a)))
    total = high + low
    return total, low - (total - high)


@primitive
def _unless_tiny(y: float, x: float) -> float:
    """`y` with the sign of x, and x itself where they agree and halves would lose bits."""
    return choose(absolute(x) < 1e-290, x, copysign(y, x))


@primitive
def expm1(x: float) -> float:
    """e**x - 1, also near 0."""
    quarter, _ = _quarter_expm1(x)
    return _unless_tiny(4.0 * quarter, x)


@primitive
def _log1p_unit(u: float) -> float:
    """ln(1 + u) for u in [0, 1]."""
    s = u / (2.0 + u)
    z = s * s
    half = 0.5 * u * u
    return u - (half - s * fma(z, horner(z, tables.LOG1P_UNIT), half))


@primitive
def _log_sum(k: float, f: float) -> float:
    """The sum k ln(2) + ln(1 + f) for 1 + f in [sqrt(1/2), sqrt(2)]."""
    s = f / (2.0 + f)
    z = s * s
    half = 0.5 * f * f
    correction = fma(s, fma(z, horner(z, tables.LOG), half), k * LN2_LOW)
    return fma(k, LN2_HIGH, f - (half - correction))


@primitive
def log(x: float) -> float:
    """ln(x); -inf at 0, NaN below."""
    tiny = x < 2.0**-1022
    k, m = exponent_and_mantissa(choose(tiny, x * 2.0**54, x), SQRT_HALF)
    y = _log_sum(choose(tiny, k - 54.0, k), m - 1.0)
    return choose(x > 0.0, choose(x < math.inf, y, x), choose(x == 0.0, -math.inf, math.nan))


@primitive
def log1p(x: float) -> float:
    """ln(1 + x), also near 0; -inf at -1, NaN below.

    With 2**k near 1 + x, `x * 2**-k + (2**-k - 1)` is rounded once.
    """
    k, m = exponent_and_mantissa(1.0 + x, SQRT_HALF)
    s = power_of_two(ROUND_BIASED - k)
    y = _log_sum(k, choose(x < 2.0**1000, fma(x, s, s - 1.0), m - 1.0))
    inside = choose(x < math.inf, copysign(y, x), x)
    return choose(x > -1.0, inside, choose(x == -1.0, -math.inf, math.nan))


@primitive
def sigmoid(x: float) -> float:
    """1/(1 + exp(-x)): n - n*q with e = exp(-|x|), q = e/(1 + e), n = 1 or e.

    The errors of the division are scaled by q, which is small where the result is.
    """
    e = exp(-absolute(x))
    n = choose(x < 0.0, e, 1.0)
    return fma(-n, e / (1.0 + e), n)


@primitive
def softplus(x: float) -> float:
    """ln(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))."""
    return choose(x > 0.0, x, 0.0) + _log1p_unit(exp(-absolute(x)))


@primitive
def log_sigmoid(x: float) -> float:
    """ln(sigmoid(x)) = min(x, 0) - log1p(exp(-|x|))."""
    return -(choose(x < 0.0, -x, 0.0) + _log1p_unit(exp(-absolute(x))))


@primitive
def _tanh_parts(x: float) -> tuple[float, float]:
    """tanh(|x|) as a sum: u/(1 + u) with u = (1 - exp(-2|x|))/2 to twice the precision."""
    high, low = _quarter_expm1(-2.0 * absolute(x))
    high, low = -(high + high), -(low + low)
    d = 1.0 - high
    d_low = (1.0 - d - high) - low
    q = high / d
    return q, (fma(-q, d, high) + fma(-q, d_low, low)) / d


@primitive
def tanh(x: float) -> float:
    """The hyperbolic tangent, with the sign of x."""
    high, low = _tanh_parts(x)
    return _unless_tiny(high + low, x)


@primitive
def tanh_shrink(x: float) -> float:
    """X - tanh(x), by its series below 1."""
    a = absolute(x)
    z = x * x
    near = -(a * z) * horner(z, tables.TANH_SHRINK)
    high, low = _tanh_parts(x)
    rest = a - high
    far = rest + (((a - rest) - high) - low)
    return copysign(choose(a < 1.0, near, choose(a > 20.0, a - 1.0, far)), x)


@primitive
def sech(x: float) -> float:
    """1/cosh(x) = 2e/(1 + e**2) = 2e - 2e*q with e = exp(-|x|) and q = e**2/(1 + e**2)."""
    p, t = _exp_parts(-absolute(x), 0.0)
    e = scale(p, t)
    twice = scale(p + p, t)
    g = e * e
    return fma(-twice, g / (1.0 + g), twice)


@primitive
def tanh_softplus(x: float) -> float:
    """tanh(softplus(x)) = 1 - 2/((1 + exp(x))**2 + 1), by one exponential, as n - n*q.

    With e = exp(-|x|), n is 1 above 0 and e*(e + 2)/2 below.
    """
    e = exp(-absolute(x))
    below = x < 0.0
    g = e * e
    half = fma(0.5, g, e)
    n = choose(below, half, 1.0)
    q = choose(below, half, g) / choose(below, 1.0 + half, 0.5 + (e + g))
    return fma(-n, q, n)


@primitive
def sech_softplus(x: float) -> float:
    """sech(softplus(x)) = 2(1 + exp(x))/((1 + exp(x))**2 + 1), by one exponential, as n - n*q.

    With e = exp(-|x|), n is e above 0 and 1 below.
    """
    e = exp(-absolute(x))
    below = x < 0.0
    square = e * e
    above = choose(below, square, fma(e + e, e, -1.0))
    q = above / (choose(below, 2.0 + square, fma(e + e, e, 1.0)) + (e + e))
    n = choose(below, 1.0, e)
    return fma(-n, q, n)


@primitive
def sinh(x: float) -> float:
    """2u + 2u/(1 + 4u) with u = (exp(|x|) - 1)/4, and the sign of x."""
    u, _ = _quarter_expm1(absolute(x))
    return _unless_tiny(2.0 * u + u / (0.5 + 2.0 * u), x)


@primitive
def cosh(x: float) -> float:
    """e/2 + 1/(2e) with e = exp(|x|)."""
    p, t = _exp_parts(absolute(x), 0.0)
    half = scale(0.5 * p, t)
    return half + 0.25 / half


@primitive
def _mills(a: float, low: float) -> tuple[float, float]:
    """normcdf(-b)*exp(b*b/2) for b = a + low >= 0: a polynomial in (b - 4)/(b + 4) over b + 4.

    The variable maps the half line onto an interval (after M. Shepherd and J. Laframboise 1981,
    Math. Comp. 36, who do so for erfc). What `a + 4` rounds away, and `low`, are put back by the
    derivative of the ratio m, which is `a*m - 1/sqrt(2 pi)`: the second number, to be added.
    """
    a = choose(a > 39.0, 39.0, a)
    d = a + 4.0
    low = low + (a - (d - 4.0))
    m = horner((d - 8.0) / d, tables.MILLS) / d
    return m, low * fma(a, m, -NORMAL_DENSITY)


@primitive
def _gauss_parts(x: float, factor: float) -> tuple[float, float]:
    """The parts of exp(factor * x * x), for a factor of -1 or -1/2, with all digits of x*x."""
    x = choose(x < -50.0, -50.0, choose(x > 50.0, 50.0, x))
    square = x * x
    return _exp_parts(factor * square, factor * fma(x, x, -square))


@primitive
def normpdf(x: float) -> float:
    """exp(-x*x/2)/sqrt(2 pi)."""
    p, t = _gauss_parts(x, -0.5)
    return scale(fma(p, NORMAL_DENSITY, p * NORMAL_DENSITY_LOW), t)


@primitive
def normcdf(x: float) -> float:
    """The probability below x under N(0, 1): 1/2 and a polynomial near 0, Mills' ratio beyond."""
    p, t = _gauss_parts(x, -0.5)
    m, rest = _mills(absolute(x), 0.0)
    tail = scale(fma(p, m, p * rest), t)
    z = x * x
    near = fma(x, horner(z, tables.NORMCDF), 0.5)
    return choose(z < 1.0, near, choose(x > 0.0, 1.0 - tail, tail))


@primitive
def _erf_near(x: float) -> float:
    """erf(x) for |x| <= 1."""
    return fma(x, horner(x * x, tables.ERF), x)


@primitive
def _erfc_size(x: float) -> float:
    """erfc(|x|) = 2 normcdf(-sqrt(2)|x|)."""
    p, t = _gauss_parts(x, -1.0)
    a = choose(absolute(x) > 50.0, 50.0, absolute(x))
    b = SQRT_2 * a
    low = fma(SQRT_2, a, -b) + SQRT_2_LOW * a
    m, rest = _mills(b, low)
    return scale(2.0 * fma(p, m, p * rest), t)


@primitive
def erfc(x: float) -> float:
    """1 - erf(x)."""
    tail = _erfc_size(x)
    return choose(absolute(x) < 0.5, 1.0 - _erf_near(x), choose(x < 0.0, 2.0 - tail, tail))


@primitive
def erf(x: float) -> float:
    """The error function: a polynomial below 1, the complement of the tail above."""
    far = copysign(1.0 - _erfc_size(x), x)
    return choose(absolute(x) < 1.0, _erf_near(x), far)


@primitive
def _quadrant(x: float) -> tuple[float, float, float]:
    """The quarter turns (in the low bits), and what remains, in [-pi/4, pi/4], in two parts."""
    t = fma(x, TWO_OVER_PI, ROUND)
    k = t - ROUND
    first = fma(k, -HALF_PI_1, x)
    second = fma(k, -HALF_PI_2, first)
    rest = fma(k, -HALF_PI_2, first - second)
    r = fma(k, -HALF_PI_3, second) + rest
    return t, r, fma(k, -HALF_PI_3, second - r) + rest


@primitive
def _sine(r: float, low: float) -> float:
    z = r * r
    return r + fma(r * z, horner(z, tables.SIN), fma(-0.5 * z, low, low))


@primitive
def _cosine(r: float, low: float) -> float:
    z = r * r
    first = fma(-0.5, z, 1.0)
    rest = fma(-0.5, z, 1.0 - first)
    return first + (rest + fma(z * z, horner(z, tables.COS), -(r * low)))


@primitive
def sin(x: float) -> float:
    """Sine, for |x| up to `PERIODIC_LIMIT`; NaN beyond."""
    t, r, low = _quadrant(x)
    y = choose(bit(t, 0), _cosine(r, low), _sine(r, low))
    y = choose(x == 0.0, x, choose(bit(t, 1), -y, y))
    return choose(absolute(x) <= PERIODIC_LIMIT, y, math.nan)


@primitive
def cos(x: float) -> float:
    """Cosine, for |x| up to `PERIODIC_LIMIT`; NaN beyond."""
    t, r, low = _quadrant(x)
    y = choose(bit(t, 0), _sine(r, low), _cosine(r, low))
    y = choose(bit(t, 0) != bit(t, 1), -y, y)
    return choose(absolute(x) <= PERIODIC_LIMIT, y, math.nan)


@primitive
def arctan(x: float) -> float:
    """Arc tangent; the argument is turned by pi/4 or pi/2 into |z| <= tan(pi/8)."""
    a = absolute(x)
    a = choose(a > 1e300, 1e300, a)
    middle, far = a > EIGHTH, a > THREE_EIGHTHS
    above = choose(far, -1.0, choose(middle, a - 1.0, a))
    below = choose(far, a, choose(middle, a + 1.0, 1.0))
    z = above / below
    low = choose(far, 0.0, choose(middle, fma(-z, a - (below - 1.0), a - (above + 1.0)), 0.0))
    low = (fma(-z, below, above) + low) / below
    q = z * z
    turn = choose(far, 1.0, choose(middle, 0.5, 0.0))
    y = z + fma(z * q, horner(q, tables.ARCTAN), fma(turn, HALF_PI_LOW, low))
    return copysign(fma(turn, HALF_PI, y), x)


@primitive
def arcsinh(x: float) -> float:
    """log1p(a + a**2/(1 + sqrt(1 + a**2))) with a = |x|, and the sign of x."""
    a = absolute(x)
    square = a * a
    near = square / (1.0 + square_root(1.0 + square))
    far = a > 1e20
    k = log1p(choose(far, a, a + near))
    return copysign(choose(far, math.log(2) + k, k), x)


@primitive
def _long_log(x: float) -> tuple[float, float]:
    """ln(x) for finite x > 0 as a sum of two numbers, to about 2**-66 relative."""
    tiny = x < 2.0**-1022
    k, m = exponent_and_mantissa(choose(tiny, x * 2.0**54, x), SQRT_HALF)
    k = choose(tiny, k - 54.0, k)
    f = m - 1.0
    d = 2.0 + f
    s = f / d
    s_low = (fma(-s, d, f) - s * (f - (d - 2.0))) / d
    z = s * s
    cube = s * z
    cube_low = fma(s, z, -cube) + fma(s, fma(s, s, -z) + 2.0 * s * s_low, s_low * z)
    third = TWO_THIRDS * cube
    low = fma(TWO_THIRDS, cube, -third) + fma(TWO_THIRDS, cube_low, TWO_THIRDS_LOW * cube)
    low = low + fma(cube * z, horner(z, tables.LOG_REST), fma(k, LN2_LOW, 2.0 * s_low))
    first = k * LN2_HIGH
    second = first + 2.0 * s
    total = second + third
    low = low + (2.0 * s - (second - first)) + (third - (total - second))
    high = total + low
    return high, low - (high - total)


@primitive
def power(x: float, y: float) -> float:
    """x**y as NumPy has it, by exp(y ln|x|) with the logarithm to more than twice the precision."""
    size = absolute(x)
    high, low = _long_log(size)
    usual = (size > 0.0) & (size < math.inf)
    high = choose(usual, high, choose(size == 0.0, -math.inf, size))
    exponent = y * high
    rest = fma(y, low, fma(y, high, -exponent))
    p, t = _exp_parts(exponent, choose(usual & (absolute(exponent) < 800.0), rest, 0.0))
    return finish_power(x, y, scale(p, t))
