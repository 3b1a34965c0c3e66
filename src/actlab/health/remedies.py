"""Remedies: changes to a model and its optimizer, each of which can be undone.

A remedy that lives in a hook (clipping, scaled inputs, a clamped logarithm) stays after the watch
is detached, since the trained weights rely on it; `undo` takes it off.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import nn
from torch.overrides import TorchFunctionMode, _push_mode

from actlab.catalogue import get
from actlab.errors import ActlabError
from actlab.health.collect import without_mode
from actlab.health.evidence import Evidence, gain_of
from actlab.health.identify import activation_of
from actlab.health.record import Record

__all__ = ["ACTIONS", "Patient", "Remedy", "Snapshot"]

Undo = Callable[[], None]

_GOOD_PACE: Final = 0.01
"""Change of a step over the weight that a rate too high is lowered to in the first steps."""
_FAIR_PACE: Final = 0.005
"""The same that a rate too low is raised to."""
_SCALING_BATCHES: Final = 20


@dataclass
class Snapshot:
    """Weights, buffers and the optimizer's state, copied."""

    weights: dict[str, Any]
    optimizer: dict[str, Any] | None

    @classmethod
    def of(cls, model: nn.Module, optimizer: Any) -> Snapshot:
        """Copy them."""
        weights = {k: v.detach().clone() if isinstance(v, torch.Tensor) else copy.deepcopy(v)
                   for k, v in model.state_dict().items()}  # fmt: skip
        return cls(weights, None if optimizer is None else copy.deepcopy(optimizer.state_dict()))

    def restore(self, model: nn.Module, optimizer: Any, *, rates: bool = True) -> None:
        """Put them back; what was added since stays as it is."""
        model.load_state_dict(self.weights, strict=False)
        if optimizer is None or self.optimizer is None:
            return
        now = [(g["lr"], g.get("initial_lr")) for g in optimizer.param_groups]
        if len(now) == len(self.optimizer["param_groups"]):
            optimizer.load_state_dict(copy.deepcopy(self.optimizer))
        else:
            optimizer.state.clear()
        if not rates:
            for group, (rate, initial) in zip(optimizer.param_groups, now, strict=True):
                group["lr"] = rate
                if initial is not None:
                    group["initial_lr"] = initial


@dataclass
class Patient:
    """What remedies work on.

    Attributes:
        model, optimizer: as the user trains them.
        record: what was seen.
        start: the state before training, if it was kept.
        good: the state with the lowest loss, if it was kept.
        changed: called after modules were exchanged.
        stop: called when training should end.
    """

    model: nn.Module
    optimizer: Any
    record: Record
    start: Snapshot | None = None
    good: Snapshot | None = None
    changed: Callable[[], None] = lambda: None
    stop: Callable[[], None] = lambda: None

    def module(self, name: str) -> nn.Module:
        """A module by its path."""
        try:
            return self.model.get_submodule(name)
        except AttributeError as missing:
            raise ActlabError(f"the model has no module {name!r}") from missing

    def need_optimizer(self) -> Any:
        """The optimizer, or a clear error."""
        if self.optimizer is None:
            raise ActlabError("this remedy needs the optimizer: actlab.watch(model, optimizer)")
        return self.optimizer


@dataclass(frozen=True)
class Remedy:
    """One change that can be made and undone.

    Attributes:
        name: of the action.
        text: what it does, in a sentence.
        arguments: which layers, which numbers.
    """

    name: str
    arguments: Mapping[str, Any]
    patient: Patient = field(repr=False, compare=False)

    @property
    def text(self) -> str:
        """What it does."""
        summary = (ACTIONS[self.name].__doc__ or "").split("\n")[0].rstrip(".")
        shown = ", ".join(f"{k} {_shown(v)}" for k, v in self.arguments.items())
        return f"{summary} ({shown})" if shown else summary

    def apply(self) -> Undo:
        """Make the change; returns the function that undoes it, weights included.

        Raises:
            ActlabError: if it can't be made on this model; nothing was changed then.
        """
        patient = self.patient
        before = Snapshot.of(patient.model, patient.optimizer)
        undo = ACTIONS[self.name](patient, **self.arguments)

        def take_back() -> None:
            undo()
            before.restore(patient.model, patient.optimizer)

        return take_back


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value[:4])) + (" ..." if len(value) > 4 else "")
    return f"{value:g}" if isinstance(value, float) else str(value)


# --- weights ----------------------------------------------------------------------------------


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
            _draw(patient.module(name), gains.get(name, 1.0))
            _forget(patient.optimizer, patient.module(name))
    return _nothing


def _draw(module: nn.Module, gain: float) -> None:
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
    _back_to_start(patient)


