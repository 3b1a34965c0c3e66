"""Training one member after another: for networks that can't be stacked, or aren't faster so.

A member is one candidate on one block at one learning rate. Its numbers follow from these and
the settings alone: no other member, no order, no number of workers changes them.
"""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass
from statistics import median_low
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_, get_total_norm

from actlab.compare.batching import batches_of, rows_of
from actlab.compare.draws import SCORING, TRAINING, WEIGHTS, Draws
from actlab.compare.naming import by_name
from actlab.compare.schedules import schedule_named
from actlab.compare.sites import Places, UnitCounts
from actlab.compare.steady import steady_arithmetic
from actlab.compare.study import Run
from actlab.errors import ActlabError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actlab.compare.problem import Part, Parts, Problem
    from actlab.compare.study import Candidate, Chunk, Settings

__all__ = [
    "Built",
    "Member",
    "Trained",
    "build",
    "finite_median",
    "measured",
    "optimizer_for",
    "train_chunk",
    "train_pair",
    "unit_shares",
]

_OPTIMISERS: Final[dict[str, tuple[type[torch.optim.Optimizer], dict[str, Any]]]] = {
    "sgd": (torch.optim.SGD, {"momentum": 0.9}),
    "adam": (torch.optim.Adam, {}),
    "adamw": (torch.optim.AdamW, {}),
    "rmsprop": (torch.optim.RMSprop, {}),
    "adagrad": (torch.optim.Adagrad, {}),
    "adadelta": (torch.optim.Adadelta, {}),
    "adamax": (torch.optim.Adamax, {}),
    "nadam": (torch.optim.NAdam, {}),
}
"""By the names and with the constants of the table's `optimisers`."""


def train_chunk(
    problem: Problem, candidates: Sequence[Candidate], chunk: Chunk, settings: Settings
) -> list[Run]:
    """Train every pair of the chunk at every learning rate; one `Run` each.

    The runs come in the order of `chunk.pairs`, and within a pair in the order of
    `settings.learning_rates`.

    Raises:
        ActlabError: the problem's own code failed on numbers that are finite.
    """
    runs: list[Run] = []
    with steady_arithmetic():
        for index, block in chunk.pairs:
            parts = problem.parts(block, settings)
            runs += train_pair(problem, candidates[index], block, parts, settings)
    return runs


def train_pair(
    problem: Problem, candidate: Candidate, block: int, parts: Parts, settings: Settings
) -> list[Run]:
    """All learning rates of a candidate on a block; validation chooses which one is tested."""
    trained: list[Trained] = []
    best: tuple[Trained, nn.Module] | None = None
    for rate in settings.learning_rates:
        member = Member(problem, candidate, block, rate, parts, settings)
        trained.append(done := member.train())
        if done.epoch and (best is None or done.standing > best[0].standing):
            best = done, member.model
    if best is not None:
        done, model = best
        done.score, done.loss = measured(problem, model, parts.test, settings, block)
    return [done.run(candidate.label, block) for done in trained]


# --- a member's network ---------------------------------------------------------------------------


@dataclass
class Built:
    """A member's network as it begins, and what was seen of it."""

    model: nn.Module
    places: Places
    first: str
    """Name of the first weight matrix."""
    last: str


def build(
    problem: Problem, candidate: Candidate, block: int, parts: Parts, settings: Settings
) -> Built:
    """Return a network with the block's draws, scaled by the candidate's gain.

    Raises:
        ActlabError: a network without weights.
    """
    with Draws(settings.seed, block, WEIGHTS).used():
        model = problem.network(candidate.activation, settings)
    model.train()
    batch = next(batches_of(parts.train, settings, block, 0))
    state = deepcopy(model.state_dict())
    with Draws(settings.seed, block, TRAINING).used():
        places = Places(model, lambda: problem.loss(model, batch, settings))
    model.load_state_dict(state)  # the pass that looked leaves no trace in a batch norm
    places.scale(candidate.gain)
    matrices = [name for name, weight in model.named_parameters() if weight.dim() > 1]
    if not matrices:
        raise ActlabError(
            f"the network of {problem.name} has no weight matrix; there is nothing to train"
        )
    return Built(model, places, matrices[0], matrices[-1])


