"""Weights with the gain of the activation that each layer feeds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.utils import parametrize

from actlab.activation import Activation
from actlab.catalogue import get, resolve
from actlab.errors import ActlabError
from actlab.nn.following import After, after_each
from actlab.theory import gain

__all__ = ["Initialised", "initialise"]

_SCORES: Final = frozenset({"sigmoid", "hard_sigmoid", "log_sigmoid"})
"""After the last layer these turn scores into probabilities, as a softmax does."""

_Recurrent: TypeAlias = nn.RNNBase | nn.RNNCellBase


@dataclass(frozen=True)
class Initialised:
    """What was done to one weight.

    Attributes:
        weight: its qualified name, as in `model.named_parameters()`.
        activation: name of the activation that it feeds; "" if it feeds none.
        gain: by which the weight was scaled; NaN where it was left as it was.
        fan_in: inputs that one output sums up, on average for transposed convolutions.
        note: what is special, or why the weight was left as it was.
    """

    weight: str
    activation: str = ""
    gain: float = math.nan
    fan_in: float = math.nan
    note: str = ""

    @property
    def std(self) -> float:
        """The standard deviation of the weight, gain / sqrt(fan_in)."""
        return self.gain / math.sqrt(self.fan_in)

    def __str__(self) -> str:
        note = f"; {self.note}" if self.note else ""
        if math.isnan(self.gain):
            return f"{self.weight}: left as it was{note}"
        return (
            f"{self.weight}: feeds {self.activation or 'no activation'}, gain {self.gain:.6g}, "
            f"fan-in {self.fan_in:g}, std {self.std:.6g}{note}"
        )


def initialise(
    model: nn.Module,
    activation: str | Activation | None = None,
    *,
    generator: torch.Generator | None = None,
) -> list[Initialised]:
    r"""Draw the weights of a network with the gain of the activation that each layer feeds.

    .. math:: w \sim N(0, g^2 / n), \quad g = 1 / \sqrt{E[f(z)^2]}, \quad z \sim N(0, 1)

    with n the fan-in; biases are zero. A layer that feeds no activation, as the output layer,
    has the gain 1; so has one that feeds a softmax and a last one that feeds a sigmoid. Inputs
    of variance 1 give the first pre-activations the variance g^2; where it goes from there says
    `actlab.forecast(f, variance=g**2)`.

    Drawn are linear layers, convolutions, their transposes (a fan-in counts how often the stride
    lets the kernel meet an output) and recurrent layers (the fan-in counts inputs and hidden
    units; gates have the gain 1). All other weights, and frozen ones, are left. Activations are
    found by tracing the model with `torch.fx`, calls such as `torch.relu(x)` included; a model
    that can't be traced is read in the order in which its layers were registered.

    Args:
        model: the network; it is changed in place.
        activation: name, formula or activation that all layers but the output are taken to
            feed, for models whose activations can't be found.
        generator: for reproducible draws; PyTorch's own of the CPU by default.

    Returns:
        One `Initialised` for each weight, in the order of the model; its `str` is a sentence.

    Raises:
        TypeError: if `model` is no module, or `activation` has no gain because it maps vectors.
        ArithmeticError: if the second moment of `activation` is zero or infinite.
        ActlabError: if there is nothing to draw, a lazy layer has not seen its input yet, or no
            activation was recognised. Nothing was changed.

    Example:
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> for done in initialise(model, generator=torch.Generator().manual_seed(0)):
        ...     print(done)
        0.weight: feeds relu, gain 1.41421, fan-in 4, std 0.707107
        2.weight: feeds no activation, gain 1, fan-in 8, std 0.353553

    Source: He, Zhang, Ren, Sun (2015), Delving deep into rectifiers, arXiv:1502.01852, for ReLU;
    Poole et al. (2016), arXiv:1606.05340, for the second moment of any function.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is of type {type(model).__name__}; a torch.nn.Module was expected")
    layers = {name: m for name, m in model.named_modules() if _is_drawn(m)}
    _check(model, layers)
    after = after_each(model, layers)
    if activation is None:
        _check_recognised(model, layers, after)
        wanted = {name: _fed(place) for name, place in after.items()}
    else:
        named = resolve(activation) if isinstance(activation, str) else activation
        gain(named)  # what it refuses must be said before anything changes
        wanted = {
            name: named if not place.last or _fed(place) is not None else None
            for name, place in after.items()
        }
    plans = {
        plan.weight: plan
        for name, layer in layers.items()
        for plan in _plans(name, layer, wanted[name], after[name])
    }
    done = _draw_all(model, plans, generator)
    for layer in layers.values():
        _clear_biases(layer)
    return done


def _is_drawn(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Linear | _ConvNd | nn.RNNBase | nn.RNNCellBase)


def _check(model: nn.Module, layers: dict[str, nn.Module]) -> None:
    if not layers:
        raise ActlabError(
            f"{type(model).__name__} has no linear, convolutional or recurrent layer; "
            "there is no weight to initialise"
        )
    for name, layer in layers.items():
        if any(nn.parameter.is_lazy(p) for p in layer.parameters()):
            raise ActlabError(
                f"the lazy layer {name!r} has no weights yet; run the model on one batch first"
            )


def _check_recognised(
    model: nn.Module, layers: dict[str, nn.Module], after: dict[str, After]
) -> None:
    known = any(place.activation is not None for place in after.values())
    doubtful = [name for name, place in after.items() if not place.last and place.unclear]
    if doubtful and not known and not any(isinstance(m, _Recurrent) for m in layers.values()):
        raise ActlabError(
            f"no activation was recognised in {type(model).__name__}; name the one that its "
            "hidden layers feed, for example actlab.initialise(model, 'relu')"
        )


