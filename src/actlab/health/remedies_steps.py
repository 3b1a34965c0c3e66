"""Remedies on steps: the learning rate and its schedule, clipping, an earlier state, the end."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import torch
from torch import nn

from actlab.errors import ActlabError
from actlab.health.evidence import Evidence
from actlab.health.patient import Patient, Undo, nothing

__all__ = [
    "clip", "lower_rate", "raise_rate", "roll_back", "schedule", "skip_bad_steps", "stop", "warmup",
]  # fmt: skip

_GOOD_PACE: Final = 0.01
"""Change of a step over the weight that a rate too high is lowered to in the first steps."""
_FAIR_PACE: Final = 0.005
"""The same that a rate too low is raised to."""


def roll_back(patient: Patient) -> Undo:
    """Go back to the last good state."""
    if patient.good is None:
        raise ActlabError('no earlier state was kept; watch with cure="ask" or "apply" keeps one')
    patient.good.restore(patient.model, patient.optimizer, rates=False)
    return nothing


def stop(patient: Patient) -> Undo:
    """Stop training, in the best state that was seen."""
    if patient.good is not None:
        patient.good.restore(patient.model, patient.optimizer, rates=False)
    patient.stop()
    return nothing


def lower_rate(patient: Patient, factor: float | None = None) -> Undo:
    """Lower the learning rate and begin again from the first state."""
    if factor is None:
        hot = Evidence.of(patient.record).hot
        factor = _GOOD_PACE / hot if math.isfinite(hot) and hot > 0 else 0.01
        factor = min(0.1, max(1e-4, factor))
    _scale_rates(patient.need_optimizer(), factor)
    patient.back_to_start()
    return nothing


def raise_rate(patient: Patient, factor: float | None = None) -> Undo:
    """Raise the learning rate."""
    if factor is None:
        pace = Evidence.of(patient.record).pace
        factor = _FAIR_PACE / pace if math.isfinite(pace) and pace > 0 else 10.0
        factor = min(1e4, max(2.0, factor))
    _scale_rates(patient.need_optimizer(), factor)
    return nothing


def _scale_rates(optimizer: Any, factor: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = group["lr"] * factor
        if "initial_lr" in group:
            group["initial_lr"] = group["initial_lr"] * factor


def clip(patient: Patient, norm: float) -> Undo:
    """Clip the gradients to a norm."""
    optimizer = patient.need_optimizer()

    def before(opt: Any, args: Any, kwargs: Any) -> None:
        del args, kwargs
        nn.utils.clip_grad_norm_([p for g in opt.param_groups for p in g["params"]], norm)

    patient.back_if_broken()
    return optimizer.register_step_pre_hook(before).remove  # type: ignore[no-any-return]


def skip_bad_steps(patient: Patient) -> Undo:
    """Leave out steps whose gradient is not finite, from the last good state on."""
    optimizer = patient.need_optimizer()

    def before(opt: Any, args: Any, kwargs: Any) -> None:
        del args, kwargs
        own = [p for g in opt.param_groups for p in g["params"] if p.grad is not None]
        if own and not bool(
            torch.stack(torch._foreach_norm([p.grad for p in own])).isfinite().all()
        ):
            for parameter in own:
                parameter.grad = None

    patient.back_to_good()
    return optimizer.register_step_pre_hook(before).remove  # type: ignore[no-any-return]


def warmup(patient: Patient, steps: int = 50) -> Undo:
    """Let the learning rate rise over the first steps, from the first state."""
    patient.back_to_start()
    return _scheduled(patient, lambda t: min(1.0, (t + 1) / steps))


def schedule(patient: Patient, kind: str = "cosine", steps: int = 1000) -> Undo:
    """Let the learning rate fall: "cosine", "exponential", "step" or "plateau"."""
    if kind == "plateau":
        return _on_plateau(patient, steps)
    shapes: dict[str, Callable[[int], float]] = {
        "cosine": lambda t: 0.5 * (1 + math.cos(math.pi * min(1.0, t / steps))),
        "exponential": lambda t: 0.01 ** (t / steps),
        "step": lambda t: 0.1 ** (3 * t // steps),
    }
    if kind not in shapes:
        raise ActlabError(f"{kind!r} is no schedule; there are {', '.join(shapes)} and plateau")
    return _scheduled(patient, shapes[kind])


def _scheduled(patient: Patient, shape: Callable[[int], float]) -> Undo:
    optimizer = patient.need_optimizer()
    rates = [group["lr"] for group in optimizer.param_groups]
    done = [0]

    def put() -> None:
        for group, rate in zip(optimizer.param_groups, rates, strict=False):
            group["lr"] = rate * shape(done[0])

    def after(opt: Any, args: Any, kwargs: Any) -> None:
        del opt, args, kwargs
        done[0] += 1
        put()

    put()
    return optimizer.register_step_post_hook(after).remove  # type: ignore[no-any-return]


def _on_plateau(patient: Patient, steps: int) -> Undo:
    optimizer = patient.need_optimizer()
    wait = max(10, steps // 10)
    best, at, latest = math.inf, 0, -1

    def after(opt: Any, args: Any, kwargs: Any) -> None:
        nonlocal best, at, latest
        del args, kwargs
        curve = patient.record.loss
        if not curve.steps or curve.steps[-1] == latest:
            return  # nothing new: the window is open, or nobody watches any more
        latest = curve.steps[-1]
        at = min(at, latest)  # another record has begun
        recent = curve.values[-10:]
        mean = sum(recent) / len(recent)
        if mean < 0.99 * best:
            best, at = mean, latest
        elif latest - at > wait:
            _scale_rates(opt, 0.3)
            at = latest

    return optimizer.register_step_post_hook(after).remove  # type: ignore[no-any-return]
