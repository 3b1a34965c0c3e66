"""What layers with weights of their own are told and start from, whatever the framework."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from inspect import Parameter, signature
from typing import Any, Final

import numpy as np

from actlab.activation import Activation, LayerRule
from actlab.catalogue import resolve

__all__ = [
    "check_interval",
    "check_options",
    "class_of_layer",
    "count",
    "divided",
    "even_points",
    "kernel_start",
    "rational_start",
    "scalar_function",
    "values_at",
]

# quotients of degrees 5 and 4 that are closest on [-3, 3], as rational_activations has them
_RATIONAL_STARTS: Final = {
    "identity": ((0.0, 1.0, 0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0)),
    "gelu": (
        (-0.0004221071456647063, 0.49999955516606254, 0.40270535451115536, 0.07366976895222031,
         -0.012954788054484537, -0.0037414002583076983),
        (4.9585381197087913e-05, 0.1472977407631199, 1.1645825701440633e-05,
         -0.007483871514842074),
    ),
    "swish": (
        (3.2597006782059475e-07, 0.500000007624051, 0.2500169540800127, 0.05327519598927768,
         0.005804580590860159, 0.00027529600705133663),
        (3.917294261258692e-05, 0.1065308384054887, 3.7991514117509955e-06,
         0.0005503052126186067),
    ),
}  # fmt: skip


def class_of_layer(
    activation: Activation, package: str
) -> tuple[Callable[..., Any], dict[str, Parameter]]:
    """The class of a layer with weights of its own, and its options.

    Raises:
        TypeError: for a function that is no layer.
    """
    rule = activation.rule
    if not isinstance(rule, LayerRule):
        raise TypeError(f"{activation.name} {activation.nature}, and is no layer by itself")
    module, _, name = rule.layer.partition(".")
    layer = getattr(import_module(package + module), name)
    options = signature(layer).parameters
    return layer, {k: p for k, p in options.items() if p.kind is not p.VAR_KEYWORD}


def check_options(
    layer: str,
    given: Mapping[str, Any],
    known: Mapping[str, Parameter],
    call: str,
    also: Collection[str] = (),
) -> None:
    """Whether a layer takes these options, or those of every layer, and has what it needs.

    Raises:
        TypeError: if not; it says how the layer is made.
    """
    missing = [name for name, p in known.items() if p.default is p.empty and name not in given]
    unknown = [name for name in given if name not in known and name not in also]
    if missing or unknown:
        wrong = f"lacks {missing[0]}" if missing else f"has no {unknown[0]}"
        raise TypeError(f"the layer {layer} {wrong}; write {call}")


def count(name: str, value: Any, least: int = 1) -> int:
    """A whole number that is large enough.

    Raises:
        ValueError: if it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} is {value!r}; a whole number of at least {least} was expected")
    return value


def check_interval(low: float, high: float) -> None:
    """Whether an interval has a length.

    Raises:
        ValueError: if it has none.
    """
    if not low < high:
        raise ValueError(f"low is {low:g} and high is {high:g}; low < high was expected")


def divided(channels: int, groups: int) -> int:
    """How many channels a group has.

    Raises:
        ValueError: if they do not divide into the groups.
    """
    if channels % count("groups", groups):
        raise ValueError(f"{channels} channels do not divide into {groups} groups")
    return channels // groups


def rational_start(start: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Coefficients of a quotient that is near a function.

    Raises:
        ValueError: for another name.
    """
    if start not in _RATIONAL_STARTS:
        raise ValueError(f"start is {start!r}; known are {', '.join(_RATIONAL_STARTS)}")
    return _RATIONAL_STARTS[start]


def scalar_function(given: str | Activation, where: str) -> Activation:
    """A function of one number, by name, formula or itself.

    Raises:
        TypeError: if it is none.
    """
    f = resolve(given) if isinstance(given, str) else given
    if not isinstance(f, Activation) or f.kind != "scalar":
        shown = f"{f.name} {f.nature}" if isinstance(f, Activation) else repr(given)
        raise TypeError(f"{where} takes functions of one number, but {shown} was given")
    return f


def even_points(reach: float, size: int) -> Any:
    """Numbers at even distances from -reach to reach, in float64."""
    check_interval(-reach, reach)
    return np.linspace(-reach, reach, count("size", size, 2))


def values_at(start: str | Activation, points: Any, where: str) -> Any:
    """What a function gives at some points, to start from."""
    return scalar_function(start, where)(points)


def kernel_start(start: str | Activation, centres: Any) -> tuple[float, Any]:
    """Width and weights of Gaussians whose sum is near a function, by ridge regression."""
    gamma = 1 / (6 * float(centres[1] - centres[0]) ** 2)
    gram = np.exp(-gamma * (centres[:, None] - centres) ** 2)
    weights = np.linalg.solve(gram + 1e-6 * np.eye(len(centres)), values_at(start, centres, "kaf"))
    return gamma, weights
