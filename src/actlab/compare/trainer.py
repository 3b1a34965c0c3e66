"""Stacked training: every member of a chunk in one batched computation.

A member is one (candidate, block) pair at one learning rate. Members share nothing but the
arithmetic: one that diverges to NaN changes no other. All that a run depends on is in the
arguments, and the computation uses one thread, so that a chunk gives the same numbers whenever
and beside whatever it is trained.
"""

from __future__ import annotations

import math
from collections import defaultdict
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from actlab.compare.batches import Part, batch_order
from actlab.compare.losses import loss_for
from actlab.compare.metrics import metric_for
from actlab.compare.monitor import UnitCounts, saved_bytes
from actlab.compare.networks import StackedNetwork, base_draws, layer_shapes
from actlab.compare.optimisers import StackedOptimizer
from actlab.compare.schedules import schedule_named
from actlab.compare.steady import steady_arithmetic
from actlab.compare.study import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from actlab.compare.study import Candidate, Chunk, Settings
    from actlab.compare.task import Split, Task

__all__ = ["initial_weights", "train_chunk", "train_network"]

Array = np.ndarray[Any, Any]

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
    `settings.learning_rates`. What a candidate has in the chunk is trained as one
    stack, one stack after the other.

    Raises:
        DataError: a loss or a metric that does not fit the task.
        UnknownNameError: an unknown optimiser, loss, metric or schedule.
    """
    splits = {block: task.split(block, settings) for _, block in chunk.pairs}
    numbers = torch.empty(0, dtype=dtype).numpy().dtype
    found: dict[tuple[int, int], list[Run]] = defaultdict(list)
    with steady_arithmetic(), torch.no_grad():
        for index in sorted({index for index, _ in chunk.pairs}):
            blocks = sorted(block for i, block in chunk.pairs if i == index)
            some = [splits[block] for block in blocks]
            stack = _Stack(task, candidates[index], some, settings=settings, dtype=numbers)
            stack.train()
            for run in stack.runs():
                found[index, run.block].append(run)
    return [run for pair in chunk.pairs for run in found[pair]]


def train_network(
    task: Task, candidate: Candidate, split: Split, settings: Settings
) -> tuple[Run, StackedNetwork] | None:
    """Train one candidate on one split at every learning rate, for whoever wants the network.

    Returns:
        What validation chose: its run, and the network, a stack of one, with its weights at the
        chosen epoch. None if every learning rate diverged before the first score. Without test
        rows the run has no test score.
    """
    with steady_arithmetic(), torch.no_grad():
        stack = _Stack(task, candidate, [split], settings=settings, dtype=np.dtype(np.float32))
        stack.train()
        chosen = stack.chosen()
        return (stack.runs()[chosen[0]], stack.network.subset(chosen)) if chosen else None


class _Best:
    """Every member's best epoch on validation, and its weights then.

    A better score wins; at an equal score the smaller loss; then the earlier epoch.
    """

    def __init__(self, network: StackedNetwork) -> None:
        self._network = network
        self.parameters = network.parameters.copy()
        self.epoch = np.zeros(network.members, dtype=np.int64)
        self.value = np.full(network.members, -np.inf)
        self.loss = np.full(network.members, np.inf)

    def update(self, epoch: int, value: Array, loss: Array) -> None:
        """Keep the members that are better now; NaN is never better."""
        better = (value > self.value) | ((value == self.value) & (loss < self.loss))
        self.value[better], self.loss[better] = value[better], loss[better]
        self.epoch[better] = epoch
        self.parameters[better] = self._network.parameters[better]


class _Stack:
    """Members of one candidate: some of its blocks, at every learning rate."""

    def __init__(
        self,
        task: Task,
        candidate: Candidate,
        splits: Sequence[Split],
        *,
        settings: Settings,
        dtype: np.dtype[Any],
    ) -> None:
        self.candidate, self.settings = candidate, settings
        self.blocks = [split.block for split in splits]
        self.loss = loss_for(settings.loss, task)
        self.metric = metric_for(settings.metric, task)
        self.schedule = schedule_named(settings.schedule)
        inputs = [split.train_x.shape[1] for split in splits]
        widths = (max(inputs), *settings.hidden, self.loss.outputs(len(task.classes)))
        self.train_part, self.validation_part, self.test_part = (
            Part(splits, which, widths[0], dtype) for which in ("train", "validation", "test")
        )
        rates = settings.learning_rates
        self.network = StackedNetwork(candidate.activation, len(splits), len(rates), widths, dtype)
        self._initialise(inputs)
        self.optimizer = StackedOptimizer(
            settings.optimizer, self.network, np.tile(rates, len(splits))
        )
        self.best = _Best(self.network)
        steps = settings.epochs * -(-self.train_part.rows // settings.batch_size)
        shape = (settings.epochs, self.network.members)
        self.train_loss, self.validation_loss, self.score = (np.empty(shape) for _ in range(3))
        self.first_norm, self.last_norm = (
            np.empty((steps, self.network.members), dtype) for _ in range(2)
        )
        self.step_seconds: list[float] = []
        """Per epoch: the mean time of a step for one member."""

    def _initialise(self, inputs: Sequence[int]) -> None:
        """A narrower block's matrix has rows of zeros below."""
        for place, (block, width) in enumerate(zip(self.blocks, inputs, strict=True)):
            widths = (width, *self.network.widths[1:])
            matrices = initial_weights(self.candidate, self.settings.seed, block, widths)
            for weight, matrix in zip(self.network.weights, matrices, strict=True):
                weight[place, :, : len(matrix)] = matrix

    # --- training -----------------------------------------------------------------------------

    def train(self) -> None:
        """All epochs; afterwards the network holds every member's best epoch."""
        for epoch in range(self.settings.epochs):
            self.optimizer.set_factor(self.schedule(epoch, self.settings.epochs))
            self._epoch(epoch)
            loss, score = self._evaluate(self.network, self.validation_part)
            self.validation_loss[epoch], self.score[epoch] = loss, score
            self.best.update(epoch + 1, score if self.metric.greater_is_better else -score, loss)
        self.network.parameters[:] = self.best.parameters

    def _epoch(self, epoch: int) -> None:
        part, settings = self.train_part, self.settings
        orders = [batch_order(settings.seed, block, epoch, part.rows) for block in self.blocks]
        sums = np.zeros(self.network.members)
        start, first = perf_counter(), self.optimizer.steps
        for x, y in part.batches(settings.batch_size, orders):
            now = self.network.rows(y.shape[1])
            np.copyto(now.x, x)
            for call in now.forward:
                call()
            self.loss.add(now.outputs, y, now.gradient, sums)
            for call in now.backward:
                call()
            self._measure_and_clip()
            self.optimizer.step()
        self.train_loss[epoch] = sums / part.rows
        steps = self.optimizer.steps - first
        self.step_seconds.append((perf_counter() - start) / steps / self.network.members)

    def _measure_and_clip(self) -> None:
        network, step = self.network, self.optimizer.steps
        self.first_norm[step] = _norms(network.gradients[:, network.places[0]])
        self.last_norm[step] = _norms(network.gradients[:, network.places[-1]])
        if self.settings.clip_norm is not None:
            # As torch.nn.utils.clip_grad_norm_ has it, for each member apart.
            factor = self.settings.clip_norm / (_norms(network.gradients) + 1e-6)
            network.gradients *= np.minimum(factor, 1)[:, None]

    def _evaluate(self, network: StackedNetwork, part: Part) -> tuple[Array, Array]:
        """Mean loss and score of every member on a whole part."""
        sums = np.zeros(network.members)
        outputs = np.empty((network.members, part.rows, network.widths[-1]), network.dtype)
        done = 0
        for x, y in part.batches(EVALUATION_ROWS):
            now = network.rows(y.shape[1])
            np.copyto(now.x, x)
            for call in now.value:
                call()
            self.loss.add(now.outputs, y, now.gradient, sums)
            outputs[:, done : done + y.shape[1]] = now.outputs
            done += y.shape[1]
        target = np.repeat(part.target, network.rates, axis=0)
        return sums / part.rows, self.metric(part.in_target_units(outputs), target)

    # --- afterwards ---------------------------------------------------------------------------

    def runs(self) -> list[Run]:
        """The finished runs, by block and rate; only what validation chose meets the test part."""
        test_loss, test_score = self._test()
        dead, saturated = self._unit_shares()
        first, last = _finite_median(self.first_norm), _finite_median(self.last_norm)
        finite = np.isfinite(self.train_loss) & np.isfinite(self.validation_loss)
        seconds = float(np.median(self.step_seconds))
        kept = self._saved_bytes()
        members = [(block, rate) for block in self.blocks for rate in self.settings.learning_rates]
        return [
            Run(
                candidate=self.candidate.label,
                learning_rate=rate,
                block=block,
                train_loss=tuple(self.train_loss[:, m].tolist()),
                validation_loss=tuple(self.validation_loss[:, m].tolist()),
                validation_score=tuple(self.score[:, m].tolist()),
                chosen_epoch=int(self.best.epoch[m]),
                test_score=test_score.get(m),
                test_loss=test_loss.get(m),
                dead_share=float(dead[m]),
                saturated_share=float(saturated[m]),
                gradient_first=float(first[m]),
                gradient_last=float(last[m]),
                diverged=not finite[:, m].all(),
                step_seconds=seconds,
                saved_bytes=kept,
            )
            for m, (block, rate) in enumerate(members)
        ]

    def _test(self) -> tuple[dict[int, float], dict[int, float]]:
        """Loss and score on the test part, of the chosen members alone."""
        chosen = self.chosen()
        if not chosen or not self.test_part.rows:
            return {}, {}
        part = self.test_part.of([m // self.network.rates for m in chosen])
        loss, score = self._evaluate(self.network.subset(chosen), part)
        return (
            dict(zip(chosen, loss.tolist(), strict=True)),
            dict(zip(chosen, score.tolist(), strict=True)),
        )

    def chosen(self) -> list[int]:
        """One member per block: the best validation score, then loss, then the first rate.

        Of a block whose every member diverged before its first score, none.
        """
        best, chosen = self.best, []
        for start in range(0, self.network.members, self.network.rates):
            members = [m for m in range(start, start + self.network.rates) if best.epoch[m]]
            if members:
                chosen.append(max(members, key=lambda m: (best.value[m], -best.loss[m], -m)))
        return chosen

    def _unit_shares(self) -> tuple[Array, Array]:
        counts = UnitCounts(self.network)
        for x, y in self.validation_part.batches(EVALUATION_ROWS):
            now = self.network.rows(y.shape[1])
            np.copyto(now.x, x)
            for call in now.forward:
                call()
            counts.add(y.shape[1])
        return counts.shares()

    def _saved_bytes(self) -> int:
        activation, rows = self.candidate.activation, self.settings.batch_size
        dtype = torch.from_numpy(self.network.parameters).dtype
        widths = [self.network.fold * units for units in self.settings.hidden]
        return sum(saved_bytes(activation, rows, width, dtype) for width in widths)


def _norms(gradients: Array) -> Array:
    """Norm of each member's part of the gradient."""
    norms: Array = np.sqrt(np.vecdot(gradients, gradients))
    return norms


def _finite_median(norms: Array) -> Array:
    """Median over the steps, of two in the middle the lower.

    What is not finite (a member that diverged) is left out.
    """
    ordered = np.sort(np.where(np.isfinite(norms), norms, np.nan), axis=0)  # NaN comes last
    finite = np.isfinite(ordered).sum(axis=0)
    middle = np.maximum(finite - 1, 0) // 2
    median: Array = np.take_along_axis(ordered, middle[None], axis=0)[0]
    return median
