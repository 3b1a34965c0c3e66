"""What a study needs to know of a task that is no table: images, sequences, a user's own model.

A `Problem` offers its data block by block, a network with the candidate in its place, a loss and
a score. Whoever trains it (`looped`, `stacking`) does all that makes a comparison fair: the same
seeds for every candidate, weights scaled by the candidate's own gain, the same batches in the
same order, one grid of learning rates, the choice of rate and epoch on the validation part, and
the test part scored once. In the network the candidate stands as a `sites.Site`: that is how the
trainer finds the layers that feed it and counts its dead units.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from actlab.compare.problems import PROBLEMS

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

    from actlab.activation import Activation
    from actlab.compare.study import Settings, TaskSummary

__all__ = ["PROBLEMS", "Part", "Parts", "Problem", "Score", "Step", "problem_named"]

Part: TypeAlias = "tuple[Tensor, ...] | Iterable[Any]"
"""Tensors with equal first axes, cut into batches by the trainer in an order drawn from the seed
and the block; or batches that can be gone through again and again, such as a DataLoader."""

Step: TypeAlias = "Callable[[nn.Module, Any, Optimizer], Tensor]"
"""A whole training step of a batch, which returns its loss."""


@dataclass(frozen=True)
class Parts:
    """One block's data."""

    train: Part
    validation: Part
    test: Part


@dataclass(frozen=True)
class Score:
    """What is compared: a metric's name, which way is better, and where it can lie."""

    name: str
    greater_is_better: bool
    lowest: float | None = None
    highest: float | None = None
    relative: bool = True
    """Whether the margin is a share of the best mean score (an error, whose unit is the data's)
    and not a number of the metric's own unit (a share, R²)."""
    counted: bool = False
    """Whether it counts test rows, and so moves in steps of one row."""


class Problem(Protocol):
    """A task that brings its own network.

    It is pickled to the processes that train. Every method is a function of its arguments alone,
    but `network`, which may draw weights from PyTorch's generator: the trainer seeds it by the
    study's seed and the block, so that every candidate has the same draws.
    """

    @property
    def name(self) -> str:
        """What the user calls it."""
        ...

    @property
    def kind(self) -> str:
        """In a word or two: "classification", "segmentation", "own model"."""
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the data and of all that determines the network, the loss and the score."""
        ...

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Settings that serve this problem better than those of `Settings`, by name."""
        ...

    @property
    def candidates(self) -> str | None:
        """The activations to compare when the user names none; None for the usual ones."""
        ...

    @property
    def step(self) -> Step | None:
        """A whole training step in place of the gradient of `loss`, or None."""
        ...

    def settled(self, settings: Settings) -> Settings:
        """Return the settings with "auto" replaced by names.

        Raises:
            DataError, UnknownNameError: a loss, a metric or another setting that does not fit.
        """
        ...

    def score(self, settings: Settings) -> Score:
        """Return what is compared, for settled settings."""
        ...

    def check(self, activation: Activation) -> None:
        """Raise SettingError for a candidate that can not stand in this network."""
        ...

    def summary(self, settings: Settings) -> TaskSummary:
        """Return what the answer needs to know; the first block stands for all."""
        ...

    def parts(self, block: int, settings: Settings) -> Parts:
        """Return the data of one block, drawn from (`settings.seed`, `block`) alone."""
        ...

    def network(self, activation: Activation, settings: Settings) -> nn.Module:
        """Return a new network with the candidate in its place, as `sites.Site`."""
        ...

    def loss(self, model: nn.Module, batch: Any, settings: Settings) -> Tensor:
        """Return the scalar whose gradient trains the network.

        Where two networks play against each other, it is the sum of what both lose, with the
        other one's weights detached.
        """
        ...

    def measure(self, model: nn.Module, part: Part, settings: Settings) -> tuple[float, float]:
        """Return the metric and the loss on a whole part, for a model in evaluation mode.

        It is called without gradients, with PyTorch seeded by (seed, block).
        """
        ...


def problem_named(name: str) -> Problem:
    """Return the built-in problem of this name; `KeyError` if there is none.

    A built-in problem is "module:factory" in `PROBLEMS`; the factory is called without arguments.
    """
    module, _, factory = PROBLEMS[name].partition(":")
    made: Problem = getattr(import_module(module), factory)()
    return made
