"""Training the members of one candidate together, by `torch.func`.

A stack is the blocks of a candidate in a chunk at every learning rate: the parameters of all
members stand one after another in one array, and a step is one call of a gradient that is mapped
over the members. It is for networks whose numbers are then those of training each alone, up
to rounding; `arrangement` finds out whether they are, and whether it is faster.

A stack is one network with many weights. So every stack has one candidate, and before it trains,
the loss of each member is held against that of the member's own network: members that differ in
more than their weights (which `torch.func.stack_module_state` would not notice) are trained one
after another.
"""

from __future__ import annotations

import math
from collections import defaultdict
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap

from actlab.compare import looped
from actlab.compare.batching import batches_of, rows_of
from actlab.compare.draws import TRAINING, Draws
from actlab.compare.looped import Built, Trained, finite_median, measured
from actlab.compare.optimisers import Numbers, StackedOptimizer
from actlab.compare.schedules import schedule_named
from actlab.compare.steady import steady_arithmetic, without_warnings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actlab.compare.problem import Part, Parts, Problem
    from actlab.compare.study import Candidate, Chunk, Run, Settings

__all__ = ["Stack", "cast", "train_chunk"]

Array = np.ndarray[Any, Any]

_SAME_LOSS: Final = 1e-3
"""How far a member's first loss may lie from that of its own network, relative to it."""


def train_chunk(
    problem: Problem, candidates: Sequence[Candidate], chunk: Chunk, settings: Settings
) -> list[Run]:
    """Train every pair of the chunk at every learning rate; one `Run` each.

    The runs come in the order of `chunk.pairs`, and within a pair in the order of
    `settings.learning_rates`. Blocks whose parts have other shapes form stacks of their own.

    Raises:
        ActlabError: the problem's own code failed on numbers that are finite.
    """
    found: dict[tuple[int, int], list[Run]] = {}
    with steady_arithmetic(), without_warnings():
        parts = {block: problem.parts(block, settings) for _, block in chunk.pairs}
        for index in sorted({index for index, _ in chunk.pairs}):
            own = {block: parts[block] for i, block in sorted(chunk.pairs) if i == index}
            for some in _groups(own):
                stack = Stack(problem, candidates[index], some, settings)
                if stack.alike():
                    for block, runs in stack.train().items():
                        found[index, block] = runs
                else:
                    for block in some:
                        found[index, block] = looped.train_pair(
                            problem, candidates[index], block, parts[block], settings
                        )
    return [run for pair in chunk.pairs for run in found[pair]]


def _groups(parts: dict[int, Parts]) -> list[dict[int, Parts]]:
    """Blocks that can be stacked, together."""
    groups: dict[Any, dict[int, Parts]] = defaultdict(dict)
    for block, own in parts.items():
        groups[_shapes(own, block)][block] = own
    return list(groups.values())


def _shapes(parts: Parts, block: int) -> Any:
    """What blocks of one stack have in common; loaders stand alone."""
    each = (parts.train, parts.validation, parts.test)
    if all(isinstance(part, tuple) and isinstance(part[0], Tensor) for part in each):
        return tuple(tuple(tensor.shape) for part in each for tensor in part)
    return block


class _LossOf(nn.Module):
    """The loss as a module, so that the network inside can be called with other weights."""

    def __init__(self, problem: Problem, model: nn.Module, settings: Settings) -> None:
        super().__init__()
        self.model = model
        self._problem, self._settings = problem, settings

    def forward(self, batch: Any) -> Tensor:
        """The loss of a batch."""
        return self._problem.loss(self.model, batch, self._settings)


