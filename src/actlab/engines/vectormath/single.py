"""A few whole functions for float32 data, computed in float32 alone.

Twice as many numbers fit into a vector as in float64, so these take half to two thirds of the time
of their `mixed` twins, for an error between 1 and 2 ULP instead of 0.51. They are functions to be
used alone: where one is a part of a larger formula its error grows, and results that underflow
early are lost, so that formulas are evaluated in `mixed`.

All are made of e = exp(-|x|), which cannot overflow. It is carried as 2**64 * e where the result
may be subnormal, so that such a result is rounded once. Of two equal forms each takes the one whose
quotient is small beside the result, because a quotient carries the error of two operations.
"""

from __future__ import annotations

import math

from actlab.engines.vectormath import tables
from actlab.engines.vectormath.bits import (
    absolute,
    choose,
    copysign,
    divide,
    fma,
    horner,
    power_of_two,
    primitive,
    scale,
)
from actlab.engines.vectormath.constants import FOUR, HALF, ONE, TWO, ZERO, f32

__all__ = [
    "elu",
    "elu_slope",
    "exp",
    "expm1",
    "gelu",
    "gelu_slope",
    "log_sigmoid",
    "sigmoid",
    "sigmoid_slope",
    "sign",
    "silu",
    "silu_slope",
    "softplus",
    "tanh",
    "tanh_slope",
]


LOG2_E = f32(math.log2(math.e))
# ln(2) in a part of 15 bits, whose products with exponents are exact, and the rest (Cody and Waite
# 1980, Software Manual for the Elementary Functions, chapter 6).
LN2_HIGH = f32(0.693145751953125)
LN2_LOW = f32(math.log(2) - 0.693145751953125)
ROUND_BIASED = f32(1.5 * 2**23 + 127)
ROUND_TWICE_BIASED = f32(1.5 * 2**23 + 254)
ROUND_HALVING = f32(1.5 * 2**23 + 126)
ROUND_RAISED = f32(1.5 * 2**23 + 127 + 64)
DOWN = f32(2.0**-64)
LOWEST = f32(-104.5)
"""exp of this and of everything below is 0."""
HIGHEST = f32(89)
"""exp of this and of everything above is infinite."""
MINUS_ONE_BELOW = f32(-20)
"""expm1 of this is -1."""
ZERO_BELOW = f32(-110)
"""silu of this and its slope are -0.0, and so they must be at -inf."""
ONE_FROM = f32(40)
"""The sigmoid of this is 1."""
TINY = f32(2.0**-80)
"""silu of less is half of it."""
ONE_ABOVE = f32(87)
"""tanh of half of this is 1."""
LOWEST_RAISED = f32(-132.4)
"""The raised exponential of this and of everything below is 0."""
NEAR_TANH = f32(0.55)
SCALED = f32(2.0**-32)
ROUND_SCALED = f32(1.5 * 2**23 + 127 - 32)
SLOPE_SCALED = f32(2.0**-24)
ROUND_SLOPE_SCALED = f32(1.5 * 2**23 + 127 - 24)
TANH_SLOPE_SCALED = f32(2.0**-26)
ROUND_TANH_SLOPE_SCALED = f32(1.5 * 2**23 + 127 - 26)
SLOPE_ZERO_FROM = f32(105)
"""The slope of the sigmoid is 0 from here on, that of tanh from half of it."""
TANH_SLOPE_ZERO_FROM = f32(53)
NORMAL_DENSITY = f32(1 / math.sqrt(2 * math.pi))
GELU_ZERO_FROM = f32(15.5)
"""gelu of the negative of this and its slope are -0.0."""
GELU_NEAR = f32(0.86)
GELU_SHIFT = f32(1.78125)
GELU_MIDDLE = f32(0.3258277475833893)
"""a normcdf(-a) exp(a*a/2) at 1.78125, where it is almost a float32."""
GELU_SLOPE_NEAR = f32(1.285)
GELU_SLOPE_SHIFT = f32(2.5)
GELU_SLOPE_MIDDLE = f32(0.1413313597440719)
"""normcdf(-a) exp(a*a/2) at 2.5, almost, with what NORMAL_DENSITY lacks."""
GELU_SLOPE_ZERO = f32(0.7517915246935645)
"""Where the slope of gelu is 0, but for the sign; rounded, so a small slope is left."""
GELU_SLOPE_AT_ZERO = f32(-6.9343855e-09)
MINUS_HALF_LOG2_E = f32(-0.5 * math.log2(math.e))


