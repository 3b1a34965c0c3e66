"""Stacked training: every member of a chunk in one batched computation.

A member is one (candidate, block) pair at one learning rate. Members share nothing but the
arithmetic: one that diverges to NaN changes no other. All that a run depends on is in the
arguments, and the computation uses one thread, so that a chunk gives the same numbers whenever
and beside whatever it is trained.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from actlab.compare.batches import Part, batch_order
from actlab.compare.losses import loss_for
from actlab.compare.metrics import metric_for
from actlab.compare.monitor import UnitCounts, saved_bytes
from actlab.compare.networks import Group, StackedNetwork, base_draws, layer_shapes, views
from actlab.compare.optimisers import StackedOptimizer
from actlab.compare.schedules import schedule_named
from actlab.compare.study import Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from actlab.compare.study import Candidate, Chunk, Settings
    from actlab.compare.task import Split, Task

__all__ = ["initial_weights", "train_chunk"]

Tensor = torch.Tensor

EVALUATION_ROWS: Final = 128
"""Rows that are scored at once: bounds the memory, whatever the size of the data."""


def initial_weights(
    candidate: Candidate, seed: int, block: int, widths: Sequence[int]
) -> list[NDArray[np.float64]]:
    """Weight matrices (fan_in, fan_out): the block's draws times gain/sqrt(fan_in).

    The output layer feeds no activation and has gain 1. Biases start at zero.
    """
    shapes = layer_shapes(widths, 2 if candidate.activation.kind == "gated" else 1)
    gains = [candidate.gain] * (len(shapes) - 1) + [1.0]
    return [
        draw * (gain / math.sqrt(max(1, len(draw))))
        for draw, gain in zip(base_draws(seed, block, shapes), gains, strict=True)
    ]


def train_chunk(
    task: Task,
    candidates: Sequence[Candidate],
    chunk: Chunk,
    settings: Settings,
    *,
    dtype: torch.dtype = torch.float32,
) -> list[Run]:
    """Train every pair of the chunk at every learning rate; one `Run` each.

    The runs come in the order of `chunk.pairs`, and within a pair in the order of
    `settings.learning_rates`. Activations that map number to number, vector to vector, or pairs
    to number are differentiated in different ways, and the last have other weight shapes: each
    kind is a stack of its own, one trained after the other.

    Raises:
        DataError: a loss or a metric that does not fit the task.
        UnknownNameError: an unknown optimiser, loss, metric or schedule.
    """
    splits = {block: task.split(block, settings) for _, block in chunk.pairs}
    found: dict[tuple[int, int], list[Run]] = {}
    with _one_thread(), torch.no_grad():
        for kind in ("scalar", "vector", "gated"):
            pairs = [
                pair for pair in sorted(chunk.pairs) if candidates[pair[0]].activation.kind == kind
            ]
            if pairs:
                stack = _Stack(task, candidates, pairs, splits, settings=settings, dtype=dtype)
                stack.train()
                found.update(stack.runs())
    return [run for pair in chunk.pairs for run in found[pair]]


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread inside: rounding may depend on how an operation is cut into threads.

    Numbers too small for the normal format (below 1e-38) count as zero meanwhile: gradients of a
    saturated network reach there, and the processor takes many times longer for each of them.
    """
    threads = torch.get_num_threads()
    tiny = torch.tensor(1e-40)
    flushed = float(tiny * 1) == 0
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(flushed)
        torch.set_num_threads(threads)


@dataclass
class _History:
    """What is written down while training: one entry per epoch or step, a value per member."""

    train_loss: list[Tensor] = field(default_factory=list)
    validation_loss: list[Tensor] = field(default_factory=list)
    score: list[Tensor] = field(default_factory=list)
    first_norm: list[Tensor] = field(default_factory=list)
    last_norm: list[Tensor] = field(default_factory=list)
    step_seconds: list[list[float]] = field(default_factory=list)
    """Per epoch: the mean time of a step for one member of each group."""


class _Best:
    """Every member's best epoch on validation, and its weights then.

    A better score wins; at an equal score the smaller loss; then the earlier epoch.
    """

    def __init__(self, network: StackedNetwork) -> None:
        self._network = network
        self.parameters = network.parameters.clone()
        self.epoch = torch.zeros(network.members, dtype=torch.long)
        self.value = torch.full((network.members,), -torch.inf, dtype=torch.float64)
        self.loss = torch.full((network.members,), torch.inf, dtype=torch.float64)

    def update(self, epoch: int, value: Tensor, loss: Tensor) -> None:
        """Keep the members that are better now; NaN is never better."""
        better = (value > self.value) | ((value == self.value) & (loss < self.loss))
        self.value = torch.where(better, value, self.value)
        self.loss = torch.where(better, loss, self.loss)
        self.epoch[better] = epoch
        members = better.nonzero().squeeze(1)
        kept = views(self.parameters, self._network.sizes)
        for theirs, now in zip(kept, self._network.tensors, strict=True):
            theirs[members] = now[members]


