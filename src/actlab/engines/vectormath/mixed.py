"""Primitives for float32 data, computed in float64 and rounded once by the caller.

A kernel converts each float32 input to float64, evaluates the *whole* formula with these functions
and rounds its result to float32 at the end. Their polynomials are only as long as that needs: every
function is within 2^-31 relative of the exact value (0.004 to 0.008 ULP of float32), so a formula
that does not cancel comes out within 0.51 ULP, also where an intermediate result would have been
subnormal or infinite in float32.

Arguments may be any float64 number, results below 1e-307 are 0, results above 1e308 are infinite.
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
    nearest,
    power_of_two,
    primitive,
    square_root,
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
    "tanh_softplus_slope",
]

LOG2_E = math.log2(math.e)
LN2 = math.log(2)
ROUND = 1.5 * 2.0**52
ROUND_BIASED = ROUND + 1023
LOWEST = -709.2
"""exp of this and of everything below is 0."""
HIGHEST = 709.7
"""exp of this and of everything above is infinite."""
SQRT_HALF = math.sqrt(0.5)
SQRT_2 = math.sqrt(2)
NORMAL_DENSITY = 1 / math.sqrt(2 * math.pi)
TWO_OVER_PI = 2 / math.pi
EIGHTH = math.sqrt(2) - 1
THREE_EIGHTHS = math.sqrt(2) + 1
HALF_PI = math.pi / 2
QUARTER_PI = math.pi / 4
# pi/2 in three parts of 33 bits, so that products with 20-bit integers are exact (Cody and Waite
# 1980, Software Manual for the Elementary Functions, chapter 8).
HALF_PI_1 = float.fromhex("0x1.921fb544p0")
HALF_PI_2 = float.fromhex("0x1.0b4611a6p-34")
HALF_PI_3 = float.fromhex("0x1.3198a2e037073p-69")


@primitive
def sqrt(x: float) -> float:
    """Square root."""
    return square_root(x)


@primitive
def sign(x: float) -> float:
    """-1, 0 or 1; NaN for NaN."""
    return choose(x == 0.0, 0.0, choose(math.isnan(x), x, copysign(1.0, x)))


@primitive
def minimum(a: float, b: float) -> float:
    """The smaller number; NaN if either is NaN."""
    return choose(math.isnan(a), a, choose(a < b, a, b))


@primitive
def maximum(a: float, b: float) -> float:
    """The larger number; NaN if either is NaN."""
    return choose(math.isnan(a), a, choose(a > b, a, b))


@primitive
def clip(x: float, low: float, high: float) -> float:
    """`minimum(maximum(x, low), high)`."""
    return minimum(maximum(x, low), high)


@primitive
def _exp_below(x: float) -> float:
    """e**x for arguments known to be at most 0, or NaN."""
    x = choose(x < LOWEST, LOWEST, x)
    t = fma(x, LOG2_E, ROUND_BIASED)
    r = fma(t - ROUND_BIASED, -LN2, x)
    return fma(r, horner(r, tables.EXP_MIXED), 1.0) * power_of_two(t)


@primitive
def _expm1_below(x: float) -> float:
    """e**x - 1 for arguments known to be at most 0, or NaN; the sign of zero is lost."""
    x = choose(x < LOWEST, LOWEST, x)
    t = fma(x, LOG2_E, ROUND_BIASED)
    r = fma(t - ROUND_BIASED, -LN2, x)
    s = power_of_two(t)
    return fma(r * horner(r, tables.EXP_MIXED), s, s - 1.0)


@primitive
def exp(x: float) -> float:
    """e**x. The argument is reduced by a multiple of ln(2) that is exact in one step."""
    return _exp_below(choose(x > HIGHEST, HIGHEST, x))


@primitive
def expm1(x: float) -> float:
    """e**x - 1, also near 0."""
    u = _expm1_below(choose(x > 709.0, 709.0, x))
    return copysign(choose(x > 709.0, math.inf, u), x)


@primitive
def _log1p_unit(u: float) -> float:
    """ln(1 + u) for u in [0, 1], through ln((1 + s)/(1 - s)), s = u/(2 + u)."""
    s = u / (2.0 + u)
    z = s * s
    return s * fma(z, horner(z, tables.LOG1P_UNIT_MIXED), 2.0)


@primitive
def _log_mantissa(f: float) -> float:
    """ln(1 + f) for 1 + f in [sqrt(1/2), sqrt(2)]."""
    s = f / (2.0 + f)
    z = s * s
    return s * fma(z, horner(z, tables.LOG_MIXED), 2.0)


@primitive
def log(x: float) -> float:
    """ln(x); -inf at 0, NaN below."""
    k, m = exponent_and_mantissa(x, SQRT_HALF)
    y = fma(k, LN2, _log_mantissa(m - 1.0))
    return choose(x > 0.0, choose(x < math.inf, y, x), choose(x == 0.0, -math.inf, math.nan))


@primitive
def log1p(x: float) -> float:
    """ln(1 + x), also near 0; -inf at -1, NaN below.

    With 2**k near 1 + x, `x * 2**-k + (2**-k - 1)` is rounded once.
    """
    k, _ = exponent_and_mantissa(1.0 + x, SQRT_HALF)
    s = power_of_two(ROUND_BIASED - k)
    y = fma(k, LN2, _log_mantissa(fma(x, s, s - 1.0)))
    inside = choose(x < 4e307, copysign(y, x), math.inf)
    return choose(x > -1.0, inside, choose(x == -1.0, -math.inf, math.nan))


@primitive
def sigmoid(x: float) -> float:
    """1/(1 + exp(-x)), from exp(-|x|), which `sigmoid(-x)` shares."""
    e = _exp_below(-absolute(x))
    r = 1.0 / (1.0 + e)
    return choose(x < 0.0, e * r, r)


@primitive
def softplus(x: float) -> float:
    """ln(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))."""
    return choose(x > 0.0, x, 0.0) + _log1p_unit(_exp_below(-absolute(x)))


@primitive
def log_sigmoid(x: float) -> float:
    """ln(sigmoid(x)) = min(x, 0) - log1p(exp(-|x|))."""
    return -(choose(x < 0.0, -x, 0.0) + _log1p_unit(_exp_below(-absolute(x))))


@primitive
def tanh(x: float) -> float:
    """-u/(2 + u) with u = expm1(-2|x|), and the sign of x."""
    u = _expm1_below(-2.0 * absolute(x))
    return copysign(u / (2.0 + u), x)


@primitive
def tanh_shrink(x: float) -> float:
    """X - tanh(x), by its series below 1."""
    z = x * x
    near = -(x * z) * horner(z, tables.TANH_SHRINK_MIXED)
    return choose(z < 1.0, near, x - tanh(x))


@primitive
def sech(x: float) -> float:
    """1/cosh(x) = 2e/(1 + e**2) with e = exp(-|x|), which cannot overflow."""
    e = _exp_below(-absolute(x))
    return (e + e) / fma(e, e, 1.0)


@primitive
def _softplus_parts(x: float) -> tuple[float, float, float, float]:
    """The numbers `(e, n, m, 1/(n + m))` with tanh(softplus(x)) = n/(n + m), e = exp(-|x|)."""
    e = _exp_below(-absolute(x))
    below = x < 0.0
    n = choose(below, e * (e + 2.0), fma(2.0, e, 1.0))
    m = choose(below, 2.0, 2.0 * e * e)
    return e, n, m, 1.0 / (n + m)


@primitive
def tanh_softplus(x: float) -> float:
    """tanh(softplus(x)) = ((1 + exp(x))**2 - 1)/((1 + exp(x))**2 + 1), by one exponential."""
    _, n, _, r = _softplus_parts(x)
    return n * r


@primitive
def sech_softplus(x: float) -> float:
    """sech(softplus(x)) = 2(1 + exp(x))/((1 + exp(x))**2 + 1), by one exponential."""
    e, _, _, r = _softplus_parts(x)
    return choose(x < 0.0, 2.0, e + e) * (1.0 + e) * r


@primitive
def tanh_softplus_slope(x: float) -> float:
    """The derivative of tanh(softplus(x)): sech(softplus(x))**2 * sigmoid(x), by one division."""
    e, _, _, r = _softplus_parts(x)
    return 4.0 * choose(x < 0.0, e, e * e) * (1.0 + e) * (r * r)


@primitive
def sinh(x: float) -> float:
    """(u + u/(1 + u))/2 with u = expm1(|x|), and the sign of x."""
    a = absolute(x)
    u = _expm1_below(choose(a > 709.0, 709.0, a))
    return copysign(choose(a > 709.0, math.inf, 0.5 * (u + u / (1.0 + u))), x)


@primitive
def cosh(x: float) -> float:
    """(e + 1/e)/2 with e = exp(|x|)."""
    e = exp(absolute(x))
    return 0.5 * (e + 1.0 / e)


@primitive
def _lower_tail(a: float, e: float) -> float:
    """normcdf(-a) for a >= 0, given e = exp(-a*a/2): e times Mills' ratio, a quotient in a."""
    a = choose(a > 39.0, 39.0, a)
    return e * horner(a, tables.MILLS_MIXED_ABOVE) / horner(a, tables.MILLS_MIXED_BELOW)


