"""Small pictures for the terminal, in braille or in plain characters, with labelled axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["draw_bars", "draw_curve"]

_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Bit of each dot of a braille character: two columns of four rows."""

_MOST_HIGH = 1.5
"""The window is at most this many times as high as it is wide, in units of the axes."""


def draw_curve(
    x: Sequence[float],
    y: Sequence[float],
    *,
    width: int = 56,
    height: int = 12,
    ascii_only: bool = False,
    name: str = "x",
) -> str:
    """Draw y against x as text.

    Args:
        x: ascending numbers.
        y: a value for each; what is not finite leaves a gap, what is too high is cut off.
        width: characters between the vertical axis and the right edge.
        height: lines of the picture.
        ascii_only: use stars instead of braille, for terminals without Unicode.
        name: label of the horizontal axis.

    Returns:
        The picture, then the horizontal axis and its labels, as lines.

    Example:
        >>> print(draw_curve([-1, 0, 1], [0, 0, 1], width=9, height=3, ascii_only=True))
        1 |    :  **
          |    : *
        0 |******...
          +---------
           -1  0   1  x
    """
    low, high = _window(x, y)
    columns, rows = (width, height) if ascii_only else (2 * width, 4 * height)
    lit = _trace(x, y, low, high, columns, rows)
    zero_row = _place(0.0, high, low, rows)
    zero_column = _place(0.0, x[0], x[-1], columns)
    step = (1, 1) if ascii_only else (2, 4)
    lines = []
    labels = _labels(low, high, height)
    margin = max(len(label) for label in labels)
    for row in range(height):
        cells = []
        for column in range(width):
            mark = _cell(lit, column, row, ascii_only)
            if mark is None:
                on_vertical = zero_column is not None and zero_column // step[0] == column
                on_horizontal = zero_row is not None and zero_row // step[1] == row
                marks = ":." if ascii_only else "┊┈"
                mark = marks[0] if on_vertical else marks[1] if on_horizontal else " "
            cells.append(mark)
        edge = "|" if ascii_only else "│"
        lines.append(f"{labels[row]:>{margin}} {edge}{''.join(cells)}".rstrip())
    corner, rule = ("+", "-") if ascii_only else ("└", "─")
    lines.append(f"{'':>{margin}} {corner}{rule * width}")
    centre = None if zero_column is None else zero_column // step[0]
    lines.append(" " * (margin + 2) + _scale(x[0], x[-1], centre, width) + f"  {name}")
    return "\n".join(lines)


def draw_bars(
    x: Sequence[float], y: Sequence[float], *, width: int = 40, ascii_only: bool = False
) -> str:
    """Draw a value for each entry of a vector as a bar of its size, with both numbers.

    Args:
        x: the entries.
        y: a value for each.
        width: characters of the longest bar.
        ascii_only: use number signs instead of blocks.

    Returns:
        One line for each entry.

    Example:
        >>> print(draw_bars([1, 2], [0.25, 0.75], width=6, ascii_only=True))
        x = 1  ##      0.25
        x = 2  ######  0.75
    """
    tallest = max((abs(value) for value in y if math.isfinite(value)), default=0.0) or 1.0
    margin = max(len(f"{entry:g}") for entry in x)
    lines = []
    for entry, value in zip(x, y, strict=True):
        length = round(width * abs(value) / tallest) if math.isfinite(value) else 0
        bar = ("#" if ascii_only else "█") * length
        lines.append(f"x = {entry:>{margin}g}  {bar:<{width}}  {value:.4g}")
    return "\n".join(lines)


def _window(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """The lowest and highest value that are shown; always two different numbers."""
    finite = [value for value in y if math.isfinite(value)] or [0.0]
    reach = _MOST_HIGH * max(abs(x[0]), abs(x[-1]))
    low, high = max(min(finite), -reach), min(max(finite), reach)
    if high - low < 1e-12 * max(1.0, abs(high)):
        return low - 1.0, high + 1.0
    return low, high


def _place(value: float, start: float, end: float, cells: int) -> int | None:
    """The cell of a value between two ends, or None outside of them."""
    share = (value - start) / (end - start)
    return round(share * (cells - 1)) if 0.0 <= share <= 1.0 else None


def _trace(
    x: Sequence[float],
    y: Sequence[float],
    low: float,
    high: float,
    columns: int,
    rows: int,
) -> set[tuple[int, int]]:
    """The dots of the curve: one run of dots per column, joined to the column before it."""
    lit: set[tuple[int, int]] = set()
    before: tuple[int, float] | None = None
    for abscissa, value in zip(x, y, strict=True):
        column = _place(abscissa, x[0], x[-1], columns)
        if column is None or not math.isfinite(value):
            before = None
            continue
        row = (high - value) / (high - low) * (rows - 1)
        if before is None:
            before = (column, row)
        for part in range(before[0], column + 1):
            share = (part - before[0]) / (column - before[0]) if column > before[0] else 1.0
            middle = before[1] + share * (row - before[1])
            start = before[1] if column - before[0] <= 1 else middle
            first, last = sorted((round(start), round(middle)))
            lit.update((part, r) for r in range(max(first, 0), min(last, rows - 1) + 1))
        before = (column, row)
    return lit


def _cell(lit: set[tuple[int, int]], column: int, row: int, ascii_only: bool) -> str | None:
    if ascii_only:
        return "*" if (column, row) in lit else None
    bits = sum(
        bit
        for dx, dots in enumerate(_DOTS)
        for dy, bit in enumerate(dots)
        if (2 * column + dx, 4 * row + dy) in lit
    )
    return chr(0x2800 + bits) if bits else None


def _labels(low: float, high: float, height: int) -> list[str]:
    """A label for the first and the last line and for zero, where there is room for it."""
    labels = [""] * height
    zero = _place(0.0, high, low, height)
    if zero is not None:
        labels[zero] = "0"
    labels[0], labels[-1] = f"{high:.3g}", f"{low:.3g}"
    return labels


def _scale(start: float, end: float, centre: int | None, width: int) -> str:
    first, last = f"{start:.3g}", f"{end:.3g}"
    line = list(first.ljust(width - len(last)) + last)
    if centre is not None and len(first) < centre < width - len(last) - 1:
        line[centre] = "0"
    return "".join(line)
