"""Remedies on the forward pass: other activations, normalisation, scaled inputs, safe logarithms.

What lives in a hook (scaled inputs, a clamped logarithm) stays after the watch is detached, since
the trained weights rely on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import torch
from torch import nn
from torch.overrides import TorchFunctionMode, _push_mode

from actlab.catalogue import get
from actlab.errors import ActlabError
from actlab.health.evidence import gain_of
from actlab.health.function_mode import without_mode
from actlab.health.identify import activation_of
from actlab.health.patient import Patient, Undo
from actlab.health.remedies_weights import draw

__all__ = [
    "clamp_log", "float32", "logarithm_of_output", "normalise", "scale_input", "swap", "swap_all",
]  # fmt: skip

_SCALING_BATCHES: Final = 20
"""Batches from which the mean and the deviation of the inputs are taken."""


def swap(patient: Patient, sites: Sequence[str], new: str) -> Undo:
    """Exchange activation layers for another function."""
    activation = get(new)
    places = []
    for name in sites:
        path, _, last = name.rpartition(".")
        try:
            owner = patient.model.get_submodule(path)
        except AttributeError:
            owner = None
        child = None if owner is None else owner._modules.get(last)
        if owner is None or child is None or activation_of(child) is None:
            raise ActlabError(
                f"{name!r} is no activation layer but computed inside another module, and can't "
                "be exchanged from outside; change it in the code"
            )
        places.append((owner, last))
    olds = [owner._modules[last] for owner, last in places]
    weight = next((p for p in patient.model.parameters() if p.is_floating_point()), None)
    for owner, last in places:
        fresh: nn.Module = nn.Identity() if new == "identity" else activation.module()
        owner._modules[last] = fresh if weight is None else fresh.to(weight.device, weight.dtype)
    patient.changed()

    def undo() -> None:
        for (owner, last), old in zip(places, olds, strict=True):
            owner._modules[last] = old
        patient.changed()

    return undo


def swap_all(patient: Patient, sites: Sequence[str], layers: Sequence[str], new: str) -> Undo:
    """Exchange the activation and initialise the layers before it with the new one's gain."""
    undo = swap(patient, [s for s in sites if " after " not in s] or sites, new)
    gain = gain_of(get(new))
    for name in layers:
        if name:
            draw(patient.module(name), gain)
            patient.forget(patient.module(name))
    return undo


def normalise(patient: Patient, layers: Sequence[str]) -> Undo:
    """Insert a normalisation after layers."""
    handles, added = [], []
    for name in layers:
        layer = patient.module(name)
        norm = _norm_for(layer)
        weight = next(layer.parameters())
        norm.to(weight.device, torch.float32 if "16" in str(weight.dtype) else weight.dtype)
        layer.add_module("actlab_norm", norm)
        handles.append(layer.register_forward_hook(_through))
        added.append(layer)
        draw(layer, 1.0)
        patient.forget(layer)
    if patient.optimizer is not None:
        patient.optimizer.add_param_group(
            {"params": [p for layer in added for p in layer.actlab_norm.parameters()]}  # type: ignore[union-attr]
        )

    def undo() -> None:
        for handle, layer in zip(handles, added, strict=True):
            handle.remove()
            del layer.actlab_norm
        if patient.optimizer is not None:
            patient.optimizer.param_groups.pop()

    return undo


def _norm_for(layer: nn.Module) -> nn.Module:
    if isinstance(layer, nn.Linear):
        return nn.LayerNorm(layer.out_features)
    if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d):
        return nn.GroupNorm(1, layer.out_channels)
    raise ActlabError(f"no normalisation is known that follows a {type(layer).__name__}")


def _through(module: nn.Module, args: Any, output: Any) -> Any:
    del args
    return module.actlab_norm(output)  # type: ignore[operator]