@primitive
def normpdf(x: float) -> float:
    """exp(-x*x/2)/sqrt(2 pi)."""
    return NORMAL_DENSITY * _exp_below(-0.5 * (x * x))


@primitive
def normcdf(x: float) -> float:
    """The probability below x under N(0, 1)."""
    tail = _lower_tail(absolute(x), _exp_below(-0.5 * (x * x)))
    return choose(x > 0.0, 1.0 - tail, tail)


@primitive
def erfc(x: float) -> float:
    """1 - erf(x) = 2 normcdf(-sqrt(2) x)."""
    tail = 2.0 * _lower_tail(SQRT_2 * absolute(x), _exp_below(-(x * x)))
    return choose(x < 0.0, 2.0 - tail, tail)


@primitive
def erf(x: float) -> float:
    """The error function: its series below 1/2, the complement of the tail above."""
    tail = 2.0 * _lower_tail(SQRT_2 * absolute(x), _exp_below(-(x * x)))
    z = x * x
    near = fma(x, horner(z, tables.ERF_MIXED), x)
    return choose(z < 0.25, near, copysign(1.0 - tail, x))


@primitive
def _quadrant(x: float) -> tuple[float, float]:
    """The number of quarter turns (in the low bits) and what remains, in [-pi/4, pi/4]."""
    t = fma(x, TWO_OVER_PI, ROUND)
    k = t - ROUND
    return t, fma(k, -HALF_PI_3, fma(k, -HALF_PI_2, fma(k, -HALF_PI_1, x)))


