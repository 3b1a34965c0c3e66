"""A few whole functions for float64 data, where their formulas run step by step lose digits.

They take a third of the time of `pairs`, because only what shows in the result is carried in two
parts: the exponential, the denominator, and the sum that is 0 somewhere. Each ends in one quotient
or product in two parts, which is scaled by the exponential's power of two, so that a result below
the normal numbers has all its digits. They are functions to be used alone, as those of `single`.
"""

from __future__ import annotations

from actlab.engines.vectormath import tables
from actlab.engines.vectormath.bits import absolute, choose, fma, horner, primitive, scale
from actlab.engines.vectormath.float64 import (
    NORMAL_DENSITY,
    NORMAL_DENSITY_LOW,
    exp_terms,
)

__all__ = ["gelu", "gelu_slope", "mish_slope", "sigmoid_slope", "silu_slope", "tanh_slope"]

FARTHEST = 800.0
"""The exponential of the negative of this is 0, also times this."""
FARTHEST_BELL = 39.5
"""exp(-a*a/2) of this is 0."""
MILLS_0, MILLS_1, MILLS_2, MILLS_3, MILLS_4, *_MILLS_REST = tables.MILLS_LONG
MILLS_REST = tuple(_MILLS_REST)
MILLS_LOW = tables.MILLS_LONG_REST[0]
NORMCDF_REST = tables.NORMCDF[1:]


@primitive
def _exp_pair(x: float, low: float) -> tuple[float, float, float]:
    """`(p, p_low, t)` with exp(x + low) = scale(p + p_low, t), x <= 0."""
    one, small, t = exp_terms(choose(x < -FARTHEST, -FARTHEST, x), low)
    p = one + small
    return p, small - (p - one), t


@primitive
def _quotient(high: float, low: float, d: float, d_low: float) -> tuple[float, float]:
    """(high + low)/(d + d_low) in two parts."""
    inverse = 1.0 / d
    q = high * inverse
    return q, (fma(-q, d, high) + fma(-q, d_low, low)) * inverse


@primitive
def _product(a: float, a_low: float, b: float, b_low: float) -> tuple[float, float]:
    """(a + a_low)*(b + b_low) in two parts."""
    high = a * b
    return high, fma(a, b_low, fma(a_low, b, fma(a, b, -high)))


@primitive
def _difference(a: float, b: float) -> tuple[float, float]:
    """A - b and what its rounding left out."""
    high = a - b
    back = high - a
    return high, (a - (high - back)) - (b + back)


@primitive
def _logistic(a: float) -> tuple[float, float, float, float, float]:
    """exp(-a) = scale(p + p_low, t) and d + d_low = 1 + exp(-a), for a >= 0."""
    p, p_low, t = _exp_pair(-a, 0.0)
    e = scale(p, t)
    d = 1.0 + e
    return p, p_low, t, d, (e - (d - 1.0)) + scale(p_low, t)


@primitive
def _held(x: float) -> float:
    """|x|, where it is no farther than any exponential reaches."""
    a = absolute(x)
    return choose(a > FARTHEST, FARTHEST, a)


@primitive
def sigmoid_slope(x: float) -> float:
    """sigmoid(x)*sigmoid(-x) = e/(1 + e)**2 with e = exp(-|x|)."""
    p, p_low, t, d, d_low = _logistic(_held(x))
    s, s_low = _product(d, d_low, d, d_low)
    q, rest = _quotient(p, p_low, s, s_low)
    return scale(q + rest, t)


@primitive
def tanh_slope(x: float) -> float:
    """sech(x)**2 = 4e/(1 + e)**2 with e = exp(-2|x|)."""
    a = absolute(x)
    a = choose(a > 0.5 * FARTHEST, 0.5 * FARTHEST, a)
    p, p_low, t, d, d_low = _logistic(a + a)
    s, s_low = _product(d, d_low, d, d_low)
    q, rest = _quotient(4.0 * p, 4.0 * p_low, s, s_low)
    return scale(q + rest, t)


@primitive
def silu_slope(x: float) -> float:
    """e*(1 + e - a)/(1 + e)**2 with a = |x|, e = exp(-a), below 0; above, 1 minus this."""
    a = _held(x)
    p, p_low, t, d, d_low = _logistic(a)
    m, m_low = _difference(d, a)
    n, n_low = _product(p, p_low, m, m_low + d_low)
    s, s_low = _product(d, d_low, d, d_low)
    q, rest = _quotient(n, n_low, s, s_low)
    y = scale(q + rest, t)
    return choose(x > 0.0, 1.0 - y, y)


