"""What tests of compiled kernels compare them with."""

from __future__ import annotations

import numpy as np

from actlab.engines import cpu

__all__ = ["in_ulp", "stepwise"]


def stepwise(f, *inputs, **options):
    """The same by NumPy's operations in float64."""
    with cpu.kernels_from(float("inf")):
        wide = [np.asarray(x, np.float64) for x in inputs]
        order = options.pop("order", 0)
        return f.derivative(*wide, order=order, **options) if order else f(*wide, **options)


def in_ulp(computed, exact):
    """The largest distance in units of float32."""
    unit = np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
    return float(np.max(np.abs(np.asarray(computed, np.float64) - exact) / unit))
