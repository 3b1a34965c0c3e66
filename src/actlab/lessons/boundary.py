"""What shapes a network can draw: small networks trained on points of the plane."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from actlab.compare.candidates import candidates_for
from actlab.compare.checking import checked_settings
from actlab.compare.preparation import prepare
from actlab.compare.study import Settings
from actlab.compare.tables import Column
from actlab.compare.trainer import train_network
from actlab.errors import SettingError
from actlab.lessons.planes import plane

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from actlab.activation import Activation
    from actlab.compare.networks import StackedNetwork
    from actlab.compare.task import Split, Task

__all__ = ["DEFAULT", "MOST_PANELS", "Boundary", "Panel", "boundary"]

DEFAULT: Final = "identity,relu,tanh,silu"
MOST_PANELS: Final = 12
HIDDEN: Final = (16, 16)
EPOCHS: Final = 100
LEARNING_RATES: Final = (3e-3, 1e-2, 3e-2)

_GRID: Final = 240
_ROWS: Final = 1024
_PAD: Final = 0.08


@dataclass(frozen=True, eq=False)
class Panel:
    """What one network learnt."""

    label: str
    formula: str
    accuracy: float | None
    """On the held-out points; None if the training diverged at every learning rate."""
    learning_rate: float | None
    """Chosen on validation points, as the epoch."""
    epoch: int
    grid: NDArray[np.float64]
    """Probability of each class on the grid, (rows, columns, classes); empty if it diverged."""
    right: NDArray[np.bool_]
    """Whether each held-out point was given its class."""


@dataclass(frozen=True, eq=False)
class Boundary:
    """Networks with different activations, on the same points from the same draws.

    Attributes:
        task: points and classes.
        settings: of the training.
        panels: one for each activation.
        x: first coordinate of the grid, in units of the data.
        y: second coordinate.
        held_out: rows of the task that no network was trained or chosen on.
    """

    task: Task
    settings: Settings
    panels: tuple[Panel, ...]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    held_out: NDArray[np.int64]

    @cached_property
    def figure(self) -> Figure:
        """The boundaries side by side, as a Matplotlib figure; nothing is shown."""
        from actlab.lessons.boundary_figure import draw

        return draw(self)

    @property
    def title(self) -> str:
        """Data, network and seed."""
        outputs = 1 if len(self.task.classes) == 2 else len(self.task.classes)
        widths = "–".join(map(str, (2, *self.settings.hidden, outputs)))
        return f"{self.task.name}: networks {widths}, Adam, seed {self.settings.seed}"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the figure as .png, .svg or .pdf."""
        from actlab.plots import save_figure

        return save_figure(self.figure, path, dpi=200)

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as plain values, without the grids."""
        return {
            "data": self.task.name,
            "points": self.task.rows,
            "held_out": len(self.held_out),
            "classes": list(self.task.classes),
            "hidden": list(self.settings.hidden),
            "epochs": self.settings.epochs,
            "learning_rates": list(self.settings.learning_rates),
            "seed": self.settings.seed,
            "notes": list(self.task.notes),
            "activations": [
                {
                    "activation": panel.label,
                    "formula": panel.formula,
                    "accuracy": panel.accuracy,
                    "learning_rate": panel.learning_rate,
                    "epoch": panel.epoch,
                }
                for panel in self.panels
            ],
        }


def boundary(
    data: Any = "moons",
    y: Any = None,
    *,
    target: str | None = None,
    activations: str | Activation | Iterable[str | Activation] = DEFAULT,
    hidden: Iterable[int] | int = HIDDEN,
    epochs: int = EPOCHS,
    learning_rates: Iterable[float] | float = LEARNING_RATES,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Boundary:
    """Train small networks on points of the plane, and show where each parts the classes.

    All networks see the same points and batches and begin from the same draws, scaled by the
    gain of their activation. Validation points choose learning rate and epoch; the accuracy is
    that on held-out points. It is one network of each kind: whether a difference is more than
    chance says `actlab.compare`.

    Args:
        data: "moons", "circles" or "spiral"; the path of a CSV or Parquet file; a frame; or an
            array X, (rows, 2).
        y: the class of each row, if it is no column of `data`.
        target: the column of the classes; the two other columns are the plane.
        activations: up to 12 names, formulas or activations.
        hidden: widths of the hidden layers.
        epochs: passes over the training points.
        learning_rates: from which validation chooses.
        seed: of points, splits, weights and batches.
        progress: called with the networks that are done and their number.

    Returns:
        A `Boundary`: `figure`, `save(path)`, `panels` and `as_dict()`.

    Raises:
        ActlabError: data, settings or activations that can't be used, in one sentence.

    Example:
        >>> found = boundary("circles", activations="identity,relu", epochs=30)
        >>> line, circle = (panel.accuracy for panel in found.panels)
        >>> line < 0.7 and circle > 0.95
        True
    """
    settings = _settings(hidden, epochs, learning_rates, seed)
    candidates = candidates_for(activations)
    if len(candidates) > MOST_PANELS:
        raise SettingError(
            f"{len(candidates)} activations were given; a figure has room for {MOST_PANELS}"
        )
    task = plane(data, y, target=target, seed=settings.seed)
    split = task.split(0, settings)
    grid, axes = _grid(task, split)
    panels = []
    for number, candidate in enumerate(candidates):
        if progress is not None:
            progress(number, len(candidates))
        trained = train_network(task, candidate, task.split(0, settings), settings)
        shown = {"label": candidate.label, "formula": candidate.text}
        if trained is None:
            nothing = np.empty(0)
            panels.append(Panel(**shown, accuracy=None, learning_rate=None, epoch=0,
                                grid=nothing, right=nothing.astype(bool)))  # fmt: skip
            continue
        run, network = trained
        guess = _probabilities(network, split.test_x).argmax(axis=-1)
        panels.append(Panel(
            **shown, accuracy=run.test_score, learning_rate=run.learning_rate,
            epoch=run.chosen_epoch, right=guess == split.test_y,
            grid=_probabilities(network, grid).reshape(len(axes[1]), len(axes[0]), -1),
        ))  # fmt: skip
    return Boundary(task, settings, tuple(panels), *axes, split.test_rows)


def _settings(hidden: Any, epochs: Any, learning_rates: Any, seed: Any) -> Settings:
    from dataclasses import replace

    checked = checked_settings(
        hidden=hidden, optimizer="adam", loss="auto", metric="accuracy", schedule="constant",
        clip_norm=None, epochs=epochs, batch_size=32, learning_rates=learning_rates, blocks=1,
        seed=seed, margin=Settings.margin,
    )  # fmt: skip
    return replace(checked, test_share=0.3)


def _grid(
    task: Task, split: Split
) -> tuple[NDArray[np.float64], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """What a network sees on a grid over all points, and the grid's coordinates."""
    axes = []
    for column in task.columns:
        low, high = float(column.values.min()), float(column.values.max())
        pad = _PAD * (high - low)
        axes.append(np.linspace(low - pad, high + pad, _GRID))
    x, y = axes
    # prepared as the points were, which the training points alone decide
    longer = [
        Column(column.name, np.concatenate([column.values, places.ravel()]), True)
        for column, places in zip(task.columns, np.meshgrid(x, y), strict=True)
    ]
    return prepare(longer, split.train_rows).features[task.rows :], (x, y)


def _probabilities(network: StackedNetwork, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probability of each class, (rows, classes)."""
    found = []
    for start in range(0, len(x), _ROWS):
        some = x[start : start + _ROWS]
        now = network.rows(len(some))
        now.x[0, 0] = some
        for call in now.value:
            call()
        found.append(now.outputs[0].astype(np.float64))
    logits = np.concatenate(found)
    if logits.shape[1] == 1:  # one logit for two classes: that of the first is 0
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares
