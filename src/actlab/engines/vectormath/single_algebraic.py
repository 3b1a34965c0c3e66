"""Whole functions of float32 in float32 that need no more than quotients and square roots."""

from __future__ import annotations

from actlab.engines.vectormath.bits import (
    absolute,
    choose,
    copysign,
    divide,
    fma,
    primitive,
    square_root,
)
from actlab.engines.vectormath.constants import FOUR, HALF, ONE, SIX, THREE, TWO, ZERO, f32

__all__ = [
    "bent_identity",
    "bent_identity_slope",
    "hard_swish",
    "hard_swish_slope",
    "isru",
    "isru_slope",
    "softsign_slope",
    "squareplus",
    "squareplus_slope",
]

FLAT_FROM = f32(2.0**76)
"""1/x**2 of this and of all above is 0."""
DOWN = f32(2.0**-40)
SQUARE_DOWN = f32(2.0**-80)
STRAIGHT_FROM = f32(2.0**15)
"""sqrt(x*x + 4) of this and of all above is x."""
ROOT_DOWN = f32(2.0**-32)
FOUR_DOWN = f32(2.0**-62)
TWO_DOWN = f32(2.0**-63)
UP = f32(2.0**63)
LEVEL_FROM = f32(2.0**12)
"""x/sqrt(x*x + 1) of this and of all above is 1."""
CUBE_ZERO_FROM = f32(2.0**50)
"""1/x**3 of this and of all above is 0."""
CUBE_DOWN = f32(2.0**-16)
ONE_SQUARED_DOWN = f32(2.0**-32)
ONE_CUBED_DOWN = f32(2.0**-48)
QUARTER = f32(0.25)
THREE_HALVES = f32(1.5)


@primitive
def hard_swish(x: float) -> float:
    """x*(x + 3)/6 between -3 and 3, with what the rounding of x + 3 left out."""
    t = x + THREE
    rest = x - (t - THREE)
    inner = copysign(divide(fma(x, t, x * rest), SIX), x)
    return choose(x <= -THREE, ZERO, choose(x >= THREE, x, inner))


@primitive
def hard_swish_slope(x: float) -> float:
    """(2*x + 3)/6 between -3 and 3."""
    inner = divide(fma(TWO, x, THREE), SIX)
    return choose(x <= -THREE, ZERO, choose(x >= THREE, ONE, inner))


@primitive
def softsign_slope(x: float) -> float:
    """1/(1 + |x|)**2: all carried as 2**-40 of itself, and what 1 + |x| left out taken along."""
    a = absolute(x)
    a = choose(a > FLAT_FROM, FLAT_FROM, a) * DOWN
    d = a + DOWN
    rest = choose(a > DOWN, DOWN - (d - a), a - (d - DOWN))
    return divide(SQUARE_DOWN, fma(d, d, (d + d) * rest))


@primitive
def squareplus(x: float) -> float:
    """(x + s)/2 with s = sqrt(x*x + 4); below 0 its twin y = 2/(|x| + s), improved by a step.

    y is the zero of y*y + |x|*y - 1, whose slope there is s.
    """
    a = absolute(x)
    s = choose(a > STRAIGHT_FROM, a, square_root(fma(a, a, FOUR)))
    above = fma(HALF, s, HALF * a)
    y = divide(ONE, above)
    better = y - divide(fma(y, y, fma(a, y, -ONE)), s)
    return choose(x > ZERO, above, choose(a > STRAIGHT_FROM, y, better))


@primitive
def squareplus_slope(x: float) -> float:
    """The quotient q = 2/(s*s + |x|*s) with s = sqrt(x*x + 4) below 0; above, 1 minus this.

    The denominator is carried as 2**-64 of itself, with what its two roundings left out.
    """
    a = absolute(x)
    a = choose(a > FLAT_FROM, FLAT_FROM, a) * ROOT_DOWN
    square = fma(a, a, FOUR_DOWN)
    s = square_root(square)
    d = fma(a, s, square)
    rest = fma(a, s, square - d) + fma(a, a, FOUR_DOWN - square)
    q = divide(TWO_DOWN, d)
    q = fma(-q, rest * (q * UP), q)
    return choose(x > ZERO, ONE - q, q)


@primitive
def isru(x: float) -> float:
    """x/s with s = sqrt(x*x + 1), as x*(1/s) with what three roundings left out."""
    a = absolute(x)
    a = choose(a > LEVEL_FROM, LEVEL_FROM, a)
    square = fma(a, a, ONE)
    s = square_root(square)
    inverse = divide(ONE, s)
    rest = HALF * (fma(-s, s, square) + fma(a, a, ONE - square))
    y = a * inverse
    return copysign(fma(y, fma(-inverse * inverse, rest, fma(-inverse, s, ONE)), y), x)


@primitive
def isru_slope(x: float) -> float:
    """1/s**3 with s = sqrt(x*x + 1), carried as 2**-16 of itself.

    What the roundings of the square and of the root left out goes into the cube.
    """
    a = absolute(x)
    a = choose(a > CUBE_ZERO_FROM, CUBE_ZERO_FROM, a) * CUBE_DOWN
    square = fma(a, a, ONE_SQUARED_DOWN)
    part = square - ONE_SQUARED_DOWN
    square_rest = fma(a, a, -part) + (ONE_SQUARED_DOWN - (square - part))
    s = square_root(square)
    rest = s * fma(THREE_HALVES, square_rest, HALF * fma(-s, s, square))
    return divide(ONE_CUBED_DOWN, fma(square, s, rest))


@primitive
def bent_identity(x: float) -> float:
    """The sum x + (s - 1)/2 with s = sqrt(x*x + 1) as a sum of two.

    Far out, 3*x/2 or x/2 less 1/2.
    """
    a = absolute(x)
    square = fma(x, x, ONE)
    s = square_root(square)
    rest = divide(fma(-s, s, square) + fma(x, x, ONE - square), s)
    m = s - ONE
    near = fma(QUARTER, rest, fma(HALF, m, x) + HALF * ((s - m) - ONE))
    far = fma(x, choose(x > ZERO, THREE_HALVES, HALF), -HALF)
    return choose(a > LEVEL_FROM, far, near)


@primitive
def bent_identity_slope(x: float) -> float:
    """1 + x/s/2 with s = sqrt(x*x + 1)."""
    a = absolute(x)
    a = choose(a > LEVEL_FROM, LEVEL_FROM, a)
    return fma(HALF, copysign(divide(a, square_root(fma(a, a, ONE))), x), ONE)