@primitive
def _sine(r: float) -> float:
    z = r * r
    return r * fma(z, horner(z, tables.SIN_MIXED), 1.0)


@primitive
def _cosine(r: float) -> float:
    z = r * r
    return fma(z * z, horner(z, tables.COS_MIXED), fma(-0.5, z, 1.0))


@primitive
def sin(x: float) -> float:
    """Sine, for |x| up to `PERIODIC_LIMIT`; NaN beyond."""
    t, r = _quadrant(x)
    y = choose(bit(t, 0), _cosine(r), _sine(r))
    return choose(absolute(x) <= PERIODIC_LIMIT, choose(bit(t, 1), -y, y), math.nan)


@primitive
def cos(x: float) -> float:
    """Cosine, for |x| up to `PERIODIC_LIMIT`; NaN beyond."""
    t, r = _quadrant(x)
    y = choose(bit(t, 0), _sine(r), _cosine(r))
    negative = bit(t, 0) != bit(t, 1)
    return choose(absolute(x) <= PERIODIC_LIMIT, choose(negative, -y, y), math.nan)


@primitive
def arctan(x: float) -> float:
    """Arc tangent; the argument is turned by pi/4 or pi/2 into |z| <= tan(pi/8)."""
    a = absolute(x)
    middle, far = a > EIGHTH, a > THREE_EIGHTHS
    above = choose(far, -1.0, choose(middle, a - 1.0, a))
    below = choose(far, a, choose(middle, a + 1.0, 1.0))
    z = above / below
    q = z * z
    y = fma(z * q, horner(q, tables.ARCTAN_MIXED), z)
    return copysign(y + choose(far, HALF_PI, choose(middle, QUARTER_PI, 0.0)), x)


@primitive
def arcsinh(x: float) -> float:
    """log1p(a + a**2/(1 + sqrt(1 + a**2))) with a = |x|, and the sign of x."""
    a = absolute(x)
    square = a * a
    near = square / (1.0 + square_root(1.0 + square))
    return copysign(log1p(a + choose(a < 1e12, near, a)), x)


@primitive
def finish_power(x: float, y: float, value: float) -> float:
    """x**y given |x|**y: the sign for odd y, NaN for a root of x < 0, 1 where C99 says so."""
    whole = nearest(y) == y
    odd = whole & (nearest(0.5 * y) != 0.5 * y)
    value = choose(odd, copysign(value, x), value)
    root = (x < 0.0) & (x > -math.inf) & (not math.isnan(y)) & (not whole)
    one = (x == 1.0) | (y == 0.0) | ((x == -1.0) & (absolute(y) == math.inf))
    return choose(one, 1.0, choose(root, math.nan, value))


@primitive
def power(x: float, y: float) -> float:
    """x**y as NumPy has it, by exp(y ln|x|)."""
    return finish_power(x, y, exp(y * log(absolute(x))))
