"""Numbers, names and verdicts as the page and the terminal both write them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from math import floor, isfinite, log10
from statistics import median
from typing import TYPE_CHECKING, Final

from actlab.compare.naming import metric_in_words
from actlab.compare.problems import PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from actlab.compare.result import Result, Row
    from actlab.compare.study import TaskSummary

__all__ = [
    "MEANINGS",
    "NONE",
    "Mark",
    "Unit",
    "amount",
    "certainty",
    "clean",
    "count",
    "counted_verdicts",
    "duration",
    "fixed",
    "is_table",
    "mark_of",
    "metric",
    "metric_title",
    "middle",
    "percent",
    "places",
    "short",
    "significant",
    "size",
    "span",
    "unit_of_time",
]

NONE: Final = "–"
"""Stands where there is no number."""
_MINUS: Final = "−"
_TURNERS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that would turn the direction of the text around them."""


def clean(text: str) -> str:
    """Return a name that can be printed: controls and lone surrogates become U+FFFD."""
    return "".join(
        " " if letter in "\n\r\t" else "\ufffd" if _unprintable(letter) else letter
        for letter in text
    )


def _unprintable(letter: str) -> bool:
    return unicodedata.category(letter) in {"Cc", "Cs"} or letter in _TURNERS


def short(text: str, length: int) -> str:
    """Return a cleaned name of at most `length` characters."""
    text = clean(text)
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def metric(result: Result) -> str:
    """Return the metric's name as people write it."""
    return metric_in_words(result.task.metric)


def metric_title(result: Result) -> str:
    """Return the metric's name as it begins a line."""
    name = metric(result)
    return name[:1].upper() + name[1:]


def is_table(task: TaskSummary) -> bool:
    """Whether the data are a table: rows and columns, split and scaled by actlab itself."""
    return task.kind in {"classification", "regression"} and task.name not in PROBLEMS


# --- numbers ----------------------------------------------------------------------------------


def places(result: Result) -> int:
    """Return how many decimals a score needs: two digits finer than the margin."""
    scores = [abs(row.score) for row in result.rows if row.score]
    scale = result.margin or (median(scores) / 100 if scores else 0.01)
    return min(8, max(0, 2 - floor(log10(scale))))


def fixed(value: float | None, decimals: int, *, sign: bool = False) -> str:
    """Return a number with so many decimals and a real minus sign."""
    if value is None or not isfinite(value):
        return NONE
    text = f"{abs(value):,.{decimals}f}"
    if not any(digit in "123456789" for digit in text):
        return text
    return (_MINUS if value < 0 else "+" if sign else "") + text


def span(interval: tuple[float, float] | None, decimals: int, *, sign: bool = False) -> str:
    """Return an interval in words: "0.912 to 0.934"."""
    if interval is None:
        return NONE
    low, high = interval
    return f"{fixed(low, decimals, sign=sign)} to {fixed(high, decimals, sign=sign)}"


def amount(value: float | None, digits: int = 3) -> str:
    """Return a number with so many significant digits."""
    if value is None or not isfinite(value):
        return NONE
    text = f"{value:.{digits}g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        text = f"{mantissa}e{int(exponent)}"
    return text.replace("-", _MINUS)


def significant(value: float | None) -> str:
    """Return a number with three significant digits, zeros at its end too."""
    if value is None or not isfinite(value) or not 1e-4 <= abs(value) < 1000:
        return amount(value)
    return f"{value:#.3g}".rstrip(".").replace("-", _MINUS)


def percent(share: float | None) -> str:
    """Return a share in percent, tiny ones never as a plain 0."""
    if share is None or not isfinite(share):
        return NONE
    if 0 < share < 0.001:
        return "<0.1 %"
    return f"{100 * share:.1f} %" if 0 < share < 0.995 else f"{100 * share:.0f} %"


