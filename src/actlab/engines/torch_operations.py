"""PyTorch operations: one per primitive of the formula language, and those of vector rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from actlab.engines.torch_softmax import softmax

__all__ = ["SCOPE", "TABLE", "DigitsNeededError", "Operations", "WithoutRounding"]

TABLE = {
    "lt": "({a} < {b})", "le": "({a} <= {b})", "gt": "({a} > {b})", "ge": "({a} >= {b})",
    "eq": "({a} == {b})", "ne": "({a} != {b})",
    "add": "({a} + {b})", "sub": "({a} - {b})", "mul": "({a} * {b})", "div": "({a} / {b})",
    "neg": "(-{a})", "pow": "({a} ** {b})", "pi": "3.141592653589793", "e": "2.718281828459045",
    "abs": "_call(torch.abs, {a}, {x})", "sign": "_sign({a}, {x})",
    "minimum": "_minimum({a}, {b}, {x})", "maximum": "_maximum({a}, {b}, {x})",
    "clip": "_minimum(_maximum({a}, {b}, {x}), {c}, {x})", "where": "_where({a}, {b}, {c}, {x})",
    "exp": "_call(torch.exp, {a}, {x})", "expm1": "_call(torch.expm1, {a}, {x})",
    "log": "_call(torch.log, {a}, {x})", "log1p": "_call(torch.log1p, {a}, {x})",
    "sqrt": "_call(torch.sqrt, {a}, {x})", "sin": "_call(torch.sin, {a}, {x})",
    "cos": "_call(torch.cos, {a}, {x})", "arctan": "_call(torch.atan, {a}, {x})",
    "arcsinh": "_call(torch.asinh, {a}, {x})", "sinh": "_call(torch.sinh, {a}, {x})",
    "cosh": "_call(torch.cosh, {a}, {x})", "tanh": "_call(torch.tanh, {a}, {x})",
    "sech": "_sech(_tensor({a}, {x}))",
    "tanh_shrink": "_tanh_shrink(_tensor({a}, {x}))", "sigmoid": "_sigmoid(_tensor({a}, {x}))",
    "softplus": "_softplus(_tensor({a}, {x}))", "log_sigmoid": "(-_softplus(-_tensor({a}, {x})))",
    "erf": "_call(torch.erf, {a}, {x})", "erfc": "_call(torch.erfc, {a}, {x})",
    "normcdf": "(0.5 * _call(torch.erfc, {a} * -0.7071067811865476, {x}))",
    "normpdf": "_normpdf({a}, {x})",
}  # fmt: skip
"""One PyTorch operation per primitive; a constant operand becomes a tensor like `x`."""


def _tensor(value: Any, like: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value
    return torch.scalar_tensor(value, dtype=like.dtype, device=like.device)


def _call(function: Callable[[Any], Any], a: Any, like: Any) -> Any:
    return function(_tensor(a, like))


def _sign(a: Any, like: Any) -> Any:
    a = _tensor(a, like)
    return torch.where(torch.isnan(a), a, torch.sign(a))  # torch.sign(nan) is 0


def _minimum(a: Any, b: Any, like: Any) -> Any:
    if isinstance(a, torch.Tensor) and not isinstance(b, torch.Tensor):
        return torch.clamp_max(a, b)
    return torch.minimum(_tensor(a, like), _tensor(b, like))


def _maximum(a: Any, b: Any, like: Any) -> Any:
    if isinstance(a, torch.Tensor) and not isinstance(b, torch.Tensor):
        return torch.clamp_min(a, b)
    return torch.maximum(_tensor(a, like), _tensor(b, like))


def _where(condition: Any, a: Any, b: Any, like: Any) -> Any:
    if not isinstance(condition, torch.Tensor):
        return a if condition else b
    if not isinstance(a, torch.Tensor) and not isinstance(b, torch.Tensor):
        a = _tensor(a, like)
    return torch.where(condition, a, b)


def _sech(a: Any) -> Any:
    small = torch.exp(-torch.abs(a))
    return 2 * small / (1 + small * small)


def _tanh_shrink(a: Any) -> Any:
    # near zero Lambert's continued fraction of tanh, whose terms are all positive
    square = torch.clamp_max(a * a, 1.0)
    tail: Any = 0.0
    for odd in range(19, 1, -2):
        tail = square / (odd + tail)
    return torch.where(torch.abs(a) < 1, a * (tail / (1 + tail)), a - torch.tanh(a))


def _sigmoid(a: Any) -> Any:
    # torch.sigmoid is 0 where exp(-a) overflows, which in float32 is at -89 already
    return torch.where(a < -80, torch.exp(a), torch.sigmoid(a))


def _softplus(a: Any) -> Any:
    return torch.clamp_min(a, 0) + torch.log1p(torch.exp(-torch.abs(a)))


def _normpdf(a: Any, like: Any) -> Any:
    a = _tensor(a, like)
    return torch.exp(-0.5 * a * a) * 0.3989422804014327


SCOPE = {
    "torch": torch,
    "_tensor": _tensor,
    "_call": _call,
    "_sign": _sign,
    "_minimum": _minimum,
    "_maximum": _maximum,
    "_where": _where,
    "_sech": _sech,
    "_sigmoid": _sigmoid,
    "_softplus": _softplus,
    "_tanh_shrink": _tanh_shrink,
    "_normpdf": _normpdf,
}
"""The names that the table uses."""


class Operations:
    """What a vector rule may use, on tensors.

    Reductions keep their axis. Positions along the axis count from 0.
    """

    exp, log, log1p, sqrt = (
        staticmethod(f) for f in (torch.exp, torch.log, torch.log1p, torch.sqrt)
    )
    abs, sign, where = (staticmethod(f) for f in (torch.abs, torch.sign, torch.where))
    maximum, sigmoid = staticmethod(torch.maximum), staticmethod(_sigmoid)
    softmax_at_once = staticmethod(softmax)
    bits = 60
    """How many halvings of an interval float64 can tell apart."""

    @staticmethod
    def exp_of_difference(x: Any, top: Any) -> Any:
        """exp(x - top), with what the difference rounds away, unless a compiler is to fuse it."""
        difference = x - top
        power = torch.exp(difference)
        if torch.compiler.is_compiling():
            return power
        with torch.no_grad():
            back = difference - x
            rest = (x - (difference - back)) - (top + back)
            rest = torch.where(torch.isfinite(rest), rest, 0.0)
        return power + power * rest

    @staticmethod
    def log_sigmoid(x: Any) -> Any:
        """The logarithm of the logistic function."""
        return torch.nn.functional.logsigmoid(x)

    @staticmethod
    def indicator(condition: Any, x: Any) -> Any:
        """1 where a condition holds, else 0, as numbers of the kind of x."""
        return condition.to(x.dtype)

    @staticmethod
    def quantile(p: Any) -> Any:
        """The number that N(0, 1) stays below with probability p."""
        if isinstance(p, torch.Tensor):
            return torch.special.ndtri(p)
        return float(torch.special.ndtri(torch.tensor(p, dtype=torch.float64)))

    @staticmethod
    def max(x: Any, axis: int) -> Any:
        """Largest along an axis."""
        return torch.amax(x, dim=axis, keepdim=True)

    @staticmethod
    def sum(x: Any, axis: int) -> Any:
        """Sum along an axis."""
        return torch.sum(x, dim=axis, keepdim=True)

    @staticmethod
    def sort(x: Any, axis: int) -> Any:
        """In ascending order along an axis."""
        return torch.sort(x, dim=axis).values

    @staticmethod
    def cumsum(x: Any, axis: int) -> Any:
        """Sums of the entries so far."""
        return torch.cumsum(x, dim=axis)

    @staticmethod
    def positions(x: Any, axis: int) -> Any:
        """0, 1, 2, ... along an axis, of a shape that broadcasts against x."""
        shape = [1] * x.dim()
        shape[axis] = x.shape[axis]
        return torch.arange(x.shape[axis], dtype=x.dtype, device=x.device).reshape(shape)

    @staticmethod
    def reshape(x: Any, shape: Any) -> Any:
        """The same entries in another shape."""
        return torch.reshape(x, shape)

    @staticmethod
    def concat(arrays: Any, axis: int) -> Any:
        """One after the other along an axis."""
        return torch.cat(arrays, dim=axis)

    @staticmethod
    def constant(x: Any) -> Any:
        """The same numbers, through which no gradient passes."""
        return x.detach() if isinstance(x, torch.Tensor) else x


class DigitsNeededError(Exception):
    """A vector rule asked for an operation that rounds."""


def _ask(*_: Any) -> Any:
    raise DigitsNeededError


_ROUNDING = [
    "exp",
    "log",
    "log1p",
    "sqrt",
    "sigmoid",
    "log_sigmoid",
    "quantile",
    "sum",
    "cumsum",
    "exp_of_difference",
]

WithoutRounding: Any = type(
    "WithoutRounding", (Operations,), {name: staticmethod(_ask) for name in _ROUNDING}
)
"""The operations that choose and arrange, and the softmax of a kernel.

For float32 on the CPU: rules that need no others stay in float32, all else asks for float64.
"""
