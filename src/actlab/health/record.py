"""What was seen of a training: numbers without any reference to the model or its tensors.

Everything the rules judge is here, so that a finding can be made again from a record alone. Its
size does not grow with the number of steps: curves and windows are halved when they are full.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from actlab.activation import Activation
from actlab.properties.regions import Regions, regions

__all__ = ["Curve", "Event", "Layer", "LayerState", "LossUse", "Record", "Site", "SiteState"]

_POINTS: Final = 1024
_WINDOWS: Final = 48
INPUT: Final = "input"
OUTPUT: Final = "output"


@dataclass(frozen=True)
class Site:
    """One place in the forward pass whose values are watched.

    Attributes:
        name: the activation's module, or "relu after fc1" for a function call; "input", "output".
        activation: the function, or None at the input and output.
        layer: the layer with weights that ran before it, which makes its input.
        units: how many units or channels.
    """

    name: str
    activation: Activation | None
    layer: str
    units: int

    @property
    def regions(self) -> Regions | None:
        """The flat tails of its function."""
        return None if self.activation is None else regions(self.activation)


@dataclass(frozen=True)
class Layer:
    """A module that owns weights.

    Attributes:
        name: its path in the model.
        kind: its class.
        fan_in: inputs of a unit, 0 for a layer without a matrix.
        trainable: whether any of its parameters asks for a gradient.
        optimised: whether any is in the optimizer; None if there is no optimizer.
        recurrent: whether it applies its weights once a time step.
        parameters: how many numbers.
    """

    name: str
    kind: str
    fan_in: int
    trainable: bool
    optimised: bool | None
    recurrent: bool
    parameters: int


@dataclass(frozen=True)
class SiteState:
    """One site over one window; shares are of its units, unless a comment says otherwise."""

    first_step: int
    last_step: int
    rows: int
    dead: float
    """Units whose every input lay in one tail where the function passes no gradient."""
    saturated: float
    """Units with at least nine rows in ten in a flat tail (of a function with two)."""
    tail_rows: float
    """Mean share of rows in a flat tail."""
    active: float
    """Mean share of rows above the left tail."""
    constant: float
    """Units whose output did not vary over the rows."""
    x_mean: float
    """Mean over the units of the mean input."""
    x_std: float
    """Root mean square over the units of the standard deviation of the input."""
    x_offset: float
    """Median over the units of mean / standard deviation of the input."""
    x_largest: float
    y_centre: float
    """Mean of the outputs over their root mean square: 0 is centred, 1 all of one sign."""
    y_rms: float
    spread: float
    """Variance over the rows as a part of the mean square: 0 if all inputs look the same."""
    alike: float
    """Variance between units as a part of the variance of all outputs: 0 if units are copies."""
    gradient: float
    """Norm of the loss's gradient with respect to the output, geometric mean over the steps."""
    kept: float = math.nan
    """Units dead over the last windows together."""


@dataclass(frozen=True)
class LayerState:
    """One layer over one window: root mean squares over the sampled steps."""

    first_step: int
    last_step: int
    weight: float
    """Norm of all its parameters."""
    gradient: float
    update: float
    """Norm of a step's change."""
    deviation: float
    """Standard deviation of its largest matrix."""
    bias: float
    """Mean of its bias."""
    zero_gradients: float
    """Share of entries of the gradient that are exactly zero; 1 if there is none."""
    reached: bool = True
    """Whether backward gave it a gradient at all."""

    @property
    def ratio(self) -> float:
        """Update over weight."""
        return self.update / self.weight if self.weight > 0 else math.nan


@dataclass(frozen=True)
class Event:
    """The first number that was not finite.

    Attributes:
        step: of the optimizer.
        phase: "data", "forward", "loss", "backward", "gradient" or "weights".
        place: layer, activation or operation.
        operation: of a function such as log, its name.
        layer: the layer with weights that ran before it.
        largest: the largest size seen there in the windows before.
        dtype: in which the place computed.
        between: steps since the last look, so that the true step may be that much earlier.
        lasting: whether later steps were not finite either.
    """

    step: int
    phase: str
    place: str
    operation: str = ""
    layer: str = ""
    largest: float = math.nan
    dtype: str = ""
    between: int = 1
    lasting: bool = False