def optimizer_for(model: nn.Module, rate: float, settings: Settings) -> torch.optim.Optimizer:
    """Return the optimiser of the settings over all weights that are trained."""
    kind, options = by_name(_OPTIMISERS, settings.optimizer, "optimiser")
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    made: torch.optim.Optimizer = kind(weights, lr=rate, **options)  # type: ignore[call-arg]
    return made


# --- training -------------------------------------------------------------------------------------


@dataclass
class Trained:
    """What a member's training left."""

    rate: float
    train_loss: list[float]
    validation_loss: list[float]
    validation_score: list[float]
    epoch: int
    """The best on validation, from 1; 0 where no epoch gave a finite score."""
    value: float
    """The score then, signed so that greater is better."""
    validation: float
    """The loss then."""
    dead: float
    saturated: float
    first: float
    last: float
    seconds: float
    kept: int
    score: float | None = None
    loss: float | None = None

    @property
    def standing(self) -> tuple[float, float]:
        """A better score wins, then the smaller loss, then the smaller rate."""
        return self.value, -self.validation

    def run(self, label: str, block: int) -> Run:
        """Return the row of the ledger."""
        finite = all(map(math.isfinite, (*self.train_loss, *self.validation_loss)))
        return Run(
            candidate=label,
            learning_rate=self.rate,
            block=block,
            train_loss=tuple(self.train_loss),
            validation_loss=tuple(self.validation_loss),
            validation_score=tuple(self.validation_score),
            chosen_epoch=self.epoch,
            test_score=self.score,
            test_loss=self.loss,
            dead_share=self.dead,
            saturated_share=self.saturated,
            gradient_first=self.first,
            gradient_last=self.last,
            diverged=not finite,
            step_seconds=self.seconds,
            saved_bytes=self.kept,
        )


