"""What the built-in problems have in common."""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from actlab.compare.naming import by_name
from actlab.compare.problem import Parts, Score
from actlab.compare.problem_losses import loss_named
from actlab.compare.study import Settings, TaskSummary
from actlab.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from actlab.activation import Activation
    from actlab.compare.problem import Step

__all__ = ["BuiltIn", "Metric", "drawn"]

Tensors: TypeAlias = tuple[Tensor, ...]

EVALUATION_ROWS: Final = 256
"""Rows that are scored at once: bounds the memory."""

_NOISE_STREAM: Final = 5
"""What a problem draws besides its rows has a stream of its own (see `task`, `networks`)."""


@dataclass(frozen=True)
class Metric:
    """What is compared, and how it follows from a network's outputs and the rest of a part."""

    score: Score
    function: Callable[..., Tensor]
    """(outputs, target, ...) -> a scalar."""


@dataclass(frozen=True)
class BuiltIn(ABC):
    """A problem whose parts are tensors: inputs, targets, and what its metric needs besides.

    A problem of another kind overrides `loss` and `measure`.
    """

    name: str
    kind: str
    losses: tuple[str, ...]
    """The losses that fit, the usual one first."""
    metrics: tuple[Metric, ...]
    """The metrics that fit, the usual one first."""
    defaults: Mapping[str, Any]
    notes: tuple[str, ...]
    target: str
    candidates: str | None = None
    classes: tuple[str, ...] = ()

    # --- what each problem says for itself ----------------------------------------------------

    @abstractmethod
    def parts(self, block: int, settings: Settings) -> Parts:
        """One block's training, validation and test tensors."""

    @abstractmethod
    def build(self, activation: Activation, settings: Settings) -> nn.Module:
        """The network; how its weights are drawn is no matter here."""

    # --- what follows -------------------------------------------------------------------------

    @property
    def step(self) -> Step | None:
        """The gradient of `loss` is all that a step needs."""
        return None

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of a block's data and of the network, at the settings that serve the problem."""
        from actlab.catalogue import get

        usual = replace(Settings(), **self.defaults)
        with torch.random.fork_rng(devices=[]):
            layers = self.build(get("relu"), usual)
        digest = hashlib.sha256(repr((self.name, layers)).encode())
        parts = self.parts(0, usual)
        for tensor in (*_tensors(parts.train), *_tensors(parts.validation), *_tensors(parts.test)):
            digest.update(repr((tensor.dtype, tuple(tensor.shape))).encode())
            digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()

    def settled(self, settings: Settings) -> Settings:
        """Return the settings with the usual loss and metric in the place of "auto".

        Raises:
            UnknownNameError: no such loss or metric.
            DataError: one that does not fit this problem.
        """
        metrics = [metric.score.name for metric in self.metrics]
        loss = self.losses[0]
        if settings.loss != "auto":
            loss = loss_named(settings.loss).__name__  # of two names for one loss the usual one
        metric = metrics[0] if settings.metric == "auto" else settings.metric.lower()
        for given, fitting, what in ((loss, self.losses, "loss"), (metric, metrics, "metric")):
            if given not in fitting:
                raise DataError(
                    f"the {what} {given!r} does not fit {self.name} ({self.kind}); what fits is "
                    f"{', '.join(fitting)}"
                )
        return replace(settings, loss=loss, metric=metric)

    def score(self, settings: Settings) -> Score:
        """What is compared."""
        return self._metric(settings).score

    def check(self, activation: Activation) -> None:
        """Raise SettingError for a candidate that can not stand in this network."""
        with torch.random.fork_rng(devices=[]):
            self.build(activation, replace(Settings(), **self.defaults))

    def summary(self, settings: Settings) -> TaskSummary:
        """What the answer needs to know; the first block stands for all."""
        parts = self.parts(0, settings)
        score = self.score(settings)
        train, validation, test = (
            _tensors(part) for part in (parts.train, parts.validation, parts.test)
        )
        return TaskSummary(
            name=self.name,
            kind=self.kind,
            target=self.target,
            rows=sum(len(part[0]) for part in (train, validation, test)),
            features=math.prod(train[0].shape[1:]),
            classes=self.classes,
            metric=score.name,
            higher_is_better=score.greater_is_better,
            train_rows=len(train[0]),
            validation_rows=len(validation[0]),
            test_rows=len(test[0]),
            notes=self.notes,
            fingerprint=self.fingerprint,
        )

    def network(self, activation: Activation, settings: Settings) -> nn.Module:
        """The network with weights from N(0, 1/fan_in) and biases of zero.

        PyTorch's generator is asked for one number, and each layer has a stream of its own from
        it: a gated candidate, whose layers are wider, changes no other layer's draws.
        """
        seed = int(torch.randint(2**62, ()))
        with torch.random.fork_rng(devices=[]):
            model = self.build(activation, settings)
        for place, layer in enumerate(model.modules()):
            if isinstance(layer, nn.Linear | nn.Conv2d | nn.Embedding):
                _draw(layer, torch.Generator().manual_seed(seed + place))
        return model

    def loss(self, model: nn.Module, batch: Any, settings: Settings) -> Tensor:
        """The loss of a batch."""
        return loss_named(settings.loss)(model(batch[0]), batch[1])

    def measure(self, model: nn.Module, part: Any, settings: Settings) -> tuple[float, float]:
        """The metric and the loss on a whole part."""
        inputs, target, *rest = _tensors(part)
        outputs = torch.cat([model(rows) for rows in torch.split(inputs, EVALUATION_ROWS)])
        if not outputs.isfinite().all():
            return math.nan, math.nan
        value = self._metric(settings).function(outputs, target, *rest)
        return float(value), float(loss_named(settings.loss)(outputs, target))

    def _metric(self, settings: Settings) -> Metric:
        table = {metric.score.name: metric for metric in self.metrics}
        return by_name(table, settings.metric, f"metric of {self.name}")


def drawn(settings: Settings, block: int, shape: Sequence[int]) -> Tensor:
    """Standard normal numbers, the same ones for every candidate of a block."""
    generator = np.random.default_rng([settings.seed, block, _NOISE_STREAM])
    return torch.from_numpy(generator.standard_normal(tuple(shape), dtype=np.float32))


def _draw(layer: nn.Linear | nn.Conv2d | nn.Embedding, generator: torch.Generator) -> None:
    weight = layer.weight
    # an embedding picks a row, so nothing is summed up
    fan_in = 1 if isinstance(layer, nn.Embedding) else weight[0].numel()
    with torch.no_grad():
        weight.normal_(0, 1 / math.sqrt(fan_in), generator=generator)
        if (bias := getattr(layer, "bias", None)) is not None:
            bias.zero_()


def _tensors(part: Any) -> Tensors:
    tensors: Tensors = tuple(part)
    return tensors
