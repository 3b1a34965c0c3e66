"""Many multilayer perceptrons as one: every layer is a batched matrix product.

The members of a stack share one activation and stand in a table: a row for each block, whose data
its members share, and a column for each learning rate. The forward and the backward pass are
written out: with buffers kept from step to step and no graph to build, a step costs little more
than its matrix products.

Shapes: x (blocks, 1, rows, inputs), a weight matrix (blocks, rates, fan_in, fan_out), and what
loops see (members, rows, units), where member b * rates + r has the b-th block and r-th rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from actlab.compare.kernels import Kernel
from actlab.compare.loops import add_bias, pull_back, sum_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from actlab.activation import Activation

__all__ = ["StackedNetwork", "base_draws", "layer_shapes", "own_slopes"]

Array = np.ndarray[Any, Any]
Tensor = torch.Tensor
_Calls = list[Callable[[], Any]]

_WEIGHT_STREAM: Final = 2
_LINE: Final = 16
"""A member's parameters begin at a multiple of this, so that no two share a cache line."""


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


@dataclass(frozen=True)
class _Hidden:
    """A hidden layer's numbers for one number of rows, and what the activation does to them."""

    before: Array
    after: Array
    upstream: Array
    """Gradient of what comes after the activation."""
    gradient: Array
    """Gradient of what comes before it."""
    slope: Array
    """f'(before), for a scalar activation."""
    value: _Calls
    """From `before` to `after`."""
    forward: _Calls
    """The same, with what the backward pass needs."""


