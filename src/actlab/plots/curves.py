"""Figures of activations: curves, and bars of functions of a vector."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np

from actlab.activation import Activation
from actlab.plots.style import COLOURS, MARKERS, new_figure, open_frame
from actlab.plots.table import columns_of, curve_table, functions_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["plot", "plot_many"]

_ROW_INCHES: Final = 0.22
_TALLEST: Final = 2.0
"""A curve is cut off at this many times the width of its half axis."""

_STYLES: Final = ("-", "--", "-.", ":")
_HATCHES: Final = ("", "//", "\\\\", "xx", "..", "++", "oo")


def plot(
    activation: str | Activation,
    *,
    derivative: bool = False,
    ax: Axes | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Axes:
    """Draw one activation; nothing is shown and nothing is written.

    A gated pair is drawn against its gate, at x = 1; a function of a vector as bars.

    Args:
        activation: name, formula or activation.
        derivative: draw the derivative into the same axes.
        ax: axes to draw into; by default a figure of its own (`result.figure`).
        low: first input.
        high: last input.

    Returns:
        The Matplotlib axes.

    Example:
        >>> axes = plot("relu", derivative=True)
        >>> [text.get_text() for text in axes.get_legend().texts]
        ['relu', 'derivative of relu']
    """
    functions = functions_of(activation)
    table = curve_table(functions, low=low, high=high)
    if derivative:
        slopes = curve_table(functions, order=1, low=low, high=high)
        table |= {f"derivative of {label}": column for label, column in columns_of(slopes)}
    if ax is None:
        ax = new_figure(1)[1][0]
    _draw(ax, functions, table, "value")
    ax.set_title(_title(functions))
    if len(table) > 2:
        ax.legend(frameon=False)
    return ax


def plot_many(
    activations: str | Activation | Iterable[str | Activation],
    *,
    derivative: bool = False,
    low: float | None = None,
    high: float | None = None,
) -> Figure:
    """One figure of several activations, with one legend; derivatives in a panel of their own.

    Args:
        activations: names, formulas or activations.
        derivative: add the panel of derivatives.
        low: first input.
        high: last input.

    Returns:
        A Matplotlib figure; `save_figure` writes it.

    Raises:
        ActlabError: as `curve_table`.

    Example:
        >>> [axes.get_ylabel() for axes in plot_many(["relu", "x**3"], derivative=True).axes]
        ['value', 'derivative']
    """
    functions = functions_of(activations)
    tables = [
        curve_table(functions, order=order, low=low, high=high)
        for order in range(2 if derivative else 1)
    ]
    figure, panels = new_figure(len(tables))
    for panel, table, what in zip(panels, tables, ("value", "derivative"), strict=False):
        _draw(panel, functions, table, what)
    figure.suptitle(_title(functions))
    handles, labels = panels[0].get_legend_handles_labels()
    if len(labels) > 1:
        longest = max(len(label) for label in labels)
        columns = max(1, min(len(labels), len(panels) * 72 // (longest + 8)))
        figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)
        # the legend's further rows must not take the room of the curves
        extra = -(-len(labels) // columns) - 1
        figure.set_figheight(figure.get_figheight() + _ROW_INCHES * extra)
    return figure


def _draw(
    ax: Axes, functions: Sequence[Activation], table: dict[str, NDArray[np.float64]], what: str
) -> None:
    if functions[0].kind == "vector":
        _draw_bars(ax, table)
        return
    x = table["x"]
    for number, (label, y) in enumerate(columns_of(table)):
        marker = MARKERS[number % len(MARKERS)]
        every = max(len(x) // 10, 1)
        ax.plot(
            x,
            np.where(np.isfinite(y), y, np.nan),
            label=label,
            color=COLOURS[number % len(COLOURS)],
            linestyle=_STYLES[number % len(_STYLES)],
            marker=marker if len(table) > 2 else "",
            markevery=(number * every // max(len(table) - 1, 1), every),
            markersize=4.5,
            linewidth=1.8,
        )
    _finish(ax, table)
    gated = {f.kind == "gated" for f in functions}
    ax.set_xlabel("gate" if gated == {True} else "x, or the gate" if True in gated else "x")
    ax.set_ylabel(what)


def _finish(ax: Axes, table: dict[str, NDArray[np.float64]]) -> None:
    """Quiet lines through zero, and no more height than can be read."""
    x = table["x"]
    ax.axhline(0.0, color="0.6", linewidth=0.8, zorder=0)
    if x[0] < 0 < x[-1]:
        ax.axvline(0.0, color="0.6", linewidth=0.8, zorder=0)
    ax.grid(visible=True, color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_xlim(x[0], x[-1])
    open_frame(ax)
    values = np.concatenate([y[np.isfinite(y)] for _, y in columns_of(table)] or [np.zeros(1)])
    tallest = _TALLEST * float(np.abs(x).max())
    if values.size and np.abs(values).max() > tallest:
        low, high = max(float(values.min()), -tallest), min(float(values.max()), tallest)
        pad = 0.05 * (high - low or 1.0)
        ax.set_ylim(low - pad, high + pad)


def _draw_bars(ax: Axes, table: dict[str, NDArray[np.float64]]) -> None:
    columns = columns_of(table)
    places = np.arange(len(table["x"]))
    width = 0.8 / len(columns)
    for number, (label, y) in enumerate(columns):
        bars = ax.bar(
            places + (number - (len(columns) - 1) / 2) * width,
            y,
            width,
            label=label,
            color=COLOURS[number % len(COLOURS)],
            hatch=_HATCHES[number % len(_HATCHES)],
            edgecolor="white",
        )
        if len(columns) == 1:
            ax.bar_label(bars, fmt="%.3g", padding=2)
    ax.axhline(0.0, color="0.6", linewidth=0.8)
    ax.set_xticks(places, [f"{value:g}" for value in table["x"]])
    ax.margins(y=0.1)
    ax.set_xlabel("the vector x, entry by entry")
    ax.set_ylabel("value")
    open_frame(ax)


def _title(functions: Sequence[Activation]) -> str:
    if len(functions) == 1:
        f = functions[0]
        text = f.rule.text if f.rule is not None else str(f.definition)
        numbers = ", ".join(f"{name} = {value:g}" for name, value in f.parameters.items())
        title = f.name if text == f.name else f"{f.name}: {text}"
        title = title if len(title) <= 72 else f.name
        return f"{title}\n{numbers}" if numbers else title
    names = ", ".join(islice((f.name for f in functions), 4))
    more = len(functions) - 4
    title = f"{names} and {more} more" if more > 0 else names
    return title if len(title) <= 90 else f"{len(functions)} activations"
