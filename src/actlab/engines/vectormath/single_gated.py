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
from actlab.engines.vectormath.constants import HALF, ONE, TWO, ZERO, f32
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

__all__ = ["gelu_tanh", "gelu_tanh_slope", "mish", "quick_gelu", "quick_gelu_slope"]

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
QUICK = f32(1.702)
QUICK_REST = f32(1.702 - float(QUICK))
# Where the value and the slope are -0.0 below 0, and where the gate is open above.
GELU_TANH_ZERO_FROM, GELU_TANH_FLAT_FROM, GELU_TANH_OPEN_FROM = f32(10.85), f32(11), f32(8)
QUICK_GELU_ZERO_FROM, QUICK_GELU_FLAT_FROM, QUICK_GELU_OPEN_FROM = f32(64), f32(66), f32(20)


@primitive
def _lifted_exp(x: float) -> tuple[float, float]:
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
    n, n_rest = _lifted_exp(choose(far, MISH_STRAIGHT_FROM, x))
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
