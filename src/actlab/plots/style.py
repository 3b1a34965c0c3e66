"""What all figures share: colours, markers, and a figure that belongs to nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "MARKERS", "new_figure", "open_frame"]

# Okabe and Ito's colours, which colour-blind readers can tell apart, without the yellow
COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X", "<", ">")


def new_figure(panels: int) -> tuple[Figure, list[Axes]]:
    """A figure with panels side by side, in no window and in no list of figures."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4 if panels == 1 else 10.0, 4.4), layout="constrained")
    return figure, list(np.ravel(figure.subplots(1, panels)))


def open_frame(axes: Axes) -> None:
    """Axes without a line at the top and at the right."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
