"""Many multilayer perceptrons as one: every layer is a batched matrix product.

The forward and the backward pass are written out: with buffers kept from step to step and no
graph to build, a step costs little more than its matrix products. Each activation is called
once per layer, on the slice of the members that use it; a scalar one computes its slope in the
same sweep.

Shapes: x (members, rows, inputs), a weight matrix (members, fan_in, fan_out).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from actlab.compare.kernels import Kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from actlab.activation import Activation

__all__ = ["Group", "StackedNetwork", "base_draws", "layer_shapes", "own_slopes", "views"]

Tensor = torch.Tensor
_Calls = list[Callable[[], Any]]

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
    return [(widths[i], widths[i + 1] * (fold if i < last else 1)) for i in range(len(widths) - 1)]


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

    def run(self, calls: _Calls) -> None:
        """Make these calls, timed."""
        start = perf_counter()
        for call in calls:
            call()
        self.seconds += perf_counter() - start


@dataclass(frozen=True)
class _Hidden:
    """A hidden layer's tensors for one number of rows, and what its activations do to them."""

    before: Tensor
    after: Tensor
    after_transposed: Tensor
    upstream: Tensor
    """Gradient of what comes after the activation."""
    gradient: Tensor
    """Gradient of what comes before it."""
    slope: Tensor
    """f'(before), for scalar activations."""
    value: list[_Calls]
    """For each group: from `before` to `after`."""
    forward: list[_Calls]
    """The same, with what the backward pass needs."""
    backward: list[_Calls]
    """From `upstream` to `gradient`."""