class Stack:
    """Some blocks of a candidate at every learning rate.

    Args:
        problem: what is trained.
        candidate: the activation of every member.
        parts: the data of each block.
        settings: of the study.
        dtype: of the weights, the data and the arithmetic.
    """

    def __init__(
        self,
        problem: Problem,
        candidate: Candidate,
        parts: dict[int, Parts],
        settings: Settings,
        *,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.problem, self.candidate, self.settings = problem, candidate, settings
        self.parts, self.blocks = parts, list(parts)
        self.rates = settings.learning_rates
        self.dtype = dtype
        self.built: list[Built] = [
            looped.build(problem, candidate, block, parts[block], settings) for block in parts
        ]
        for built in self.built:
            built.model.to(dtype)
        model = self.built[0].model
        trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
        self._shapes = {n: w.shape for n, w in model.named_parameters() if n in trained}
        edges = np.cumsum([0, *(math.prod(shape) for shape in self._shapes.values())]).tolist()
        self._places = {name: slice(edges[i], edges[i + 1]) for i, name in enumerate(self._shapes)}
        self._own = [dict(built.model.named_parameters()) for built in self.built]
        self.members = len(self.blocks) * len(self.rates)
        self._flat, gradients, *memory = torch.zeros(4, self.members, edges[-1], dtype=dtype)
        for place, own in enumerate(self._own):
            rows = slice(place * len(self.rates), (place + 1) * len(self.rates))
            for name, where in self._places.items():
                self._flat[rows, where] = own[name].detach().reshape(-1)
        arrays = [tensor.numpy() for tensor in (self._flat, gradients, *memory)]
        self.numbers = Numbers(arrays[0], arrays[1], arrays[2:])
        self._gradients = gradients
        self._fixed = self._constant(trained)
        self._loss = _LossOf(problem, model, settings)
        one = grad_and_value(self._loss_of)
        # One level of mapping: in two, PyTorch 2.13 mistakes the shapes of a mean squared error.
        shared = None if len(self.blocks) == 1 else 0
        self._both = vmap(one, in_dims=(0, shared, shared))
        rates = np.tile(self.rates, len(self.blocks))
        self.optimizer = StackedOptimizer(settings.optimizer, self.numbers, rates)

    @classmethod
    def largest(
        cls, problem: Problem, candidate: Candidate, parts: dict[int, Parts], settings: Settings
    ) -> Stack:
        """The largest of the stacks that these blocks form."""
        return cls(problem, candidate, max(_groups(parts), key=len), settings)

    def _constant(self, trained: set[str]) -> dict[str, Tensor]:
        """What is not trained: of every member, or of the only block."""
        each = []
        for built in self.built:
            state = dict(built.model.named_parameters()) | dict(built.model.named_buffers())
            each.append({n: t.detach() for n, t in state.items() if n not in trained})
        constant: dict[str, Tensor] = self._of_members(each)
        return constant

    def _of_members(self, each: Sequence[Any]) -> Any:
        """What belongs to the blocks, for every member; with one block, as it is."""
        if len(each) == 1:
            return cast(each[0], self.dtype)
        return _repeated(each, len(self.rates), self.dtype)

    def _loss_of(self, trained: dict[str, Tensor], fixed: dict[str, Tensor], batch: Any) -> Tensor:
        state = {f"model.{name}": tensor for name, tensor in (trained | fixed).items()}
        loss: Tensor = functional_call(self._loss, state, (batch,))
        return loss

    # --- steps --------------------------------------------------------------------------------

    def gradient(self, batch: Any) -> Array:
        """Put every member's gradient into `numbers`, and return the losses (members,)."""
        trained = {
            name: self._flat[:, where].reshape(self.members, *self._shapes[name])
            for name, where in self._places.items()
        }
        gradients, losses = self._both(trained, self._fixed, batch)
        for name, where in self._places.items():
            self._gradients[:, where] = gradients[name].reshape(self.members, -1)
        array: Array = losses.numpy()
        return array

    def step(self, batch: Any, norms: list[Array]) -> Array:
        """One step of every member; returns the losses (members,)."""
        losses = self.gradient(batch)
        norms.append(self._measure_and_clip())
        self.optimizer.step()
        return losses

    def batches(self, epoch: int) -> Iterator[tuple[Any, int]]:
        """The batches of all members, and their rows."""
        each = [
            batches_of(self.parts[block].train, self.settings, block, epoch)
            for block in self.blocks
        ]
        for some in zip(*each, strict=True):
            yield self._of_members(some), rows_of(some[0])

    def alike(self) -> bool:
        """Whether every member's first loss is that of its own network."""
        batch, _ = next(self.batches(0))
        losses = self.gradient(batch).reshape(len(self.blocks), -1)
        for place, block in enumerate(self.blocks):
            own = next(batches_of(self.parts[block].train, self.settings, block, 0))
            with Draws(self.settings.seed, block, TRAINING).used(), torch.no_grad():
                model = self.built[place].model.train()
                alone = float(self.problem.loss(model, cast(own, self.dtype), self.settings))
            if not np.allclose(losses[place], alone, rtol=_SAME_LOSS, atol=1e-30, equal_nan=True):
                return False
        return True

    # --- training -----------------------------------------------------------------------------

    def train(self) -> dict[int, list[Run]]:
        """All epochs; the runs of every block, in the order of the rates."""
        epochs = self.settings.epochs
        train, losses, scores = (np.full((epochs, self.members), np.nan) for _ in range(3))
        standing = np.full((self.members, 2), -np.inf)
        chosen = np.zeros(self.members, dtype=np.int64)
        best = self.numbers.parameters.copy()
        norms: list[Array] = []
        seconds: list[float] = []
        higher = self.problem.score(self.settings).greater_is_better
        schedule = schedule_named(self.settings.schedule)
        for epoch in range(epochs):
            self.optimizer.set_factor(schedule(epoch, epochs))
            train[epoch] = self._epoch(epoch, norms, seconds)
            for m in np.flatnonzero(np.isfinite(self.numbers.parameters).all(1)).tolist():
                score, losses[epoch, m] = self._scored(m, self.numbers.parameters)
                scores[epoch, m] = score
                now = (score if higher else -score, -losses[epoch, m])
                if math.isfinite(score) and now > tuple(standing[m]):
                    standing[m], chosen[m] = now, epoch + 1
                    best[m] = self.numbers.parameters[m]
        steps = np.stack(norms) if norms else np.full((1, 2, self.members), np.nan)
        return {
            block: self._runs(
                place,
                [
                    self._trained(
                        m, best, train, losses, scores, int(chosen[m]), standing[m], steps, seconds
                    )
                    for m in range(place * len(self.rates), (place + 1) * len(self.rates))
                ],
                best,
            )
            for place, block in enumerate(self.blocks)
        }

    def _epoch(self, epoch: int, norms: list[Array], seconds: list[float]) -> Array:
        total, rows, spent, steps = np.zeros(self.members), 0, 0.0, 0
        for built in self.built:
            built.model.train()
        for batch, own in self.batches(epoch):
            start = perf_counter()
            losses = self.step(batch, norms)
            spent += perf_counter() - start
            steps += 1
            total, rows = total + losses.astype(np.float64) * own, rows + own
        if steps:
            seconds.append(spent / steps / self.members)
        mean: Array = total / rows if rows else np.full(self.members, np.nan)
        return mean

    def _measure_and_clip(self) -> Array:
        """Norms of the first and the last weight matrix, (2, members)."""
        gradients, built = self.numbers.gradients, self.built[0]
        found = [
            _norms(gradients[:, self._places[name]])
            if name in self._places
            else np.full(self.members, np.nan)
            for name in (built.first, built.last)
        ]
        if self.settings.clip_norm is not None:
            factor = self.settings.clip_norm / (_norms(gradients) + 1e-6)
            gradients *= np.minimum(factor, 1)[:, None].astype(gradients.dtype)
        return np.stack(found)

    # --- one member ---------------------------------------------------------------------------

    def _alone(self, member: int, numbers: Array) -> tuple[int, Built]:
        """The network of a member's block, with the member's weights."""
        place = member // len(self.rates)
        with torch.no_grad():
            for name, where in self._places.items():
                weights = torch.from_numpy(numbers[member, where])
                self._own[place][name].copy_(weights.reshape(self._shapes[name]))
        return place, self.built[place]

    def _scored(self, member: int, numbers: Array) -> tuple[float, float]:
        place, built = self._alone(member, numbers)
        block = self.blocks[place]
        part = self.parts[block].validation
        return measured(self.problem, built.model, part, self.settings, block)

    def _trained(
        self,
        member: int,
        best: Array,
        train: Array,
        losses: Array,
        scores: Array,
        epoch: int,
        standing: Array,
        steps: Array,
        seconds: list[float],
    ) -> Trained:
        place, built = self._alone(member, best)
        block = self.blocks[place]
        part = self.parts[block].validation
        dead, saturated = looped.unit_shares(self.problem, built, part, self.settings, block)
        return Trained(
            rate=self.rates[member % len(self.rates)],
            train_loss=train[:, member].tolist(),
            validation_loss=losses[:, member].tolist(),
            validation_score=scores[:, member].tolist(),
            epoch=epoch,
            value=float(standing[0]),
            validation=-float(standing[1]),
            dead=dead,
            saturated=saturated,
            first=finite_median(steps[:, 0, member].tolist()),
            last=finite_median(steps[:, 1, member].tolist()),
            seconds=finite_median(seconds),
            kept=built.places.saved_bytes(self.dtype),
        )

    def _runs(self, place: int, trained: list[Trained], best: Array) -> list[Run]:
        """The rows of a block; what validation chose meets the test part."""
        block = self.blocks[place]
        able = [done for done in trained if done.epoch]
        if able:
            done = max(able, key=lambda one: one.standing)  # of equals the first
            member = place * len(self.rates) + trained.index(done)
            _, built = self._alone(member, best)
            part: Part = self.parts[block].test
            done.score, done.loss = measured(self.problem, built.model, part, self.settings, block)
        return [done.run(self.candidate.label, block) for done in trained]


def _norms(gradients: Array) -> Array:
    norms: Array = np.sqrt(np.vecdot(gradients, gradients))
    return norms


def _repeated(batches: Sequence[Any], times: int, dtype: torch.dtype) -> Any:
    """One batch whose tensors have a first axis for the members: each block's so many times."""
    first = batches[0]
    if isinstance(first, Tensor):
        return torch.stack([cast(b, dtype) for b in batches]).repeat_interleave(times, 0)
    if isinstance(first, dict):
        return {key: _repeated([b[key] for b in batches], times, dtype) for key in first}
    if isinstance(first, list | tuple):
        return tuple(_repeated(items, times, dtype) for items in zip(*batches, strict=True))
    raise TypeError(f"a batch holds a {type(first).__name__}, and only tensors can be stacked")


def cast(batch: Any, dtype: torch.dtype) -> Any:
    """Return a batch with its floating tensors in this dtype."""
    if isinstance(batch, Tensor):
        return batch.to(dtype) if batch.is_floating_point() else batch
    if isinstance(batch, dict):
        return {key: cast(value, dtype) for key, value in batch.items()}
    if isinstance(batch, list | tuple):
        return tuple(cast(value, dtype) for value in batch)
    return batch
