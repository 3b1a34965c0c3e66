"""The value and the slope of a scalar activation together, into arrays that stay.

Training calls an activation some thousand times on arrays of one size. So its formula and its
derivative are compiled as one kernel, which computes once what they share, and calls of it are
bound beforehand to the arrays that it reads and writes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from actlab.engines.cpu import Spec, address_of, run

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["Kernel"]

Array = np.ndarray[Any, Any]
_Calls = list[Callable[[], Any]]


class Kernel:
    """The formula of a scalar activation and its derivative, compiled for float32 or float64.

    Parameters that are drawn at random in training stand at their means. Where nothing can be
    compiled, the calls are those of the engine.
    """

    def __init__(self, activation: Activation, dtype: np.dtype[Any]) -> None:
        value, slope = activation.bound, activation.filled(activation.slope())
        self._activation = activation
        self._value, self._both = (
            address_of(Spec(outputs, ("x",), dtype.name))  # type: ignore[arg-type]
            for outputs in ((value,), (value, slope))
        )

    def bind(self, x: Array, value: Array, slope: Array | None = None) -> _Calls:
        """What to call, in order, to compute f(x), and f'(x) if asked, into these arrays.

        All of them are contiguous and of one size; the slope may take the place of x.
        """
        address, outputs = (
            (self._value, (value,)) if slope is None else (self._both, (value, slope))
        )
        if address is None:
            return [partial(self._by_engine, x, *outputs)]
        operands = [(array.ctypes.data, 0) for array in (x, *outputs)]
        return [partial(run, address, 1, x.size, operands)]

    def _by_engine(self, x: Array, value: Array, slope: Array | None = None) -> None:
        value[...] = self._activation(x)
        if slope is not None:
            slope[...] = self._activation.derivative(x)
