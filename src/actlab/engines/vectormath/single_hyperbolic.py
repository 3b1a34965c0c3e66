"""Whole functions of float32 in float32 that are products and differences with tanh.

Near 0 they are polynomials of the square of the argument, beside leading terms that are carried to
twice the precision. Farther out 1 - tanh, which is small there, is computed instead of tanh.
"""

from __future__ import annotations

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
from actlab.engines.vectormath.constants import ONE, TWO, ZERO, f32
from actlab.engines.vectormath.single import ROUND_BIASED, ZERO_BELOW, reduced
from actlab.engines.vectormath.single_gated import LOWER, lifted_exp

__all__ = [
    "lisht",
    "lisht_slope",
    "tanh_shrink",
    "tanh_shrink_slope",
    "telu",
    "telu_slope",
]

ONE_FROM = f32(44)
"""tanh of this and of everything above is 1."""
SLOPE_NEAR = f32(0.9)
SHRINK_NEAR = f32(1.15)
THIRD = f32(1 / 3)
THIRD_REST = f32(1 / 3 - float(THIRD))
TELU_STRAIGHT_FROM = f32(2.35)
"""telu of this and of everything above is its argument."""
TELU_MIDDLE = f32(0.875)


@primitive
def _complement(a: float) -> float:
    """1 - tanh(a) = 2e/(1 + e) with e = exp(-2a), for a from 0 to 44."""
    t, u = reduced(-(a + a), ROUND_BIASED)
    e = (u + ONE) * power_of_two(t)
    return divide(e + e, ONE + e)


@primitive
def lisht(x: float) -> float:
    """x*tanh(x) = a - a*(1 - tanh(a)) with a = |x|, or a*a plus a polynomial."""
    a = absolute(x)
    held = choose(a > ONE_FROM, ONE_FROM, a)
    far = fma(-_complement(held), held, a)
    z = held * held
    near = fma(z, z * horner(z, tables.TANH_UNIT_SINGLE), fma(held, held, -z)) + z
    return choose(a < ONE, near, far)


@primitive
def lisht_slope(x: float) -> float:
    """tanh(x) + x*sech(x)**2 = 1 + q*(a*(2 - q) - 1) with q = 1 - tanh(a), or 2*a and more."""
    a = absolute(x)
    a = choose(a > ONE_FROM, ONE_FROM, a)
    q = _complement(a)
    far = fma(q, fma(a, TWO - q, -ONE), ONE)
    z = a * a
    near = fma(a * z, horner(z, tables.LISHT_SLOPE), a + a)
    return copysign(choose(a < SLOPE_NEAR, near, far), x)


@primitive
def tanh_shrink(x: float) -> float:
    """The difference x - tanh(x) = (a - 1) + (1 - tanh(a)) with a = |x|.

    Near 0 it is a**3 times 1/3 less a polynomial. The cube and the third are sums of two numbers.
    """
    a = absolute(x)
    held = choose(a > ONE_FROM, ONE_FROM, a)
    far = (a - ONE) + _complement(held)
    z = held * held
    cube = held * z
    rest = fma(held, fma(held, held, -z), fma(held, z, -cube))
    less = fma(-z, horner(z, tables.TANH_SHRINK_SINGLE), THIRD_REST)
    near = fma(cube, THIRD, fma(cube, less, rest * (THIRD + less)))
    return copysign(choose(a < SHRINK_NEAR, near, far), x)


@primitive
def tanh_shrink_slope(x: float) -> float:
    """tanh(x)**2 = 1 - q*(2 - q) with q = 1 - tanh(|x|), or x*x plus a polynomial."""
    a = absolute(x)
    a = choose(a > ONE_FROM, ONE_FROM, a)
    q = _complement(a)
    z = a * a
    steep = horner(z, tables.TANH_SQUARED)
    bend = z * steep
    rest = fma(z, fma(z, steep, -bend), fma(a, a, -z))
    near = fma(z, bend, rest) + z
    return choose(a < ONE, near, fma(-q, TWO - q, ONE))


@primitive
def _telu_root(x: float) -> float:
    """sqrt(1 - tanh(exp(x))) from 0 to 2.35: so small values keep their digits."""
    return horner(x - TELU_MIDDLE, tables.TELU_ROOT)


@primitive
def telu(x: float) -> float:
    """x*tanh(n) with n = exp(x): x*n times an even polynomial of n below 0, carried as 2**40 of it.

    Above, x less x*(1 - tanh(n)).
    """
    v = choose(x < ZERO_BELOW, ZERO_BELOW, choose(x > TELU_STRAIGHT_FROM, TELU_STRAIGHT_FROM, x))
    n, n_rest = lifted_exp(v)
    low = n * LOWER
    z = low * low
    p = v * n
    rest = fma(v, n_rest, fma(v, n, -p))
    below = (fma(p, z * horner(z, tables.TANH_UNIT_SINGLE), rest) + p) * LOWER
    root = _telu_root(v)
    above = fma(-v, root * root, v)
    return choose(x > TELU_STRAIGHT_FROM, x, copysign(choose(x < ZERO, below, above), x))


@primitive
def telu_slope(x: float) -> float:
    """tanh(n) + x*n*sech(n)**2 with n = exp(x).

    Below 0 it is n*(1 + x + z*(P(z) + x*S(z))) with z = n*n, to twice the precision around its
    zero; above, 1 - q + x*n*q*(2 - q) with q = 1 - tanh(n).
    """
    v = choose(x < ZERO_BELOW, ZERO_BELOW, choose(x > TELU_STRAIGHT_FROM, TELU_STRAIGHT_FROM, x))
    n, n_rest = lifted_exp(v)
    low = n * LOWER
    z = low * low
    z_rest = fma(low + low, n_rest * LOWER, fma(low, low, -z))
    m = ONE + v
    m_rest = choose(v < -ONE, ONE - (m - v), v - (m - ONE))
    bend = fma(v, horner(z, tables.SECH_SQUARED), horner(z, tables.TANH_UNIT_SINGLE))
    bend = fma(z, bend, fma(z_rest, bend, m_rest))
    total = m + bend
    rest = (m - total) + bend
    below = fma(n, total, fma(n, rest, n_rest * total)) * LOWER
    root = _telu_root(v)
    q = root * root
    above = fma(v * low, q * (TWO - q), -q) + ONE
    return choose(x < ZERO, below, choose(x > TELU_STRAIGHT_FROM, ONE, above))
