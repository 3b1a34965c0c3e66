"""The patient: the model, its optimizer and its earlier states, which remedies work on."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from actlab.errors import ActlabError
from actlab.health.record import Record

__all__ = ["Patient", "Snapshot", "Undo", "nothing"]

Undo = Callable[[], None]


def nothing() -> None:
    """What is left to undo where the earlier weights say it all."""


@dataclass
class Snapshot:
    """Weights, buffers and the optimizer's state, copied."""

    weights: dict[str, Any]
    optimizer: dict[str, Any] | None

    @classmethod
    def of(cls, model: nn.Module, optimizer: Any) -> Snapshot:
        """Copy them."""
        weights = {k: v.detach().clone() if isinstance(v, torch.Tensor) else copy.deepcopy(v)
                   for k, v in model.state_dict().items()}  # fmt: skip
        return cls(weights, None if optimizer is None else copy.deepcopy(optimizer.state_dict()))

    def restore(self, model: nn.Module, optimizer: Any, *, rates: bool = True) -> None:
        """Put them back; what was added since stays as it is."""
        model.load_state_dict(self.weights, strict=False)
        if optimizer is None or self.optimizer is None:
            return
        now = [(g["lr"], g.get("initial_lr")) for g in optimizer.param_groups]
        if len(now) == len(self.optimizer["param_groups"]):
            optimizer.load_state_dict(copy.deepcopy(self.optimizer))
        else:
            optimizer.state.clear()
        if not rates:
            for group, (rate, initial) in zip(optimizer.param_groups, now, strict=True):
                group["lr"] = rate
                if initial is not None:
                    group["initial_lr"] = initial


@dataclass
class Patient:
    """What remedies work on.

    Attributes:
        model, optimizer: as the user trains them.
        record: what was seen.
        start: the state before training, if it was kept.
        good: the state with the lowest loss, if it was kept.
        changed: called after modules were exchanged.
        stop: called when training should end.
    """

    model: nn.Module
    optimizer: Any
    record: Record
    start: Snapshot | None = None
    good: Snapshot | None = None
    changed: Callable[[], None] = lambda: None
    stop: Callable[[], None] = lambda: None

    def module(self, name: str) -> nn.Module:
        """A module by its path."""
        try:
            return self.model.get_submodule(name)
        except AttributeError as missing:
            raise ActlabError(f"the model has no module {name!r}") from missing

    def need_optimizer(self) -> Any:
        """The optimizer, or a clear error."""
        if self.optimizer is None:
            raise ActlabError("this remedy needs the optimizer: actlab.watch(model, optimizer)")
        return self.optimizer

    def back_to_start(self) -> None:
        """Put back the state before training; without one, draw what is not finite anew."""
        if self.start is not None:
            self.start.restore(self.model, self.optimizer, rates=False)
            if self.optimizer is not None:
                self.optimizer.state.clear()
            return
        for module in self.model.modules():
            if any(not bool(p.isfinite().all()) for p in module.parameters(recurse=False)):
                if not hasattr(module, "reset_parameters"):
                    raise ActlabError(
                        f"weights of {type(module).__name__} are not finite and no earlier state "
                        'was kept; watch with cure="ask" or "apply" keeps one'
                    )
                module.reset_parameters()  # type: ignore[operator]
                self.forget(module)

    def back_if_broken(self) -> None:
        """Put back the state before training if a weight is not finite."""
        if any(not bool(p.isfinite().all()) for p in self.model.parameters()):
            self.back_to_start()

    def back_to_good(self) -> None:
        """Put back the state with the lowest loss, where it was kept."""
        if self.good is not None:
            self.good.restore(self.model, self.optimizer, rates=False)
        else:
            self.back_if_broken()

    def forget(self, module: nn.Module) -> None:
        """Drop the optimizer's running averages, which belong to the weights that were."""
        if self.optimizer is not None:
            for parameter in module.parameters():
                self.optimizer.state.pop(parameter, None)
