"""The ledger of bounds: per function, engine, dtype and order; it may only fall.

`data/accuracy.json` holds the bounds. A function that is not listed, because it is new, has the
bounds under "default", until ``python -m actlab.accuracy --write`` lists it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from actlab.accuracy.error import FORMATS
from actlab.accuracy.measure import Measured, measure

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["DTYPES", "bound_for", "cases", "is_loose", "load", "path", "record", "rounded_up"]

DTYPES: Final = {
    "numpy": ("float16", "float32", "float64"),
    "torch": ("float16", "bfloat16", "float32", "float64"),
    "jax": ("float16", "bfloat16", "float32", "float64"),
    "tensorflow": ("float16", "bfloat16", "float32", "float64"),
}

UNBOUNDED: Final = {"hard_concrete": 0, "rational_b": 1}
"""From which derivative on a function has no bound: it is 0, or jumps, at an irrational place, and
which side the nearest floats lie on can't be told in their own precision.
"""

TOLERABLE: Final = 2000.0
"""No larger error of a value or slope is put into the ledger: its formula has to be mended."""

Ledger = dict[str, Any]


def path() -> Path:
    """The file that holds the bounds."""
    return Path(__file__).parents[1] / "data" / "accuracy.json"


@lru_cache(maxsize=1)
def load() -> Ledger:
    """The ledger as it stands."""
    ledger: Ledger = json.loads(path().read_text(encoding="utf-8"))
    return ledger


def cases(activation: Activation) -> Iterator[tuple[str, str, int, str]]:
    """What is bounded for a function: (engine, dtype, order, wrt); nothing of complex ones."""
    derivatives = {
        "scalar": [(0, "x"), (1, "x"), (2, "x")],
        "gated": [(0, "x"), (1, "x"), (1, "gate")],
        "vector": [(0, "x")],
    }
    for order, wrt in derivatives.get(activation.kind, []):
        if order >= UNBOUNDED.get(activation.name, math.inf):
            continue
        for engine, dtypes in DTYPES.items():
            for dtype in dtypes:
                yield engine, dtype, order, wrt


def _key(order: int, wrt: str) -> str:
    return str(order) if order == 0 or wrt == "x" else f"{order} by {wrt}"


def bound_for(
    name: str, engine: str, dtype: str, order: int = 0, wrt: str = "x", ledger: Ledger | None = None
) -> float:
    """The error in ULP that a function may have."""
    ledger = load() if ledger is None else ledger
    found = ledger["functions"].get(name, {}).get(engine, {}).get(dtype, {}).get(_key(order, wrt))
    if found is None:
        found = ledger["default"][engine][dtype][str(order)]
    return float(found)


def rounded_up(error: float) -> float:
    """A bound for a measured error: a tenth and 0.01 ULP of room, in two figures.

    The room is for other processors, whose library functions differ in the last bit. A result
    that is rounded once from a wider type differs by nothing on them: its bound is 0.51.
    """
    if not math.isfinite(error):
        return math.inf
    if 0.1 < error <= 0.505:
        return 0.51
    roomy = error * 1.1 + 0.01
    unit = 10.0 ** (math.floor(math.log10(roomy)) - 1)
    return float(f"{math.ceil(roomy / unit) * unit:.2g}")


def is_loose(bound: float, error: float) -> bool:
    """Whether a bound is so far above the error that it should be written anew."""
    return bound > 2 * error + 1


def record(measured: Iterable[Measured], ledger: Ledger, *, allow_rise: bool = False) -> list[str]:
    """Put measured errors into a ledger; a bound that would rise stays and is reported."""
    refused = []
    for one in measured:
        entry = ledger["functions"].setdefault(one.function, {})
        bounds: dict[str, float] = entry.setdefault(one.engine, {}).setdefault(one.dtype, {})
        key = _key(one.order, one.wrt)
        most = _most(one)
        old = bounds.get(key, most)
        new = min(rounded_up(one.max_ulp), most)
        if not one.max_ulp <= (most if allow_rise else old) or math.isinf(one.max_ulp):
            refused.append(f"{one}; its bound is {old:g}")
        elif new <= old or allow_rise:
            bounds[key] = new
        if one.intervals:
            entry.setdefault("intervals", {})[key] = [list(pair) for pair in one.intervals]
    return refused


def _most(one: Measured) -> float:
    """The largest bound that is written at all.

    None for second derivatives, and none where the worst result is subnormal: it has lost its
    digits already, and some processors and libraries make it 0.
    """
    normal = abs(one.exact) >= 2.0 ** FORMATS[one.dtype].least
    return TOLERABLE if one.order < 2 and normal else math.inf


def measure_all(
    activation: Activation, engines: Iterable[str] = DTYPES, dtypes: Iterable[str] = FORMATS
) -> list[Measured]:
    """Every case of a function that the ledger bounds, for those engines that are installed."""
    chosen, wanted = {engine for engine in engines if find_spec(engine)}, set(dtypes)
    return [
        measure(activation, *case)
        for case in cases(activation)
        if case[0] in chosen and case[1] in wanted
    ]


def text_of(ledger: Ledger) -> str:
    """The file's text: one line per function and engine."""
    functions = []
    for name, entry in sorted(ledger["functions"].items()):
        lines = [f"      {json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(entry.items())]
        functions.append(f"    {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n    }")
    defaults = [f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in ledger["default"].items()]
    about, default = json.dumps(ledger["about"]), ",\n".join(defaults)
    listed = ",\n".join(functions)
    return (
        f'{{\n  "about": {about},\n  "default": {{\n{default}\n  }},\n'
        f'  "functions": {{\n{listed}\n  }}\n}}\n'
    )
