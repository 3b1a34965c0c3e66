"""Stacked or one after another: which way a problem is trained, and why.

Stacked (`stacking`) is chosen where it is exact, in that gradients agree with those of training
alone, and clearly faster, measured on the first steps. The two ways round differently, so a
study keeps the way that it began with, whatever the clock says later.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from itertools import cycle, islice
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, Literal

import torch
from torch import nn

from actlab.compare.batching import batches_of, rows_of
from actlab.compare.draws import TRAINING, Draws
from actlab.compare.looped import Member, build
from actlab.compare.protocol import Plan
from actlab.compare.stacking import Stack, cast
from actlab.compare.steady import steady_arithmetic, without_warnings
from actlab.compare.study import Arrangement
from actlab.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actlab.compare.ledger import Ledger
    from actlab.compare.problem import Parts, Problem
    from actlab.compare.study import Candidate, Settings

__all__ = ["arranged", "seconds_of"]

_FASTER: Final = 2 / 3
"""Stacked is chosen if a step takes at most this part of the time."""
_EXACT: Final = 1e-9
"""How far gradients in float64 may lie apart, relative to their norm."""
_ROUNDED: Final = 1e-4
"""The same in float32, for what can't be computed in float64."""
_ROUNDS: Final = 10
"""Steps of either way that are timed."""


_WAYS: Final[tuple[Literal["looped", "stacked"], ...]] = ("looped", "stacked")
_WORDS: Final = {
    "looped": "The networks were trained one after another",
    "stacked": "The networks were trained stacked by torch.func",
}


def arranged(
    plan: Plan,
    problem: Problem,
    candidates: Sequence[Candidate],
    ledger: Ledger,
    *,
    stack: bool | None = None,
) -> Plan:
    """Return the plan with the way that its networks are trained.

    Args:
        plan: of the study, not arranged yet.
        problem: what is trained.
        candidates: of the study.
        ledger: a study, or parts of one, that it holds go on the way that they began.
        stack: what the user wants; None to measure.

    Raises:
        SettingError: a stack is wanted where it would give other numbers.
    """
    if stack is not None:
        return plan.arranged(_wanted(plan, problem, candidates, stack=stack))
    begun = _begun(plan, ledger)
    return begun or plan.arranged(_measured(plan, problem, candidates))


def _begun(plan: Plan, ledger: Ledger) -> Plan | None:
    """The plan that the ledger has of this study, or of some of its chunks."""
    ways = [plan.arranged(Arrangement(way, "")) for way in _WAYS]
    known = {key: Plan.from_dict(values) for key, _, values in ledger.studies()}
    for own in ways:
        if own.key in known and (arrangement := known[own.key].arrangement):
            return replace(own, arrangement=arrangement)
    for own in ways:
        if ledger.recorded(own) and own.arrangement:
            why = f"{_WORDS[own.arrangement.way]}, as those that the ledger holds of them."
            return replace(own, arrangement=Arrangement(own.arrangement.way, why))
    return None


def _wanted(
    plan: Plan, problem: Problem, candidates: Sequence[Candidate], *, stack: bool
) -> Arrangement:
    way: Literal["looped", "stacked"] = "stacked" if stack else "looped"
    if stack:
        with steady_arithmetic(), without_warnings():
            parts = problem.parts(0, plan.settings)
            reason = _why_looped(problem, candidates, parts, plan.settings)
        if reason:
            raise SettingError(f"the networks can not be trained stacked: {reason}")
    return Arrangement(way, f"{_WORDS[way]}, as asked.")


def _measured(plan: Plan, problem: Problem, candidates: Sequence[Candidate]) -> Arrangement:
    """Look at the first steps; each candidate is checked, and the first one is timed."""
    settings = plan.settings
    pairs = plan.chunks[0].chunk.pairs
    with steady_arithmetic(), without_warnings():
        parts = {block: problem.parts(block, settings) for i, block in pairs if i == pairs[0][0]}
        first = next(iter(parts.values()))
        reason = _why_looped(problem, candidates, first, settings)
        if reason:
            return Arrangement("looped", f"{_WORDS['looped']}: {reason}.")
        single, stacked = _seconds(problem, candidates[0], parts, settings)
    took = f"a step took {stacked / single:.2g} times as long"
    if stacked <= _FASTER * single:
        why = f"{_WORDS['stacked']}, which is exact here: {took} as one after another."
        return Arrangement("stacked", why)
    return Arrangement("looped", f"{_WORDS['looped']}: stacked by torch.func {took}.")