# Polynomials of which a step may belong to one or the other.
NEAR_0, NEAR_1, NEAR_2, NEAR_3, NEAR_4 = tables.GELU_NEAR
FAR_0, FAR_1, FAR_2, FAR_3, *_FAR_REST = tables.GELU_FAR
FAR_REST = tuple(_FAR_REST)
INNER_0, INNER_1, INNER_2, INNER_3, INNER_4, INNER_5, *_INNER_REST = tables.GELU_SLOPE_NEAR
INNER_REST = tuple(_INNER_REST)
OUTER_0, OUTER_1, OUTER_2, OUTER_3, OUTER_4, OUTER_5, OUTER_6 = tables.GELU_SLOPE_FAR


@primitive
def reduced(x: float, rounding: float) -> tuple[float, float]:
    """The biased exponent k and exp(r) - 1, with x = k ln(2) + r."""
    t = fma(x, LOG2_E, rounding)
    k = t - rounding
    r = fma(k, -LN2_LOW, fma(k, -LN2_HIGH, x))
    return t, fma(r * r, horner(r, tables.EXP_SINGLE), r)


@primitive
def _raised_exp(x: float) -> float:
    """2**64 exp(x) for x <= 0, or NaN."""
    t, u = reduced(choose(x < LOWEST_RAISED, LOWEST_RAISED, x), ROUND_RAISED)
    return (u + ONE) * power_of_two(t)


@primitive
def exp(x: float) -> float:
    """e**x."""
    x = choose(x < LOWEST, LOWEST, choose(x > HIGHEST, HIGHEST, x))
    t, u = reduced(x, ROUND_TWICE_BIASED)
    return scale(u + ONE, t)


@primitive
def expm1(x: float) -> float:
    """e**x - 1, also near 0, as twice 2**(k-1) exp(r) - 1/2, which overflows no earlier."""
    clipped = choose(x < MINUS_ONE_BELOW, MINUS_ONE_BELOW, choose(x > HIGHEST, HIGHEST, x))
    t, u = reduced(clipped, ROUND_HALVING)
    s = power_of_two(t)
    return copysign(TWO * fma(s, u, s - HALF), x)


@primitive
def elu(x: float) -> float:
    """The identity above 0, else e**x - 1."""
    below = choose(x < MINUS_ONE_BELOW, MINUS_ONE_BELOW, choose(x > ZERO, ZERO, x))
    t, u = reduced(below, ROUND_HALVING)
    s = power_of_two(t)
    return choose(x > ZERO, x, copysign(TWO * fma(s, u, s - HALF), x))


@primitive
def elu_slope(x: float) -> float:
    """One above 0, else e**x."""
    below = choose(x < LOWEST, LOWEST, choose(x > ZERO, ZERO, x))
    t, u = reduced(below, ROUND_TWICE_BIASED)
    return choose(x > ZERO, ONE, scale(u + ONE, t))


@primitive
def sigmoid(x: float) -> float:
    """1/(1 + exp(-x)): n - n*q with q = e/(1 + e) and n = 1 or e."""
    e = _raised_exp(-absolute(x)) * DOWN
    n = choose(x < ZERO, e, ONE)
    return fma(-n, divide(e, ONE + e), n)


@primitive
def sign(x: float) -> float:
    """-1, 0 or 1; NaN for NaN. A part of formulas that are computed in float32 step by step."""
    return choose(x == ZERO, ZERO, choose(math.isnan(x), x, copysign(ONE, x)))


@primitive
def plus_exp(one: float, s: float, u: float) -> tuple[float, float]:
    """`one + s*(1 + u)` and what its rounding left out, for a power of two s; `one` is one too."""
    whole = s + one
    rest = fma(s, u, one - (whole - s))
    total = whole + rest
    return total, rest - (total - whole)


