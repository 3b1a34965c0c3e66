"""Gated functions of float32 in float32 whose gate has an argument that float32 can't hold.

An error of the argument is one of the exponential, times its size, so the argument is carried as a
sum of two numbers, and what the rounding of a sum left out is taken along where it would be seen.
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
)
from actlab.engines.vectormath.constants import FIVE, HALF, ONE, SIX, THREE, TWO, ZERO, f32
from actlab.engines.vectormath.single import (
    LN2_HIGH,
    LN2_LOW,
    LOG2_E,
    ROUND_SCALED,
    SCALED,
    TINY,
    ZERO_BELOW,
    plus_exp,
    reduced,
)

__all__ = [
    "gelu_tanh",
    "gelu_tanh_slope",
    "logish",
    "logish_slope",
    "mish",
    "mish_slope",
    "quick_gelu",
    "quick_gelu_slope",
    "smish",
    "smish_slope",
]

LOWER = f32(2.0**-40)
ROUND_LIFTED = f32(1.5 * 2**23 + 127 + 40)
ROUND_LOWERED = f32(1.5 * 2**23 + 127 - 40)
MISH_STRAIGHT_FROM = f32(12)
"""mish of this and of everything above is its argument."""
SQRT_8_OVER_PI = math.sqrt(8 / math.pi)
CUBIC_1 = f32(round(SQRT_8_OVER_PI * 2**14) / 2**14)  # so short that a sum less it is exact
CUBIC_1_REST = f32(SQRT_8_OVER_PI - float(CUBIC_1))
CUBIC_3 = f32(0.044715 * SQRT_8_OVER_PI)
CUBIC_3_REST = f32(0.044715 * SQRT_8_OVER_PI - float(CUBIC_3))
CUBIC_9 = f32(3 * 0.044715 * SQRT_8_OVER_PI)
CUBIC_9_REST = f32(3 * 0.044715 * SQRT_8_OVER_PI - float(CUBIC_9))
FADED_FROM = -ZERO_BELOW
"""exp(-a) of this and of everything above is 0 beside 1."""
LARGEST = f32((2 - 2.0**-23) * 2.0**127)
LOGISH_1, LOGISH_2 = f32(-0.85), f32(0.36)
"""1/(1 + t) is nearly 1 - 0.85*t + 0.36*t*t up to 1."""
QUICK = f32(1.702)
QUICK_REST = f32(1.702 - float(QUICK))
# Where the value and the slope are -0.0 below 0, and where the gate is open above.
GELU_TANH_ZERO_FROM, GELU_TANH_FLAT_FROM, GELU_TANH_OPEN_FROM = f32(10.85), f32(11), f32(8)
QUICK_GELU_ZERO_FROM, QUICK_GELU_FLAT_FROM, QUICK_GELU_OPEN_FROM = f32(64), f32(66), f32(20)


@primitive
def lifted_exp(x: float) -> tuple[float, float]:
    """2**40 exp(x) as a sum of two, for x between -110 and 12."""
    t, u = reduced(x, ROUND_LIFTED)
    s = power_of_two(t)
    e = u + ONE
    return s * e, s * (u - (e - ONE))


@primitive
def mish(x: float) -> float:
    """x*w/(w + 2) with w = n*(n + 2), n = exp(x), to twice the precision; x far out.

    w is carried as 2**40 of itself, so that a subnormal result is rounded once.
    """
    far = x > MISH_STRAIGHT_FROM
    x = choose(x < ZERO_BELOW, ZERO_BELOW, x)
    n, n_rest = lifted_exp(choose(far, MISH_STRAIGHT_FROM, x))
    low = n * LOWER
    w = fma(low, n, n + n)
    w_rest = fma(low, n, (n + n) - w) + n_rest * fma(TWO, low, TWO)
    d = fma(w, LOWER, TWO)
    d_rest = w * LOWER - (d - TWO)
    inverse = divide(ONE, d)
    p = x * w
    q = p * inverse
    rest = (fma(x, w, -p) + fma(-q, d, p)) + fma(-q, d_rest, w_rest * fma(-q, LOWER, x))
    return choose(far, x, copysign(fma(rest, inverse, q) * LOWER, x))


@primitive
def _cubic(
    x: float, square: float, low: float, steep: float, steep_rest: float
) -> tuple[float, float]:
    """x*(c + steep*x*x) with c = sqrt(8/pi) as a sum of two; x*x is given as one."""
    line = fma(steep, square, CUBIC_1)
    rest = fma(steep, square, CUBIC_1 - line)
    rest = fma(steep, low, fma(steep_rest, square, CUBIC_1_REST)) + rest
    y = x * line
    return y, fma(x, rest, fma(x, line, -y))


@primitive
def _oneplus_exp(z: float, rest: float, scaled: float, rounding: float) -> tuple[float, float]:
    """1 + exp(z + rest), scaled, and what its rounding left out."""
    t = fma(z, LOG2_E, rounding)
    k = t - rounding
    r = fma(k, -LN2_HIGH, z) + fma(k, -LN2_LOW, rest)
    return plus_exp(scaled, power_of_two(t), fma(r * r, horner(r, tables.EXP_SINGLE), r))


@primitive
def _gated(x: float, z: float, rest: float) -> float:
    """x/(1 + exp(-z)), as `silu`."""
    d, _ = _oneplus_exp(-z, -rest, SCALED, ROUND_SCALED)
    return choose(absolute(x) < TINY, HALF * x, divide(x * SCALED, d))


@primitive
def _gated_slope(x: float, z: float, z_rest: float, b: float, b_rest: float) -> float:
    """As `silu_slope`, with n = 1 - b + b*p where b is |x| times the slope of z.

    z belongs to |x|; both are sums of two numbers.
    """
    d, left_out = _oneplus_exp(z, z_rest, LOWER, ROUND_LOWERED)
    p = divide(ONE, d)
    lost = left_out * p
    m = ONE - b
    b_down = b * LOWER
    rest = fma(b_rest, fma(LOWER, p, -ONE), ONE - (m + b))
    rest = fma(-lost, fma(b_down + b_down, p, m), rest)
    y = divide((m + fma(b_down, p, rest)) * LOWER, d)
    return choose(x > ZERO, ONE - y, y)


@primitive
def gelu_tanh(x: float) -> float:
    """x*sigmoid(z) with z = x*(c + 0.044715*c*x*x), c = sqrt(8/pi), to twice the precision."""
    x = choose(x < -GELU_TANH_ZERO_FROM, -GELU_TANH_ZERO_FROM, x)
    v = choose(x > GELU_TANH_OPEN_FROM, GELU_TANH_OPEN_FROM, x)
    square = v * v
    z, rest = _cubic(v, square, fma(v, v, -square), CUBIC_3, CUBIC_3_REST)
    return _gated(x, z, rest)


@primitive
def gelu_tanh_slope(x: float) -> float:
    """The slope of `gelu_tanh`, where b = a*(c + 3*0.044715*c*a*a) with a = |x|."""
    a = absolute(x)
    a = choose(a > GELU_TANH_FLAT_FROM, GELU_TANH_FLAT_FROM, a)
    square = a * a
    low = fma(a, a, -square)
    z, z_rest = _cubic(a, square, low, CUBIC_3, CUBIC_3_REST)
    b, b_rest = _cubic(a, square, low, CUBIC_9, CUBIC_9_REST)
    return _gated_slope(x, z, z_rest, b, b_rest)


@primitive
def quick_gelu(x: float) -> float:
    """x*sigmoid(z) with z = 1.702*x to twice the precision."""
    x = choose(x < -QUICK_GELU_ZERO_FROM, -QUICK_GELU_ZERO_FROM, x)
    v = choose(x > QUICK_GELU_OPEN_FROM, QUICK_GELU_OPEN_FROM, x)
    z = v * QUICK
    return _gated(x, z, fma(v, QUICK_REST, fma(v, QUICK, -z)))


@primitive
def quick_gelu_slope(x: float) -> float:
    """The slope of `quick_gelu`, where b is z itself."""
    a = absolute(x)
    a = choose(a > QUICK_GELU_FLAT_FROM, QUICK_GELU_FLAT_FROM, a)
    z = a * QUICK
    rest = fma(a, QUICK_REST, fma(a, QUICK, -z))
    return _gated_slope(x, z, rest, z, rest)


@primitive
def _long_sigmoid(x: float) -> tuple[float, float, float, float]:
    """sigmoid(x) as a sum of two, 2**40 of itself for x < 0; e = exp(-|x|) as one, unscaled."""
    e, e_rest = lifted_exp(-choose(absolute(x) > -ZERO_BELOW, -ZERO_BELOW, absolute(x)))
    low, low_rest = e * LOWER, e_rest * LOWER
    d = ONE + low
    d_rest = (low - (d - ONE)) + low_rest
    inverse = divide(ONE, d)
    n, n_rest = choose(x < ZERO, e, ONE), choose(x < ZERO, e_rest, ZERO)
    s = n * inverse
    return s, (fma(-s, d, n) + fma(-s, d_rest, n_rest)) * inverse, low, low_rest


@primitive
def logish(x: float) -> float:
    """x*log1p(s) with s = sigmoid(x)."""
    x = choose(x < ZERO_BELOW, ZERO_BELOW, x)
    s, s_rest, _, _ = _long_sigmoid(x)
    down = choose(x < ZERO, LOWER, ONE)
    t = s * down
    bend = (s * t) * horner(t, tables.LOG1P_SINGLE)
    y = s + bend
    rest = fma(s_rest, fma(t, fma(t, LOGISH_2, LOGISH_1), ONE), bend - (y - s))
    rest = choose(x > LARGEST, LARGEST, x) * rest
    return copysign(fma(x, y, rest) * down, x)


@primitive
def logish_slope(x: float) -> float:
    """s*(log1p(s)/s + x*r) with s = sigmoid(x), r = 1/(1 + 2e) below 0 and e/(2 + e) above."""
    below = x < ZERO
    x = choose(x < ZERO_BELOW, ZERO_BELOW, choose(x > -ZERO_BELOW, -ZERO_BELOW, x))
    s, s_rest, e, e_rest = _long_sigmoid(x)
    down = choose(below, LOWER, ONE)
    t = s * down
    bend = t * horner(t, tables.LOG1P_SINGLE)
    g = ONE + bend
    start, steep = choose(below, ONE, TWO), choose(below, TWO, ONE)
    d = fma(steep, e, start)
    d_rest = fma(steep, e_rest, fma(steep, e, start - d))
    n, n_rest = choose(below, ONE, e), choose(below, ZERO, e_rest)
    inverse = divide(ONE, d)
    r = n * inverse
    r_rest = (fma(-r, d, n) + fma(-r, d_rest, n_rest)) * inverse
    v = x * r
    m = g + v
    far = x < -ONE
    larger, smaller = choose(far, v, g), choose(far, g, v)
    rest = (smaller - (m - larger)) + (bend - (g - ONE)) + fma(x, r_rest, fma(x, r, -v))
    return fma(s, m, fma(s, rest, s_rest * m)) * down


@primitive
def _denominator(
    below: bool, e: float, e_rest: float, middle: float, last: float
) -> tuple[float, float]:
    """2 + middle*e + last*e**2 below 0, last + middle*e + 2*e**2 above, as a sum of two."""
    start, steep = choose(below, TWO, last), choose(below, last, TWO)
    line = fma(steep, e, middle)
    d = fma(e, line, start)
    return d, fma(e, line, start - d) + e_rest * fma(steep, e, line)


@primitive
def smish(x: float) -> float:
    """x*g with g = tanh(log1p(sigmoid(x))) = n/d in e = exp(-|x|), to twice the precision.

    n is e*(2 + 3e) below 0, where e is carried as 2**40 of itself, and 3 + 2e above.
    """
    below = x < ZERO
    a = absolute(x)
    e, e_rest = lifted_exp(-choose(a > FADED_FROM, FADED_FROM, a))
    low, low_rest = e * LOWER, e_rest * LOWER
    d, d_rest = _denominator(below, low, low_rest, SIX, FIVE)
    start, steep = choose(below, TWO, THREE), choose(below, THREE, TWO)
    n = fma(steep, low, start)
    n_rest = fma(steep, low_rest, fma(steep, low, start - n))
    inverse = divide(ONE, d)
    g = n * inverse
    g_rest = (fma(-g, d, n) + fma(-g, d_rest, n_rest)) * inverse
    v = choose(x < ZERO_BELOW, ZERO_BELOW, x)
    lead = choose(below, v * e, v)
    lead_rest = choose(below, fma(v, e_rest, fma(v, e, -lead)), ZERO)
    rest = fma(choose(lead > LARGEST, LARGEST, lead), g_rest, lead_rest * g)
    return copysign(fma(lead, g, rest) * choose(below, LOWER, ONE), x)


@primitive
def _gate_slope(
    x: float,
    e: float,
    e_rest: float,
    d: float,
    d_rest: float,
    inverse: float,
    ends: float,
    bend: float,
) -> float:
    """m/d to twice the precision, which the slopes of mish and smish are.

    m is e*(2 + 2x + ends*e + bend) below 0 and ends + 2e + bend above, where bend is small.
    e = exp(-|x|) is carried as 2**40 of itself.
    """
    below = x < ZERO
    low, low_rest = e * LOWER, e_rest * LOWER
    m = ONE + x
    m_rest = choose(x < -ONE, ONE - (m - x), x - (m - ONE))
    start, start_rest = choose(below, m + m, ends), choose(below, m_rest + m_rest, ZERO)
    steep = choose(below, ends, TWO)
    line = fma(steep, low, start)
    rest = fma(steep, low, start - line) + fma(steep, low_rest, start_rest)
    total = line + bend
    rest = ((line - total) + bend) + rest
    lead, lead_rest = choose(below, e, ONE), choose(below, e_rest, ZERO)
    p = lead * total
    rest = fma(lead, total, -p) + fma(lead, rest, lead_rest * total)
    y = p * inverse
    rest = fma(-y, d, p) + fma(-y, d_rest, rest)
    return fma(rest, inverse, y) * choose(below, LOWER, ONE)


@primitive
def smish_slope(x: float) -> float:
    """The slope of `smish`: bend is -2x*e*e/d below 0 and 2x*(e - e/d) above."""
    below = x < ZERO
    x = choose(x < ZERO_BELOW, ZERO_BELOW, choose(x > FADED_FROM, FADED_FROM, x))
    e, e_rest = lifted_exp(-absolute(x))
    low = e * LOWER
    d, d_rest = _denominator(below, low, e_rest * LOWER, SIX, FIVE)
    inverse = divide(ONE, d)
    bend = fma(choose(below, -low, -ONE) * low, inverse, choose(below, ZERO, low)) * (x + x)
    return _gate_slope(x, e, e_rest, d, d_rest, inverse, THREE, bend)


@primitive
def mish_slope(x: float) -> float:
    """The slope of `mish`: bend is -2x*e*e/d below 0 and 4x*e*e*(1 + e)/d above."""
    below = x < ZERO
    x = choose(x < ZERO_BELOW, ZERO_BELOW, choose(x > FADED_FROM, FADED_FROM, x))
    e, e_rest = lifted_exp(-absolute(x))
    low = e * LOWER
    d, d_rest = _denominator(below, low, e_rest * LOWER, TWO, ONE)
    inverse = divide(ONE, d)
    bend = (low * low) * choose(below, -ONE, fma(TWO, low, TWO)) * (inverse * (x + x))
    return _gate_slope(x, e, e_rest, d, d_rest, inverse, ONE, bend)
