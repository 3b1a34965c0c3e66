"""Tables of the bounds in `actlab/data/accuracy.json`, in units of the last place."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

import actlab
from actlab.accuracy.ledger import bound_for, cases
from actlab.activation import Activation

__all__ = ["pages"]

_ENGINES = {"numpy": "NumPy", "torch": "PyTorch", "jax": "JAX", "tensorflow": "TensorFlow"}
_ORDERS = {0: "value", 1: "slope"}
_KNOWN = (
    "relu",
    "leaky_relu",
    "sigmoid",
    "tanh",
    "elu",
    "selu",
    "gelu",
    "silu",
    "mish",
    "softplus",
)


def pages() -> dict[str, str]:
    """The summary, some known functions, and all of them."""
    bounded = [f for f in map(actlab.get, actlab.names()) if any(cases(f))]
    return {
        "accuracy_summary.inc.md": "\n".join(_summary(bounded)) + "\n",
        "accuracy_known.inc.md": "\n".join(_functions(map(actlab.get, _KNOWN))) + "\n",
        "accuracy_all.md": "# Bounds of every function\n\nLargest error in units of the last "
        "place, float32, value / slope.\n\n" + "\n".join(_functions(bounded)) + "\n",
    }


def _summary(functions: list[Activation]) -> Iterator[str]:
    yield "| engine | type | of | median | 90 % below | worst | function |"
    yield "|---|---|---|--:|--:|--:|---|"
    bounds: dict[tuple[str, str, int], list[tuple[float, str]]] = {}
    for f in functions:
        for engine, dtype, order, wrt in cases(f):
            if wrt == "x" and order in _ORDERS:
                bound = bound_for(f.name, engine, dtype, order)
                bounds.setdefault((engine, dtype, order), []).append((bound, f.name))
    for (engine, dtype, order), found in sorted(bounds.items(), key=_place):
        worst, name = max(found)
        middle = median(bound for bound, _ in found)
        ninth = sorted(found)[int(0.9 * (len(found) - 1))][0]
        yield (
            f"| {_ENGINES[engine]} | {dtype} | {_ORDERS[order]} | {middle:.3g} | {ninth:.3g} "
            f"| {worst:,.4g} | {f'`{name}`' if worst > 0.51 else ''} |"
        )


def _place(item: tuple[tuple[str, str, int], object]) -> tuple[int, int, int]:
    engine, dtype, order = item[0]
    types = ("float16", "bfloat16", "float32", "float64")
    return list(_ENGINES).index(engine), types.index(dtype), order


def _functions(functions: Iterator[Activation] | list[Activation]) -> Iterator[str]:
    yield "| function | " + " | ".join(_ENGINES.values()) + " |"
    yield "|---|" + "--:|" * len(_ENGINES)
    for f in functions:
        orders = sorted({order for _, _, order, wrt in cases(f) if wrt == "x" and order in _ORDERS})
        cells = [
            " / ".join(f"{bound_for(f.name, engine, 'float32', order):g}" for order in orders)
            for engine in _ENGINES
        ]
        yield f"| `{f.name}` | " + " | ".join(cells) + " |"
