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

__all__ = ["Pass", "StackedNetwork", "base_draws", "layer_shapes", "own_slopes"]

Array = np.ndarray[Any, Any]
Tensor = torch.Tensor
Calls = list[Callable[[], Any]]

_TORCH: Final = {"float32": torch.float32, "float64": torch.float64}
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
class Pass:
    """The buffers of a network for one number of rows, and the calls that compute in them.

    Put a batch into `x`, call `forward`, find the answers in `outputs`; put the gradient of the
    loss into `gradient`, call `backward`, find the gradients in those of the network. `value` is
    `forward` without what the way back needs.
    """

    x: Array
    """(blocks, 1, rows, inputs)."""
    outputs: Array
    """(members, rows, outputs), as `gradient`."""
    gradient: Array
    hidden: list[_Hidden]
    value: Calls
    forward: Calls
    backward: Calls


@dataclass(frozen=True)
class _Hidden:
    """A hidden layer's numbers, (members, rows, units), and what the activation does to them."""

    before: Array
    """What the activation is given; of a scalar one, after `forward`, f'(before)."""
    after: Array
    """What comes out; on the way back, once no one needs it any more, its gradient."""
    gradient: Array
    """Of what the activation was given: for a scalar one, it too takes the place of `after`."""
    value: Calls
    """From `before` to `after`."""
    forward: Calls
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
        self.parameters, self.gradients, *self.memory = _aligned((4, self.members, numbers), dtype)
        self.weights = [self._matrices(self.parameters, layer) for layer in range(layers)]
        self._slopes = [self._matrices(self.gradients, layer) for layer in range(layers)]
        self._kernel = Kernel(activation, dtype) if activation.kind == "scalar" else None
        self._passes: dict[int, Pass] = {}

    def rows(self, count: int) -> Pass:
        """The pass for so many rows, always the same one."""
        if count not in self._passes:
            self._passes[count] = self._pass(count)
        return self._passes[count]

    def unit_slopes(self, count: int) -> list[Array]:
        """|∂f(x)_j/∂x_j| of every hidden unit on every row of the last forward pass of so many.

        One array (members, rows, units) for each layer. The inputs of a gated unit are two, and
        the sizes of its two slopes are added.
        """
        return [
            np.abs(hidden.before)
            if self._kernel
            else own_slopes(self.activation, torch.from_numpy(hidden.before)).numpy()
            for hidden in self.rows(count).hidden
        ]

    def biases(self, layer: int) -> Array:
        """The biases of a layer, (members, fan_out)."""
        start = self._offsets[layer]
        found: Array = self.parameters[:, start : start + self.shapes[layer][1]]
        return found

    def subset(self, members: Sequence[int]) -> StackedNetwork:
        """A stack of these members alone, each in a row of its own, with a copy of the weights."""
        smaller = StackedNetwork(self.activation, len(members), 1, self.widths, self.dtype)
        smaller.parameters[:] = self.parameters[list(members)]
        return smaller

    def layers(self, member: int) -> list[tuple[Array, Array]]:
        """Weight matrix (fan_in, fan_out) and bias (fan_out,) of every layer of one member."""
        numbers = self.parameters[member]
        return [
            (numbers[place].reshape(shape), numbers[offset : offset + shape[1]])
            for place, shape, offset in zip(self.places, self.shapes, self._offsets, strict=True)
        ]

    def _matrices(self, numbers: Array, layer: int) -> Array:
        matrices = numbers[:, self.places[layer]]
        return matrices.reshape(self.blocks, self.rates, *self.shapes[layer])

    def _pass(self, rows: int) -> Pass:
        x = _aligned((self.blocks, 1, rows, self.widths[0]), self.dtype)
        hidden = [self._layer(rows, layer) for layer in range(len(self.shapes) - 1)]
        outputs, gradient = (self._empty(rows, self.widths[-1]) for _ in range(2))
        whole = Pass(x, outputs, gradient, hidden, [], [], [])
        inputs = [x, *(self._table(layer.after) for layer in hidden)]
        for layer, below in enumerate(inputs):
            last = layer == len(hidden)
            out = outputs if last else hidden[layer].before
            affine: Calls = [
                partial(np.matmul, below, self.weights[layer], out=self._table(out)),
                partial(add_bias, out, self.parameters, self._offsets[layer]),
            ]
            whole.value.extend([*affine, *([] if last else hidden[layer].value)])
            whole.forward.extend([*affine, *([] if last else hidden[layer].forward)])
        whole.backward.append(partial(sum_rows, gradient, self.gradients, self._offsets[-1]))
        for layer in range(len(hidden), -1, -1):
            above = gradient if layer == len(hidden) else hidden[layer].gradient
            x, out = inputs[layer].swapaxes(2, 3), self._slopes[layer]
            whole.backward.append(partial(np.matmul, x, self._table(above), out=out))
            if layer:
                whole.backward.extend(self._back_to(hidden[layer - 1], layer, above))
        return whole

    def _back_to(self, below: _Hidden, layer: int, gradient: Array) -> Calls:
        """From the gradient of a layer's results to the one of the activations before it."""
        matrix = self.weights[layer].swapaxes(2, 3)
        turned = _aligned(matrix.shape, self.dtype)
        offset = self._offsets[layer - 1]
        calls: Calls = [
            # A product with a matrix that lies the other way takes half as long again.
            partial(np.copyto, turned, matrix),
            partial(np.matmul, self._table(gradient), turned, out=self._table(below.after)),
        ]
        before, upstream, gradient = below.before, below.after, below.gradient
        if self._kernel:
            calls.append(partial(pull_back, upstream, before, self.gradients, offset))
        else:
            calls.append(partial(_pull_back, self.activation, before, upstream, gradient))
            calls.append(partial(sum_rows, gradient, self.gradients, offset))
        return calls

    def _layer(self, rows: int, layer: int) -> _Hidden:
        units = self.widths[layer + 1]
        before, after = self._empty(rows, units * self.fold), self._empty(rows, units)
        if self._kernel:
            value, both = self._kernel.bind(before, after), self._kernel.bind(before, after, before)
            return _Hidden(before, after, after, value, both)
        apply: Calls = [partial(_apply, self.activation, before, after)]
        return _Hidden(before, after, self._empty(rows, units * self.fold), apply, apply)

    def _empty(self, rows: int, columns: int) -> Array:
        return _aligned((self.members, rows, columns), self.dtype)

    def _table(self, layer: Array) -> Array:
        return layer.reshape(self.blocks, self.rates, *layer.shape[1:])


def _aligned(shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
    """Zeros that begin on a cache line, which NumPy's own need not.

    Vectors across the borders of lines would make the loops up to three times slower.
    """
    zeros: Array = torch.zeros(*shape, dtype=_TORCH[dtype.name]).numpy()
    return zeros


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
