"""Stable forms of the primitives for array libraries whose own functions lose digits.

JAX and TensorFlow compute `tanh` to 4 ULP, XLA `sinh` to 24 and `erfc` to 64, and an
exponential of a square loses what the square rounds away. The forms here need no more than `exp`,
`log` and arithmetic, so one text serves every such library, in float32 and in float64. They are
evaluated without a derivative, which the engines take from the formula.

Polynomials stand in `vectormath/tables.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from actlab.engines.vectormath import tables

__all__ = ["Elementary"]

_HALF_ROOT = 0.7071067811865476
_DENSITY = 0.3989422804014327
# series of (exp(t) - 1)/t, of (exp(t) - 1 - t)/t² in t, and of (sinh(t) - t)/t³ in t²
_EXPM1 = tuple(1 / math.factorial(k) for k in range(1, 7))
_EXP_REST = tuple(1 / math.factorial(k) for k in range(2, 21))
_SINH_REST = tuple(1 / math.factorial(k) for k in range(3, 21, 2))

# normcdf(-a)·exp(a²/2)·(a + 2) in t = (a - 2)/(a + 2) for 0 <= a <= 15, to 2^-28: interpolated at
# Chebyshev points. The variable is that of Shepherd and Laframboise (1981), Math. Comp. 36.
_MILLS = (
    0.6724080048102593, -0.3314044756353548, 0.028797375193797416, 0.036719414514256705,
    -0.00046976990642390656, -0.006734616133105751, -0.0019516115682326593,
    0.0008237860804850375, 0.0008369169430584445, 0.0001330260198901464,
    -0.00014959806301093368, -6.581982621816276e-05,
)  # fmt: skip


def _horner(x: Any, coefficients: Sequence[Any]) -> Any:
    """A polynomial, lowest power first."""
    value: Any = float(coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        value = value * x + float(coefficient)
    return value


class Elementary:
    """The primitives over one array library; every argument is an array.

    The library has, by NumPy's names, exp, log, arctan, abs, round, minimum, maximum and where
    (with an array for one of the two values at least), and `is_wide(a)`: whether `a` is of float64.
    """

    def __init__(self, library: Any) -> None:
        self.np = library

    def _beside(self, a: Any, factor: Any, rest: Any) -> Any:
        """The sum a + a·factor·rest, or a alone where that would lose the sign of a zero."""
        return self.np.where(a * factor == 0, a, a + a * factor * rest)

    # -- exponentials and logarithms -----------------------------------------------------------

    def expm1(self, a: Any) -> Any:
        """The series near 0, where a difference would cancel."""
        series = _EXP_REST if self.np.is_wide(a) else _EXP_REST[:10]
        near = self.np.maximum(self.np.minimum(a, 1.0), -1.0)
        small = self._beside(near, near, _horner(near, series))
        return self.np.where(self.np.abs(a) < 1, small, self.np.exp(a) - 1)

    def log1p(self, a: Any) -> Any:
        """As 2 artanh(a/(2 + a)) near 0; elsewhere the sum is exact enough for a logarithm."""
        near = self._log1p_near(self.np.maximum(self.np.minimum(a, 0.5), -0.5))
        return self.np.where(self.np.abs(a) < 0.5, near, self.np.log(1 + a))

    def _log1p_near(self, a: Any) -> Any:
        """ln(1 + a) for -1/2 <= a <= 1."""
        table = tables.LOG1P_UNIT if self.np.is_wide(a) else tables.LOG1P_UNIT_MIXED
        s = a / (2 + a)
        z = s * s
        return 2 * s + s * z * _horner(z, table)

    def exp_of_square(self, a: Any, scale: float) -> Any:
        """exp(-scale·a²), the square in two parts: rounding a² alone costs scale·a²/2 ULP."""
        grid = 1048576.0 if self.np.is_wide(a) else 256.0  # so that the first square is exact
        size = self.np.minimum(
            self.np.abs(a), 60.0 if self.np.is_wide(a) else 15.0
        )  # 0 long before
        high = self.np.round(size * grid) / grid
        low = size - high
        first = self.np.exp(-scale * high * high)
        rest = -scale * low * (2 * high + low)
        # a series, since XLA makes one exponential of the product of two
        return first + first * rest * _horner(rest, _EXPM1)

    # -- hyperbolic ----------------------------------------------------------------------------

    def sinh(self, a: Any) -> Any:
        """The series near 0; half exponentials where a whole one would overflow early."""
        series = _SINH_REST if self.np.is_wide(a) else _SINH_REST[:5]
        near = self.np.maximum(self.np.minimum(a, 1.0), -1.0)
        z = near * near
        small = self._beside(near, z, _horner(z, series))
        size = self.np.abs(a)
        far = self._half_exp(size) - 0.5 * self.np.exp(-size)
        return self.np.where(size < 1, small, self.np.where(a < 0, -far, far))

    def cosh(self, a: Any) -> Any:
        """(exp(a) + exp(-a))/2 without early overflow."""
        size = self.np.abs(a)
        return self._half_exp(size) + 0.5 * self.np.exp(-size)

    def _half_exp(self, a: Any) -> Any:
        """exp(a)/2, which overflows later than exp(a) does."""
        limit = 709.0 if self.np.is_wide(a) else 88.0
        root = self.np.exp(0.5 * a)
        return self.np.where(a < limit, 0.5 * self.np.exp(a), root * (0.5 * root))

    def tanh(self, a: Any) -> Any:
        """A polynomial near 0, and 1 - 2e/(1 + e) with e = exp(-2|a|) elsewhere."""
        wide = self.np.is_wide(a)
        near = 1.0 if wide else 0.55
        size = self.np.abs(a)
        small = self.np.exp(-2 * size)
        far = 1 - 2 * small / (1 + small)
        z = self.np.minimum(a * a, 1.0)
        table = tables.TANH_SHRINK if wide else tables.TANH_SINGLE
        series = self._beside(a, z, _horner(z, table))
        return self.np.where(size < near, series, self.np.where(a < 0, -far, far))

    def tanh_shrink(self, a: Any) -> Any:
        """The difference of a and tanh(a), by a polynomial near 0."""
        z = self.np.minimum(a * a, 1.0)
        table = tables.TANH_SHRINK if self.np.is_wide(a) else tables.TANH_SHRINK_MIXED
        return self.np.where(self.np.abs(a) < 1, -a * z * _horner(z, table), a - self.tanh(a))

    def sech(self, a: Any) -> Any:
        """1/cosh(a) without overflow."""
        small = self.np.exp(-self.np.abs(a))
        return 2 * small / (1 + small * small)

    def arctan(self, a: Any) -> Any:
        """A polynomial near 0; XLA takes a itself up to 1/1024."""
        z = self.np.minimum(a * a, 0.1716)
        table = tables.ARCTAN if self.np.is_wide(a) else tables.ARCTAN_MIXED
        near = self._beside(a, z, _horner(z, table))
        return self.np.where(self.np.abs(a) < 0.41, near, self.np.arctan(a))

    # -- sigmoids ------------------------------------------------------------------------------

    def sigmoid(self, a: Any) -> Any:
        """The quotient whose exponential can't overflow."""
        small = self.np.exp(-self.np.abs(a))
        return self.np.where(a < 0, small, 1.0) / (1 + small)

    def softplus(self, a: Any) -> Any:
        """max(a, 0) + ln(1 + exp(-|a|))."""
        return self.np.maximum(a, 0.0) + self._log1p_near(self.np.exp(-self.np.abs(a)))

    def log_sigmoid(self, a: Any) -> Any:
        """-softplus(-a)."""
        return -self.softplus(-a)

    # -- the normal distribution ---------------------------------------------------------------

    def normpdf(self, a: Any) -> Any:
        """exp(-a²/2)/sqrt(2π)."""
        return self.exp_of_square(a, 0.5) * _DENSITY

    def _mills(self, size: Any) -> Any:
        """normcdf(-a)·exp(a²/2) for a >= 0; it is 1/(a·sqrt(2π)) far out."""
        wide = self.np.is_wide(size)
        size = self.np.minimum(size, 39.0 if wide else 15.0)  # beyond, the exponential is 0
        shift, table = (4, tables.MILLS) if wide else (2, _MILLS)
        return _horner((size - shift) / (size + shift), table) / (size + shift)

    def normcdf(self, a: Any) -> Any:
        """1/2 and a polynomial near 0, Mills' ratio beyond."""
        size = self.np.abs(a)
        tail = self.exp_of_square(a, 0.5) * self._mills(size)
        z = self.np.minimum(a * a, 1.0)
        near = 0.5 + a * _horner(z, tables.NORMCDF)
        far = self.np.where(a > 0, 1 - tail, tail)
        return self.np.where(size < 1, near, far)

    def _erf_near(self, a: Any) -> Any:
        z = self.np.minimum(a * a, 1.0)
        return a + a * _horner(z, tables.ERF if self.np.is_wide(a) else tables.ERF_MIXED)

    def _erfc_tail(self, a: Any) -> Any:
        size = self.np.abs(a)
        return 2 * self.exp_of_square(a, 1.0) * self._mills(size / _HALF_ROOT)

    def erfc(self, a: Any) -> Any:
        """1 - erf near 0, Mills' ratio beyond."""
        tail = self._erfc_tail(a)
        far = self.np.where(a < 0, 2 - tail, tail)
        return self.np.where(self.np.abs(a) < 0.5, 1 - self._erf_near(a), far)

    def erf(self, a: Any) -> Any:
        """A polynomial near 0, the complement of the tail beyond."""
        far = 1 - self._erfc_tail(a)
        limit = 1.0 if self.np.is_wide(a) else 0.5
        size = self.np.abs(a)
        return self.np.where(size < limit, self._erf_near(a), self.np.where(a < 0, -far, far))