@dataclass(frozen=True)
class LossUse:
    """How the loss was called: its name, and what it was given."""

    name: str
    row_sum_error: float = math.nan
    """Largest distance of a row's sum from 1."""
    lowest: float = math.nan
    highest: float = math.nan
    log_sum_error: float = math.nan
    """Largest distance of a row's sum of exponentials from 1."""
    target_lowest: float = math.nan
    target_highest: float = math.nan

    def joined(self, other: LossUse) -> LossUse:
        """The extremes of both."""
        return LossUse(
            self.name,
            max(self.row_sum_error, other.row_sum_error),
            min(self.lowest, other.lowest),
            max(self.highest, other.highest),
            max(self.log_sum_error, other.log_sum_error),
            min(self.target_lowest, other.target_lowest),
            max(self.target_highest, other.target_highest),
        )


class Curve:
    """A series over the steps that never holds more than a fixed number of points.

    When it is full, neighbours become one point, their mean; so it covers all of the training.
    """

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.values: list[float] = []
        self._stride = 1
        self._pending: list[float] = []

    def add(self, step: int, value: float) -> None:
        """Add a point."""
        self._pending.append(value)
        if len(self._pending) < self._stride:
            return
        self.steps.append(step)
        self.values.append(sum(self._pending) / len(self._pending))
        self._pending = []
        if len(self.steps) >= _POINTS:
            self.steps = self.steps[1::2]
            values = self.values
            self.values = [(a + b) / 2 for a, b in zip(values[::2], values[1::2], strict=True)]
            self._stride *= 2

    def array(self) -> Any:
        """The values."""
        return np.asarray(self.values, dtype=float)

    def __len__(self) -> int:
        return len(self.values)


@dataclass
class Record:
    """Everything that was seen.

    Attributes:
        sites, layers: in the order of the first forward pass, by name.
        states: of each site, one per window; the first is the first sampled step alone, which
            shows the network as it was initialised.
        layer_states: of each layer, likewise.
        loss, gradient, rate: loss, norm of all gradients and learning rate over the steps.
        validation: loss on other data, as the user told it.
        event: the first number that was not finite.
        ran: layers that the forward pass came through.
        uses: how loss functions were called, by name.
        reference: the first loss of all, where this record begins after a remedy.
        every: sampled steps are this many apart.
        steps: how many there were.
        skipped: steps that a gradient scaler left out.
        silent: whether the model ran without its hooks (compiled before it was watched).
    """

    sites: dict[str, Site] = field(default_factory=dict)
    layers: dict[str, Layer] = field(default_factory=dict)
    states: dict[str, list[SiteState]] = field(default_factory=dict)
    layer_states: dict[str, list[LayerState]] = field(default_factory=dict)
    loss: Curve = field(default_factory=Curve)
    gradient: Curve = field(default_factory=Curve)
    rate: Curve = field(default_factory=Curve)
    validation: Curve = field(default_factory=Curve)
    event: Event | None = None
    uses: dict[str, LossUse] = field(default_factory=dict)
    ran: set[str] = field(default_factory=set)
    optimiser: str = ""
    reference: float = math.nan
    every: int = 1
    steps: int = 0
    sampled: int = 0
    skipped: int = 0
    silent: bool = False

    def add_state(self, name: str, state: SiteState) -> None:
        """Add a window of a site."""
        _append(self.states.setdefault(name, []), state)

    def add_layer_state(self, name: str, state: LayerState) -> None:
        """Add a window of a layer."""
        _append(self.layer_states.setdefault(name, []), state)

    def activations(self) -> list[Site]:
        """The sites with a function of one number, in order."""
        return [s for s in self.sites.values() if s.regions is not None and s.name in self.states]


def _append(states: list[Any], state: Any) -> None:
    """Add a window; the first one is kept, and when there are many, every other one goes."""
    states.append(state)
    if len(states) > _WINDOWS:
        first, rest = states[0], states[1:]
        kept = [
            replace(later, first_step=earlier.first_step)
            for earlier, later in zip(rest[::2], rest[1::2], strict=False)
        ]
        states[:] = [first, *kept]
