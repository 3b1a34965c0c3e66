"""Remedies on weights: draw them anew, let frozen ones learn."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from actlab.health.evidence import Evidence, gain_of
from actlab.health.patient import Patient, Undo, nothing

__all__ = ["draw", "reinitialise", "train"]


def reinitialise(patient: Patient, layers: Sequence[str]) -> Undo:
    """Initialise layers anew, with the gain of the activation that follows and bias 0."""
    gains = {}
    seen = Evidence.of(patient.record)
    for site in patient.record.activations():
        if site.activation is not None:
            gains[seen.feeding(site)] = gain_of(site.activation)
    _cure_the_rest(patient, layers)
    for name in layers:
        if name:
            draw(patient.module(name), gains.get(name, 1.0))
            patient.forget(patient.module(name))
    return nothing


def draw(module: nn.Module, gain: float) -> None:
    """Weights of a deviation gain / sqrt(fan in), recurrent ones orthogonal, biases 0."""
    with torch.no_grad():
        if not any(p.dim() > 1 for p in module.parameters(recurse=False)):
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()  # type: ignore[operator]
            return
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.dim() < 2:
                parameter.zero_()
            elif "weight_hh" in name:
                for gate in parameter.chunk(max(1, parameter.shape[0] // parameter.shape[1])):
                    nn.init.orthogonal_(gate)
            else:
                fan = parameter[0].numel()
                parameter.normal_(0, (1.0 if "weight_ih" in name else gain) / math.sqrt(fan))


def _cure_the_rest(patient: Patient, layers: Sequence[str]) -> None:
    """Weights that are not finite, or were driven off: back to the start, where it is known."""
    if all(bool(p.isfinite().all()) for p in patient.model.parameters()) and not any(
        patient.module(n) is patient.model for n in layers if n
    ):
        return
    patient.back_to_start()


def train(patient: Patient, layers: Sequence[str]) -> Undo:
    """Let frozen layers learn: ask for their gradient and give them to the optimizer."""
    optimizer = patient.need_optimizer()
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    own = [p for n in layers for p in patient.module(n).parameters(recurse=False)]
    asked = [p for p in own if not p.requires_grad]
    for parameter in asked:
        parameter.requires_grad_(True)
    missing = [p for p in own if id(p) not in held]
    if missing:
        optimizer.add_param_group({"params": missing})
    patient.changed()

    def undo() -> None:
        for parameter in asked:
            parameter.requires_grad_(False)
        if missing:
            optimizer.param_groups.pop()
        patient.changed()

    return undo
