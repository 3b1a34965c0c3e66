"""Figures of activations, each with the table of numbers behind it.

Figures are made as objects of Matplotlib; nothing is shown, no global setting is touched, and no
window system is needed. Curves differ by line style and marker besides their colour.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from actlab.activation import Activation, VectorRule
from actlab.catalogue import resolve
from actlab.errors import ActlabError
from actlab.formula.expression import Call, Expression, Number, Symbol, nodes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from actlab.theory import Forecast

__all__ = [
    "COLOURS",
    "FORMATS",
    "MARKERS",
    "curve_table",
    "plot",
    "plot_forecast",
    "plot_many",
    "save_figure",
    "why_no_curve",
]

FORMATS: Final = ("png", "svg", "pdf")

EXAMPLE_VECTOR: Final = (1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0)
"""What a function of a vector is shown on; one that works on pairs gets a -1 besides."""

_REACH: Final = 5.0
_POINTS: Final = 801
_ROW_INCHES: Final = 0.22
_FARTHEST_KINK: Final = 20.0
_TALLEST: Final = 2.0
"""A curve is cut off at this many times the width of its half axis."""

# Okabe and Ito's colours, which colour-blind readers can tell apart, without the yellow
COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_STYLES: Final = ("-", "--", "-.", ":")
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
_HATCHES: Final = ("", "//", "\\\\", "xx", "..", "++", "oo")


def curve_table(
    activations: str | Activation | Iterable[str | Activation],
    *,
    order: int = 0,
    low: float | None = None,
    high: float | None = None,
    points: int = _POINTS,
) -> dict[str, NDArray[np.float64]]:
    """The numbers behind a figure: a column of inputs and one column for each function.

    A gated pair is taken at x = 1, as a function of its gate. Functions of a vector are taken
    on one vector, (1, 2, 3, 4, 1, 2, 3).

    Args:
        activations: names, formulas or activations.
        order: order of the derivative; 0 is the value.
        low: first input; by default -5, or less where a function has a kink further out.
        high: last input; by default 5, or more.
        points: how many inputs.

    Returns:
        Arrays of one length by name; the first is called "x".

    Raises:
        ActlabError: if nothing was given, functions of a vector are mixed with others or
            differentiated, the range is empty, or a function has no curve.

    Example:
        >>> curve_table("relu", low=-1, high=1, points=3)
        {'x': array([-1.,  0.,  1.]), 'relu': array([0., 0., 1.])}
    """
    functions = _functions(activations)
    if functions[0].kind == "vector":
        if order:
            raise ActlabError(
                f"{functions[0].name} maps vectors to vectors; its derivative is a matrix and "
                "has no curve"
            )
        x = _example(functions)
    else:
        start, end = _range(functions)
        start, end = start if low is None else low, end if high is None else high
        if not -np.inf < start < end < np.inf or points < 2:
            raise ActlabError(f"a curve needs low < high and two points; {start:g}, {end:g} given")
        x = np.linspace(start, end, points)
    table = {"x": x}
    for label, f in zip(_labels(functions), functions, strict=True):
        table[label] = _values(f, x, order)
    return table


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
    functions = _functions(activation)
    table = curve_table(functions, low=low, high=high)
    if derivative:
        slopes = curve_table(functions, order=1, low=low, high=high)
        table |= {f"derivative of {label}": column for label, column in _columns(slopes)}
    if ax is None:
        ax = _figure(1)[1][0]
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
    functions = _functions(activations)
    tables = [
        curve_table(functions, order=order, low=low, high=high)
        for order in range(2 if derivative else 1)
    ]
    figure, panels = _figure(len(tables))
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


def plot_forecast(forecast: Forecast) -> Figure:
    """Variance and gradient norm by layer, both on logarithmic scales.

    Where the width is known, a band holds two networks of three (one standard deviation).

    Args:
        forecast: what `actlab.forecast` returned.

    Returns:
        A Matplotlib figure; `save_figure` writes it.

    Example:
        >>> import actlab
        >>> figure = plot_forecast(actlab.forecast("tanh", depth=20, width=100))
        >>> [axes.get_ylabel() for axes in figure.axes]
        ['variance of the pre-activations', 'gradient norm, log10']
    """
    figure, (left, right) = _figure(2)
    layers = np.arange(1, forecast.depth + 1)
    variance = np.array(forecast.variance)
    shown = np.isfinite(variance) & (variance > 0)
    left.semilogy(layers[shown], variance[shown], color=COLOURS[0], linewidth=1.8)
    if shown.any() and np.ptp(np.log(variance[shown])) < 0.1:  # a steady line, not its roundings
        left.set_ylim(variance[shown].min() / 2, variance[shown].max() * 2)
    gradient = np.array(forecast.gradient) / np.log(10)
    gradient[~np.isfinite(gradient)] = np.nan
    right.plot(layers, gradient, color=COLOURS[1], linewidth=1.8)
    if forecast.scatter:
        spread = np.array(forecast.scatter) / np.log(10)
        right.fill_between(
            layers, gradient - spread, gradient + spread, color=COLOURS[1], alpha=0.2, linewidth=0
        )
    low, high = right.get_ylim()
    right.set_ylim(min(low, -1.0), max(high, 1.0))
    for axes, label in ((left, "variance of the pre-activations"), (right, "gradient norm, log10")):
        axes.set_xlabel("layer")
        axes.set_ylabel(label)
        axes.grid(visible=True, color="0.9", linewidth=0.6)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    width = "" if forecast.width is None else f", width {forecast.width}"
    figure.suptitle(
        f"{forecast.activation}: σ_w = {forecast.sigma_w:.4g}, σ_b = {forecast.sigma_b:.4g}{width}"
    )
    return figure


def save_figure(figure: Figure, path: str | os.PathLike[str], *, dpi: int = 150) -> Path:
    """Write a figure in the format of the file's suffix: png, svg or pdf.

    Readers see the old file or the new one, never a part.

    Raises:
        ActlabError: for another suffix, before anything is written.
        OSError: if the file can't be written.
    """
    target = check_path(path)
    buffer = io.BytesIO()
    stamp = {"png": None, "svg": "Date", "pdf": "CreationDate"}[target.suffix[1:].lower()]
    # without the time of day, the same figure gives the same file
    figure.savefig(
        buffer, format=target.suffix[1:].lower(), dpi=dpi, metadata={stamp: None} if stamp else {}
    )
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        part.write_bytes(buffer.getvalue())
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(target)) from None
    return target


def check_path(path: str | os.PathLike[str]) -> Path:
    """The path of a figure, if its suffix names a format."""
    target = Path(path)
    if target.suffix[1:].lower() not in FORMATS:
        shown = f"the suffix {target.suffix!r}" if target.suffix else "no suffix"
        raise ActlabError(f"{str(target)!r} has {shown}; a figure is written as .png, .svg or .pdf")
    return target


def _functions(given: str | Activation | Iterable[str | Activation]) -> list[Activation]:
    items = [given] if isinstance(given, str | Activation) else list(given)
    functions = [resolve(item) if isinstance(item, str) else item for item in items]
    if not functions:
        raise ActlabError("no activation was given; name at least one, for example relu")
    for f in functions:
        if reason := why_no_curve(f):
            raise ActlabError(reason)
    kinds = {f.kind == "vector" for f in functions}
    if len(kinds) > 1:
        whole = next(f.name for f in functions if f.kind == "vector")
        raise ActlabError(
            f"{whole} maps whole vectors and is drawn as bars; draw it apart from the curves"
        )
    return functions


def why_no_curve(f: Activation) -> str:
    """A sentence on why a function can't be drawn; empty if it can."""
    if f.kind in {"complex", "layer"}:
        return f"{f.name} {f.nature}; a curve shows functions of real numbers without weights"
    if isinstance(f.rule, VectorRule) and f.rule.resizes:
        return f"{f.name} changes the size of its vector, so it can't be drawn entry by entry"
    return ""