@primitive
def sigmoid_slope(x: float) -> float:
    """sigmoid(x)*sigmoid(-x) = p - p**2 with p = 1/d, d = 1 + exp(|x|); (1 - p)/d far out.

    d is carried as 2**-24 * d, which does not overflow, so that the quotient is rounded once. What
    the rounding of d left out goes into 1 - p.
    """
    a = absolute(x)
    t, u = reduced(choose(a > SLOPE_ZERO_FROM, SLOPE_ZERO_FROM, a), ROUND_SLOPE_SCALED)
    d, left_out = plus_exp(SLOPE_SCALED, power_of_two(t), u)
    p = divide(SLOPE_SCALED, d)
    far = divide(fma(-(SLOPE_SCALED + left_out), p, SLOPE_SCALED), d)
    return choose(a < ONE, fma(-p, p, p), far)


@primitive
def silu_slope(x: float) -> float:
    """p*n with p = 1/(1 + exp(a)), n = 1 - a + a*p, a = |x|, below 0; above, 1 minus this.

    What the rounding of 1 + exp(a) left out goes into n, since n is small where the slope is.
    """
    a = absolute(x)
    a = choose(a > -ZERO_BELOW, -ZERO_BELOW, a)
    t, u = reduced(a, ROUND_SCALED)
    d, left_out = plus_exp(SCALED, power_of_two(t), u)
    p = divide(ONE, d)
    b = a * SCALED
    lost = left_out * p
    m = ONE - a
    n = m + fma(b, p, -lost * fma(b + b, p, m))
    y = divide(n * SCALED, d)
    return choose(x > ZERO, ONE - y, y)


@primitive
def _log1p_exp(x: float) -> float:
    """ln(1 + exp(-|x|))."""
    e = _raised_exp(-absolute(x)) * DOWN
    return fma(e * e, horner(e, tables.LOG1P_SINGLE), e)


@primitive
def softplus(x: float) -> float:
    """ln(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))."""
    return choose(x > ZERO, x, ZERO) + _log1p_exp(x)


@primitive
def log_sigmoid(x: float) -> float:
    """ln(sigmoid(x)) = -(max(-x, 0) + log1p(exp(-|x|)))."""
    return -(choose(x < ZERO, -x, ZERO) + _log1p_exp(x))


@primitive
def _tanh_near(x: float) -> float:
    """tanh(x) for |x| <= 0.56."""
    z = x * x
    return fma(x * z, horner(z, tables.TANH_SINGLE), x)


@primitive
def silu(x: float) -> float:
    """x/(1 + exp(-x)), both carried as 2**-32 of themselves so that the sum does not overflow."""
    x = choose(x < ZERO_BELOW, ZERO_BELOW, x)
    t, u = reduced(-choose(x > ONE_FROM, ONE_FROM, x), ROUND_SCALED)
    d, _ = plus_exp(SCALED, power_of_two(t), u)
    return choose(absolute(x) < TINY, HALF * x, divide(x * SCALED, d))


@primitive
def _bell(a: float) -> tuple[float, float, float]:
    """A power of two s, r and its rest with 2**64 exp(-a*a/2) = s*exp(r + rest).

    The square of a is carried to twice the precision.
    """
    square = a * a
    low = fma(a, a, -square)
    t = fma(square, MINUS_HALF_LOG2_E, ROUND_RAISED)
    k = t - ROUND_RAISED
    high = fma(k, -LN2_HIGH, -HALF * square)
    small = fma(k, -LN2_LOW, -HALF * low)
    r = high + small
    return power_of_two(t), r, small - (r - high)


