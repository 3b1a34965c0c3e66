"""Optimiser steps of many networks at once, with a learning rate each.

The step of every optimiser here is linear in its learning rate. So `torch.optim` keeps, of every
parameter, its quotient by the member's rate, and steps that with rate 1 (or the schedule's
factor): p - r·s = r·(p/r - s). Nothing is lost by it: a quotient has as many digits as the
parameter. The decay of AdamW is the one term that looks at the weights; it is applied apart, times
the member's rate.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import torch

from actlab.compare.naming import by_name
from actlab.compare.networks import views

if TYPE_CHECKING:
    from collections.abc import Callable

    from actlab.compare.networks import StackedNetwork

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
    """Steps the parameters of a stack, each member with a rate of its own.

    Args:
        name: a name in `OPTIMISERS`.
        network: its gradients stand where it keeps them whenever a step is taken.
        rates: the learning rate of every member, above zero.
    """

    def __init__(self, name: str, network: StackedNetwork, rates: Tensor) -> None:
        rule = by_name(OPTIMISERS, name, "optimiser")
        self._quotients = network.parameters.clone()
        quotients = views(self._quotients, network.sizes)
        self._rates = rates.view(-1, 1, 1)
        for quotient in quotients:
            quotient.div_(self._rates)
        self._quotients.grad = network.gradients
        self._optimizer = rule.build([self._quotients])
        # The step itself, without the hooks for profilers and for graphs around it: for tensors
        # of this size they take a third of its time.
        self._step = partial(inspect.unwrap(type(self._optimizer).step), self._optimizer)
        self._back = [
            partial(torch.mul, quotient, self._rates, out=parameter)
            for quotient, parameter in zip(quotients, network.tensors, strict=True)
        ]
        self._views, self._decay = quotients, rule.decay
        small = network.parameters.new_ones(1, 64, 64)
        self._awake = partial(torch.bmm, small, small, out=torch.empty_like(small))
        self.set_factor(1.0)

    def set_factor(self, factor: float) -> None:
        """Multiply every learning rate by this, from now on."""
        self._optimizer.param_groups[0]["lr"] = factor
        self._keep = 1 - self._rates * (factor * self._decay)

    def step(self) -> None:
        """One step down the gradients; to be called without a record for autograd."""
        if self._decay:
            for quotient in self._views:
                quotient.mul_(self._keep)
        self._step()
        # After 0.7 ms without wide multiplications some processors let their units for them sleep
        # and are slow to wake them; a step can take that long. One small product prevents it.
        self._awake()
        for call in self._back:
            call()
