"""The one definition of error: distance to the exact value in units in the last place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

__all__ = ["FORMATS", "Exact", "Format", "error_in_ulp"]

_BITS: Final = 106
"""Digits of an exact value that are kept: two float64, far more than any format shows."""


@dataclass(frozen=True)
class Format:
    """A binary floating-point format of IEEE 754, or its kin bfloat16."""

    name: str
    precision: int
    """Bits of the significand, the hidden one included."""
    least: int
    """Exponent of the smallest normal number."""
    most: int
    """Exponent of the largest number."""

    @property
    def maximum(self) -> float:
        """The largest finite number."""
        return float((2.0 - 2.0 ** (1 - self.precision)) * 2.0**self.most)

    @property
    def smallest(self) -> float:
        """The smallest subnormal number."""
        return float(2.0 ** (self.least - self.precision + 1))

    def round(self, values: Any) -> Any:
        """The nearest numbers of this format, as float64 (float32 for what fits there)."""
        wide = np.asarray(values, np.float64)
        with np.errstate(all="ignore"):
            if self.name != "bfloat16":
                return wide.astype(self.name).astype(np.float64)
            bits = np.atleast_1d(wide.astype(np.float32)).view(np.uint32)
            bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
            rounded = np.where(np.isnan(wide), np.nan, bits.view(np.float32))
            return rounded.reshape(wide.shape).astype(np.float64)

    def spacing(self, values: Any) -> Any:
        """The unit in the last place at each value: the spacing in the binade that holds it."""
        _, exponent = np.frexp(np.abs(np.asarray(values, np.float64)))
        exponent = np.clip(exponent - 1, self.least, self.most)
        return np.ldexp(1.0, exponent - self.precision + 1)


FORMATS: Final = {
    f.name: f
    for f in (
        Format("float16", 11, -14, 15),
        Format("bfloat16", 8, -126, 127),
        Format("float32", 24, -126, 127),
        Format("float64", 53, -1022, 1023),
    )
}


class Exact:
    """Exact values as ``(high + low) * 2**exponent`` with ``0.5 <= |high| < 1``."""

    def __init__(self, high: Any, low: Any, exponent: Any) -> None:
        self.high = high
        self.low = low
        self.exponent = exponent

    @classmethod
    def of_numbers(cls, values: Iterable[Any]) -> Exact:
        """From mpmath numbers; NaN and infinities stay what they are."""
        rows = [_split(value) for value in values]
        high, low, exponent = zip(*rows, strict=True) if rows else ((), (), ())
        return cls(np.array(high), np.array(low), np.array(exponent, np.int64))

    @classmethod
    def of_floats(cls, values: Any) -> Exact:
        """From float64 values taken as they are."""
        high, exponent = np.frexp(np.asarray(values, np.float64))
        return cls(high, np.zeros_like(high), exponent.astype(np.int64))

    def __len__(self) -> int:
        return len(self.high)

    def floats(self) -> Any:
        """The values rounded to float64."""
        with np.errstate(all="ignore"):
            return np.ldexp(self.high + self.low, np.clip(self.exponent, -5000, 5000))


def _split(value: Any) -> tuple[float, float, int]:
    number = float(value) if not hasattr(value, "man_exp") else None
    if number is not None:
        high, exponent = np.frexp(number)
        return float(high), 0.0, int(exponent)
    mantissa, exponent = value.man_exp  # without the sign
    if not mantissa:  # zero, an infinity or NaN
        return float(value), 0.0, 0
    sign = -1.0 if value < 0 else 1.0
    length = mantissa.bit_length()
    shift = _BITS - length
    kept = mantissa << shift if shift >= 0 else mantissa >> -shift
    half = _BITS // 2
    high = float(kept >> half) / 2.0**half
    low = float(kept & ((1 << half) - 1)) / 2.0**_BITS
    return sign * high, sign * low, exponent + length


def error_in_ulp(computed: Any, exact: Any, dtype: str, least: Any = None) -> Any:
    """How far computed values are from the exact ones, in ULP of a format.

    One ULP is the spacing of the format in the binade that holds the exact value, and never less
    than the smallest subnormal number. A result of infinity is right where the exact value rounds
    to it, and counts as the next power of two elsewhere. NaN is right only where the exact value
    is NaN, an infinity only where it is that infinity; all else is an infinite error. The sign of
    a zero does not count.

    Args:
        computed: results, as numbers that float64 holds exactly.
        exact: mpmath numbers of the same shape, or `Exact` values.
        dtype: "float16", "bfloat16", "float32" or "float64".
        least: smallest unit to count in, an absolute size per value; for the neighbourhood of an
            isolated zero, where no relative error can be kept.

    Returns:
        A float for one value, else a float64 array.

    Example:
        >>> error_in_ulp(1.0, 1 + 2**-24, "float32")
        0.5
    """
    form = FORMATS[dtype]
    single = np.ndim(computed) == 0 and not isinstance(exact, Exact)
    given = np.atleast_1d(np.asarray(computed, np.float64))
    if not isinstance(exact, Exact):
        exact = Exact.of_numbers(np.atleast_1d(np.asarray(exact, dtype=object)).ravel())
    high, low = exact.high, exact.low
    finite = np.isfinite(high)
    power = np.clip(exact.exponent, -1200, 1100)
    unit = np.clip(power - 1, form.least, form.most) - form.precision + 1
    huge = 1.0 - 2.0 ** -(form.precision + 1)
    overflows = finite & (
        (power > form.most + 1) | ((power == form.most + 1) & (np.abs(high) >= huge))
    )
    with np.errstate(all="ignore"):
        scaled = np.ldexp(given, -power)
        beyond = np.copysign(np.ldexp(1.0, form.most + 1 - power), given)
        scaled = np.where(np.isinf(given), beyond, scaled)
        distance = np.abs((scaled - high) - low)
        error = np.ldexp(distance, power - unit)
        if least is not None:
            size = np.ldexp(1.0, unit)
            error = np.where(least > size, np.ldexp(distance, power) / least, error)
    same_infinity = np.isinf(given) & (np.signbit(given) == np.signbit(high))
    error = np.where(overflows & same_infinity, 0.0, error)
    error = np.where(np.isnan(given), np.inf, error)
    error = np.where(np.isinf(high), np.where(same_infinity, 0.0, np.inf), error)
    error = np.where(np.isnan(high), np.where(np.isnan(given), 0.0, np.inf), error)
    return float(error[0]) if single else error.reshape(np.shape(computed))
