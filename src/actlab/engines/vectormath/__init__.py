"""Elementary functions that LLVM vectorises: the words that generated CPU kernels are made of.

Each is a scalar function in plain Python, compiled by Numba and always inlined, without branches,
tables in memory or calls of a mathematical library; a loop over an array that uses nothing else
becomes a loop of vector instructions. There are two sets of the same names:

- ``float64``: arithmetic in float64, for float64 data, to the bounds in `BOUNDS`;
- ``mixed``: arithmetic in float64 with shorter polynomials, for float32 data (and for float16 and
  bfloat16, which go through float32): the kernel converts its inputs, evaluates the whole formula,
  and rounds once. Every intermediate result has digits and exponents to spare, so a formula keeps
  its half ULP also in the far tails.

>>> exp = primitives("float64")["exp"]
>>> exp(1.0)
2.718281828459045

Polynomials stand in `tables.py`, which `fit.py` computes; `bits.py` has the few operations on the
representation of numbers.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from actlab.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BOUNDS", "PERIODIC_LIMIT", "available", "primitives"]

_MODULES: Final = {"float64": "float64", "mixed": "mixed"}

_WORDS: Final = {"absolute": "abs", "power": "pow"}
"""Where the formula language has another word."""

PERIODIC_LIMIT: Final = 2.0**20
"""`sin` and `cos` are right up to this size of their argument and NaN beyond it.

A kernel whose formula has one must test its inner arguments and send what is larger elsewhere.
"""

BOUNDS: Final[dict[str, dict[str, float]]] = {
    "float64": {
        "arcsinh": 1.7,
        "arctan": 0.8,
        "cos": 0.8,
        "cosh": 1.2,
        "erf": 1.0,
        "erfc": 3.0,
        "exp": 0.76,
        "expm1": 0.85,
        "log": 0.9,
        "log1p": 1.2,
        "log_sigmoid": 1.6,
        "normcdf": 3.0,
        "normpdf": 1.5,
        "pow": 1.5,
        "sech": 1.8,
        "sech_softplus": 2.2,
        "sigmoid": 1.6,
        "sin": 0.8,
        "sinh": 1.8,
        "softplus": 1.7,
        "tanh": 1.5,
        "tanh_softplus": 2.2,
    },
    "mixed": {
        "arcsinh": 0.506,
        "arctan": 0.506,
        "cos": 0.506,
        "cosh": 0.506,
        "erf": 0.506,
        "erfc": 0.506,
        "exp": 0.506,
        "expm1": 0.506,
        "log": 0.506,
        "log1p": 0.506,
        "log_sigmoid": 0.506,
        "normcdf": 0.506,
        "normpdf": 0.506,
        "pow": 0.506,
        "sech": 0.506,
        "sech_softplus": 0.506,
        "sigmoid": 0.506,
        "sin": 0.506,
        "sinh": 0.506,
        "softplus": 0.506,
        "tanh": 0.506,
        "tanh_softplus": 0.506,
        "tanh_softplus_slope": 0.506,
    },
}
"""Largest error in ULP of the result's type, by precision and name; the others are exact."""


def available() -> bool:
    """Whether this processor has what the primitives need: fused multiply-adds.

    Without them LLVM would call a library for each, and nothing would be vectorised.
    """
    from llvmlite import binding  # noqa: PLC0415

    features = binding.get_host_cpu_features()
    return bool(features.get("fma", False)) or binding.get_default_triple().startswith(
        ("aarch64", "arm64")
    )


def primitives(precision: str) -> dict[str, Callable[..., Any]]:
    """The compiled functions of one precision by their words in formulas.

    Args:
        precision: ``"float64"`` or ``"mixed"``.

    Raises:
        UnknownNameError: for another precision.
    """
    try:
        module = importlib.import_module(f"{__name__}.{_MODULES[precision]}")
    except KeyError:
        raise UnknownNameError(
            f"there is no precision {precision!r}; choose one of {', '.join(sorted(_MODULES))}"
        ) from None
    return {_WORDS.get(name, name): getattr(module, name) for name in module.__all__}
