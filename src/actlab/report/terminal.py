"""What a comparison says, in the terminal: the answer, the ranked table, and what to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from actlab.report import wording
from actlab.report.wording import NONE, amount, clean, count, fixed, mark_of, percent, short, span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from actlab.compare.result import Result, Row

__all__ = ["render"]

_GAP: Final = 2
_LONGEST: Final = 32
"""A longer name is cut; its formula stands in result.json and in the report."""
_SHORTEST: Final = 14
_MOST_ROWS: Final = 40
_MOST_NOTE: Final = 400

_STYLES: Final = {
    "best": "bold green",
    "equivalent": "cyan",
    "undecided": "yellow",
    "worse": "red",
    "failed": "red",
    "none": "dim",
}
_PLAIN: Final = str.maketrans(
    {
        "★": "*",
        "≈": "~",
        "▼": "v",
        "✕": "x",
        "–": "-",
        "−": "-",
        "×": "x",
        "µ": "u",
        "²": "2",
        "…": ".",
    }
)
"""For terminals that are not of Unicode."""


def render(result: Result, console: Console) -> None:
    """Print the answer, the ranked table and the notes, as wide as the console is.

    Columns that do not fit are left out, the least important first; the report has them all.
    """
    _Writer(result, console).write()


@dataclass(frozen=True)
class _Column:
    """One column of the table, ready to print."""

    head: str
    cells: Sequence[str]
    importance: int
    """1 is the last to go."""
    left: bool = False

    @property
    def width(self) -> int:
        words = max(cell_len(part) for part in self.head.split("\n"))
        return max([words, *(cell_len(cell) for cell in self.cells)])


class _Writer:
    """Prints one result."""

    def __init__(self, result: Result, console: Console) -> None:
        self.result, self.console = result, console
        self.unicode = console.encoding.lower().startswith("utf")
        self.places = wording.places(result)

    def text(self, text: str, style: str = "") -> Text:
        """Return text that Rich takes as it is: no markup, no control characters."""
        text = clean(text)
        if not self.unicode:
            encoding = self.console.encoding
            text = text.translate(_PLAIN).encode(encoding, "replace").decode(encoding)
        return Text(text, style=style)

    def write(self) -> None:
        """Print everything; the answer comes last, where the eye is when the work has ended."""
        for note in (*self.result.task.notes, *self.result.notes):
            self.console.print(self.text(f"- {short(note, _MOST_NOTE)}", "dim"))
        self.console.print()
        self.console.print(self.table())
        self.console.print()
        self.console.print(self.text(self.caption(), "dim"))
        self.console.print()
        for place, reason in enumerate(self.result.reasons):
            self.console.print(self.text(reason, "" if place else "bold"))

    def rows(self) -> list[Row]:
        """Return the rows to print: the first, and always the recommended one."""
        rows = self.result.rows
        return [r for r in rows if r.rank <= _MOST_ROWS or r.label == self.result.recommended]

    def columns(self) -> list[_Column]:
        """Return all columns, in their order."""
        rows, places = self.rows(), self.places
        unit = wording.unit_of_time(row.step_seconds for row in self.result.rows)
        marks = [mark_of(row) for row in rows]
        gradients = [
            NONE
            if row.gradient_first is None
            else f"{amount(row.gradient_first, 2)} / {amount(row.gradient_last, 2)}"
            for row in rows
        ]
        good = [
            NONE
            if row.good_learning_rates is None
            else f"{amount(row.good_learning_rates[0])} to {amount(row.good_learning_rates[1])}"
            for row in rows
        ]
        is_best = [row.label == self.result.best and row.difference == 0 for row in rows]
        return [
            _Column("", [str(row.rank) for row in rows], 1),
            _Column("Activation", [short(row.label, _LONGEST) for row in rows], 1, left=True),
            _Column(
                wording.metric_title(self.result),
                [fixed(row.score, places) for row in rows],
                1,
            ),
            _Column("95 % interval", [span(row.score_interval, places) for row in rows], 5),
            _Column(
                "Difference",
                [
                    "0" if best else fixed(row.difference, places, sign=True)
                    for row, best in zip(rows, is_best, strict=True)
                ],
                3,
            ),
            _Column(
                "Interval, all at once",
                [
                    NONE if best else span(row.difference_interval, places, sign=True)
                    for row, best in zip(rows, is_best, strict=True)
                ],
                8,
            ),
            _Column("Verdict", [f"{mark.symbol} {mark.word}" for mark in marks], 2, left=True),
            _Column(
                "Learning\nrate",
                [amount(wording.middle(row.chosen_learning_rates)) for row in rows],
                4,
            ),
            _Column("Good rates", good, 9),
            _Column("Dead\nunits", [percent(row.dead_share) for row in rows], 7),
            _Column("Satu-\nrated", [percent(row.saturated_share) for row in rows], 10),
            _Column("Gradient\nfirst / last", gradients, 11),
            _Column(f"Step\n{unit.name}", [unit.text(row.step_seconds) for row in rows], 6),
        ]

    def fitting(self) -> list[_Column]:
        """Return the columns that fit, the most important ones first to get a place."""
        columns = [
            column
            for column in self.columns()
            if column.importance == 1 or any(cell != NONE for cell in column.cells)
        ]
        room = self.console.width
        names = columns[1]
        while len(columns) > 1:
            others = sum(column.width + _GAP for column in columns if column is not names)
            if others + min(names.width, max(_SHORTEST, room // 4)) <= room:
                break
            last = max(columns, key=lambda column: column.importance)
            if last.importance == 1:
                break
            columns.remove(last)
        return columns

    def table(self) -> Table:
        """Return the ranked table."""
        columns = self.fitting()
        table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="dim")
        for column in columns:
            flexible = column.head == "Activation"
            table.add_column(
                self.text_of_head(column.head),
                justify="left" if column.left else "right",
                no_wrap=True,
                overflow="ellipsis" if self.unicode else "crop",
                min_width=None if flexible else column.width,
                vertical="bottom",
            )
        for index, row in enumerate(self.rows()):
            kind = mark_of(row).kind
            chosen = row.label == self.result.recommended
            cells = []
            for column in columns:
                style = _STYLES[kind] if column.head == "Verdict" else ""
                if column.head == "Activation" and chosen:
                    style = "bold"
                cells.append(self.text(column.cells[index], style))
            table.add_row(*cells)
        return table

    def text_of_head(self, head: str) -> Text:
        """Return a heading, which may have two lines."""
        return Text("\n").join(self.text(part) for part in head.split("\n"))

    def caption(self) -> str:
        """Return what the numbers mean, and how many rows were left out."""
        said = []
        hidden = len(self.result.rows) - len(self.rows())
        if hidden:
            said.append(f"{count(hidden, 'more candidate')} in result.json and in the report.")
        better = "higher" if self.result.task.higher_is_better else "lower"
        blocks = count(self.result.settings.blocks, "block")
        said.append(
            f"{wording.metric_title(self.result)} on the test part, mean over {blocks}; "
            f"{better} is better."
        )
        said.append(self.result.margin_text)
        if self.result.showable_difference:
            showable = fixed(self.result.showable_difference, self.places)
            said.append(f"This study can be expected to show differences from {showable} on.")
        return " ".join(said)