class StackedNetwork:
    """A stack of networks of one shape.

    Args:
        groups: which members have which activation.
        widths: inputs, units of each hidden layer, outputs.
        dtype: of the weights and of the arithmetic.

    All activations of a stack are of one kind. A gated one halves its input, so its hidden layers
    have two weight vectors per unit.
    """

    def __init__(self, groups: Sequence[Group], widths: Sequence[int], dtype: torch.dtype) -> None:
        self.groups = [Group(group.activation, group.start, group.stop) for group in groups]
        self.members = self.groups[-1].stop
        self.widths = tuple(widths)
        (self.kind,) = {group.activation.kind for group in self.groups}
        self.fold = 2 if self.kind == "gated" else 1
        self.shapes = layer_shapes(widths, self.fold)
        outs = [fan_out for _, fan_out in self.shapes]
        self.sizes = [(self.members, *shape) for shape in self.shapes]
        self.sizes.append((self.members, 1, sum(outs)))
        total = sum(math.prod(size) for size in self.sizes)
        self.parameters = torch.zeros(total, dtype=dtype)
        self.gradients = torch.zeros(total, dtype=dtype)
        self.tensors = views(self.parameters, self.sizes)
        self.slopes = views(self.gradients, self.sizes)
        self.weights, self.weight_slopes = self.tensors[:-1], self.slopes[:-1]
        self.biases = torch.split_with_sizes(self.tensors[-1], outs, dim=2)
        self.bias_slopes = torch.split_with_sizes(self.slopes[-1], outs, dim=2)
        self._transposed = [weight.transpose(1, 2) for weight in self.weights]
        self._kernels = [
            Kernel(group.activation, dtype) for group in self.groups if self.kind == "scalar"
        ]
        self._hidden: dict[int, list[_Hidden]] = {}
        self._outputs: dict[int, Tensor] = {}
        self._x = self._x_transposed = self.parameters

    def forward(self, x: Tensor, *, training: bool = True) -> Tensor:
        """Outputs of every member, (members, rows, outputs).

        They stand in a buffer that the next call with as many rows writes over. Without
        `training` no `backward` can follow.
        """
        rows = x.shape[1]
        if rows not in self._outputs:
            self._hidden[rows] = [self._layer(rows, layer) for layer in range(len(self.shapes) - 1)]
            self._outputs[rows] = self._empty(rows, self.widths[-1])
        if x is not self._x:
            self._x, self._x_transposed = x, x.transpose(1, 2)
        for layer, hidden in enumerate(self._hidden[rows]):
            torch.baddbmm(self.biases[layer], x, self.weights[layer], out=hidden.before)
            for group, calls in zip(
                self.groups, hidden.forward if training else hidden.value, strict=True
            ):
                group.run(calls)
            x = hidden.after
        return torch.baddbmm(self.biases[-1], x, self.weights[-1], out=self._outputs[rows])

    def backward(self, gradient: Tensor) -> None:
        """Fill the gradients, from that of the outputs of the last `forward`."""
        hidden = self._hidden[gradient.shape[1]]
        for layer in range(len(self.shapes) - 1, -1, -1):
            x = hidden[layer - 1].after_transposed if layer else self._x_transposed
            torch.sum(gradient, 1, keepdim=True, out=self.bias_slopes[layer])
            torch.bmm(x, gradient, out=self.weight_slopes[layer])
            if layer:
                below = hidden[layer - 1]
                torch.bmm(gradient, self._transposed[layer], out=below.upstream)
                for group, calls in zip(self.groups, below.backward, strict=True):
                    group.run(calls)
                gradient = below.gradient

    def unit_slopes(self, rows: int) -> list[Tensor]:
        """|∂f(x)_j/∂x_j| of every hidden unit on every row of the last `forward` of so many rows.

        One tensor (members, rows, units) for each layer. The inputs of a gated unit are two, and
        the sizes of its two slopes are added.
        """
        return [
            torch.cat(
                [
                    hidden.slope[group.members].abs()
                    if self.kind == "scalar"
                    else own_slopes(group.activation, hidden.before[group.members])
                    for group in self.groups
                ]
            )
            for hidden in self._hidden[rows]
        ]

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

    def _layer(self, rows: int, layer: int) -> _Hidden:
        units = self.widths[layer + 1]
        before, after = self._empty(rows, units * self.fold), self._empty(rows, units)
        turned = after.transpose(1, 2)
        if self.kind != "scalar":
            upstream = self._empty(rows, units)
            gradient = torch.empty_like(before)
            hidden = _Hidden(before, after, turned, upstream, gradient, before, [], [], [])
            for group in self.groups:
                m, function = group.members, group.activation
                hidden.value.append([partial(_apply, function, before[m], after[m])])
                back = partial(_pull_back, function, before[m], upstream[m], gradient[m])
                hidden.backward.append([back])
            hidden.forward.extend(hidden.value)
            return hidden
        # The way back needs nothing but the slope, so what it was computed from is written over.
        slope = self._empty(rows, units)
        hidden = _Hidden(before, after, turned, before, before, slope, [], [], [])
        for group, kernel in zip(self.groups, self._kernels, strict=True):
            m = group.members
            hidden.value.append(kernel.bind(before[m], after[m]))
            hidden.forward.append(kernel.bind(before[m], after[m], slope[m]))
            hidden.backward.append([partial(torch.mul, before[m], slope[m], out=before[m])])
        return hidden

    def _empty(self, rows: int, columns: int) -> Tensor:
        return self.parameters.new_empty(self.members, rows, columns)


def _apply(activation: Activation, before: Tensor, after: Tensor) -> None:
    after.copy_(activation(before))


def _pull_back(activation: Activation, before: Tensor, upstream: Tensor, out: Tensor) -> None:
    """The gradient with respect to `before`, for an activation that mixes its inputs."""
    with torch.enable_grad():
        variable = before.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(activation(variable), variable, upstream)
    out.copy_(gradient)


def own_slopes(activation: Activation, x: Tensor) -> Tensor:
    """|∂f(x)_j/∂x_j| of a function that mixes units, or of a gated one, by autograd."""
    with torch.enable_grad():
        variable = x.detach().requires_grad_()
        y = activation(variable)
        if activation.kind == "gated":
            (gradient,) = torch.autograd.grad(y.sum(), variable)
            first, second = gradient.abs().chunk(2, dim=-1)
            return first + second
        columns = [
            torch.autograd.grad(y[..., j].sum(), variable, retain_graph=True)[0][..., j]
            for j in range(y.shape[-1])
        ]
    return torch.stack(columns, dim=-1).abs()
