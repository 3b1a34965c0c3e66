"""Optimiser steps of many networks at once, with a learning rate each.

The update rules and their constants are those of `torch.optim`; each is one loop over the
parameters, the gradients and what the rule remembers of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from actlab.compare.loops import compiled
from actlab.compare.naming import by_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

__all__ = ["OPTIMISERS", "Numbers", "StackedOptimizer"]

# In every loop p are parameters, g gradients, a and b what is remembered (zero at first), all of
# the shape (members, numbers); rates holds the members' learning rates, and c the constants of
# the step in the type of the parameters, in which the arithmetic stays.


@compiled
def _sgd(p: Any, g: Any, a: Any, b: Any, rates: Any, c: Any) -> None:  # noqa: ARG001
    momentum = c[0]
    for m in range(len(p)):
        for i in range(p.shape[1]):
            a[m, i] = momentum * a[m, i] + g[m, i]
            p[m, i] -= rates[m] * a[m, i]


@compiled
def _adam(p: Any, g: Any, a: Any, b: Any, rates: Any, c: Any) -> None:
    new, newer, scale, scale_root, eps, decay = c[0], c[1], c[2], c[3], c[4], c[5]
    for m in range(len(p)):
        rate, lost = rates[m] * scale, rates[m] * decay
        for i in range(p.shape[1]):
            a[m, i] += new * (g[m, i] - a[m, i])
            b[m, i] += newer * (g[m, i] * g[m, i] - b[m, i])
            step = a[m, i] / (np.sqrt(b[m, i]) * scale_root + eps)
            p[m, i] -= lost * p[m, i] + rate * step


@compiled
def _rmsprop(p: Any, g: Any, a: Any, b: Any, rates: Any, c: Any) -> None:  # noqa: ARG001
    new, eps = c[0], c[1]
    for m in range(len(p)):
        for i in range(p.shape[1]):
            a[m, i] += new * (g[m, i] * g[m, i] - a[m, i])
            p[m, i] -= rates[m] * (g[m, i] / (np.sqrt(a[m, i]) + eps))


@compiled
def _adagrad(p: Any, g: Any, a: Any, b: Any, rates: Any, c: Any) -> None:  # noqa: ARG001
    eps = c[0]
    for m in range(len(p)):
        for i in range(p.shape[1]):
            a[m, i] += g[m, i] * g[m, i]
            p[m, i] -= rates[m] * (g[m, i] / (np.sqrt(a[m, i]) + eps))


@compiled
def _adadelta(p: Any, g: Any, a: Any, b: Any, rates: Any, c: Any) -> None:
    new, eps = c[0], c[1]
    for m in range(len(p)):
        for i in range(p.shape[1]):
            a[m, i] += new * (g[m, i] * g[m, i] - a[m, i])
            step = np.sqrt((b[m, i] + eps) / (a[m, i] + eps)) * g[m, i]
            b[m, i] += new * (step * step - b[m, i])
            p[m, i] -= rates[m] * step


@compiled
def _adamax(p: Any, g: Any, a: Any, b: Any, rates: Any, c: Any) -> None:
    new, keep, scale, eps = c[0], c[1], c[2], c[3]
    for m in range(len(p)):
        rate = rates[m] * scale
        for i in range(p.shape[1]):
            a[m, i] += new * (g[m, i] - a[m, i])
            b[m, i] = max(keep * b[m, i], abs(g[m, i]) + eps)
            p[m, i] -= rate * (a[m, i] / b[m, i])


@compiled
def _nadam(p: Any, g: Any, a: Any, b: Any, rates: Any, c: Any) -> None:
    new, newer, scale, scale_next, scale_root, eps = c[0], c[1], c[2], c[3], c[4], c[5]
    for m in range(len(p)):
        for i in range(p.shape[1]):
            a[m, i] += new * (g[m, i] - a[m, i])
            b[m, i] += newer * (g[m, i] * g[m, i] - b[m, i])
            step = scale * g[m, i] + scale_next * a[m, i]
            p[m, i] -= rates[m] * (step / (np.sqrt(b[m, i]) * scale_root + eps))


def _adam_constants(step: int, decay: float = 0.0) -> tuple[float, ...]:
    """Adam with bias correction (arXiv:1412.6980), decoupled decay (arXiv:1711.05101)."""
    return 0.1, 0.001, 1 / (1 - 0.9**step), 1 / math.sqrt(1 - 0.999**step), 1e-8, decay


def _nadam_constants(step: int) -> tuple[float, ...]:
    """Adam with Nesterov's momentum, which grows as `torch.optim.NAdam` has it."""

    def momentum(t: int) -> float:
        return 0.9 * (1 - 0.5 * math.pow(0.96, 0.004 * t))

    product = math.prod(momentum(t) for t in range(1, step + 1))
    ahead = momentum(step + 1)
    return (
        0.1,
        0.001,
        (1 - momentum(step)) / (1 - product),
        ahead / (1 - product * ahead),
        1 / math.sqrt(1 - 0.999**step),
        1e-8,
    )


@dataclass(frozen=True)
class _Rule:
    loop: Callable[..., None]
    constants: Callable[[int], Sequence[float]]
    """Of the step, counted from 1."""


OPTIMISERS: Final = {
    "sgd": _Rule(_sgd, lambda _: (0.9,)),
    "adam": _Rule(_adam, _adam_constants),
    "adamw": _Rule(_adam, lambda step: _adam_constants(step, 0.01)),
    "rmsprop": _Rule(_rmsprop, lambda _: (0.01, 1e-8)),
    "adagrad": _Rule(_adagrad, lambda _: (1e-10,)),
    "adadelta": _Rule(_adadelta, lambda _: (0.1, 1e-6)),
    "adamax": _Rule(_adamax, lambda step: (0.1, 0.999, 1 / (1 - 0.9**step), 1e-8)),
    "nadam": _Rule(_nadam, _nadam_constants),
}
"""Each with the defaults of `torch.optim`; SGD with momentum 0.9."""


class Stacked(Protocol):
    """What an optimiser asks of a stack; arrays are (members, numbers of one member)."""

    @property
    def parameters(self) -> NDArray[Any]: ...
    @property
    def gradients(self) -> NDArray[Any]: ...
    @property
    def memory(self) -> Sequence[NDArray[Any]]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...


@dataclass(frozen=True)
class Numbers:
    """The arrays of a stack and nothing else."""

    parameters: NDArray[Any]
    gradients: NDArray[Any]
    memory: Sequence[NDArray[Any]]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the parameters."""
        return self.parameters.dtype


class StackedOptimizer:
    """Steps the parameters of a stack, each member with a rate of its own.

    Args:
        name: a name in `OPTIMISERS`.
        network: its gradients stand where it keeps them whenever a step is taken.
        rates: the learning rate of every member.
    """

    def __init__(self, name: str, network: Stacked, rates: NDArray[Any]) -> None:
        self._rule = by_name(OPTIMISERS, name, "optimiser")
        self._rates = rates
        self._network = network
        self.steps = 0
        """How many were taken."""
        self.set_factor(1.0)

    def set_factor(self, factor: float) -> None:
        """Multiply every learning rate by this, from now on."""
        self._now = (self._rates * factor).astype(self._network.dtype)

    def step(self) -> None:
        """One step down the gradients."""
        self.steps += 1
        network = self._network
        constants = np.array(self._rule.constants(self.steps), dtype=network.parameters.dtype)
        self._rule.loop(
            network.parameters, network.gradients, *network.memory, self._now, constants
        )
