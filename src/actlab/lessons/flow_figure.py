"""The figure of signal and gradient: a row a network, readable without colour."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from actlab.plots import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from actlab.lessons.flow import Course, Flow
    from actlab.lessons.layers import Layers

__all__ = ["draw"]

_SIGNAL, _BEFORE, _AFTER = COLOURS[0], COLOURS[1], COLOURS[2]
_DASHED: Final[Any] = (0, (4, 2))
_DOTTED: Final[Any] = (0, (1, 1.2))
"""Forecasts: of the initial weights, and of the trained ones."""
_DEEPEST: Final = -30.0
"""Gradients smaller than 10 to this count as none."""
_WIDEST: Final = 1e3
"""Activations beyond this are drawn on a logarithmic scale."""


def draw(found: Flow) -> Figure:
    """Activations before and after training, and the gradient's norm, layer by layer."""
    from matplotlib.figure import Figure

    rows = len(found.courses)
    figure = Figure(figsize=(11.0, 1.2 + 2.05 * rows), layout="constrained")
    panels = figure.subplots(rows, 3, sharex=True, squeeze=False, width_ratios=(1, 1, 1.15))
    low, high = _gradient_limits(found)
    for axes, course in zip(panels, found.courses, strict=True):
        _draw_signal(axes[0], course.before, course.before_forecast)
        if course.after is None or course.after_forecast is None:
            axes[1].text(
                0.5, 0.5, "the training diverged", transform=axes[1].transAxes, ha="center"
            )
        else:
            _draw_signal(axes[1], course.after, course.after_forecast)
        _same_scale(axes[:2], course)
        _draw_gradient(axes[2], course)
        axes[2].set_ylim(low, high)
        axes[1].tick_params(labelleft=False)
        axes[0].set_ylabel(_row_title(found, course), fontsize=10)
        for panel in axes:
            _tidy(panel, len(found.settings.hidden))
    for axes, title in zip(
        panels[0],
        ("activations before training", "activations after training",
         "gradient norm over that of the last layer, log10"),
        strict=True,
    ):  # fmt: skip
        axes.set_title(title, fontsize=10)
    for axes in panels[-1]:
        axes.set_xlabel("layer")
    figure.align_ylabels(panels[:, 0])
    figure.suptitle(found.title, fontsize=12)
    figure.legend(
        handles=_handles(), loc="outside lower center", ncols=4, frameon=False, fontsize=9
    )
    return figure


def _draw_signal(axes: Axes, layers: Layers, expected: Layers) -> None:
    number = np.arange(1, len(layers.variance) + 1)
    low, quarter, middle, upper, high = layers.percentiles.T
    axes.fill_between(number, low, high, color=_SIGNAL, alpha=0.2, linewidth=0)
    axes.fill_between(number, quarter, upper, color=_SIGNAL, alpha=0.4, linewidth=0)
    axes.plot(number, middle, color=_SIGNAL, linewidth=1.8)
    for line in (expected.percentiles[:, 0], expected.percentiles[:, -1]):
        axes.plot(number, line, color="black", linewidth=1.1, linestyle=_DASHED)


def _same_scale(pair: Any, course: Course) -> None:
    """Both pictures of the signal with one scale, which the measured bands decide."""
    states = [state for state in (course.before, course.after) if state is not None]
    values = np.concatenate([state.percentiles.ravel() for state in states])
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    if max(-low, high) > _WIDEST:
        for axes in pair:
            axes.set_yscale("symlog", linthresh=1.0)
            axes.set_ylim(10 * min(low, 0.0), 10 * max(high, 1.0))
        return
    pad = 0.15 * (high - low) or 0.1
    for axes in pair:
        axes.set_ylim(low - pad, high + pad)


def _draw_gradient(axes: Axes, course: Course) -> None:
    before, expected = course.before, course.before_forecast
    _line(axes, _tens(expected.gradient), _BEFORE, _DASHED)
    if expected.scatter is not None:
        middle, spread = _tens(expected.gradient), expected.scatter / math.log(10)
        number = np.arange(1, len(middle) + 1)
        axes.fill_between(number, middle - spread, middle + spread, color=_BEFORE, alpha=0.2,
                          linewidth=0)  # fmt: skip
    _line(axes, _tens(before.gradient), _BEFORE, "-", "o")
    if course.after is not None and course.after_forecast is not None:
        _line(axes, _tens(course.after_forecast.gradient), _AFTER, _DOTTED)
        _line(axes, _tens(course.after.gradient), _AFTER, "-", "s")
    axes.axhline(0.0, color="0.6", linewidth=0.8, zorder=0)


def _line(
    axes: Axes, values: NDArray[np.float64], colour: str, style: Any, marker: str = ""
) -> None:
    number = np.arange(1, len(values) + 1)
    axes.plot(number, values, color=colour, linestyle=style, linewidth=1.3, marker=marker,
              markersize=3.2, markevery=max(len(values) // 15, 1))  # fmt: skip


def _tens(logarithms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Powers of ten, without what is infinite or out of sight."""
    tens = logarithms / math.log(10)
    return np.where(np.abs(tens) <= -2 * _DEEPEST, tens, np.nan)


def _gradient_limits(found: Flow) -> tuple[float, float]:
    """One scale for all rows, so that they can be compared."""
    every = [
        _tens(state.gradient)
        for course in found.courses
        for state in (course.before, course.before_forecast, course.after, course.after_forecast)
        if state is not None
    ]
    values = np.concatenate(every)
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    low, high = max(min(low, -1.0), _DEEPEST), min(max(high, 1.0), -_DEEPEST)
    pad = 0.06 * (high - low)
    return low - pad, high + pad


def _row_title(found: Flow, course: Course) -> str:
    label = course.label if len(course.label) <= 24 else f"{course.label[:23]}…"
    if course.score is None:
        return f"{label}\n"
    return f"{label}\n{found.metric} {course.score:.3f}"


def _tidy(axes: Axes, depth: int) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.grid(visible=True, color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlim(1, max(depth, 2))
    axes.tick_params(labelsize=8, length=3)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _handles() -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Line2D([], [], color=_SIGNAL, linewidth=1.8, label="median"),
        Patch(facecolor=_SIGNAL, alpha=0.5, label="middle half"),
        Patch(facecolor=_SIGNAL, alpha=0.2, label="5 to 95 %"),
        Line2D(
            [], [], color="black", linewidth=1.1, linestyle=_DASHED, label="5 and 95 %, forecast"
        ),
        Line2D([], [], color=_BEFORE, marker="o", markersize=3.2, label="gradient before training"),
        Line2D([], [], color=_BEFORE, linestyle=_DASHED, label="its forecast and scatter"),
        Line2D([], [], color=_AFTER, marker="s", markersize=3.2, label="gradient after training"),
        Line2D(
            [], [], color=_AFTER, linestyle=_DOTTED, label="its forecast from the weights' sizes"
        ),
    ]
