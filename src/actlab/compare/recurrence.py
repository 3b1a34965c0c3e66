"""PyTorch's recurrent layers step by step, with room for another function in the place of tanh.

`nn.RNN`, `nn.LSTM` and `nn.GRU` compute all steps inside, where nothing can be exchanged.
`unrolled` gives a layer of the same weights and the same result that calls its activation at every
step. The gates stay sigmoid. An LSTM's memory passes through the activation too, on its way out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence

from actlab.errors import ActlabError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["RECURRENT", "Gates", "function_of", "unrolled"]

RECURRENT: Final = (nn.RNNBase, nn.RNNCellBase)
"""The layers and cells that can be unrolled."""

State: TypeAlias = "tuple[Tensor, ...]"


def function_of(layer: nn.Module) -> str:
    """The name of the function that the candidate replaces.

    >>> function_of(nn.RNN(2, 3, nonlinearity="relu")), function_of(nn.LSTM(2, 3))
    ('relu', 'tanh')
    """
    return str(getattr(layer, "nonlinearity", "tanh"))


def unrolled(layer: Any, activation: nn.Module) -> nn.Module:
    """Return the same layer (or cell) with `activation` in the place of its function.

    Example:
        >>> lstm = nn.LSTM(2, 3, batch_first=True)
        >>> open_lstm = unrolled(lstm, nn.Tanh())
        >>> x = torch.randn(4, 5, 2)
        >>> torch.allclose(lstm(x)[0], open_lstm(x)[0], atol=1e-6)
        True
    """
    kind = _Single if isinstance(layer, nn.RNNCellBase) else _Sequence
    return kind(layer, activation)


class Gates(nn.Linear):
    """The weights of gates: they feed no candidate, so they keep their draws as they are."""


# --- cells ----------------------------------------------------------------------------------------


class _Cell(nn.Module):
    """What a step does: `read` for all steps of the input at once, `step` for each.

    Args:
        weights: of the input and of the state, the matrices of all gates one above the other; then
            both biases, if there are any; then the matrix that turns the output, if there is one.
        units: rows of each matrix.
        activation: what stands in the place of tanh.
    """

    gates: tuple[int, ...] = ()
    """Which of the matrices belong to gates; the other one feeds the candidate."""
    states = 1
    new_x: nn.Linear
    new_h: nn.Linear
    gates_x: nn.Linear
    gates_h: nn.Linear

    def __init__(self, weights: Sequence[Tensor], units: int, activation: nn.Module) -> None:
        super().__init__()
        self.activation = activation
        biases = [weight for weight in weights if weight.dim() == 1]
        new = [i for i in range(len(weights[0]) // units) if i not in self.gates]
        for side, name in enumerate("xh"):
            own = [weights[side], *biases[side : side + 1]]
            setattr(self, f"new_{name}", _linear(own, new, units, nn.Linear))
            if self.gates:
                setattr(self, f"gates_{name}", _linear(own, self.gates, units, Gates))

    def read(self, x: Tensor) -> tuple[Tensor, ...]:
        """What the input adds to every step: (steps, batch, ·)."""
        return (self.new_x(x), self.gates_x(x)) if self.gates else (self.new_x(x),)

    def step(self, given: tuple[Tensor, ...], state: State) -> State:
        """One step from what the input adds to it; the first of the state is the output."""
        raise NotImplementedError


def _linear(
    stacked: Sequence[Tensor], chosen: Sequence[int], units: int, kind: type[nn.Linear]
) -> nn.Linear:
    """A linear layer of some of the stacked matrices (and biases); it draws no numbers."""
    rows = [i * units + row for i in chosen for row in range(units)]
    weight, *bias = (nn.Parameter(one.detach()[rows], one.requires_grad) for one in stacked)
    layer = kind(weight.shape[1], weight.shape[0], bias=bool(bias), device="meta")
    layer.weight = weight
    if bias:
        layer.bias = bias[0]
    return layer


class _Elman(_Cell):
    """h' = f(W x + b + U h + c)."""

    def step(self, given: tuple[Tensor, ...], state: State) -> State:
        return (self.activation(given[0] + self.new_h(state[0])),)


class _Gru(_Cell):
    """h' = z h + (1 - z) f(W x + b + r (U h + c)), the reset gate behind the matrix."""

    gates = (0, 1)

    def step(self, given: tuple[Tensor, ...], state: State) -> State:
        (new_x, gates_x), (h,) = given, state
        reset, keep = (gates_x + self.gates_h(h)).sigmoid().chunk(2, -1)
        new = self.activation(new_x + reset * self.new_h(h))
        return ((1 - keep) * new + keep * h,)