class Member:
    """One network in training: a candidate on a block at a learning rate."""

    def __init__(
        self,
        problem: Problem,
        candidate: Candidate,
        block: int,
        rate: float,
        parts: Parts,
        settings: Settings,
    ) -> None:
        self.problem, self.candidate, self.settings = problem, candidate, settings
        self.block, self.rate, self.parts = block, rate, parts
        self.built = build(problem, candidate, block, parts, settings)
        self.model = self.built.model
        self.optimizer = optimizer_for(self.model, rate, settings)
        self.optimizer.register_step_pre_hook(self._before_step)
        self.draws = Draws(settings.seed, block, TRAINING)
        self.schedule = schedule_named(settings.schedule)
        self.higher = problem.score(settings).greater_is_better
        weights = dict(self.model.named_parameters())
        self.first, self.last = weights[self.built.first], weights[self.built.last]
        self.norms: list[tuple[float, float]] = []
        self.step_seconds: list[float] = []

    def train(self) -> Trained:
        """All epochs; the model then holds its best one."""
        epochs = self.settings.epochs
        train, losses, scores = ([math.nan] * epochs for _ in range(3))
        best = (-math.inf, -math.inf)
        chosen, state = 0, deepcopy(self.model.state_dict())
        for epoch in range(epochs):
            factor = self.schedule(epoch, epochs)
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate * factor
            train[epoch] = self._epoch(epoch)
            if not self._finite():
                break  # nothing finite comes of it any more
            score, losses[epoch] = measured(
                self.problem, self.model, self.parts.validation, self.settings, self.block
            )
            scores[epoch] = score
            standing = (score if self.higher else -score, -losses[epoch])
            if math.isfinite(score) and standing > best:
                best, chosen = standing, epoch + 1
                state = deepcopy(self.model.state_dict())
        self.model.load_state_dict(state)
        dead, saturated = unit_shares(
            self.problem, self.built, self.parts.validation, self.settings, self.block
        )
        first, last = zip(*self.norms, strict=True) if self.norms else ((), ())
        return Trained(
            rate=self.rate,
            train_loss=train,
            validation_loss=losses,
            validation_score=scores,
            epoch=chosen,
            value=best[0],
            validation=-best[1],
            dead=dead,
            saturated=saturated,
            first=finite_median(first),
            last=finite_median(last),
            seconds=finite_median(self.step_seconds),
            kept=self.built.places.saved_bytes(self.first.dtype),
        )

    def _epoch(self, epoch: int) -> float:
        """One pass over the training part; returns its mean loss."""
        total, rows, seconds, steps = 0.0, 0, 0.0, 0
        self.model.train()
        with self.draws.used(), torch.enable_grad():
            for batch in batches_of(self.parts.train, self.settings, self.block, epoch):
                start = perf_counter()
                loss = self.step(batch)
                seconds += perf_counter() - start
                steps += 1
                own = rows_of(batch)
                total, rows = total + loss * own, rows + own
                if not math.isfinite(loss) and not self._finite():
                    break
        if steps:
            self.step_seconds.append(seconds / steps)
        return total / rows if rows else math.nan

    def step(self, batch: Any) -> float:
        """One step down the gradient of a batch; returns its loss."""
        try:
            if self.problem.step is not None:
                loss = self.problem.step(self.model, batch, self.optimizer)
            else:
                self.optimizer.zero_grad()
                loss = self.problem.loss(self.model, batch, self.settings)
                loss.backward()  # type: ignore[no-untyped-call]
                self.optimizer.step()
        except Exception as error:
            # What can't go on with numbers that are not finite is a member that diverged.
            if not self._finite():
                return math.nan
            if isinstance(error, ActlabError) or _of_memory(error):
                raise  # whoever runs the study knows what to do without memory
            raise ActlabError(self._failed(error)) from error
        return float(loss.detach())

    def _failed(self, error: Exception) -> str:
        return (
            f"training {self.problem.name} failed with {self.candidate.label} in block "
            f"{self.block + 1} at learning rate {self.rate:g}: {type(error).__name__}: {error}"
        )

    def _finite(self) -> bool:
        return all(bool(torch.isfinite(weight).all()) for weight in self.model.parameters())

    def _before_step(self, *_: Any) -> None:
        """Measure the gradients, and clip them if that is asked for."""
        self.norms.append((_norm(self.first), _norm(self.last)))
        if self.settings.clip_norm is not None:
            clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)


def _of_memory(error: Exception) -> bool:
    """Whether memory did not suffice; PyTorch says so in the words of a RuntimeError."""
    words = ("allocate memory", "out of memory")
    return isinstance(error, MemoryError) or any(word in str(error) for word in words)


def unit_shares(
    problem: Problem, built: Built, part: Part, settings: Settings, block: int
) -> tuple[float, float]:
    """Share of dead and of saturated units of a network on a part."""
    counts = UnitCounts(built.model, built.places)
    with counts.counting():
        measured(problem, built.model, part, settings, block)
    return counts.shares()


def measured(
    problem: Problem, model: nn.Module, part: Part, settings: Settings, block: int
) -> tuple[float, float]:
    """Score and loss of a model on a part; NaN where they are not finite."""
    model.eval()
    with Draws(settings.seed, block, SCORING).used(), torch.no_grad():
        score, loss = problem.measure(model, part, settings)
    return float(score), float(loss)


def _norm(weight: Tensor) -> float:
    return math.nan if weight.grad is None else float(get_total_norm([weight.grad]))


def finite_median(numbers: Sequence[float]) -> float:
    """Median of what is finite, of two in the middle the lower; NaN of nothing."""
    finite = [number for number in numbers if math.isfinite(number)]
    return median_low(finite) if finite else math.nan
