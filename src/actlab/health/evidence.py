"""What several rules ask of a record: does it learn, how fast do weights move, how it began."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from actlab.activation import Activation
from actlab.health.record import INPUT, OUTPUT, LayerState, Record, Site, SiteState
from actlab.health.thresholds import limit

__all__ = ["Evidence", "gain_of"]


@dataclass(frozen=True)
class Evidence:
    """A record with the figures that rules share.

    Attributes:
        record: what was seen.
        gone: part of the first loss that is gone; NaN while it is too early to say.
        peak: largest loss over the first.
        hot: change over weight of a step, median over the layers, largest of the first windows.
        waited: part of the steps before the first tenth of the loss was gone.
        pace: the same, largest layer of the median over all windows.
    """

    record: Record
    gone: float
    peak: float
    hot: float
    pace: float
    waited: float

    @classmethod
    def of(cls, record: Record) -> Evidence:
        """Gather it."""
        losses = record.loss.array()
        losses = losses[np.isfinite(losses)]
        gone, peak, waited = math.nan, math.nan, math.nan
        if len(losses):
            scale = max(abs(float(losses[0])), 1e-12)
            peak = float(losses.max()) / scale
            if len(losses) >= limit("steps_before_judging"):
                last = float(np.median(losses[-max(5, len(losses) // 10) :]))
                first = np.nanmax([float(losses[0]), record.reference])
                first = min(float(first), _chance(record))
                gone = (first - last) / max(abs(first), 1e-12)
                down = np.flatnonzero(losses < first - limit("stuck") * abs(first))
                waited = float(down[0]) / len(losses) if len(down) else 1.0
        ratios = _ratios(record)
        hot = pace = math.nan
        if ratios.shape[1] > 1:
            with np.errstate(all="ignore"):
                early = _median(ratios[:, 1:5], 0)
                hot = float(np.nanmax(early)) if np.isfinite(early).any() else math.nan
                each = _median(ratios[:, 1:], 1)
                pace = float(np.nanmax(each)) if np.isfinite(each).any() else math.nan
        return cls(record, gone, peak, hot, pace, waited)

    @property
    def early(self) -> bool:
        """Whether it is too early to speak of progress."""
        return math.isnan(self.gone)

    @property
    def learns(self) -> bool:
        """Whether the loss has come down well."""
        return self.gone >= limit("learns")

    @property
    def stuck(self) -> bool:
        """Whether the loss has not come down."""
        return self.gone < limit("stuck") or self.record.event is not None

    def severity(self) -> str:
        """Of a trouble that matters if the network does not learn."""
        well = self.learns and self.waited < limit("waits")
        return "severe" if self.stuck else "note" if well else "warning"

    @property
    def hot_steps(self) -> bool:
        """Whether weights moved too far in the first windows."""
        return self.hot > limit("update_high") or (
            math.isnan(self.hot) and self.peak > 10 * limit("loss_peak")
        )

    def first(self, site: Site) -> SiteState:
        """The network as it was initialised."""
        return self.record.states[site.name][0]

    def last(self, site: Site) -> SiteState:
        """The last window in which everything was finite."""
        states = self.record.states[site.name]
        return next((s for s in reversed(states) if math.isfinite(s.x_std)), states[-1])

    def since(self, site: Site, test: Any) -> int:
        """The first step of the run of windows up to the last in which a test holds."""
        step = self.record.states[site.name][-1].first_step
        for state in reversed(self.record.states[site.name]):
            if not test(state):
                break
            step = state.first_step
        return step

    def layer(self, name: str, place: int = 0) -> LayerState | None:
        """A window of a layer."""
        states = self.record.layer_states.get(name)
        return states[place] if states else None

    @property
    def input(self) -> SiteState | None:
        """The model's input in the first step."""
        states = self.record.states.get(INPUT)
        return states[0] if states else None

    @property
    def output(self) -> list[SiteState]:
        """The model's output."""
        return self.record.states.get(OUTPUT, [])

    def feeding(self, site: Site) -> str:
        """The layer with a matrix that makes a site's input, past a normalisation."""
        names = list(self.record.layers)
        if site.layer not in self.record.layers:
            return site.layer
        at = names.index(site.layer)
        while at > 0 and self.record.layers[names[at]].fan_in == 0:
            at -= 1
        return names[at]

    def normalised(self, site: Site) -> bool:
        """Whether a normalisation stands between the matrix and the activation."""
        return "Norm" in getattr(self.record.layers.get(site.layer), "kind", "")

    def sigma(self, site: Site, place: int = 0) -> float:
        """Standard deviation of the weights times sqrt(fan in), over the activation's gain."""
        name = self.feeding(site)
        layer, state = self.record.layers.get(name), self.layer(name, place)
        if layer is None or state is None or not layer.fan_in or site.activation is None:
            return math.nan
        return state.deviation * math.sqrt(layer.fan_in) / gain_of(site.activation)


@lru_cache(maxsize=256)
def gain_of(activation: Activation) -> float:
    """The gain that keeps the signal, 1 where theory has none."""
    from actlab.theory import gain

    try:
        return gain(activation)
    except (ArithmeticError, TypeError):
        return 1.0


def _chance(record: Record) -> float:
    """The cross-entropy of guessing, for networks that begin worse than that."""
    output = record.sites.get(OUTPUT)
    if "cross_entropy" in record.uses and output is not None and output.units > 1:
        return math.log(output.units)
    return math.inf


def _ratios(record: Record) -> Any:
    """Update over weight of every layer with a matrix, shape (layers, windows)."""
    rows = [
        [state.ratio for state in record.layer_states[name]]
        for name, layer in record.layers.items()
        if layer.fan_in and name in record.layer_states and layer.optimised is not False
        and layer.trainable
    ]  # fmt: skip
    width = max(map(len, rows), default=0)
    return np.array([[*row, *[math.nan] * (width - len(row))] for row in rows]).reshape(
        len(rows), width
    )


def _median(values: Any, axis: int) -> Any:
    """Median without the numbers that are not finite, quietly NaN where there are none."""
    values = np.where(np.isfinite(values), values, np.nan)
    found = []
    for row in np.moveaxis(values, axis, 0).T if axis == 0 else values:
        known = row[~np.isnan(row)]
        found.append(float(np.median(known)) if len(known) else math.nan)
    return np.array(found)
