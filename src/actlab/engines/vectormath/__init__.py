"""Elementary functions that LLVM vectorises: the words that generated CPU kernels are made of.

Each is a scalar function in plain Python, compiled by Numba and always inlined, without branches,
tables in memory or calls of a mathematical library; a loop over an array that uses nothing else
becomes a loop of vector instructions. There are five sets:

- ``float64``: arithmetic in float64, for float64 data, to the bounds in `BOUNDS`;
- ``mixed``: arithmetic in float64 with shorter polynomials, for float32 data (and for float16 and
  bfloat16, which go through float32): the kernel converts its inputs, evaluates the whole formula,
  and rounds once. Every intermediate result has digits and exponents to spare, so a formula keeps
  its half ULP also in the far tails;
- ``single``: a few whole functions of float32 in float32, faster and within 2 ULP. Where `WHOLE`
  has a formula, or `SLOPES` has that of which it is the slope, a kernel for exactly this formula
  may call the function instead. It must not be a part of something larger;
- ``pairs``: numbers are sums of two float64, for formulas of float64 data that lose digits;
- ``whole``: a few such formulas in a third of the time, used alone as those of ``single``.

The first two have all the words of the formula language, and a few functions that several words
share work in: `REWRITES` says which.

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

__all__ = [
    "BOUNDS",
    "PERIODIC_LIMIT",
    "REWRITES",
    "SLOPES",
    "WHOLE",
    "WHOLE_FLOAT64",
    "available",
    "primitives",
]

_MODULES: Final = ("float64", "whole", "mixed", "single", "pairs")

_PARTS: Final = {"single": ("single", "single_gated", "single_hyperbolic", "single_algebraic")}
"""Modules of a set that has several."""

_WORDS: Final = {"absolute": "abs", "power": "pow"}
"""Where the formula language has another word."""

PERIODIC_LIMIT: Final = 2.0**20
"""`sin` and `cos` are right up to this size of their argument and NaN beyond it.

A kernel whose formula has one must test its inner arguments and send what is larger elsewhere.
"""

REWRITES: Final = {
    "sech(softplus(x))**2 * sigmoid(x)": "tanh_softplus_slope",
    "tanh(softplus(x))": "tanh_softplus",
    "sech(softplus(x))": "sech_softplus",
}
"""Formulas of any x, the longest first, with the primitive that computes them at once.