@primitive
def mish_slope(x: float) -> float:
    """n/d**2 with polynomials n and d of e = exp(-|x|), whose coefficients are lines in x.

    Below 0, n = e*(4(1 + x) + (6 + 4x)*e + 4e**2 + e**3) and d = 2 + 2e + e**2; above, multiplied
    by e**4, n = 1 + 4e + (6 + 4x)*e**2 + 4(1 + x)*e**3 and d = 1 + 2e + 2e**2.
    """
    a = _held(x)
    below = x < 0.0
    p, p_low, t = _exp_pair(-a, 0.0)
    e, e_low = scale(p, t), scale(p_low, t)
    line = 4.0 * choose(below, -a, a)
    outer, inner = 4.0 + line, 6.0 + line
    steps = fma(choose(below, fma(e, 1.0, 4.0), fma(e, outer, inner)), e, choose(below, inner, 4.0))
    first = choose(below, outer, 1.0)
    first_low = choose(below, line - (outer - 4.0), 0.0)
    n = fma(steps, e, first)
    # the sum is 0 somewhere: what its rounding left out counts
    product = steps * e
    back = n - first
    n_low = (product - back) + (first - (n - back)) + fma(steps, e, -product)
    n_low = n_low + fma(steps, e_low, first_low)
    whole, square = choose(below, 2.0, 1.0), choose(below, 1.0, 2.0)
    g = e * fma(square, e, 2.0)
    d = whole + g
    d_low = (g - (d - whole)) + fma(e_low, fma(square + square, e, 2.0), _rest_of(e, square, g))
    s, s_low = _product(d, d_low, d, d_low)
    factor, factor_low = choose(below, p, 1.0), choose(below, p_low, 0.0)
    n, n_low = _product(n, n_low, factor, factor_low)
    q, rest = _quotient(n, n_low, s, s_low)
    y = q + rest
    return choose(below, scale(y, t), y)


@primitive
def _rest_of(e: float, square: float, g: float) -> float:
    """What the rounding of e*(square*e + 2) to g left out."""
    inner = fma(square, e, 2.0)
    left_out = fma(square, e, 2.0 - inner)
    return fma(e, left_out, fma(e, inner, -g))


@primitive
def _bell(a: float) -> tuple[float, float, float]:
    """exp(-a*a/2) = scale(p + p_low, t), with all digits of a*a."""
    square = a * a
    return _exp_pair(-0.5 * square, -0.5 * fma(a, a, -square))


@primitive
def _step(total: float, low: float, t: float, entry: float) -> tuple[float, float]:
    """One step of Horner's scheme with its rounding errors."""
    product = total * t
    lost = fma(total, t, -product)
    result = product + entry
    back = result - entry
    lost = lost + ((product - back) + (entry - (result - back)))
    return result, fma(low, t, lost)


@primitive
def _mills(a: float) -> tuple[float, float]:
    """normcdf(-a)*exp(a*a/2) in two parts, for a from 0.7 to 40; see `float64._mills`."""
    d = a + 4.0
    low = a - (d - 4.0)
    inverse = 1.0 / d
    t = (d - 8.0) * inverse
    t_low = fma(-t, d, d - 8.0) * inverse
    h, h_low = _step(horner(t, MILLS_REST), 0.0, t, MILLS_4)
    h, h_low = _step(h, h_low, t, MILLS_3)
    h, h_low = _step(h, h_low, t, MILLS_2)
    h, h_low = _step(h, h_low, t, MILLS_1)
    h, h_low = _step(h, h_low, t, MILLS_0)
    ratio = h * inverse
    # by the differential equation of the ratio, as what t lost and what a + 4 lost change it
    slope = fma(a, ratio, -NORMAL_DENSITY)
    h_low = h_low + fma(0.125 * t_low * d * d, fma(d, slope, ratio), MILLS_LOW)
    rest = fma(-ratio, d, h) + fma(low, slope * d, h_low)
    return ratio, rest * inverse


@primitive
def _normcdf_near(x: float) -> tuple[float, float]:
    """normcdf(x) in two parts, for |x| <= 1."""
    z = x * x
    w = x * NORMAL_DENSITY
    w_low = fma(x, NORMAL_DENSITY, -w) + x * fma(z, horner(z, NORMCDF_REST), NORMAL_DENSITY_LOW)
    v = 0.5 + w
    return v, ((0.5 - v) + w) + w_low


@primitive
def gelu(x: float) -> float:
    """x*normcdf(x): a polynomial near 0, max(x, 0) - a*normcdf(-a) with a = |x| farther out."""
    v, v_low = _normcdf_near(x)
    near = fma(x, v, x * v_low)
    a = absolute(x)
    a = choose(a > FARTHEST_BELL, FARTHEST_BELL, a)
    p, p_low, t = _bell(a)
    m, m_low = _mills(choose(a < 0.7, 0.7, a))
    n, n_low = _product(p, p_low, m, m_low)
    g, g_low = _product(n, n_low, a, 0.0)
    above = (x - scale(g, t)) - scale(g_low, t)
    far = choose(x > 0.0, above, -scale(g + g_low, t))
    return choose(absolute(x) < 1.0, near, far)


@primitive
def gelu_slope(x: float) -> float:
    """normcdf(x) + x*normpdf(x): both apart near 0; else (m - a/sqrt(2 pi))*exp(-a*a/2) below 0.

    There a = |x| and m is Mills' ratio; above, 1 minus this.
    """
    a = absolute(x)
    a = choose(a > FARTHEST_BELL, FARTHEST_BELL, a)
    p, p_low, t = _bell(a)
    v, v_low = _normcdf_near(x)
    f, f_low = _product(p, p_low, NORMAL_DENSITY, NORMAL_DENSITY_LOW)
    f, f_low = _product(scale(f, t), scale(f_low, t), x, 0.0)
    total, left_out = _difference(v, -f)
    near = total + (left_out + (v_low + f_low))
    m, m_low = _mills(choose(a < 0.7, 0.7, a))
    line, line_low = _product(NORMAL_DENSITY, NORMAL_DENSITY_LOW, a, 0.0)
    high, low = _difference(m, line)
    n, n_low = _product(p, p_low, high, low + (m_low - line_low))
    below = scale(n + n_low, t)
    return choose(absolute(x) < 1.0, near, choose(x > 0.0, 1.0 - below, below))