def count(number: int, thing: str, things: str | None = None) -> str:
    """Return "1 block", "10 blocks"."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def size(count_of_bytes: int | None) -> str:
    """Return a memory size."""
    if count_of_bytes is None:
        return NONE
    value, unit = float(count_of_bytes), "B"
    for unit in ("B", "KiB", "MiB", "GiB"):  # noqa: B007  (the last one stands)
        if value < 1024:
            break
        value /= 1024
    return f"{value:.3g} {unit}" if unit != "B" else f"{value:.0f} B"


@dataclass(frozen=True)
class Unit:
    """A unit of time that a whole column shares."""

    name: str
    seconds: float

    def text(self, value: float | None) -> str:
        """Return a time in this unit, without its name."""
        if value is None:
            return NONE
        scaled = value / self.seconds
        return f"{scaled:,.{max(0, 2 - floor(log10(scaled))) if scaled > 0 else 0}f}"


def unit_of_time(values: Iterable[float | None]) -> Unit:
    """Return the unit in which most of these times read well."""
    known = [value for value in values if value]
    typical = median(known) if known else 0.0
    for unit in (Unit("s", 1.0), Unit("ms", 1e-3)):
        if typical >= unit.seconds:
            return unit
    return Unit("µs", 1e-6)


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def middle(rates: Sequence[float | None]) -> float | None:
    """Return the (lower) median of the chosen learning rates: always one of the grid."""
    chosen = sorted(rate for rate in rates if rate is not None)
    return chosen[(len(chosen) - 1) // 2] if chosen else None


# --- verdicts ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mark:
    """A verdict as it is shown: a symbol, a word, and a name for styles. Never colour alone."""

    symbol: str
    word: str
    kind: str


_MARKS: Final = {
    "best": Mark("★", "best", "best"),
    "equivalent": Mark("≈", "equivalent", "equivalent"),
    "undecided": Mark("?", "undecided", "undecided"),
    "worse": Mark("▼", "worse", "worse"),
}
_FAILED: Final = Mark("✕", "failed", "failed")
_UNREACHED: Final = Mark("…", "not reached", "none")
_NO_VERDICT: Final = Mark("–", "no verdict", "none")

MEANINGS: Final = (
    (_MARKS["best"], "it has the best mean score"),
    (_MARKS["equivalent"], "shown to differ from the best by less than the margin"),
    (_MARKS["undecided"], "neither a difference nor equivalence could be shown"),
    (_MARKS["worse"], "shown to be worse than the best"),
    (_FAILED, "no learning rate gave a finite score in some block; counts as worse"),
)
"""What each verdict means."""


def mark_of(row: Row) -> Mark:
    """Return how the verdict on a candidate is shown."""
    if row.failed_blocks:
        return _FAILED
    if row.verdict is not None:
        return _MARKS[row.verdict]
    return _NO_VERDICT if row.score is not None else _UNREACHED


def counted_verdicts(result: Result) -> list[tuple[Mark, int]]:
    """Return how many candidates got each verdict, the best first, without empty ones."""
    marks = [mark_of(row) for row in result.rows]
    order = [*_MARKS.values(), _FAILED, _NO_VERDICT, _UNREACHED]
    return [(mark, marks.count(mark)) for mark in order if mark in marks]


def certainty(result: Result) -> str:
    """Say in a sentence how much of the field the study could tell apart."""
    others = [mark_of(row) for row in result.rows if row.label != result.best]
    kinds = ["worse" if mark is _FAILED else mark.kind for mark in others]
    judged = [kind for kind in kinds if kind != _NO_VERDICT.kind]
    if not others:
        return "There was only one to compare."
    if not judged:
        return "Nothing can be said yet: there is no verdict on any candidate."
    waiting = len(others) - len(judged)
    rest = f" {count(waiting, 'candidate')} could not be judged." if waiting else ""
    number, undecided = len(judged), judged.count("undecided")
    if undecided == number:
        field = "the other one could not" if number == 1 else f"none of {number} others could"
        return f"Open: {field} be told apart from the best.{rest}"
    if undecided:
        field = f"{undecided} of {number} others"
        return f"Partly open: {field} could not be told apart from the best.{rest}"
    shown = " or ".join(word for word in ("worse", "equivalent") if word in judged)
    field = "the other one was" if number == 1 else f"all {number} others were"
    return f"Settled: {field} shown to be {shown}.{rest}"