class _Stack:
    """The members of one shape: their network, their data, their optimiser.

    Members stand in the order of the pairs, which are sorted, then of the learning rates.
    """

    def __init__(
        self,
        task: Task,
        candidates: Sequence[Candidate],
        pairs: Sequence[tuple[int, int]],
        splits: dict[int, Split],
        *,
        settings: Settings,
        dtype: torch.dtype,
    ) -> None:
        self.settings, self.pairs = settings, pairs
        self.candidates = [candidates[index] for index, _ in pairs]
        self.loss = loss_for(settings.loss, task)
        self.metric = metric_for(settings.metric, task)
        self.schedule = schedule_named(settings.schedule)
        self.per_pair = len(settings.learning_rates)
        self.blocks = sorted({block for _, block in pairs})
        used = [splits[block] for block in self.blocks]
        inputs = [split.train_x.shape[1] for split in used]
        widths = (max(inputs), *settings.hidden, self.loss.outputs(len(task.classes)))
        place = [self.blocks.index(block) for _, block in pairs for _ in settings.learning_rates]
        self.train_part, self.validation_part, self.test_part = (
            Part(used, which, torch.tensor(place), widths[0], dtype)
            for which in ("train", "validation", "test")
        )
        self.network = StackedNetwork(self._groups(), widths, dtype)
        self._initialise(dict(zip(self.blocks, inputs, strict=True)))
        rates = torch.tensor(settings.learning_rates, dtype=dtype).repeat(len(pairs))
        self.optimizer = StackedOptimizer(settings.optimizer, self.network, rates)
        self.history = _History()
        self.best = _Best(self.network)

    def _groups(self) -> list[Group]:
        """Neighbouring pairs of the same candidate."""
        groups: list[Group] = []
        for i, (index, _) in enumerate(self.pairs):
            stop = (i + 1) * self.per_pair
            if i and self.pairs[i - 1][0] == index:
                groups[-1].stop = stop
            else:
                groups.append(Group(self.candidates[i].activation, i * self.per_pair, stop))
        return groups

    def _initialise(self, inputs: dict[int, int]) -> None:
        for i, (candidate, (_, block)) in enumerate(zip(self.candidates, self.pairs, strict=True)):
            widths = (inputs[block], *self.network.widths[1:])
            matrices = initial_weights(candidate, self.settings.seed, block, widths)
            members = slice(i * self.per_pair, (i + 1) * self.per_pair)
            for weight, matrix in zip(self.network.weights, matrices, strict=True):
                weight[members, : len(matrix)] = torch.from_numpy(matrix).to(weight.dtype)

    # --- training -----------------------------------------------------------------------------

    def train(self) -> None:
        """All epochs; afterwards the network holds every member's best epoch."""
        for epoch in range(self.settings.epochs):
            self.optimizer.set_factor(self.schedule(epoch, self.settings.epochs))
            self._epoch(epoch)
            loss, score = self._evaluate(self.network, self.validation_part)
            self.history.validation_loss.append(loss)
            self.history.score.append(score)
            value = score if self.metric.greater_is_better else -score
            self.best.update(epoch + 1, value, loss)
        self.network.parameters.copy_(self.best.parameters)

    def _epoch(self, epoch: int) -> None:
        part, seed = self.train_part, self.settings.seed
        orders = [batch_order(seed, block, epoch, part.rows) for block in self.blocks]
        losses: list[Tensor] = []
        for group in self.network.groups:
            group.seconds = 0.0
        start, steps = perf_counter(), 0
        for x, y in part.batches(self.settings.batch_size, orders):
            loss, gradient = self.loss.with_gradient(self.network.forward(x), y)
            losses.append(loss)
            self.network.backward(gradient)
            self._measure_and_clip()
            self.optimizer.step()
            steps += 1
        self._note_time((perf_counter() - start) / steps, steps)
        self.history.train_loss.append(torch.cat(losses, dim=1).double().mean((1, 2)))

    def _measure_and_clip(self) -> None:
        matrices, slopes = self.network.weight_slopes, self.network.slopes
        self.history.first_norm.append(_norms(matrices[0]))
        self.history.last_norm.append(_norms(matrices[-1]))
        if self.settings.clip_norm is None:
            return
        whole = torch.linalg.vector_norm(torch.stack([_norms(slope) for slope in slopes]), dim=0)
        # As torch.nn.utils.clip_grad_norm_ has it, for each member apart.
        factor = (self.settings.clip_norm / (whole + 1e-6)).clamp(max=1.0).view(-1, 1, 1)
        for slope in slopes:
            slope.mul_(factor)

    def _note_time(self, seconds: float, steps: int) -> None:
        """A member's step: its share of what all do together, and its own activation."""
        groups = self.network.groups
        own = [group.seconds / steps for group in groups]
        common = (seconds - sum(own)) / self.network.members
        self.history.step_seconds.append(
            [common + part / group.size for part, group in zip(own, groups, strict=True)]
        )

    def _evaluate(self, network: StackedNetwork, part: Part) -> tuple[Tensor, Tensor]:
        """Mean loss and score of every member on a whole part."""
        outputs, losses = [], []
        for x, y in part.batches(EVALUATION_ROWS):
            output = network.forward(x, training=False)
            losses.append(self.loss.value(output, y))
            outputs.append(output.clone())
        answers = part.in_target_units(torch.cat(outputs, dim=1))
        return torch.cat(losses, dim=1).double().mean((1, 2)), self.metric(answers, part.target())

    # --- afterwards ---------------------------------------------------------------------------

    def runs(self) -> dict[tuple[int, int], list[Run]]:
        """The finished runs of every pair; only what validation chose meets the test part."""
        test_loss, test_score = self._test()
        dead, saturated = self._unit_shares()
        history = self.history
        train, validation = torch.stack(history.train_loss), torch.stack(history.validation_loss)
        scores = torch.stack(history.score)
        first, last = _finite_median(history.first_norm), _finite_median(history.last_norm)
        diverged = ~(train.isfinite() & validation.isfinite()).all(0)
        seconds = np.median(history.step_seconds, axis=0)
        kept = [self._saved_bytes(group) for group in self.network.groups]
        found: dict[tuple[int, int], list[Run]] = {pair: [] for pair in self.pairs}
        for m in range(self.network.members):
            number, rate = divmod(m, self.per_pair)
            group = next(i for i, g in enumerate(self.network.groups) if m < g.stop)
            run = Run(
                candidate=self.candidates[number].label,
                learning_rate=self.settings.learning_rates[rate],
                block=self.pairs[number][1],
                train_loss=tuple(train[:, m].tolist()),
                validation_loss=tuple(validation[:, m].tolist()),
                validation_score=tuple(scores[:, m].tolist()),
                chosen_epoch=int(self.best.epoch[m]),
                test_score=test_score.get(m),
                test_loss=test_loss.get(m),
                dead_share=float(dead[m]),
                saturated_share=float(saturated[m]),
                gradient_first=float(first[m]),
                gradient_last=float(last[m]),
                diverged=bool(diverged[m]),
                step_seconds=float(seconds[group]),
                saved_bytes=kept[group],
            )
            found[self.pairs[number]].append(run)
        return found

    def _test(self) -> tuple[dict[int, float], dict[int, float]]:
        """Loss and score on the test part, of the chosen members alone."""
        chosen = self._chosen()
        if not chosen:
            return {}, {}
        loss, score = self._evaluate(self.network.subset(chosen), self.test_part.seen_by(chosen))
        return (
            dict(zip(chosen, loss.tolist(), strict=True)),
            dict(zip(chosen, score.tolist(), strict=True)),
        )

    def _chosen(self) -> list[int]:
        """One member per pair: the best validation score, then loss, then the first rate.

        Of a pair whose every member diverged before its first score, none.
        """
        best, chosen = self.best, []
        for start in range(0, self.network.members, self.per_pair):
            members = [m for m in range(start, start + self.per_pair) if best.epoch[m]]
            if members:
                chosen.append(max(members, key=lambda m: (best.value[m], -best.loss[m], -m)))
        return chosen

    def _unit_shares(self) -> tuple[Tensor, Tensor]:
        counts = UnitCounts(self.network)
        for x, _ in self.validation_part.batches(EVALUATION_ROWS):
            self.network.forward(x)
            counts.add(x.shape[1])
        return counts.shares()

    def _saved_bytes(self, group: Group) -> int:
        widths = [self.network.fold * units for units in self.settings.hidden]
        rows, dtype = self.settings.batch_size, self.network.parameters.dtype
        return sum(saved_bytes(group.activation, rows, width, dtype) for width in widths)


def _norms(slope: Tensor) -> Tensor:
    """Frobenius norm of each member's gradient."""
    norms: Tensor = torch.linalg.vector_norm(slope, dim=(1, 2))
    return norms


def _finite_median(norms: list[Tensor]) -> Tensor:
    """Median over the steps; what is not finite (a member that diverged) is left out."""
    steps = torch.stack(norms).double()
    return steps.masked_fill(~steps.isfinite(), torch.nan).nanmedian(0).values
