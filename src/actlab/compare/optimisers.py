"""Optimiser steps of many networks at once, with a learning rate each.

The step of every optimiser here is linear in its learning rate. So `torch.optim` keeps, of every
parameter, its quotient by the member's rate, and steps that with rate 1 (or the schedule's
factor): p - r·s = r·(p/r - s). Nothing is lost by it: a quotient has as many digits as the
parameter. The decay of AdamW is the one term that looks at the weights; it is applied apart, times
the member's rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch

from actlab.compare.naming import by_name

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["OPTIMISERS", "StackedOptimizer"]

Tensor = torch.Tensor


@dataclass(frozen=True)
class _Rule:
    build: Callable[[list[Tensor]], torch.optim.Optimizer]
    decay: float = 0.0
    """Decoupled weight decay (arXiv:1711.05101); `torch.optim.AdamW` has 0.01."""


OPTIMISERS: Final[dict[str, _Rule]] = {
    "sgd": _Rule(lambda p: torch.optim.SGD(p, lr=1.0, momentum=0.9, fused=True)),
    "adam": _Rule(lambda p: torch.optim.Adam(p, lr=1.0, fused=True)),
    "adamw": _Rule(lambda p: torch.optim.AdamW(p, lr=1.0, weight_decay=0.0, fused=True), 0.01),
    "rmsprop": _Rule(lambda p: torch.optim.RMSprop(p, lr=1.0)),
    "adagrad": _Rule(lambda p: torch.optim.Adagrad(p, lr=1.0, fused=True)),
    "adadelta": _Rule(lambda p: torch.optim.Adadelta(p, lr=1.0)),
    "adamax": _Rule(lambda p: torch.optim.Adamax(p, lr=1.0)),
    "nadam": _Rule(lambda p: torch.optim.NAdam(p, lr=1.0)),
}
"""Each with the defaults of `torch.optim`; SGD with momentum 0.9."""


class StackedOptimizer:
    """Steps a flat vector of parameters, each element with a rate of its own.

    Args:
        name: a name in `OPTIMISERS`.
        parameters: the vector, with its initial values.
        gradients: a vector of the same size, where the gradients will stand at every step.
        rates: the learning rate of every element, above zero.
    """

    def __init__(self, name: str, parameters: Tensor, gradients: Tensor, rates: Tensor) -> None:
        rule = by_name(OPTIMISERS, name, "optimiser")
        self._parameters, self._rates = parameters, rates
        self._quotients = parameters / rates
        self._quotients.grad = gradients
        self._optimizer = rule.build([self._quotients])
        self._decay = rule.decay
        self.set_factor(1.0)

    def set_factor(self, factor: float) -> None:
        """Multiply every learning rate by this, from now on."""
        self._optimizer.param_groups[0]["lr"] = factor
        self._keep = 1 - self._rates * (factor * self._decay) if self._decay else None

    def step(self) -> None:
        """One step down the gradients that stand in the vector given at the start."""
        if self._keep is not None:
            self._quotients.mul_(self._keep)
        self._optimizer.step()
        torch.mul(self._quotients, self._rates, out=self._parameters)
