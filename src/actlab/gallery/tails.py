"""What implementations return far out, beside the exact value."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import mpmath
import numpy as np

from actlab.accuracy.error import error_in_ulp
from actlab.accuracy.peers import peer

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["Cell", "TailTable", "tails"]

FRAMEWORKS: Final = ("torch", "jax")
_PLACES: Final = (-100.0, -20.0, -10.0, -6.0, -3.0, 3.0, 6.0, 10.0, 20.0, 100.0)
_SEARCHED: Final = np.concatenate([np.linspace(2, 30, 113), [45.0, 60.0, 88.0, 104.0]])
"""Sizes of inputs; near 0 there is no tail, and at a kink a slope is a convention."""
_FAIR: Final = 8.0
"""Units in the last place that nobody needs to hear of."""


@dataclass(frozen=True)
class Cell:
    """One number that an implementation returned; `off` says by how much it is wrong."""

    text: str
    off: str = ""


@dataclass(frozen=True)
class TailTable:
    """Values, or slopes, in float32.

    Attributes:
        title: what is tabulated.
        columns: the implementations.
        rows: input, exact value, and a cell for each implementation.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[Cell, ...]], ...]

    @property
    def wrong(self) -> int:
        """How many cells are off."""
        return sum(bool(cell.off) for *_, cells in self.rows for cell in cells)


def tails(activation: Activation) -> list[TailTable]:
    """Tables of the value and the slope, where a framework that is installed ships the function.

    The rows are ten fixed inputs and, for each implementation, the one of some 230 inputs up to
    100 in size at which it errs most. Everything is computed in float32.
    """
    if activation.kind != "scalar" or activation.family == "user":
        return []
    return [table for order in (0, 1) if (table := _table(activation, order)) is not None]


def _table(activation: Activation, order: int) -> TailTable | None:
    if order and activation.backward is not None:
        return None
    inputs = np.unique(np.concatenate([_SEARCHED, -_SEARCHED, _PLACES])).astype(np.float32)
    columns = _columns(activation, order, inputs)
    if not columns:
        return None
    columns = {"actlab": _own(activation, inputs, order), **columns}
    # float64 is exact enough to look for the worst; the errors that are told are the exact ones
    near = _own(activation, inputs.astype(np.float64), order)
    shown = {int(np.flatnonzero(inputs == place)[0]) for place in np.array(_PLACES, np.float32)}
    for given in columns.values():
        errors = error_in_ulp(given, near, "float32")
        if not errors.max() <= _FAIR:
            shown.add(int(np.argmax(errors)))
    rows = []
    for place in sorted(shown):
        exact = activation.exact(float(inputs[place]), order=order, digits=30)
        cells = tuple(_cell(float(given[place]), exact) for given in columns.values())
        rows.append((_number(float(inputs[place])), _exactly(exact), cells))
    return TailTable("f′" if order else "f", tuple(columns), tuple(rows))


def _columns(activation: Activation, order: int, inputs: Any) -> dict[str, Any]:
    """What the frameworks return, by the names they have for the function."""
    found = {}
    for framework in FRAMEWORKS:
        if framework not in activation.shipped or find_spec(framework) is None:
            continue
        run: Any = peer(activation, framework, order)
        if run is None:
            continue
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                given = run(inputs, dtype="float32")
            except (TypeError, ValueError, RuntimeError):  # not of float32, or without a slope
                continue
        found[_short(run.__name__)] = np.asarray(given, np.float64)
    return found


def _own(activation: Activation, inputs: Any, order: int) -> Any:
    given = activation.derivative(inputs, order=order) if order else activation(inputs)
    return np.asarray(given, np.float64)


def _short(path: str) -> str:
    """`torch.nn.functional.gelu` as a heading that fits."""
    head, _, rest = path.partition("(")
    parts = head.split(".")
    return ".".join([parts[0], parts[-1]]) + (f"({rest}" if rest else "")


def _number(value: float) -> str:
    if value == 0:
        return "−0" if np.signbit(value) else "0"
    if np.isnan(value):
        return "NaN"
    text = f"{value:.8g}"
    mantissa, _, exponent = text.partition("e")
    return (f"{mantissa}e{int(exponent)}" if exponent else text).replace("-", "−")


def _exactly(value: Any) -> str:
    text = str(mpmath.nstr(value, 9, min_fixed=-5, max_fixed=9))
    return text.removesuffix(".0").replace("-", "−")


def _cell(given: float, exact: Any) -> Cell:
    """A number, and by how much it is wrong, unless it is right as far as the format goes."""
    text, error = _number(given), error_in_ulp(given, exact, "float32")
    if error <= _FAIR:
        return Cell(text)
    if given == 0:
        return Cell(text, "lost")
    if not np.isfinite(given) or exact == 0:
        return Cell(text, "wrong")
    relative = abs((mpmath.mpf(given) - exact) / exact)
    if relative >= 10:
        return Cell(text, f"{mpmath.nstr(relative, 2)} times off")
    if relative >= 1e-4:
        return Cell(text, f"{float(100 * relative):.2g} % off")
    return Cell(text, f"{error:,.0f} ULP off")