def seconds_of(plan: Plan, problem: Problem, candidates: Sequence[Candidate]) -> float:
    """Estimate the time that the training of a whole study takes, by some steps of one network."""
    settings = plan.settings
    with steady_arithmetic(), without_warnings():
        alone = _Alone(problem, candidates[0], problem.parts(0, settings), settings)
        step = min(alone.seconds() for _ in range(_ROUNDS))
    steps = -(-plan.task.train_rows // alone.rows)
    return step * steps * settings.epochs * plan.runs


# --- is it exact ----------------------------------------------------------------------------------


def _why_looped(
    problem: Problem, candidates: Sequence[Candidate], parts: Parts, settings: Settings
) -> str:
    """Why a stack would not give the same numbers; empty if it does."""
    if problem.step is not None:
        return "a whole training step of your own can not be stacked"
    for candidate in candidates:
        model = build(problem, candidate, 0, parts, settings).model
        batch = next(batches_of(parts.train, settings, 0, 0))
        if reason := _leaves_a_trace(problem, model, batch, settings):
            return f"{reason}, which stacking can not repeat" + (
                f" (with {candidate.label})" if len(candidates) > 1 else ""
            )
    for candidate in candidates:
        if reason := _why_inexact(problem, candidate, parts, settings):
            return reason
    return ""


def _leaves_a_trace(problem: Problem, model: nn.Module, batch: Any, settings: Settings) -> str:
    """Whether a forward pass in training changes buffers or draws numbers."""
    before = deepcopy(dict(model.named_buffers()))
    with Draws(settings.seed, 0, TRAINING).used(), torch.no_grad():
        state = torch.get_rng_state()
        problem.loss(model.train(), batch, settings)
        drawn = not torch.equal(state, torch.get_rng_state())
    if drawn:
        return "the network draws random numbers in training, as dropout does"
    changed = [n for n, b in model.named_buffers() if not torch.equal(b, before[n])]
    if changed:
        owner = model.get_submodule(changed[0].rpartition(".")[0])
        return f"{type(owner).__name__} keeps running statistics"
    return ""


def _why_inexact(problem: Problem, candidate: Candidate, parts: Parts, settings: Settings) -> str:
    error: Exception | None = None
    for dtype, bound in ((torch.float64, _EXACT), (torch.float32, _ROUNDED)):
        try:
            distance = _distance(problem, candidate, parts, settings, dtype)
        except Exception as raised:  # noqa: BLE001  torch.func and a user's code raise what they like
            error = raised
            continue
        if distance <= bound:
            return ""
        return (
            f"stacked by torch.func, the gradients with {candidate.label} are others "
            f"({distance:.1g} of their size)"
        )
    assert error is not None  # noqa: S101
    return f"torch.func can not stack them ({_first_line(error)})"


def _distance(
    problem: Problem,
    candidate: Candidate,
    parts: Parts,
    settings: Settings,
    dtype: torch.dtype,
) -> float:
    """How far the gradients of the first batch lie apart, relative to their norm."""
    stack = Stack(problem, candidate, {0: parts}, settings, dtype=dtype)
    batch, _ = next(stack.batches(0))
    stack.gradient(batch)
    together = torch.from_numpy(stack.numbers.gradients).clone()
    model = stack.built[0].model.train()
    own = cast(next(batches_of(parts.train, settings, 0, 0)), dtype)
    with torch.enable_grad():
        model.zero_grad()
        problem.loss(model, own, settings).backward()  # type: ignore[no-untyped-call]
    alone = torch.cat(
        [
            (torch.zeros_like(w) if w.grad is None else w.grad).reshape(-1)
            for w in model.parameters()
            if w.requires_grad
        ]
    )
    size = float(alone.norm())
    furthest = float((together - alone).norm(dim=1).max())
    return furthest / size if size else furthest


# --- is it faster ---------------------------------------------------------------------------------


class _Alone:
    """Steps of one network, timed."""

    def __init__(
        self, problem: Problem, candidate: Candidate, parts: Parts, settings: Settings
    ) -> None:
        rate = settings.learning_rates[0]
        self._member = Member(problem, candidate, 0, rate, parts, settings)
        self._draws = Draws(settings.seed, 0, TRAINING)
        some = list(islice(batches_of(parts.train, settings, 0, 0), _ROUNDS))
        self._batches = cycle(some)
        self.rows = rows_of(some[0])
        """Of a batch."""
        self.seconds()  # warms up

    def seconds(self) -> float:
        """Time of one step."""
        with self._draws.used(), torch.enable_grad():
            batch, start = next(self._batches), perf_counter()
            self._member.step(batch)
            return perf_counter() - start


def _seconds(
    problem: Problem, candidate: Candidate, parts: dict[int, Parts], settings: Settings
) -> tuple[float, float]:
    """The shortest step of a network alone, and in a stack; the two are timed in turn."""
    alone = _Alone(problem, candidate, next(iter(parts.values())), settings)
    stack = Stack.largest(problem, candidate, parts, settings)
    batches = cycle(list(islice(stack.batches(0), _ROUNDS)))
    stack.step(next(batches)[0], [])
    single, stacked = [], []
    for _ in range(_ROUNDS):
        single.append(alone.seconds())
        (batch, _), start = next(batches), perf_counter()
        stack.step(batch, [])
        stacked.append((perf_counter() - start) / stack.members)
    return min(single), min(stacked)


def _first_line(error: Exception) -> str:
    text = str(error).strip().split("\n")[0] or type(error).__name__
    return text if len(text) <= 120 else f"{text[:117]}..."