class StackedNetwork:
    """A stack of networks of one shape and one activation.

    Args:
        activation: of every hidden layer. A gated one halves its input, so its hidden layers have
            two weight vectors per unit.
        blocks: how many blocks.
        rates: how many members each block has.
        widths: inputs, units of each hidden layer, outputs.
        dtype: of the weights and of the arithmetic.
    """

    def __init__(
        self,
        activation: Activation,
        blocks: int,
        rates: int,
        widths: Sequence[int],
        dtype: np.dtype[Any],
    ) -> None:
        self.activation, self.blocks, self.rates = activation, blocks, rates
        self.members = blocks * rates
        self.widths, self.dtype = tuple(widths), dtype
        self.fold = 2 if activation.kind == "gated" else 1
        self.shapes = layer_shapes(widths, self.fold)
        sizes = [math.prod(shape) for shape in self.shapes]
        outs = [fan_out for _, fan_out in self.shapes]
        edges = np.cumsum([0, *sizes, *outs]).tolist()
        layers = len(self.shapes)
        self.places = [slice(edges[i], edges[i + 1]) for i in range(layers)]
        """Where each weight matrix stands among the numbers of a member."""
        self._offsets = edges[layers:-1]
        numbers = -(-edges[-1] // _LINE) * _LINE
        self.parameters = np.zeros((self.members, numbers), dtype)
        self.gradients = np.zeros((self.members, numbers), dtype)
        self.weights = [self._matrices(self.parameters, layer) for layer in range(layers)]
        self._slopes = [self._matrices(self.gradients, layer) for layer in range(layers)]
        # A product with a matrix that lies the other way takes half as long again.
        self._turned = [np.empty(w.shape[:2] + w.shape[:1:-1], dtype) for w in self.weights]
        self._kernel = Kernel(activation, _torch(dtype)) if activation.kind == "scalar" else None
        self._hidden: dict[int, list[_Hidden]] = {}
        self._outputs: dict[int, Array] = {}
        self._x = self.parameters

    def forward(self, x: Array, *, training: bool = True) -> Array:
        """Outputs of every member, (members, rows, outputs).

        They stand in a buffer that the next call with as many rows writes over. Without
        `training` no `backward` can follow.
        """
        rows = x.shape[2]
        if rows not in self._outputs:
            self._hidden[rows] = [self._layer(rows, layer) for layer in range(len(self.shapes) - 1)]
            self._outputs[rows] = self._empty(rows, self.widths[-1])
        self._x = x
        for layer, hidden in enumerate(self._hidden[rows]):
            self._affine(layer, x, hidden.before)
            for call in hidden.forward if training else hidden.value:
                call()
            x = self._table(hidden.after)
        self._affine(-1, x, self._outputs[rows])
        return self._outputs[rows]

    def backward(self, gradient: Array) -> None:
        """Fill the gradients, from that of the outputs of the last `forward`."""
        hidden = self._hidden[gradient.shape[1]]
        sum_rows(gradient, self.gradients, self._offsets[-1])
        for layer in range(len(self.shapes) - 1, -1, -1):
            x = self._table(hidden[layer - 1].after) if layer else self._x
            upward = self._table(gradient)
            np.matmul(x.swapaxes(2, 3), upward, out=self._slopes[layer])
            if layer:
                below = hidden[layer - 1]
                np.copyto(self._turned[layer], self.weights[layer].swapaxes(2, 3))
                np.matmul(upward, self._turned[layer], out=self._table(below.upstream))
                if self._kernel:
                    pull_back(below.upstream, below.slope, self.gradients, self._offsets[layer - 1])
                else:
                    _pull_back(self.activation, below.before, below.upstream, below.gradient)
                    sum_rows(below.gradient, self.gradients, self._offsets[layer - 1])
                gradient = below.gradient

    def unit_slopes(self, rows: int) -> list[Array]:
        """|∂f(x)_j/∂x_j| of every hidden unit on every row of the last `forward` of so many rows.

        One array (members, rows, units) for each layer. The inputs of a gated unit are two, and
        the sizes of its two slopes are added.
        """
        return [
            np.abs(hidden.slope)
            if self._kernel
            else own_slopes(self.activation, torch.from_numpy(hidden.before)).numpy()
            for hidden in self._hidden[rows]
        ]

    def subset(self, members: Sequence[int]) -> StackedNetwork:
        """A stack of these members alone, each in a row of its own, with a copy of the weights."""
        smaller = StackedNetwork(self.activation, len(members), 1, self.widths, self.dtype)
        smaller.parameters[:] = self.parameters[list(members)]
        return smaller

    def _matrices(self, numbers: Array, layer: int) -> Array:
        matrices = numbers[:, self.places[layer]]
        return matrices.reshape(self.blocks, self.rates, *self.shapes[layer])

    def _affine(self, layer: int, x: Array, out: Array) -> None:
        np.matmul(x, self.weights[layer], out=self._table(out))
        add_bias(out, self.parameters, self._offsets[layer])

    def _layer(self, rows: int, layer: int) -> _Hidden:
        units = self.widths[layer + 1]
        before, after = self._empty(rows, units * self.fold), self._empty(rows, units)
        if self._kernel is None:
            upstream, gradient = self._empty(rows, units), np.empty_like(before)
            apply: _Calls = [partial(_apply, self.activation, before, after)]
            return _Hidden(before, after, upstream, gradient, before, apply, apply)
        # The way back needs nothing but the slope, so what it was computed from is written over.
        slope = self._empty(rows, units)
        x, y, dy = map(torch.from_numpy, (before, after, slope))
        value, both = self._kernel.bind(x, y), self._kernel.bind(x, y, dy)
        return _Hidden(before, after, before, before, slope, value, both)

    def _empty(self, rows: int, columns: int) -> Array:
        return np.empty((self.members, rows, columns), self.dtype)

    def _table(self, layer: Array) -> Array:
        return layer.reshape(self.blocks, self.rates, *layer.shape[1:])


def _torch(dtype: np.dtype[Any]) -> torch.dtype:
    return torch.from_numpy(np.empty(0, dtype)).dtype


def _apply(activation: Activation, before: Array, after: Array) -> None:
    torch.from_numpy(after).copy_(activation(torch.from_numpy(before)))


def _pull_back(activation: Activation, before: Array, upstream: Array, out: Array) -> None:
    """The gradient with respect to `before`, for an activation that mixes its inputs."""
    with torch.enable_grad():
        variable = torch.from_numpy(before).requires_grad_()
        seed = torch.from_numpy(upstream)
        (gradient,) = torch.autograd.grad(activation(variable), variable, seed)
    torch.from_numpy(out).copy_(gradient)


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