One exponential and one division instead of three each; the first is in `mixed` only.
"""

_GELU_TANH: Final = "x * sigmoid(2 * sqrt(2 / pi) * (x + 0.044715 * x**3))"
_QUICK_GELU: Final = "x * sigmoid(1.702 * x)"
_SOFTSIGN: Final = "where(abs(x) < 1, x / (1 + abs(x)), sign(x) / (1 + 1 / abs(x)))"
_HARD_SWISH: Final = "where(x <= -3, 0, where(x >= 3, x, x * (x + 3) / 6))"
_SQUAREPLUS: Final = (
    "where(x * x < 4, where(x > 0, 0.5 * (x + sqrt(x * x + 4)), 2 / (sqrt(x * x + 4) - x)), "
    "where(x > 0, x * (0.5 + 0.5 * sqrt(1 + 4 / (x * x))), "
    "-0.5 * (4 / x) / (1 + sqrt(1 + 4 / (x * x)))))"
)
_BENT_IDENTITY: Final = (
    "where(abs(x) < 1, 0.5 * (x * x / (sqrt(x * x + 1) + 1)) + x, "
    "x * (1 + sign(x) * 0.5 * sqrt(1 + 1 / (x * x))) - 0.5)"
)
_ISRU: Final = "where(x * x < 1, x / sqrt(1 + x * x), sign(x) / sqrt(1 + (1 / x)**2))"
_MISH: Final = "x * tanh(softplus(x))"
_SMISH: Final = "x * tanh(log1p(sigmoid(x)))"
_TELU: Final = "x * tanh(exp(x))"

WHOLE: Final = {
    _BENT_IDENTITY: "bent_identity",
    _GELU_TANH: "gelu_tanh",
    _HARD_SWISH: "hard_swish",
    _ISRU: "isru",
    _QUICK_GELU: "quick_gelu",
    _SQUAREPLUS: "squareplus",
    _TELU: "telu",
    "where(x > 0, x, expm1(x))": "elu",
    "where(x > 0, 1, exp(x))": "elu_slope",
    "exp(x)": "exp",
    "expm1(x)": "expm1",
    "log_sigmoid(x)": "log_sigmoid",
    "sigmoid(x)": "sigmoid",
    "sigmoid(x) * sigmoid(-x)": "sigmoid_slope",
    "x * normcdf(x)": "gelu",
    "normcdf(x) + x * normpdf(x)": "gelu_slope",
    "x * sigmoid(x)": "silu",
    "sigmoid(x) + x * (sigmoid(x) * sigmoid(-x))": "silu_slope",
    "softplus(x)": "softplus",
    "tanh(x)": "tanh",
    "tanh(x)**2": "tanh_shrink_slope",
    "tanh_shrink(x)": "tanh_shrink",
    "x * tanh(x)": "lisht",
    _MISH: "mish",
    "x * log1p(sigmoid(x))": "logish",
    _SMISH: "smish",
    "sech(x)**2": "tanh_slope",
}
"""Whole formulas of float32 data and the function of `single` that computes them."""

WHOLE_FLOAT64: Final = {
    "sigmoid(x) * sigmoid(-x)": "sigmoid_slope",
    "sigmoid(x) + x * (sigmoid(x) * sigmoid(-x))": "silu_slope",
    "sech(x)**2": "tanh_slope",
    "tanh(softplus(x)) + x * (sech(softplus(x))**2 * sigmoid(x))": "mish_slope",
    "x * normcdf(x)": "gelu",
    "normcdf(x) + x * normpdf(x)": "gelu_slope",
}
"""Whole formulas of float64 data and the function of `whole` that computes them."""

SLOPES: Final = {
    _GELU_TANH: "gelu_tanh_slope",
    _QUICK_GELU: "quick_gelu_slope",
    _SOFTSIGN: "softsign_slope",
    "x * log1p(sigmoid(x))": "logish_slope",
    _HARD_SWISH: "hard_swish_slope",
    _SQUAREPLUS: "squareplus_slope",
    _BENT_IDENTITY: "bent_identity_slope",
    _ISRU: "isru_slope",
    _SMISH: "smish_slope",
    _MISH: "mish_slope",
    _TELU: "telu_slope",
    "x * tanh(x)": "lisht_slope",
}
"""Whole formulas of which `single` has the slope."""

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
        "tanh_shrink": 2.5,
        "tanh_softplus": 2.2,
    },
    "mixed": {
        "arcsinh": 0.506,
        "arctan": 0.506,
        "cos": 0.506,
        "cosh": 0.506,
        "erf": 0.506,
        "erfc": 0.508,
        "exp": 0.506,
        "expm1": 0.506,
        "log": 0.506,
        "log1p": 0.506,
        "log_sigmoid": 0.506,
        "normcdf": 0.508,
        "normpdf": 0.506,
        "pow": 0.506,
        "sech": 0.506,
        "sech_softplus": 0.506,
        "sigmoid": 0.506,
        "sin": 0.506,
        "sinh": 0.506,
        "softplus": 0.506,
        "tanh": 0.506,
        "tanh_shrink": 0.508,
        "tanh_softplus": 0.506,
        "tanh_softplus_slope": 0.506,
    },
    "whole": {
        "gelu": 1.3,
        "gelu_slope": 2.2,
        "mish_slope": 2.6,
        "sigmoid_slope": 0.8,
        "silu_slope": 1.1,
        "tanh_slope": 0.8,
    },
    "single": {
        "bent_identity": 1.48,
        "bent_identity_slope": 1.5,
        "elu": 1.01,
        "elu_slope": 1.05,
        "exp": 1.05,
        "expm1": 1.6,
        "gelu": 1.82,
        "gelu_slope": 1.83,
        "gelu_tanh": 1.89,
        "gelu_tanh_slope": 1.88,
        "hard_swish": 1.01,
        "hard_swish_slope": 1.0,
        "isru": 1.5,
        "isru_slope": 1.5,
        "lisht": 1.28,
        "lisht_slope": 1.17,
        "log_sigmoid": 1.98,
        "logish": 1.88,
        "logish_slope": 1.66,
        "mish": 1.14,
        "mish_slope": 1.57,
        "quick_gelu": 1.88,
        "quick_gelu_slope": 1.91,
        "sigmoid": 1.67,
        "sigmoid_slope": 1.7,
        "silu": 1.84,
        "silu_slope": 1.85,
        "smish": 1.29,
        "smish_slope": 1.73,
        "softplus": 1.98,
        "softsign_slope": 1.5,
        "squareplus": 1.25,
        "squareplus_slope": 1.74,
        "tanh": 1.52,
        "tanh_shrink": 1.75,
        "tanh_shrink_slope": 1.74,
        "tanh_slope": 1.7,
        "telu": 1.88,
        "telu_slope": 1.62,
    },
}
"""Largest error in ULP of the result's type, by set and name; the others are exact.

Those of `single` were measured on all 2**32 arguments.
"""


def available() -> bool:
    """Whether this processor has what the primitives need: fused multiply-adds.

    Without them LLVM would call a library for each, and nothing would be vectorised.
    """
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    return bool(features.get("fma", False)) or binding.get_default_triple().startswith(
        ("aarch64", "arm64")
    )


def primitives(which: str) -> dict[str, Callable[..., Any]]:
    """The compiled functions of one set by their words in formulas.

    Args:
        which: ``"float64"``, ``"whole"``, ``"mixed"``, ``"single"`` or ``"pairs"``.

    Raises:
        UnknownNameError: for another set.
    """
    if which not in _MODULES:
        raise UnknownNameError(
            f"there is no set of primitives {which!r}; choose one of {', '.join(_MODULES)}"
        )
    modules = [
        importlib.import_module(f"{__name__}.{part}") for part in _PARTS.get(which, (which,))
    ]
    return {
        _WORDS.get(name, name): getattr(module, name)
        for module in modules
        for name in module.__all__
    }
