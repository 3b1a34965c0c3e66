"""Which modules and which function calls are activations, and which formula each one is."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, Final

import torch
from torch import nn
from torch.nn import functional

from actlab.activation import Activation
from actlab.catalogue import get
from actlab.errors import UnknownNameError
from actlab.nn.layer import ActivationModule

__all__ = ["SUSPECTS", "activation_of", "calls", "losses"]

_NUMBERS: Final = {
    "LeakyReLU": {"negative_slope": "negative_slope"},
    "ELU": {"alpha": "alpha"},
    "CELU": {"alpha": "alpha"},
    "Softplus": {"beta": "beta"},
}
"""Numbers of PyTorch's layers that carry the same name in the catalogue."""

_CALLS: Final = {
    "relu": "relu",
    "gelu": "gelu",
    "silu": "silu",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "elu": "elu",
    "selu": "selu",
    "celu": "celu",
    "leaky_relu": "leaky_relu",
    "relu6": "relu6",
    "softplus": "softplus",
    "softsign": "softsign",
    "mish": "mish",
    "hardtanh": "hard_tanh",
    "hardswish": "hard_swish",
    "hardsigmoid": "hard_sigmoid",
    "logsigmoid": "log_sigmoid",
    "tanhshrink": "tanh_shrink",
    "softmax": "softmax",
    "log_softmax": "log_softmax",
}
"""Functions of PyTorch by the name they have there."""

_LOSSES: Final = (
    "cross_entropy",
    "nll_loss",
    "mse_loss",
    "l1_loss",
    "smooth_l1_loss",
    "huber_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
)

_SUSPECTS: Final = ("log", "log2", "log10", "sqrt", "rsqrt", "reciprocal", "div", "exp", "pow")
"""Operations that can make a number that is not finite out of finite ones."""


def activation_of(module: nn.Module) -> Activation | None:
    """The catalogued function that a layer computes, or None for any other layer.

    Example:
        >>> activation_of(nn.LeakyReLU(0.2))
        Activation('leaky_relu', negative_slope=0.2)
    """
    if isinstance(module, ActivationModule):
        return module.activation
    kind = type(module)
    if kind.__module__ != "torch.nn.modules.activation" or kind is nn.MultiheadAttention:
        return None
    if kind is nn.GELU and module.approximate == "tanh":
        return get("gelu_tanh")
    numbers = {
        mine: float(getattr(module, theirs))
        for theirs, mine in _NUMBERS.get(kind.__name__, {}).items()
    }
    return _named(kind.__name__, tuple(numbers.items()))


@lru_cache(maxsize=256)
def _named(name: str, numbers: tuple[tuple[str, float], ...] = ()) -> Activation | None:
    try:
        return get(name, None, **dict(numbers))
    except (UnknownNameError, ValueError):
        return None


def _gelu(*_: Any, approximate: str = "none", **__: Any) -> Activation | None:
    return _named("gelu_tanh" if approximate == "tanh" else "gelu")


def _leaky(_: Any, negative_slope: float = 0.01, *__: Any, **___: Any) -> Activation | None:
    return _named("leaky_relu", (("negative_slope", float(negative_slope)),))


def _elu(_: Any, alpha: float = 1.0, *__: Any, **___: Any) -> Activation | None:
    return _named("elu", (("alpha", float(alpha)),))


def _fixed(name: str) -> Callable[..., Activation | None]:
    return lambda *_, **__: _named(name)


_OWN: Final = {"gelu": _gelu, "leaky_relu": _leaky, "elu": _elu}


@cache
def calls() -> dict[Any, Callable[..., Activation | None]]:
    """Every callable of PyTorch that applies an activation, in `torch`, `F` and `Tensor`.

    The value makes the `Activation` from the arguments of the call.
    """
    found: dict[Any, Callable[..., Activation | None]] = {}
    for theirs, mine in _CALLS.items():
        make = _OWN.get(theirs, _fixed(mine))
        for home in (torch, functional, torch.Tensor, torch.special, torch._C._nn):
            for name in (theirs, f"{theirs}_"):
                function = getattr(home, name, None)
                if callable(function):
                    found[function] = make
    return found


@cache
def losses() -> dict[Any, str]:
    """The loss functions of `torch.nn.functional`, with their names."""
    return {getattr(functional, name): name for name in _LOSSES}


def _suspects() -> dict[Any, str]:
    found: dict[Any, str] = {}
    for name in _SUSPECTS:
        for home in (torch, torch.Tensor):
            for spelled in (name, f"{name}_"):
                function = getattr(home, spelled, None)
                if callable(function):
                    found[function] = name
    for spelled in ("__truediv__", "__rtruediv__", "__pow__"):
        found[getattr(torch.Tensor, spelled)] = "pow" if "pow" in spelled else "div"
    return found


SUSPECTS: Final = _suspects()
"""Operations whose results are checked, with their names."""
