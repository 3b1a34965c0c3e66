"""Recurrent networks whose nonlinearity is the candidate.

The candidate stands in the place of the cell's tanh; gates stay sigmoid. A layer's inputs and its
state lie side by side before one matrix, so the fan-in counts both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn

from actlab.compare.problems.units import constant_unit, fold, unit
from actlab.errors import SettingError

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["CELLS", "RecurrentNetwork"]


class _Elman(nn.Module):
    """h' = f(W [x, h] + b). Source: Elman (1990), Finding structure in time."""

    states = 1

    def __init__(self, inputs: int, units: int, activation: Activation) -> None:
        super().__init__()
        self.new = nn.Linear(inputs + units, units * fold(activation))
        self.activation = unit(activation, -1)

    def forward(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        (h,) = state
        new: Tensor = self.activation(self.new(torch.cat([x, h], -1)))
        return (new,)


class _Gru(nn.Module):
    """h' = z h + (1 - z) f(W [x, r h] + b), with gates r and z.

    Source: Cho et al. (2014), Learning phrase representations using RNN encoder-decoder,
    arXiv:1406.1078; the reset gate acts on the state before the matrix, as there.
    """

    states = 1

    def __init__(self, inputs: int, units: int, activation: Activation) -> None:
        super().__init__()
        self.gates = nn.Linear(inputs + units, 2 * units)
        self.new = nn.Linear(inputs + units, units * fold(activation))
        self.activation = unit(activation, -1)

    def forward(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        (h,) = state
        reset, keep = self.gates(torch.cat([x, h], -1)).sigmoid().chunk(2, -1)
        new = self.activation(self.new(torch.cat([x, reset * h], -1)))
        return (new + keep * (h - new),)


class _Lstm(nn.Module):
    """c' = φ c + ι f(W [x, h] + b) and h' = o f(c'), with gates ι, φ and o.

    The forget gate begins open, with the bias 1. Sources: Hochreiter, Schmidhuber (1997), Long
    short-term memory; Gers, Schmidhuber, Cummins (2000), Learning to forget, for that gate;
    Jozefowicz, Zaremba, Sutskever (2015), An empirical exploration of recurrent network
    architectures, for its bias.
    """

    states = 2

    def __init__(self, inputs: int, units: int, activation: Activation) -> None:
        if activation.kind == "gated":
            raise SettingError(
                f"{activation.name} is a gated pair and takes two inputs for each unit; an LSTM's "
                "memory passes through the activation and has only one: leave it out, or take the "
                "RNN or GRU of this task"
            )
        super().__init__()
        self.gates = nn.Linear(inputs + units, 3 * units)
        self.new = nn.Linear(inputs + units, units)
        self.activation = unit(activation, -1)
        # not a `Site`, since the trainer would give the gates that feed it the candidate's gain
        self.memory = constant_unit(activation, -1)
        self.units = units

    def forward(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        h, c = state
        both = torch.cat([x, h], -1)
        gates = self.gates(both)
        write, show = gates[..., : 2 * self.units].sigmoid().chunk(2, -1)
        forget = (gates[..., 2 * self.units :] + 1).sigmoid()
        c = forget * c + write * self.activation(self.new(both))
        return show * self.memory(c), c


CELLS: Final[dict[str, Callable[[int, int, Activation], nn.Module]]] = {
    "rnn": _Elman,
    "gru": _Gru,
    "lstm": _Lstm,
}


class RecurrentNetwork(nn.Module):
    """Layers of cells, read from the first step to the last, and a linear layer.

    Shapes: x (rows, steps, inputs), the result (rows, outputs).

    Args:
        cell: a name in `CELLS`.
        inputs: numbers of one step.
        hidden: units of each layer.
        outputs: numbers that the last state is turned into.
        activation: the candidate.

    Raises:
        SettingError: a gated candidate in an LSTM.
    """

    def __init__(
        self, cell: str, inputs: int, hidden: Sequence[int], outputs: int, activation: Activation
    ) -> None:
        super().__init__()
        widths = [inputs, *hidden]
        self.units = tuple(hidden)
        self.cells = nn.ModuleList(
            CELLS[cell](below, units, activation)
            for below, units in zip(widths, hidden, strict=False)
        )
        self.last = nn.Linear(widths[-1], outputs)

    def forward(self, x: Tensor) -> Tensor:
        """The prediction after the last step."""
        steps = x.unbind(1)
        for cell, units in zip(self.cells, self.units, strict=True):
            state = (x.new_zeros(len(x), units),) * cell.states  # type: ignore[operator]
            shown = []
            for step in steps:
                state = cell(step, state)
                shown.append(state[0])
            steps = tuple(shown)
        result: Tensor = self.last(steps[-1])
        return result