class _Lstm(_Cell):
    """m' = φ m + ι f(W x + b + U h + c) and h' = o f(m'), turned by a matrix if there is one."""

    gates = (0, 1, 3)
    states = 2

    def __init__(self, weights: Sequence[Tensor], units: int, activation: nn.Module) -> None:
        super().__init__(weights, units, activation)
        self.turn = None
        if len(weights) > 2 and weights[-1].dim() == 2:
            self.turn = _linear(weights[-1:], [0], len(weights[-1]), Gates)

    def step(self, given: tuple[Tensor, ...], state: State) -> State:
        (new_x, gates_x), (h, memory) = given, state
        write, forget, show = (gates_x + self.gates_h(h)).sigmoid().chunk(3, -1)
        memory = forget * memory + write * self.activation(new_x + self.new_h(h))
        # not a call: the trainer takes every call for a place that the weights before it feed
        h = show * self.activation.forward(memory)
        return (h if self.turn is None else self.turn(h)), memory


_KINDS: Final[dict[type[nn.Module], type[_Cell]]] = {
    nn.RNN: _Elman, nn.GRU: _Gru, nn.LSTM: _Lstm,
    nn.RNNCell: _Elman, nn.GRUCell: _Gru, nn.LSTMCell: _Lstm,
}  # fmt: skip


def _kind(layer: nn.Module) -> type[_Cell]:
    return next(own for theirs, own in _KINDS.items() if isinstance(layer, theirs))


# --- layers ---------------------------------------------------------------------------------------


class _Single(nn.Module):
    """A cell: one step, with the signature of PyTorch's."""

    def __init__(self, cell: nn.RNNCellBase, activation: nn.Module) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = cell.input_size, cell.hidden_size, cell.bias
        weights = list(cell.parameters(recurse=False))
        self.cell = _kind(cell)(weights, cell.hidden_size, activation)

    def forward(self, x: Tensor, hx: Any = None) -> Any:
        """The new state; a tuple of two for an LSTM."""
        if hx is None:
            hx = (x.new_zeros(*x.shape[:-1], self.hidden_size),) * self.cell.states
        state = self.cell.step(self.cell.read(x), hx if isinstance(hx, tuple) else (hx,))
        return state if self.cell.states > 1 else state[0]


class _Sequence(nn.Module):
    """Layers of cells over a sequence, with the signature of PyTorch's."""

    def __init__(self, layer: nn.RNNBase, activation: nn.Module) -> None:
        super().__init__()
        self.name = type(layer).__name__
        self.input_size, self.hidden_size = layer.input_size, layer.hidden_size
        self.num_layers, self.bidirectional = layer.num_layers, layer.bidirectional
        self.batch_first, self.dropout = layer.batch_first, layer.dropout
        self.widths = (layer.proj_size or layer.hidden_size, layer.hidden_size)
        self.ways = 2 if layer.bidirectional else 1
        kind = _kind(layer)
        cells = [kind(weights, layer.hidden_size, activation) for weights in layer.all_weights]
        self.cells = nn.ModuleList(cells)
        self.states = kind.states

    def flatten_parameters(self) -> None:
        """Nothing: PyTorch's layers put their weights in a row for the GPU here."""

    def forward(self, x: Tensor, hx: Any = None) -> Any:
        """The output of every step, and the last states."""
        if isinstance(x, PackedSequence):
            raise ActlabError(
                f"nn.{self.name} gets a packed sequence; its activation can be exchanged for "
                "padded sequences only: leave out pack_padded_sequence, and mask what is padding"
            )
        single = x.dim() == 2
        if single:
            x = x.unsqueeze(1)
        elif self.batch_first:
            x = x.transpose(0, 1)
        given = self._given(hx, x, single)
        ends: list[State] = []
        for start in range(0, len(self.cells), self.ways):
            if start and self.dropout:
                x = functional.dropout(x, self.dropout, self.training)
            ways = []
            for place in range(start, start + self.ways):
                state = tuple(values[place] for values in given)
                shown, state = _through(self.cells[place], x, state, back=place > start)
                ways.append(shown)
                ends.append(state)
            x = torch.cat(ways, -1)
        last = tuple(torch.stack(values) for values in zip(*ends, strict=True))
        if single:
            x, last = x.squeeze(1), tuple(values.squeeze(1) for values in last)
        elif self.batch_first:
            x = x.transpose(0, 1)
        return x, (last if self.states > 1 else last[0])

    def _given(self, hx: Any, x: Tensor, single: bool) -> tuple[Tensor, ...]:
        """The first states: (cells, batch, units) each."""
        if hx is None:
            widths, shape = self.widths[: self.states], (len(self.cells), x.shape[1])
            return tuple(x.new_zeros(*shape, width) for width in widths)
        given = hx if isinstance(hx, tuple) else (hx,)
        return tuple(values.unsqueeze(1) for values in given) if single else given


def _through(cell: Any, x: Tensor, state: State, *, back: bool) -> tuple[Tensor, State]:
    """One cell along the steps of (steps, batch, inputs); `back` from the last to the first."""
    steps = list(zip(*(part.unbind(0) for part in cell.read(x)), strict=True))
    shown = []
    for given in reversed(steps) if back else steps:
        state = cell.step(given, state)
        shown.append(state[0])
    return torch.stack(shown[::-1] if back else shown), state
