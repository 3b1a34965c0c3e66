"""What becomes of signal and gradient on their way through a deep network."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from actlab import theory
from actlab.compare.batches import Part
from actlab.compare.candidates import candidates_for
from actlab.compare.checking import checked_settings, whole
from actlab.compare.losses import loss_for
from actlab.compare.metrics import metric_for
from actlab.compare.networks import StackedNetwork
from actlab.compare.steady import steady_arithmetic
from actlab.compare.study import Settings
from actlab.compare.task import load
from actlab.compare.trainer import initial_weights, train_network
from actlab.errors import SettingError
from actlab.lessons.layers import PERCENTILES, Layers, expected_layers, measured_layers

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from actlab.activation import Activation
    from actlab.compare.study import Candidate
    from actlab.compare.task import Task

__all__ = ["DEFAULT", "MOST_ROWS", "Course", "Flow", "flow"]

DEFAULT: Final = "sigmoid,tanh,relu,gelu"
MOST_ROWS: Final = 8
LEARNING_RATES: Final = (3e-4, 1e-3, 3e-3)
SEEN: Final = 256
"""Held-out rows on which signal and gradient are measured."""

_GROUPS: Final = 8
"""Rows are forecast in so many groups of like power."""


@dataclass(frozen=True, eq=False)
class Course:
    """One network: what was forecast for it and what was measured, before and after training."""

    label: str
    formula: str
    sigma_w: float
    """Standard deviation of the initial weights times sqrt(fan_in)."""
    verdict: str
    """What the forecast says of the gradients: vanishing, steady, exploding or unknown."""
    before: Layers
    before_forecast: Layers
    after: Layers | None
    """None if the training diverged at every learning rate."""
    after_forecast: Layers | None
    """Of a random network whose weights have the sizes of the trained ones."""
    score: float | None
    """Of the trained network, on rows that it was not trained or chosen on."""
    learning_rate: float | None
    epoch: int

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        states = {
            name: None if layers is None else layers.as_dict()
            for name, layers in (
                ("before", self.before),
                ("before_forecast", self.before_forecast),
                ("after", self.after),
                ("after_forecast", self.after_forecast),
            )
        }
        return {
            "activation": self.label,
            "formula": self.formula,
            "sigma_w": self.sigma_w,
            "verdict": self.verdict,
            "score": self.score,
            "learning_rate": self.learning_rate,
            "epoch": self.epoch,
            **states,
        }


@dataclass(frozen=True, eq=False)
class Flow:
    """Deep networks with different activations, from the same draws, on the same rows.

    Attributes:
        task: the table.
        settings: of the training.
        courses: one for each activation.
        metric: what the score of a course is.
    """

    task: Task
    settings: Settings
    courses: tuple[Course, ...]
    metric: str

    @property
    def title(self) -> str:
        """Data, network and seed."""
        depth, width = len(self.settings.hidden), self.settings.hidden[0]
        layers = f"{depth} hidden layer{'s' if depth > 1 else ''} of {width} units"
        return f"{self.task.name}: {layers}, Adam, seed {self.settings.seed}"

    @cached_property
    def figure(self) -> Figure:
        """A row for each activation, as a Matplotlib figure; nothing is shown."""
        from actlab.lessons.flow_figure import draw

        return draw(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the figure as .png, .svg or .pdf."""
        from actlab.plots import save_figure

        return save_figure(self.figure, path, dpi=200)

    def as_dict(self) -> dict[str, Any]:
        """Return all numbers as plain values; gradients are natural logarithms."""
        return {
            "data": self.task.name,
            "metric": self.metric,
            "depth": len(self.settings.hidden),
            "width": self.settings.hidden[0],
            "epochs": self.settings.epochs,
            "learning_rates": list(self.settings.learning_rates),
            "seed": self.settings.seed,
            "percentiles": list(PERCENTILES),
            "notes": list(self.task.notes),
            "activations": [course.as_dict() for course in self.courses],
        }


