"""Optimiser steps of many networks at once, with a learning rate each.

The step of every optimiser here is linear in its learning rate. So `torch.optim` steps a
parameter that is all zeros, with rate 1: what it leaves there is the step itself, to full
precision, and each member adds it times its own rate. The decay of AdamW is the one term that
looks at the weights; it is applied apart, also times the member's rate.
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
    """Steps a flat vector of parameters, each element with a rate of its own."""

    def __init__(self, name: str, parameters: Tensor, gradients: Tensor, rates: Tensor) -> None:
        rule = by_name(OPTIMISERS, name, "optimiser")
        self._parameters = parameters
        self._step = torch.zeros_like(parameters)
        self._step.grad = gradients
        self._optimizer = rule.build([self._step])
        self._base_rates = rates
        self._decay = rule.decay
        self.set_factor(1.0)

    def set_factor(self, factor: float) -> None:
        """Multiply every learning rate by this, from now on."""
        self._rates = self._base_rates * factor
        self._keep = 1 - self._rates * self._decay if self._decay else None

    def step(self) -> None:
        """One step down the gradients that stand in the vector given at the start."""
        self._optimizer.step()
        if self._keep is not None:
            self._parameters.mul_(self._keep)
        self._parameters.addcmul_(self._step, self._rates)
        self._step.zero_()
