"""Losses and metrics of a user's own model: by name, or functions of (output, target)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from actlab.compare.metrics import METRICS
from actlab.compare.naming import by_name, spelled
from actlab.compare.problem import Score
from actlab.compare.problem_losses import LOSSES
from actlab.errors import DataError, SettingError

__all__ = ["Measure", "OwnLoss", "loss_of", "metric_of"]

LossFunction: TypeAlias = Callable[[Any, Any], Tensor]

_PROBABILITIES: Final = frozenset({"softmax", "log_softmax", "sigmoid"})


@dataclass(frozen=True)
class OwnLoss:
    """A loss and what it is called."""

    name: str
    function: LossFunction

    def __call__(self, output: Any, target: Any) -> Tensor:
        """The loss of a batch."""
        return self.function(output, target)


@dataclass(frozen=True)
class Measure:
    """What is compared; without a function it is the loss."""

    score: Score
    function: Callable[[Any, Any], Any] | None

    def __call__(self, outputs: Any, targets: Any) -> float:
        """The score of a whole part."""
        assert self.function is not None  # noqa: S101  asked for before
        return float(self.function(outputs, targets))


def loss_of(given: Any, output: Tensor, target: Any, ends_in: str | None) -> OwnLoss:
    """The loss that the user means: a name, a module, a function; "auto" by the targets.

    Args:
        given: what the user gave, None for "auto".
        output: of a batch.
        target: of the batch.
        ends_in: the activation at the model's output, which "auto" takes into account.
    """
    if given is None or given == "auto":
        return _usual(output, target, ends_in)
    if isinstance(given, str):
        return OwnLoss(spelled(given), by_name(LOSSES, given, "loss"))
    if isinstance(given, type) and issubclass(given, nn.Module):
        raise SettingError(
            f"loss is the class {given.__name__}; give an object: {given.__name__}()"
        )
    if not callable(given):
        raise SettingError(
            f"loss is of type {type(given).__name__}; a name, a module or a function of (output, "
            "target) was expected"
        )
    return OwnLoss(_name_of(given, "loss"), given)


def _usual(output: Any, target: Any, ends_in: str | None) -> OwnLoss:
    if not isinstance(output, Tensor) or not isinstance(target, Tensor):
        raise SettingError(
            f"the model's output is of type {type(output).__name__} and the target of type "
            f"{type(target).__name__}; give loss=, a function of the two"
        )
    if target.is_floating_point():
        return OwnLoss("mse", LOSSES["mse"])
    if ends_in == "log_softmax":
        return OwnLoss("negative_log_likelihood", functional.nll_loss)
    if ends_in == "softmax":
        return OwnLoss("negative_log_likelihood", _of_shares)
    if _classes_along(output, target) and output.shape[1] > 1:
        return OwnLoss("cross_entropy", LOSSES["cross_entropy"])
    if ends_in == "sigmoid":
        return OwnLoss("binary_cross_entropy", _of_chances)
    if output.numel() == target.numel():
        return OwnLoss("binary_cross_entropy", LOSSES["binary_cross_entropy"])
    raise DataError(
        f"no usual loss fits outputs of shape {tuple(output.shape)} and targets of shape "
        f"{tuple(target.shape)}; give loss=, a name or a function of (output, target)"
    )


def _of_shares(output: Tensor, target: Tensor) -> Tensor:
    tiny = torch.finfo(output.dtype).tiny
    return functional.nll_loss(output.clamp_min(tiny).log(), target)


def _of_chances(output: Tensor, target: Tensor) -> Tensor:
    return functional.binary_cross_entropy(output, target.to(output.dtype).reshape(output.shape))


# --- metrics --------------------------------------------------------------------------------------


def metric_of(
    given: Any, greater: bool | None, loss: OwnLoss, output: Any, target: Any, ends_in: str | None
) -> Measure:
    """The metric that the user means; "auto" by the targets.

    Classes are scored by their accuracy, numbers that a regression's loss is for by R², all else
    by the loss.
    """
    if given is None or given == "auto":
        given = _usual_metric(loss, output, target)
    if isinstance(given, str):
        return _named(given, greater, output, target, ends_in)
    if not callable(given):
        raise SettingError(
            f"metric is of type {type(given).__name__}; a name or a function of (outputs, targets) "
            "was expected"
        )
    return Measure(Score(_name_of(given, "metric"), greater is not False), given)


_REGRESSIONS: Final = frozenset(
    {"mse", "mae", "huber", "MSELoss", "L1Loss", "HuberLoss", "SmoothL1Loss", "mse_loss", "l1_loss"}
)


def _usual_metric(loss: OwnLoss, output: Any, target: Any) -> str:
    if not isinstance(output, Tensor) or not isinstance(target, Tensor):
        return "loss"
    if target.is_floating_point():
        alike = output.numel() == target.numel() and loss.name in _REGRESSIONS
        return "r2" if alike else "loss"
    if output.numel() == target.numel():
        return "accuracy"
    return "accuracy" if _classes_along(output, target) else "loss"


def _classes_along(output: Tensor, target: Tensor) -> bool:
    return output.dim() == target.dim() + 1 and target.shape == output.shape[:1] + output.shape[2:]


def _named(
    name: str, greater: bool | None, output: Any, target: Any, ends_in: str | None
) -> Measure:
    if greater is not None:
        raise SettingError(
            f"higher_is_better was given beside metric={name!r}, which says that itself; it is for "
            "a metric that is a function"
        )
    if name.lower() == "loss":
        return Measure(Score("loss", greater_is_better=False), None)
    row = by_name({"loss": None, **METRICS}, name, "metric")
    assert row is not None  # noqa: S101  "loss" was dealt with
    if not isinstance(output, Tensor) or not isinstance(target, Tensor):
        raise DataError(
            f"the metric {row.name!r} needs outputs and targets that are tensors; the model gives "
            f"{type(output).__name__}: give metric=, a function of (outputs, targets)"
        )
    classes = row.kind == "classification"
    fits = not target.is_floating_point() if classes else output.numel() == target.numel()
    if not fits or (classes and not _is_classes(output, target)):
        raise DataError(
            f"the metric {row.name!r} is for a {row.kind} and does not fit outputs of shape "
            f"{tuple(output.shape)} and targets of shape {tuple(target.shape)} and "
            f"{target.dtype}; give another, or a function of (outputs, targets)"
        )
    between = {"accuracy": (0.0, 1.0), "balanced_accuracy": (0.0, 1.0), "r2": (None, 1.0)}
    low, high = between.get(row.name, (0.0, None))
    score = Score(
        row.name,
        row.greater_is_better,
        low,
        high,
        relative=row.name in {"log_loss", "rmse", "mae"},
        counted=row.name in {"accuracy", "balanced_accuracy"},
    )
    if not classes:
        return Measure(score, _Numbers(row.name))
    return Measure(score, _Classes(row.name, ends_in if ends_in in _PROBABILITIES else None))


def _is_classes(output: Tensor, target: Tensor) -> bool:
    return _classes_along(output, target) or output.numel() == target.numel()


@dataclass(frozen=True)
class _Classes:
    """A table's metric for classes on the outputs of one network."""

    name: str
    ends_in: str | None

    def __call__(self, outputs: Tensor, targets: Tensor) -> float:
        outputs, targets = outputs.detach(), targets.long()
        if outputs.numel() == targets.numel():  # one number for two classes
            logits = outputs.logit() if self.ends_in == "sigmoid" else outputs
            logits = logits.reshape(-1, 1)
        else:
            logits = outputs.movedim(1, -1).reshape(-1, outputs.shape[1])
            logits = logits.log() if self.ends_in == "softmax" else logits
        flat = targets.reshape(-1)
        if self.name != "log_loss":  # a share of 0 has no finite logarithm, and needs none
            logits = logits.nan_to_num(nan=float("nan"), posinf=1e30, neginf=-1e30)
        return float(METRICS[self.name](logits[None].numpy(), flat[None].numpy())[0])


@dataclass(frozen=True)
class _Numbers:
    """A table's metric for numbers on the outputs of one network."""

    name: str

    def __call__(self, outputs: Tensor, targets: Tensor) -> float:
        flat = outputs.detach().reshape(1, -1, 1).numpy()
        return float(METRICS[self.name](flat, targets.reshape(1, -1).numpy())[0])


def _name_of(function: Any, usual: str) -> str:
    name = getattr(function, "__name__", type(function).__name__)
    return usual if name == "<lambda>" else str(name)
