"""An activation as a PyTorch layer, with its parameters fixed or learned."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Literal

import torch
from torch import Tensor, nn

from actlab.activation import Activation
from actlab.engines import outputs
from actlab.engines.torch import saving_output
from actlab.nn.learning import check_channels, learned_names
from actlab.nn.own_weights import layer_of

__all__ = ["ActivationModule", "module"]

_FLOOR = 1e-4
"""A learned parameter that must be positive acts as at least this share of where it began."""


class ActivationModule(nn.Module):
    """One activation as a layer of a PyTorch network.

    A scalar function works on a tensor of any shape; a gated one takes `forward(x, gate)`, or
    `forward(x)` and cuts `x` in two halves along `axis`; a vector function works along `axis`.
    The result has the shape (a gated half's shape) and the floating dtype of `x`, whatever the
    dtype of the learned parameters.

    A learned parameter is a `torch.nn.Parameter` of its own name: of shape () for the whole
    layer, or (channels,), counted along dimension 1 of the input as in `torch.nn.PReLU`: (N, C)
    and (N, C, ...) both have their channels there; an input of one dimension has none and is a
    `ValueError`. A parameter that must be positive acts as a ten-thousandth of where it began
    when training takes it below that (one with another lower bound as so far above that), and its
    gradient passes as if it did not, so that it can come back.

    A random symbol (the slope of RReLU, the noise of others) is drawn for each element in
    training, with PyTorch's generator; in evaluation it stands at its mean. Where the paper has
    another formula for training, that one is used then.

    Args:
        activation: the function.
        learnable: True for all of its parameters, or the names of some.
        channels: how many channels have a value of their own; without it the layer has one.
        axis: of a vector or gated function; the last by default.
        save: "input" keeps what the slope needs to be exact everywhere. "output" keeps the
            output, which the next layer keeps anyway, of sigmoid, tanh, elu, selu and celu: it
            spares one tensor in each layer, and in the tail the slope loses its digits and
            becomes 0 early (sigmoid at 17 in float32, where it is 4e-8).

    Raises:
        UnknownNameError: for a name that is no parameter of the function.
        TypeError: for options that this kind of function does not have.
        ValueError: for fewer than one channel, or channels where nothing is learned.

    Example:
        >>> import actlab
        >>> layer = actlab.get("leaky_relu").module(learnable=True, channels=3)
        >>> layer
        Activation('leaky_relu', negative_slope=learned[3])
        >>> layer(torch.ones(2, 3, 5)).shape
        torch.Size([2, 3, 5])
    """

    def __init__(
        self,
        activation: Activation,
        *,
        learnable: bool | str | Iterable[str] = False,
        channels: int | None = None,
        axis: int | None = None,
        save: Literal["input", "output"] = "input",
    ) -> None:
        super().__init__()
        if axis is not None and activation.kind in {"scalar", "complex"}:
            raise TypeError(f"{activation.name} works on single numbers; it takes no axis")
        learned = learned_names(activation, learnable)
        check_channels(activation, channels, learned)
        self.activation = activation
        self.axis = axis
        self.channels = channels
        self.learned = learned
        self._gated = activation.kind == "gated"
        self.save = save
        if save != "input":
            _check_saving(activation, save, learned)
        specs, numbers = activation.specs, activation.parameters
        self._floors = {
            name: least + _FLOOR * (numbers[name] - least)
            for name in learned
            if name in specs and (least := specs[name].least) > -math.inf
        }
        # looked up here, since torch.compile can't follow a cached property
        self._in_training = activation.in_training
        self._draws = {
            name: (random.law, *(numbers[bound] for bound in random.bounds))
            for name, random in activation.random.items()
        }
        for name in learned:
            if hasattr(self, name):
                raise ValueError(
                    f"a parameter called {name!r} can't be learned, because torch.nn.Module "
                    "has an attribute of that name; rename it in the formula"
                )
            value = torch.full(() if channels is None else (channels,), numbers[name])
            self.register_parameter(name, nn.Parameter(value))

    def forward(self, x: Tensor, gate: Tensor | None = None) -> Tensor:
        """Apply the function, with the parameters as they have been learned so far."""
        options: dict[str, Any] = {} if self.axis is None else {"axis": self.axis}
        for name in self.learned:
            options[name] = self._value(name, x)
        function: Any = self.activation
        if self.training:
            function = self._in_training
            for name, law in self._draws.items():
                options[name] = _draw(law, x)
        if gate is not None and not self._gated:
            raise TypeError(f"{self.activation.name} takes one input and no gate")
        if self.save == "output":
            function = _saving_output(self.activation)
        result: Tensor = (
            function(x) if gate is None and not options else function(x, gate, **options)
        )
        if options and x.is_floating_point() and result.dtype != x.dtype:
            return result.to(x.dtype)
        return result

    def _value(self, name: str, x: Tensor) -> Tensor:
        value: Tensor = getattr(self, name)
        if name in self._floors:
            floor = self._floors[name]
            # the sum is the floor exactly, and its gradient that of the parameter
            value = torch.where(value < floor, floor + (value - value.detach()), value)
        if self.channels is None:
            return value
        if x.dim() < 2 or x.shape[1] != self.channels:
            raise ValueError(
                f"this layer has {self.channels} channels, counted along dimension 1 of its "
                f"input, but the shape is {tuple(x.shape)}"
            )
        return value.reshape(-1, *(1 for _ in range(x.dim() - 2)))

    def _get_name(self) -> str:
        return "Activation"

    def extra_repr(self) -> str:
        """The catalogued name or the formula, with the parameters as they are now."""
        f = self.activation
        shown = [repr(str(f.formula)) if f.family == "user" else repr(f.name)]
        for name, value in f.parameters.items():
            if name not in self.learned:
                shown.append(f"{name}={value:g}")
            elif self.channels is None:
                shown.append(f"{name}=learned[{getattr(self, name).item():.4g}]")
            else:
                shown.append(f"{name}=learned[{self.channels}]")
        if self.axis is not None:
            shown.append(f"axis={self.axis}")
        if self.save != "input":
            shown.append(f"save={self.save!r}")
        return ", ".join(shown)


def module(activation: Activation, **options: Any) -> nn.Module:
    """A `torch.nn.Module` of an activation; see `ActivationModule`.

    A function with weights of its own takes the options of its layer, which `actlab show` lists.

    Example:
        >>> import actlab
        >>> actlab.get("leaky_relu", negative_slope=0.2).module()
        Activation('leaky_relu', negative_slope=0.2)
        >>> actlab.get("apl").module(channels=2)
        Activation('apl', channels=2, hinges=5)
    """
    if activation.kind == "layer":
        return layer_of(activation, **options)
    return ActivationModule(activation, **options)


def _check_saving(activation: Activation, save: Any, learned: Iterable[str]) -> None:
    if save != "output":
        raise ValueError(f"save is 'input' or 'output', but {save!r} was given")
    if outputs.lossless(activation.bound) if activation.kind == "scalar" else None:
        return
    if tuple(learned) or outputs.lossy(activation.name, dict(activation.parameters)) is None:
        raise ValueError(
            f"the slope of {activation.name} with these parameters does not follow from its "
            f"output; that of {', '.join(outputs.kinds())} does, where nothing is learned"
        )


@lru_cache(maxsize=256)
def _saving_output(activation: Activation) -> Any:
    slope = outputs.lossless(activation.bound)
    if slope is None:
        slope = outputs.lossy(activation.name, dict(activation.parameters))
    assert activation.formula is not None and slope is not None  # noqa: S101, PT018  checked
    return saving_output(activation.formula, activation.parameters, slope)


def _draw(law: tuple[Any, ...], x: Tensor) -> Tensor:
    """A draw for each element, with PyTorch's generator."""
    like = torch.empty_like(x, dtype=_float_of(x))
    if law[0] == "uniform":
        _, low, high = law
        uniform: Tensor = torch.rand_like(like) * (high - low) + low
        return uniform
    if law[0] == "normal":
        return torch.randn_like(like)
    # minus the logarithm of an exponential draw has Gumbel's law, and two of them differ by a
    # logistic one
    gumbel: Tensor = -torch.log(torch.empty_like(like).exponential_())
    if law[0] == "gumbel":
        return gumbel
    logistic: Tensor = gumbel + torch.log(torch.empty_like(like).exponential_())
    return logistic


def _float_of(x: Tensor) -> torch.dtype:
    """The dtype a draw is made in: at least float32."""
    return torch.float64 if x.dtype == torch.float64 else torch.float32
