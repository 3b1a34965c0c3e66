"""Figures of activations, each with the table of numbers behind it.

Figures are made as objects of Matplotlib; nothing is shown, no global setting is touched, and no
window system is needed. Curves differ by line style and marker besides their colour.
"""

from actlab.plots.curves import plot, plot_many
from actlab.plots.files import FORMATS, check_path, save_figure
from actlab.plots.forecasts import plot_forecast
from actlab.plots.style import COLOURS, MARKERS
from actlab.plots.table import EXAMPLE_VECTOR, curve_table, why_no_curve

__all__ = [
    "COLOURS",
    "EXAMPLE_VECTOR",
    "FORMATS",
    "MARKERS",
    "check_path",
    "curve_table",
    "plot",
    "plot_forecast",
    "plot_many",
    "save_figure",
    "why_no_curve",
]