def scale_input(patient: Patient) -> Undo:
    """Scale every input feature to mean 0 and standard deviation 1, and begin again."""
    state: dict[str, Any] = {"count": 0.0, "mean": None, "square": None, "batches": 0}

    def before(module: nn.Module, args: Any) -> Any:
        x = args[0] if args else None
        if not isinstance(x, torch.Tensor) or not x.is_floating_point():
            return None
        axes = [a for a in range(x.dim()) if a != (1 if x.dim() > 3 else x.dim() - 1)]
        if module.training and state["batches"] < _SCALING_BATCHES and bool(x.isfinite().all()):
            with torch.no_grad():
                mean, square = x.double().mean(axes, keepdim=True), x.double().square().mean(
                    axes, keepdim=True)  # fmt: skip
                n, known = float(x.shape[0]), state["count"]
                old = (mean, square) if known == 0 else (state["mean"], state["square"])
                state["mean"] = (known * old[0] + n * mean) / (known + n)
                state["square"] = (known * old[1] + n * square) / (known + n)
                state["count"], state["batches"] = known + n, state["batches"] + 1
        if state["mean"] is None:
            return None
        mean = state["mean"]
        deviation = (state["square"] - mean**2).clamp_min(0).sqrt()
        deviation = torch.where(deviation > 1e-6 * mean.abs().clamp_min(1e-12), deviation, 1.0)
        return ((x.double() - mean) / deviation).clamp(-20, 20).to(x.dtype), *args[1:]

    patient.back_to_start()
    return patient.model.register_forward_pre_hook(before).remove


def logarithm_of_output(patient: Patient) -> Undo:
    """Pass the logarithm of the output's probabilities on, which undoes a softmax too many."""

    def after(module: nn.Module, args: Any, output: Any) -> Any:
        del module, args
        if isinstance(output, torch.Tensor):
            return output.clamp_min(torch.finfo(output.dtype).tiny).log()
        return output

    return patient.model.register_forward_hook(after).remove


def float32(patient: Patient) -> Undo:
    """Compute the model in float32, without autocast."""
    model = patient.model
    forward = model.forward
    dtypes = {p.dtype for p in model.parameters()}
    device = next((p.device.type for p in model.parameters()), "cpu")

    def full(*args: Any, **kwargs: Any) -> Any:
        args = tuple(_wide(a) for a in args)
        with torch.autocast(device, enabled=False):
            return forward(*args, **{k: _wide(v) for k, v in kwargs.items()})

    patient.back_if_broken()
    if dtypes & {torch.float16, torch.bfloat16}:
        model.float()
    model.forward = full

    def undo() -> None:
        with suppress(AttributeError):
            del model.forward
        if len(dtypes) == 1:
            model.to(next(iter(dtypes)))

    return undo


def _wide(value: Any) -> Any:
    narrow = isinstance(value, torch.Tensor) and value.dtype in {torch.float16, torch.bfloat16}
    return value.float() if narrow else value


class _Clamped(TorchFunctionMode):
    """Keeps the argument of a logarithm away from 0."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _LOGS and args and isinstance(args[0], torch.Tensor):
            args = (args[0].clamp_min(1e-7), *args[1:])
        return func(*args, **(kwargs or {}))


_LOGS: Final = frozenset(
    {torch.log, torch.Tensor.log, torch.log2, torch.Tensor.log2, torch.log10, torch.Tensor.log10}
)


def clamp_log(patient: Patient) -> Undo:
    """Keep the argument of logarithms at 1e-7 or more, from the last good state."""
    optimizer = patient.need_optimizer()
    mode = _Clamped()

    def begin(module: nn.Module, args: Any) -> None:
        del args
        without_mode(mode)
        if module.training and torch.is_grad_enabled():
            _push_mode(mode)  # type: ignore[no-untyped-call]

    def end(*_: Any) -> None:
        without_mode(mode)

    patient.back_to_good()
    handles = [
        patient.model.register_forward_pre_hook(begin),
        optimizer.register_step_pre_hook(end),
    ]

    def undo() -> None:
        without_mode(mode)
        for handle in handles:
            handle.remove()

    return undo