def _example(functions: Sequence[Activation]) -> NDArray[np.float64]:
    x = np.array(EXAMPLE_VECTOR)
    try:
        for f in functions:
            f(x)
    except ValueError:
        x = np.append(x, -1.0)
    return x


def _labels(functions: Sequence[Activation]) -> list[str]:
    """A label for each function, no two the same."""
    labels: list[str] = []
    for f in functions:
        label = f.name + (" (x = 1)" if f.kind == "gated" else "")
        twins = [g for g in functions if g.name == f.name]
        if len(twins) > 1 and f.parameters:
            label += f" ({', '.join(f'{k}={v:g}' for k, v in f.parameters.items())})"
        number = sum(known == label or known.startswith(f"{label} #") for known in labels)
        labels.append(f"{label} #{number + 1}" if number else label)
    return labels


def _range(functions: Sequence[Activation]) -> tuple[float, float]:
    """Wide enough for the kinks at which the formulas switch to another branch."""
    kinks = [k for f in functions if f.formula is not None for k in _kinks(f.bound)]
    low, high = min([-_REACH, *kinks]), max([_REACH, *kinks])
    return (low * 1.25 if low < -_REACH else low), (high * 1.25 if high > _REACH else high)


def _kinks(formula: Expression) -> list[float]:
    found: list[float] = []
    for node in nodes(formula):
        if not isinstance(node, Call) or node.head not in _SWITCHES:
            continue
        plain = [Symbol("x"), Symbol("gate")]
        inner = any(a in plain or _SWITCHES & {getattr(a, "head", "")} for a in node.arguments)
        numbers = [a.value for a in node.arguments if isinstance(a, Number) and inner]
        found += [float(value) for value in numbers if abs(value) <= _FARTHEST_KINK]
    return found


