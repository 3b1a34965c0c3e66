"""The PyTorch engine's operations while a model is exported to ONNX.

ONNX has no `expm1`, `log1p` or `erfc`, and runtimes compute its `Sigmoid`, `Tanh` and `Erf` to a
fixed absolute error, so that PyTorch's own translation of `expm1(1e-10)` and of every far tail
gives 0. Here a formula is composed of `Exp`, `Log`, arithmetic and `Where`, in the stable forms of
`elementary.py`, without a gradient.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch

from actlab._facade import constant
from actlab.engines.elementary import Elementary

__all__ = ["SCOPE", "TABLE", "is_exporting", "operations"]

_NATIVE = {"exp": "exp", "log": "log", "sqrt": "sqrt", "sin": "sin", "cos": "cos", "abs": "abs",
           "arctan": "atan"}  # fmt: skip
_STABLE = ("expm1", "log1p", "sinh", "cosh", "tanh", "sech", "tanh_shrink", "sigmoid", "softplus",
           "log_sigmoid", "erf", "erfc", "normcdf", "normpdf")  # fmt: skip

TABLE = {
    **{name: f"torch.{found}(_like({{a}}, {{x}}))" for name, found in _NATIVE.items()},
    **{name: f"_stable.{name}(_like({{a}}, {{x}}))" for name in _STABLE},
    "lt": "({a} < {b})", "le": "({a} <= {b})", "gt": "({a} > {b})", "ge": "({a} >= {b})",
    "eq": "({a} == {b})", "ne": "({a} != {b})",
    "add": "({a} + {b})", "sub": "({a} - {b})", "mul": "({a} * {b})", "div": "({a} / {b})",
    "neg": "(-{a})", "pow": "torch.pow(_like({a}, {x}), _like({b}, {x}))",
    "pi": "3.141592653589793", "e": "2.718281828459045",
    "arcsinh": "_arcsinh(_like({a}, {x}))", "sign": "_sign(_like({a}, {x}))",
    "minimum": "_minimum(_like({a}, {x}), _like({b}, {x}))",
    "maximum": "_maximum(_like({a}, {x}), _like({b}, {x}))",
    "clip": "_minimum(_maximum(_like({a}, {x}), _like({b}, {x})), _like({c}, {x}))",
    "where": "_where({a}, _like({b}, {x}), _like({c}, {x}))",
}  # fmt: skip
"""One operation per primitive, of those that ONNX has."""


@constant
def is_exporting() -> bool:
    """Whether a model is being exported to ONNX."""
    return bool(torch.compiler.is_exporting() and torch.onnx.is_in_onnx_export())


def _like(value: Any, like: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value
    return torch.scalar_tensor(value, dtype=like.dtype, device=like.device)


class _Library:
    """PyTorch as the stable forms use it.

    A bound is a tensor, since `Clip`, which a number would become, makes infinities finite.
    """

    exp, log, abs, round = map(staticmethod, (torch.exp, torch.log, torch.abs, torch.round))
    arctan = staticmethod(torch.atan)

    @staticmethod
    def minimum(a: Any, b: Any) -> Any:
        return torch.minimum(a, _like(b, a))

    @staticmethod
    def maximum(a: Any, b: Any) -> Any:
        return torch.maximum(a, _like(b, a))

    @staticmethod
    def where(condition: Any, a: Any, b: Any) -> Any:
        return torch.where(condition, _like(a, b), _like(b, a))

    @staticmethod
    def is_wide(a: Any) -> bool:
        return bool(a.dtype == torch.float64)


_STABLE_FORMS = Elementary(_Library())


def _where(condition: Any, a: Any, b: Any) -> Any:
    if isinstance(condition, bool):  # of parameters alone
        return a if condition else b
    return torch.where(condition, a, b)


def _sign(a: Any) -> Any:
    return torch.where(torch.isnan(a), a, torch.sign(a))


def _arcsinh(a: Any) -> Any:
    # ONNX Runtime has Asinh for float32 alone
    return torch.asinh(a.to(torch.float32)).to(a.dtype)


SCOPE = {
    "torch": torch,
    "_like": _like,
    "_stable": _STABLE_FORMS,
    "_where": _where,
    "_minimum": _Library.minimum,
    "_maximum": _Library.maximum,
    "_sign": _sign,
    "_arcsinh": _arcsinh,
}


@lru_cache(maxsize=1)
def operations(plain: type) -> type:
    """The operations of vector rules, with the stable forms in place of what ONNX lacks."""
    forms = ("log1p", "sigmoid", "log_sigmoid")
    own: dict[str, Any] = {name: staticmethod(getattr(_STABLE_FORMS, name)) for name in forms}
    return type("Operations", (plain,), {**own, "softmax_at_once": None})
