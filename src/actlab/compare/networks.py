"""Many multilayer perceptrons as one: every layer is a batched matrix product.

The forward and the backward pass are written out: with buffers kept from step to step and no
graph to build, a step costs little more than its matrix products. Each activation is called
once per layer, on the slice of the members that use it.

Shapes: x (members, rows, inputs), a weight matrix (members, fan_in, fan_out).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from actlab.activation import Activation

__all__ = ["Group", "StackedNetwork", "base_draws", "layer_shapes", "views"]

Tensor = torch.Tensor

_WEIGHT_STREAM: Final = 2


def base_draws(
    seed: int, block: int, shapes: Sequence[tuple[int, int]]
) -> list[NDArray[np.float64]]:
    """Standard normal draws for the weight matrices of one block, the same for every candidate.

    Each layer has a stream of its own, so that no layer's draws depend on another's width.
    """
    return [
        np.random.default_rng([seed, block, _WEIGHT_STREAM, layer]).standard_normal(shape)
        for layer, shape in enumerate(shapes)
    ]


def layer_shapes(widths: Sequence[int], fold: int = 1) -> list[tuple[int, int]]:
    """(fan_in, fan_out) of every layer; a hidden layer has `fold` weight vectors per unit."""
    last = len(widths) - 2
    return [
        (widths[i], widths[i + 1] * (fold if i < last else 1)) for i in range(len(widths) - 1)
    ]


def views(flat: Tensor, sizes: Sequence[Sequence[int]]) -> list[Tensor]:
    """Cut a flat tensor into tensors of these sizes, without a copy."""
    pieces = torch.split(flat, [math.prod(size) for size in sizes])
    return [piece.view(*size) for piece, size in zip(pieces, sizes, strict=True)]


@dataclass
class Group:
    """The members `start` to `stop`, which share one activation."""

    activation: Activation
    start: int
    stop: int
    seconds: float = field(default=0.0, compare=False)
    """Time spent in this activation since it was last set to zero."""

    @property
    def members(self) -> slice:
        """The place of these members on the first axis."""
        return slice(self.start, self.stop)

    @property
    def size(self) -> int:
        """How many members."""
        return self.stop - self.start

    def value(self, x: Tensor) -> Tensor:
        """f(x), timed."""
        start = perf_counter()
        y: Tensor = self.activation(x)
        self.seconds += perf_counter() - start
        return y

    def pull_back(self, x: Tensor, upstream: Tensor, out: Tensor) -> None:
        """Write the gradient with respect to `x` when that of f(x) is `upstream`, timed."""
        start = perf_counter()
        if self.activation.kind == "scalar":
            torch.mul(upstream, self.activation.derivative(x), out=out)
        else:
            with torch.enable_grad():
                variable = x.detach().requires_grad_()
                (gradient,) = torch.autograd.grad(self.activation(variable), variable, upstream)
            out.copy_(gradient)
        self.seconds += perf_counter() - start


class StackedNetwork:
    """A stack of networks of one shape.

    Args:
        groups: which members have which activation.
        widths: inputs, units of each hidden layer, outputs.
        dtype: of the weights and of the arithmetic.

    A gated activation halves its input, so its layers have two weight vectors per unit;
    gated and other members can not be in the same stack.
    """

    def __init__(self, groups: Sequence[Group], widths: Sequence[int], dtype: torch.dtype) -> None:
        self.groups = [Group(group.activation, group.start, group.stop) for group in groups]
        self.members = self.groups[-1].stop
        self.widths = tuple(widths)
        self.fold = 2 if self.groups[0].activation.kind == "gated" else 1
        self.shapes = layer_shapes(widths, self.fold)
        self.sizes = [
            *((self.members, fan_in, fan_out) for fan_in, fan_out in self.shapes),
            *((self.members, 1, fan_out) for _, fan_out in self.shapes),
        ]
        total = sum(math.prod(size) for size in self.sizes)
        self.parameters = torch.zeros(total, dtype=dtype)
        self.gradients = torch.zeros(total, dtype=dtype)
        depth = len(self.shapes)
        self.tensors = views(self.parameters, self.sizes)
        self.weights, self.biases = self.tensors[:depth], self.tensors[depth:]
        self.slopes = views(self.gradients, self.sizes)
        self.weight_slopes, self.bias_slopes = self.slopes[:depth], self.slopes[depth:]
        self._before: dict[int, list[Tensor]] = {}
        self._upstream: dict[int, list[Tensor]] = {}
        self._inputs: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        """Outputs of every member, (members, rows, outputs).

        They stand in a buffer that the next call with as many rows writes over.
        """
        rows = x.shape[1]
        if rows not in self._before:
            self._before[rows] = [self._empty(rows, columns) for _, columns in self.shapes]
            self._upstream[rows] = [self._empty(rows, units) for units in self.widths[1:-1]]
        self._inputs = []
        layers = zip(self.weights, self.biases, self._before[rows], strict=True)
        for layer, (weight, bias, before) in enumerate(layers):
            if layer:
                x = self._activate(self._before[rows][layer - 1])
            self._inputs.append(x)
            torch.baddbmm(bias, x, weight, out=before)
        return self._before[rows][-1]

    def backward(self, gradient: Tensor) -> None:
        """Fill the gradients, from that of the outputs of the last `forward`."""
        rows = gradient.shape[1]
        for layer in range(len(self.shapes) - 1, -1, -1):
            x = self._inputs[layer].transpose(1, 2)
            torch.bmm(x, gradient, out=self.weight_slopes[layer])
            torch.sum(gradient, 1, keepdim=True, out=self.bias_slopes[layer])
            if layer:
                upstream = self._upstream[rows][layer - 1]
                torch.bmm(gradient, self.weights[layer].transpose(1, 2), out=upstream)
                before = self._before[rows][layer - 1]
                gradient = upstream if self.fold == 1 else torch.empty_like(before)
                for group in self.groups:
                    place = group.members
                    group.pull_back(before[place], upstream[place], gradient[place])

    def pre_activations(self, rows: int) -> list[Tensor]:
        """What the hidden layers received in the last `forward` of so many rows."""
        return self._before[rows][:-1]

    def per_member(self, values: Tensor) -> Tensor:
        """A number per member, spread over that member's places in the flat parameters."""
        return torch.cat(
            [values.view(-1, 1, 1).expand_as(tensor).reshape(-1) for tensor in self.tensors]
        )

    def subset(self, members: Sequence[int]) -> StackedNetwork:
        """A stack of these members alone, in rising order, with their own copy of the weights."""
        groups: list[Group] = []
        start = 0
        for group in self.groups:
            count = sum(group.start <= member < group.stop for member in members)
            if count:
                groups.append(Group(group.activation, start, start + count))
                start += count
        smaller = StackedNetwork(groups, self.widths, self.parameters.dtype)
        for mine, theirs in zip(smaller.tensors, self.tensors, strict=True):
            mine.copy_(theirs[list(members)])
        return smaller

    def _activate(self, before: Tensor) -> Tensor:
        if len(self.groups) == 1:
            return self.groups[0].value(before)
        parts = [group.value(before[group.members]) for group in self.groups]
        return torch.cat(parts)

    def _empty(self, rows: int, columns: int) -> Tensor:
        return self.parameters.new_empty(self.members, rows, columns)