_SWITCHES: Final = frozenset({"minimum", "maximum", "clip", "lt", "le", "gt", "ge"})


def _values(f: Activation, x: NDArray[np.float64], order: int) -> NDArray[np.float64]:
    with np.errstate(all="ignore"):  # outside its domain a user's formula leaves a gap
        if f.kind == "gated":
            one = np.ones_like(x)
            y = f.derivative(one, x, order=order, wrt="gate") if order else f(one, x)
        else:
            y = f.derivative(x, order=order) if order else f(x)
    result: NDArray[np.float64] = np.broadcast_to(np.asarray(y, dtype=np.float64), x.shape)
    return result


def _columns(table: dict[str, NDArray[np.float64]]) -> list[tuple[str, NDArray[np.float64]]]:
    return list(table.items())[1:]


def _figure(panels: int) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4 if panels == 1 else 10.0, 4.4), layout="constrained")
    return figure, list(np.ravel(figure.subplots(1, panels)))


def _draw(
    ax: Axes, functions: Sequence[Activation], table: dict[str, NDArray[np.float64]], what: str
) -> None:
    if functions[0].kind == "vector":
        _draw_bars(ax, table)
        return
    x = table["x"]
    for number, (label, y) in enumerate(_columns(table)):
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
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    values = np.concatenate([y[np.isfinite(y)] for _, y in _columns(table)] or [np.zeros(1)])
    tallest = _TALLEST * float(np.abs(x).max())
    if values.size and np.abs(values).max() > tallest:
        low, high = max(float(values.min()), -tallest), min(float(values.max()), tallest)
        pad = 0.05 * (high - low or 1.0)
        ax.set_ylim(low - pad, high + pad)


def _draw_bars(ax: Axes, table: dict[str, NDArray[np.float64]]) -> None:
    columns = _columns(table)
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
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


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
