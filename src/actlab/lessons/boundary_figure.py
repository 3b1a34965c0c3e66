"""The figure of decision boundaries: one panel a network, readable without colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from actlab.plots import COLOURS, MARKERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from actlab.lessons.boundary import Boundary, Panel

__all__ = ["draw"]

_COLOURS: Final = (*COLOURS[:6], "#7A5195", "#8C6D31", "#4D4D4D", "#B3B300")
# the first two, which are the usual case, differ most
_MARKERS: Final = ("o", "^", "s", *MARKERS[3:9], "p")
_COLUMNS: Final = 4
_PANEL_INCHES: Final = 2.9
_DEEPEST: Final = 0.38
"""How much of a class's colour its region has where the network is certain."""
_STRETCHED: Final = 4.0
"""Axes whose lengths differ by more are not drawn to one scale."""


def draw(found: Boundary) -> Figure:
    """All panels with the same axes, the points, and one legend below."""
    from matplotlib.figure import Figure

    columns = min(len(found.panels), _COLUMNS)
    if len(found.panels) in {5, 6, 9}:
        columns = 3
    rows = -(-len(found.panels) // columns)
    wide, high = np.ptp(found.x), np.ptp(found.y)
    to_scale = max(wide, high) <= _STRETCHED * min(wide, high)
    ratio = float(high / wide) if to_scale else 1.0
    inches = (columns * _PANEL_INCHES + 0.5, rows * (0.95 * _PANEL_INCHES * ratio + 0.6) + 1.1)
    figure = Figure(figsize=(max(inches[0], 6.0), inches[1]), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in panels.flat[len(found.panels) :]:
        axes.set_visible(False)
    for number, (axes, panel) in enumerate(zip(panels.flat, found.panels, strict=False)):
        _draw_panel(axes, found, panel)
        axes.set_box_aspect(ratio)
        last = number + columns >= len(found.panels)
        axes.tick_params(labelbottom=last, length=3, labelsize=8)
        if last:
            axes.set_xlabel(found.task.columns[0].name)
        if number % columns == 0:
            axes.set_ylabel(found.task.columns[1].name)
    figure.suptitle(found.title, fontsize=12)
    handles = _handles(found)
    lines = -(-len(handles) // max(3, 2 * columns))
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=-(-len(handles) // lines),
        frameon=False,
        fontsize=9,
    )
    return figure


def _draw_panel(axes: Axes, found: Boundary, panel: Panel) -> None:
    told = "diverged" if panel.accuracy is None else f"accuracy {panel.accuracy:.3f}"
    axes.set_title(f"{_short(panel.label)}\n{told}", fontsize=10)
    x, y = found.x, found.y
    if panel.grid.size:
        axes.imshow(
            _shades(panel.grid),
            extent=(x[0], x[-1], y[0], y[-1]),
            origin="lower",
            aspect="auto",
            interpolation="bilinear",
        )
        for margin in _margins(panel.grid):
            axes.contour(x, y, margin, levels=[0.0], colors="black", linewidths=1.4)
    _draw_points(axes, found, panel)
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(y[0], y[-1])


def _draw_points(axes: Axes, found: Boundary, panel: Panel) -> None:
    task = found.task
    points = np.column_stack([column.values for column in task.columns])
    held_out = np.isin(np.arange(task.rows), found.held_out)
    for own, (colour, marker) in enumerate(zip(_COLOURS, _MARKERS, strict=True)):
        for shown, size, alpha, edge in (
            (~held_out, 5, 0.35, "none"),
            (held_out, 15, 1.0, "white"),
        ):
            some = points[shown & (task.target == own)]
            axes.scatter(
                some[:, 0], some[:, 1], s=size, marker=marker, color=colour, alpha=alpha,
                linewidths=0.4, edgecolors=edge, rasterized=len(task.target) > 5000,
            )  # fmt: skip
    if panel.right.size:
        wrong = points[found.held_out[~panel.right]]
        axes.scatter(wrong[:, 0], wrong[:, 1], s=22, marker="x", color="black", linewidths=0.9)


def _shades(grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Colours of the classes by their probability; undecided places are pale."""
    from matplotlib.colors import to_rgb

    colours = np.array([to_rgb(colour) for colour in _COLOURS[: grid.shape[-1]]])
    ordered = np.sort(grid, axis=-1)
    certain = _DEEPEST * (0.3 + 0.7 * (ordered[..., -1] - ordered[..., -2]))[..., None]
    own = colours[grid.argmax(axis=-1)]
    shades: NDArray[np.float64] = 1 - certain * (1 - own)
    return shades


def _margins(grid: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """For each class that wins somewhere and loses somewhere: by how much it leads."""
    margins = []
    for own in range(grid.shape[-1] if grid.shape[-1] > 2 else 1):
        others = np.delete(grid, own, axis=-1).max(axis=-1)
        margin = grid[..., own] - others
        if margin.min() < 0 < margin.max():
            margins.append(margin)
    return margins


def _handles(found: Boundary) -> list[Any]:
    from matplotlib.lines import Line2D

    def dot(marker: str, colour: str, size: float, label: str) -> Line2D:
        edge = colour if marker == "x" else "white"
        return Line2D(
            [], [], linestyle="", marker=marker, color=colour, markersize=size,
            markeredgecolor=edge, label=label,
        )  # fmt: skip

    classes = found.task.classes
    return [
        *(
            dot(_MARKERS[i], _COLOURS[i], 7, f"{found.task.target_name} {_short(name, 16)}")
            for i, name in enumerate(classes)
        ),
        Line2D([], [], linestyle="", marker="o", color="0.5", markersize=3, alpha=0.8,
               label="small: training and validation"),
        dot("x", "black", 5, "held out, taken for another"),
        Line2D([], [], color="black", linewidth=1.4, label="boundary"),
    ]  # fmt: skip


def _short(text: str, most: int = 30) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