@primitive
def gelu(x: float) -> float:
    """x*normcdf(x): max(x, 0) - g*exp(-a*a/2) with a = |x|, g = a*normcdf(-a)*exp(a*a/2).

    g is a polynomial in t, the quotient below. Near 0 normcdf is a polynomial of x*x; the two share
    their steps.
    """
    a = absolute(x)
    near = a < GELU_NEAR
    a = choose(a > GELU_ZERO_FROM, GELU_ZERO_FROM, a)
    s, r, _ = _bell(a)
    t = divide(a - GELU_SHIFT, a + GELU_SHIFT)
    w = choose(near, a * a, t)
    q = choose(near, NEAR_4, horner(t, FAR_REST))
    q = fma(q, w, choose(near, NEAR_3, FAR_3))
    q = fma(q, w, choose(near, NEAR_2, FAR_2))
    q = fma(q, w, choose(near, NEAR_1, FAR_1))
    part = fma(q, w, choose(near, NEAR_0, FAR_0)) * w
    g = part + GELU_MIDDLE
    u = fma(g, r, fma(g * (r * r), horner(r, tables.EXP_SINGLE), part))
    far = fma(-DOWN, (GELU_MIDDLE + u) * s, choose(x > ZERO, x, ZERO))
    return copysign(choose(near, fma(part + NORMAL_DENSITY, x, HALF) * x, far), x)


@primitive
def gelu_slope(x: float) -> float:
    """normcdf(x) + x*normpdf(x): m*exp(-a*a/2) below 0, with a = |x|; above, 1 minus this.

    m is a line in a plus a polynomial in (a - 2.5)/(a + 2.5); around its zero, which is a bound
    of relative error, a polynomial in the distance from there. The sum of the leading terms is
    kept to twice the precision.
    """
    a = absolute(x)
    a = choose(a > GELU_ZERO_FROM, GELU_ZERO_FROM, a)
    near = a < GELU_SLOPE_NEAR
    s, r, r_rest = _bell(a)
    d = a - GELU_SLOPE_ZERO
    w = choose(near, d, divide(a - GELU_SLOPE_SHIFT, a + GELU_SLOPE_SHIFT))
    q = choose(near, horner(d, INNER_REST), OUTER_6)
    q = fma(q, w, choose(near, INNER_5, OUTER_5))
    q = fma(q, w, choose(near, INNER_4, OUTER_4))
    q = fma(q, w, choose(near, INNER_3, OUTER_3))
    q = fma(q, w, choose(near, INNER_2, OUTER_2))
    q = fma(q, w, choose(near, INNER_1, OUTER_1)) * w
    first = choose(near, INNER_0, OUTER_0)
    start = choose(near, GELU_SLOPE_AT_ZERO, GELU_SLOPE_MIDDLE)
    steep = choose(near, ZERO, NORMAL_DENSITY)
    line = fma(-steep, a, start)
    total = fma(first, w, line)
    m = fma(q, w, total)
    rest = fma(first, w, line - total) + fma(q, w, total - m)
    d_rest = choose(near, (a - d) - GELU_SLOPE_ZERO, ZERO)
    rest = fma(first, d_rest, start - fma(steep, a, line)) + rest
    rest = fma(m * (r * r), horner(r, tables.EXP_SINGLE), fma(m, r_rest, rest))
    y = ((m + fma(m, r, rest)) * s) * DOWN
    return choose(x > ZERO, ONE - y, y)


@primitive
def tanh(x: float) -> float:
    """1 - 2e/(1 + e) with e = exp(-2|x|), or a polynomial; with the sign of x."""
    a = absolute(x)
    twice = a + a
    t, u = reduced(choose(twice > ONE_ABOVE, -ONE_ABOVE, -twice), ROUND_BIASED)
    e = (u + ONE) * power_of_two(t)
    far = fma(-TWO, divide(e, ONE + e), ONE)
    return copysign(choose(a < NEAR_TANH, _tanh_near(a), far), x)


@primitive
def tanh_slope(x: float) -> float:
    """sech(x)**2 = 4 sigmoid(2x)*sigmoid(-2x), as in `sigmoid_slope`; 1 - (1 - 2p)**2 near 0."""
    a = absolute(x)
    a = choose(a > TANH_SLOPE_ZERO_FROM, TANH_SLOPE_ZERO_FROM, a)
    t, u = reduced(a + a, ROUND_TANH_SLOPE_SCALED)
    d, left_out = plus_exp(TANH_SLOPE_SCALED, power_of_two(t), u)
    p = divide(TANH_SLOPE_SCALED, d)
    q = fma(-TWO, p, ONE)
    far = divide(fma(-FOUR * (TANH_SLOPE_SCALED + left_out), p, SLOPE_SCALED), d)
    return choose(a < HALF, fma(-q, q, ONE), far)