def flow(
    data: Any = "digits",
    y: Any = None,
    *,
    target: str | None = None,
    activations: str | Activation | Iterable[str | Activation] = DEFAULT,
    depth: int = 30,
    width: int = 100,
    sigma_w: float | None = None,
    epochs: int = 20,
    learning_rates: Iterable[float] | float = LEARNING_RATES,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Flow:
    """Follow signal and gradient through deep networks, before and after training.

    Measured on held-out rows of a real table: the distribution of the activations in every
    layer, and the norm of the loss's gradient with respect to its pre-activations. Forecast are
    the same by the theory of wide random networks (`actlab.forecast`): for the initial weights
    before anything is drawn, for the trained ones from nothing but their sizes.

    Args:
        data: whatever `actlab.compare` takes: "digits", a path, a frame, an array X.
        y: the values to predict, if they are no column of `data`.
        target: the column to predict.
        activations: up to 8 names, formulas or activations, of one number each.
        depth: hidden layers.
        width: units of each.
        sigma_w: standard deviation of the initial weights times sqrt(fan_in); by default each
            activation's own gain, which keeps a variance of 1. Biases begin at 0.
        epochs: passes over the training rows.
        learning_rates: from which validation chooses, as it does the epoch.
        seed: of splits, weights and batches.
        progress: called with the networks that are done and their number.

    Returns:
        A `Flow`: `figure`, `save(path)`, `courses` and `as_dict()`.

    Raises:
        ActlabError: data, settings or activations that can't be used, in one sentence.

    Example:
        >>> found = flow("iris", activations="sigmoid,relu", depth=12, width=32, epochs=2)
        >>> [course.verdict for course in found.courses]
        ['vanishing', 'steady']
        >>> sigmoid, relu = (course.before.gradient for course in found.courses)
        >>> bool(sigmoid[0] < -5 < relu[0])
        True

    Source: Glorot, Bengio (2010), AISTATS, for such pictures of a trained network; Poole et al.
    (2016), arXiv:1606.05340, and Schoenholz et al. (2017), arXiv:1611.01232, for the forecast.
    """
    depth, width = whole(depth, "depth", least=1), whole(width, "width", least=1)
    settings = checked_settings(
        hidden=(width,) * depth, optimizer="adam", loss="auto", metric="auto", schedule="constant",
        clip_norm=None, epochs=epochs, batch_size=Settings.batch_size,
        learning_rates=learning_rates, blocks=1, seed=seed, margin=Settings.margin,
    )  # fmt: skip
    candidates = _candidates(activations, sigma_w)
    task = load(data, target=target, y=y)
    courses = []
    for number, candidate in enumerate(candidates):
        if progress is not None:
            progress(number, len(candidates))
        courses.append(_course(task, candidate, settings))
    return Flow(task, settings, tuple(courses), metric_for(settings.metric, task).name)


def _candidates(activations: Any, sigma_w: Any) -> Sequence[Candidate]:
    candidates = candidates_for(activations)
    if len(candidates) > MOST_ROWS:
        raise SettingError(
            f"{len(candidates)} activations were given; a figure has room for {MOST_ROWS}"
        )
    for candidate in candidates:
        f = candidate.activation
        if f.kind != "scalar":
            raise SettingError(
                f"{f.name} {f.nature}; the flow is forecast for functions of one number"
            )
    if sigma_w is None:
        for candidate in candidates:
            if candidate.note:  # it has no gain
                raise SettingError(f"{candidate.note} Give the size of the weights as sigma_w")
        return candidates
    if isinstance(sigma_w, bool | str) or not 0 < float(sigma_w) < float("inf"):
        raise SettingError(f"sigma_w is {sigma_w!r}; a number above 0 was expected")
    return [replace(candidate, gain=float(sigma_w)) for candidate in candidates]


def _course(task: Task, candidate: Candidate, settings: Settings) -> Course:
    f, split, double = candidate.activation, task.split(0, settings), np.dtype(np.float64)
    part = Part([split], "test", split.test_x.shape[1], double)
    x, y = next(part.batches(SEEN))
    loss = loss_for(settings.loss, task)
    widths = (x.shape[-1], *settings.hidden, loss.outputs(len(task.classes)))
    network = StackedNetwork(f, 1, 1, widths, double)
    for weight, matrix in zip(
        network.weights, initial_weights(candidate, settings.seed, 0, widths), strict=True
    ):
        weight[0, 0] = matrix
    powers, square = _powers(x), candidate.gain**2
    depth, width = len(settings.hidden), settings.hidden[0]
    after = after_forecast = None
    with steady_arithmetic():  # what overflows is told as infinite
        known = theory.forecast(
            f, depth, sigma_w=candidate.gain, variance=square * float(np.mean(powers)), width=width
        )
        forecast = expected_layers(f, powers, [square] * depth, [0.0] * depth)
        forecast = replace(forecast, scatter=np.array(known.scatter))
        before = measured_layers(network, x, y, loss)
        trained = train_network(task, candidate, task.split(0, settings), settings)
        if trained is not None:
            network.parameters[:] = trained[1].parameters
            after = measured_layers(network, x, y, loss)
            after_forecast = expected_layers(f, powers, *_sizes(network))
    run = None if trained is None else trained[0]
    return Course(
        label=candidate.label,
        formula=candidate.text,
        sigma_w=candidate.gain,
        verdict=known.verdict,
        before=before,
        before_forecast=forecast,
        after=after,
        after_forecast=after_forecast,
        score=run.test_score if run else None,
        learning_rate=run.learning_rate if run else None,
        epoch=run.chosen_epoch if run else 0,
    )


def _powers(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean squares of the inputs, of groups of rows from the faintest to the strongest."""
    rows = np.sort(np.mean(np.square(x[0, 0]), axis=1))
    groups = min(_GROUPS, len(rows))
    return np.array([group.mean() for group in np.array_split(rows, groups)])


def _sizes(network: StackedNetwork) -> tuple[list[float], list[float]]:
    """σ_w² and σ_b² of every hidden layer."""
    layers = range(len(network.shapes) - 1)
    scales = [float(np.mean(network.weights[i] ** 2)) * network.shapes[i][0] for i in layers]
    return scales, [float(np.mean(network.biases(i) ** 2)) for i in layers]
