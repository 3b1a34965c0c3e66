"""The figure of a forecast: signal and gradient by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from actlab.plots.style import COLOURS, new_figure, open_frame

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from actlab.theory import Forecast

__all__ = ["plot_forecast"]


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
    figure, (left, right) = new_figure(2)
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
        open_frame(axes)
    width = "" if forecast.width is None else f", width {forecast.width}"
    figure.suptitle(
        f"{forecast.activation}: σ_w = {forecast.sigma_w:.4g}, σ_b = {forecast.sigma_b:.4g}{width}"
    )
    return figure
