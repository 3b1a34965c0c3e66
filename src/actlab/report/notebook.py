"""A result in a notebook's cell: the answer, the ranked table with its intervals, the notes.

One piece of HTML without scripts, fonts or requests. It takes its colours from the notebook
around it, so that it is dark where the notebook is dark; a verdict is a symbol and a word. It
needs no template engine, because a notebook may have none.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from actlab.report import wording
from actlab.report.wording import amount, clean, count, fixed, mark_of, short, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from actlab.compare.result import Result, Row

__all__ = ["notebook"]

_MOST_ROWS: Final = 40
_LONGEST: Final = 60
_WIDTH, _HEIGHT = 180, 18

_STYLE: Final = """
.actlab { max-width: 72rem; line-height: 1.45 }
.actlab table { border-collapse: collapse; margin: .6em 0; font-variant-numeric: tabular-nums }
.actlab th, .actlab td { padding: .2em .8em .2em 0; text-align: right; background: none;
  border: 0; border-bottom: 1px solid rgb(128 128 128 / .3); color: inherit }
.actlab th { font-weight: 500; vertical-align: bottom }
.actlab .t { text-align: left }
.actlab tr.use td { font-weight: 600 }
.actlab svg { display: block; overflow: visible }
.actlab .quiet { opacity: .75 }
"""


def notebook(result: Result) -> str:
    """Return what a notebook shows for a result; names are escaped."""
    first, *others = result.reasons or ("",)
    hidden = len(result.rows) - len(_rows(result))
    parts = [
        f"<style>{_STYLE}</style>",
        f"<p><strong>{_text(first)}</strong></p>",
        *(f"<p>{_text(reason)}</p>" for reason in others),
        _table(result),
        f"<p>{count(hidden, 'more candidate')} in the report.</p>" if hidden else "",
        f'<p class="quiet">{_text(_caption(result))}</p>',
        _notes([*result.task.notes, *result.notes]),
    ]
    return f'<div class="actlab">{"".join(parts)}</div>'


def _rows(result: Result) -> list[Row]:
    """The first rows, and always the recommended one."""
    return [row for row in result.rows if row.rank <= _MOST_ROWS or row.label == result.recommended]


def _table(result: Result) -> str:
    places, rows = wording.places(result), _rows(result)
    metric = wording.metric_title(result)
    heads = [
        ("", "t"),
        ("Activation", "t"),
        (metric, ""),
        ("95 % interval", ""),
        (_axis(rows), "t"),
        ("Difference to the best", ""),
        ("Verdict", "t"),
        ("Learning rate", ""),
    ]
    head = "".join(f'<th scope="col" class="{kind}">{_text(text)}</th>' for text, kind in heads)
    return (
        f"<table><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(_line(result, row, places, rows) for row in rows)}</tbody></table>"
    )


def _line(result: Result, row: Row, places: int, rows: Sequence[Row]) -> str:
    mark = mark_of(row)
    difference = "0" if row.label == result.best else fixed(row.difference, places, sign=True)
    if row.difference_interval is not None and row.label != result.best:
        difference += f" ({span(row.difference_interval, places, sign=True)})"
    label = _text(short(row.label, _LONGEST))
    cells = [
        (str(row.rank), "t"),
        (f'<span title="{_text(row.formula)}">{label}</span>', "t"),
        (fixed(row.score, places), ""),
        (span(row.score_interval, places), ""),
        (_bar(row, rows), "t"),
        (difference, ""),
        (f'<span title="{_text(row.verdict_reason)}">{mark.symbol} {mark.word}</span>', "t"),
        (amount(wording.middle(row.chosen_learning_rates)), ""),
    ]
    use = ' class="use"' if row.label == result.recommended else ""
    line = "".join(f'<td class="{kind}">{cell}</td>' for cell, kind in cells)
    return f"<tr{use}>{line}</tr>"


def _ends(rows: Sequence[Row]) -> tuple[float, float] | None:
    """The smallest and the largest number that the bars show."""
    numbers = [end for row in rows for end in row.score_interval or (row.score,) if end is not None]
    return (min(numbers), max(numbers)) if numbers and min(numbers) < max(numbers) else None


def _axis(rows: Sequence[Row]) -> str:
    ends = _ends(rows)
    return "" if ends is None else f"{amount(ends[0])} to {amount(ends[1])}"


def _bar(row: Row, rows: Sequence[Row]) -> str:
    """The mean score as a dot on its interval; all rows have one scale."""
    ends = _ends(rows)
    if ends is None or row.score is None:
        return ""

    def place(number: float) -> str:
        return f"{4 + (number - ends[0]) / (ends[1] - ends[0]) * (_WIDTH - 8):.1f}"

    low, high = row.score_interval or (row.score, row.score)
    middle = _HEIGHT / 2
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" aria-hidden="true" fill="currentColor">'
        f'<line x1="{place(low)}" x2="{place(high)}" y1="{middle}" y2="{middle}" '
        'stroke="currentColor" stroke-width="2" stroke-opacity=".5"/>'
        f'<circle cx="{place(row.score)}" cy="{middle}" r="4"/></svg>'
    )


def _caption(result: Result) -> str:
    settings = result.settings
    return (
        f"{result.task.name}: {count(result.task.rows, 'row')}, {count(settings.blocks, 'block')}, "
        f"{result.runs_done:,} of {result.runs_planned:,} trainings. Differences below "
        f"{result.margin_text} count as equivalent. result.report('report.html') has the evidence."
    )


def _notes(notes: Iterable[str]) -> str:
    items = [f"<li>{_text(note)}</li>" for note in notes]
    if not items:
        return ""
    return (
        f'<details class="quiet"><summary>{count(len(items), "note")}</summary>'
        f"<ul>{''.join(items)}</ul></details>"
    )


def _text(text: str) -> str:
    return escape(clean(text), quote=True)