def _back_to_start(patient: Patient) -> None:
    if patient.start is not None:
        patient.start.restore(patient.model, patient.optimizer, rates=False)
        if patient.optimizer is not None:
            patient.optimizer.state.clear()
        return
    for module in patient.model.modules():
        if any(not bool(p.isfinite().all()) for p in module.parameters(recurse=False)):
            if not hasattr(module, "reset_parameters"):
                raise ActlabError(
                    f"weights of {type(module).__name__} are not finite and no earlier state was "
                    'kept; watch with cure="ask" or "apply" keeps one'
                )
            module.reset_parameters()  # type: ignore[operator]
            _forget(patient.optimizer, module)


def _forget(optimizer: Any, module: nn.Module) -> None:
    """The optimizer's running averages belong to the weights that were."""
    if optimizer is not None:
        for parameter in module.parameters():
            optimizer.state.pop(parameter, None)


def _nothing() -> None:
    """Weights are put back by the snapshot."""


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
            _draw(patient.module(name), gain)
            _forget(patient.optimizer, patient.module(name))
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
        _draw(layer, 1.0)
        _forget(patient.optimizer, layer)
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


def roll_back(patient: Patient) -> Undo:
    """Go back to the last good state."""
    if patient.good is None:
        raise ActlabError('no earlier state was kept; watch with cure="ask" or "apply" keeps one')
    patient.good.restore(patient.model, patient.optimizer, rates=False)
    return _nothing


def stop(patient: Patient) -> Undo:
    """Stop training, in the best state that was seen."""
    if patient.good is not None:
        patient.good.restore(patient.model, patient.optimizer, rates=False)
    patient.stop()
    return _nothing


# --- steps ------------------------------------------------------------------------------------


def lower_rate(patient: Patient, factor: float | None = None) -> Undo:
    """Lower the learning rate and begin again from the first state."""
    if factor is None:
        hot = Evidence.of(patient.record).hot
        factor = _GOOD_PACE / hot if math.isfinite(hot) and hot > 0 else 0.01
        factor = min(0.1, max(1e-4, factor))
    _scale_rates(patient.need_optimizer(), factor)
    _back_to_start(patient)
    return _nothing


def raise_rate(patient: Patient, factor: float | None = None) -> Undo:
    """Raise the learning rate."""
    if factor is None:
        pace = Evidence.of(patient.record).pace
        factor = _FAIR_PACE / pace if math.isfinite(pace) and pace > 0 else 10.0
        factor = min(1e4, max(2.0, factor))
    _scale_rates(patient.need_optimizer(), factor)
    return _nothing


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

    _back_to_start_if_broken(patient)
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

    _back_to_good(patient)
    return optimizer.register_step_pre_hook(before).remove  # type: ignore[no-any-return]


def _back_to_good(patient: Patient) -> None:
    if patient.good is not None:
        patient.good.restore(patient.model, patient.optimizer, rates=False)
    else:
        _back_to_start_if_broken(patient)


def _back_to_start_if_broken(patient: Patient) -> None:
    if any(not bool(p.isfinite().all()) for p in patient.model.parameters()):
        _back_to_start(patient)


def warmup(patient: Patient, steps: int = 50) -> Undo:
    """Let the learning rate rise over the first steps, from the first state."""
    _back_to_start(patient)
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
    state = {"best": math.inf, "at": 0, "done": 0}

    def after(opt: Any, args: Any, kwargs: Any) -> None:
        del args, kwargs
        state["done"] += 1
        losses = patient.record.loss.values[-10:]
        mean = sum(losses) / len(losses) if losses else math.inf
        if mean < 0.99 * state["best"]:
            state["best"], state["at"] = mean, state["done"]
        elif state["done"] - state["at"] > wait:
            _scale_rates(opt, 0.3)
            state["at"] = state["done"]

    return optimizer.register_step_post_hook(after).remove  # type: ignore[no-any-return]


# --- the forward pass -------------------------------------------------------------------------


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

    _back_to_start(patient)
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

    _back_to_start_if_broken(patient)
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

    _back_to_good(patient)
    handles = [
        patient.model.register_forward_pre_hook(begin),
        optimizer.register_step_pre_hook(end),
    ]

    def undo() -> None:
        without_mode(mode)
        for handle in handles:
            handle.remove()

    return undo


ACTIONS: Final[dict[str, Callable[..., Undo]]] = {
    action.__name__: action
    for action in (
        reinitialise, swap, swap_all, normalise, train, roll_back, stop, lower_rate, raise_rate,
        clip, skip_bad_steps, warmup, schedule, scale_input, logarithm_of_output, float32,
        clamp_log,
    )
}  # fmt: skip
"""Every remedy by name."""