def _fed(place: After) -> Activation | None:
    """The activation whose gain counts."""
    f = place.activation
    if f is None or place.unclear or f.kind == "vector" or (place.last and f.name in _SCORES):
        return None
    return f


@dataclass(frozen=True)
class _Plan:
    """One weight: its rows in blocks, each with its gain."""

    weight: str
    activation: str
    blocks: tuple[float, ...]
    """Gains of equal parts of the rows; the last is the one that is reported."""
    fan_in: float
    note: str = ""

    @property
    def gain(self) -> float:
        return max(self.blocks)


def _plans(name: str, layer: nn.Module, f: Activation | None, place: After) -> Iterator[_Plan]:
    prefix = f"{name}." if name else ""
    if isinstance(layer, _Recurrent):
        yield from _recurrent(prefix, layer)
        return
    size, note = _gain_of(f)
    if f is None and not place.last:
        note = place.unclear
    shown = f.name if f is not None and not note else ""
    yield _Plan(f"{prefix}weight", shown, (size,), _fan_in(layer), note)


def _gain_of(f: Activation | None) -> tuple[float, str]:
    if f is None:
        return 1.0, ""
    try:
        return gain(f), ""
    except ArithmeticError as error:
        return 1.0, str(error)


def _fan_in(layer: nn.Module) -> float:
    if isinstance(layer, nn.Linear):
        return layer.in_features
    assert isinstance(layer, _ConvNd)  # noqa: S101  for the types; _is_drawn lets no other in
    per_group = layer.in_channels // layer.groups
    size = per_group * math.prod(layer.kernel_size)
    # the kernel's places are shared out among the outputs that lie between two inputs
    return size / math.prod(layer.stride) if isinstance(layer, _ConvTransposeNd) else size


def _recurrent(prefix: str, layer: _Recurrent) -> Iterator[_Plan]:
    """Blocks of rows in PyTorch's order: (i, f, g, o) of an LSTM, (r, z, n) of a GRU."""
    f = get(getattr(layer, "nonlinearity", "tanh"))
    size = gain(f)
    if isinstance(layer, nn.LSTM | nn.LSTMCell):
        blocks: tuple[float, ...] = (1.0, 1.0, size, 1.0)
    elif isinstance(layer, nn.GRU | nn.GRUCell):
        blocks = (1.0, 1.0, size)
    else:
        blocks = (size,)
    note = "gates have the gain 1" if len(blocks) > 1 else ""
    weights = dict(layer.named_parameters())
    for name, weight in weights.items():
        if name.startswith("weight_hr"):
            yield _Plan(f"{prefix}{name}", "", (1.0,), weight.shape[1])
        elif name.startswith("weight"):
            partner = name.replace("_ih", "_hh") if "_ih" in name else name.replace("_hh", "_ih")
            fan_in = weight.shape[1] + weights[partner].shape[1]
            yield _Plan(f"{prefix}{name}", f.name, blocks, fan_in, note)


def _draw_all(
    model: nn.Module, plans: dict[str, _Plan], generator: torch.Generator | None
) -> list[Initialised]:
    """Draw what is planned, in the order of the model, and name what is left."""
    done: list[Initialised] = []
    first: dict[int, str] = {}
    for path, layer in model.named_modules():
        for own, weight in _weights_of(layer):
            name = f"{path}.{own}" if path else own
            plan = plans.get(name)
            why = ""
            if id(weight) in first:
                why = f"it is shared with {first[id(weight)]}"
            elif plan is None:
                why = f"weights of {type(layer).__name__} are not drawn"
            elif not weight.requires_grad:
                why = "it is frozen"
            first.setdefault(id(weight), name)
            if why or plan is None:
                done.append(Initialised(name, note=why))
                continue
            drawn = _drawn(weight, [g / math.sqrt(plan.fan_in) for g in plan.blocks], generator)
            with torch.no_grad():
                if parametrize.is_parametrized(layer, own):
                    setattr(layer, own, drawn)
                else:
                    weight.copy_(drawn)
            done.append(
                Initialised(name, plan.activation, plan.gain, float(plan.fan_in), plan.note)
            )
    return done


def _weights_of(layer: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """The weights of a layer itself; of a parametrized one what its parameters make."""
    if isinstance(layer, parametrize.ParametrizationList):
        return
    names = [name for name, p in layer.named_parameters(recurse=False) if p.dim() >= 2]
    if parametrize.is_parametrized(layer):
        names += list(layer.parametrizations)  # type: ignore[arg-type]
    for name in names:
        yield name, getattr(layer, name)


def _drawn(
    weight: torch.Tensor, stds: Sequence[float], generator: torch.Generator | None
) -> torch.Tensor:
    """Normal numbers, drawn where the generator lives, so that the device changes nothing."""
    device = generator.device if generator is not None else torch.device("cpu")
    wide = torch.float64 if weight.dtype == torch.float64 else torch.float32
    drawn = torch.randn(weight.shape, generator=generator, device=device, dtype=wide)
    scales = torch.tensor(stds, dtype=wide, device=device)
    scales = scales.repeat_interleave(weight.shape[0] // len(stds))
    drawn *= scales.reshape(-1, *(1 for _ in weight.shape[1:]))
    return drawn.to(weight.device, weight.dtype)


def _clear_biases(layer: nn.Module) -> None:
    for name, bias in layer.named_parameters():
        if name.startswith("bias") and bias.requires_grad:
            nn.init.zeros_(bias)
