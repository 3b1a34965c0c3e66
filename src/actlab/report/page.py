"""The report of a comparison: the numbers of a `Result`, arranged for the page."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment
from markupsafe import Markup

from actlab.report import charts, recipe, tracks, wording
from actlab.report.house import TEMPLATES, style, templates
from actlab.report.svg import axis_of_rates
from actlab.report.wording import amount, clean, count, fixed, mark_of, percent, span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actlab.compare.result import Result, Row

__all__ = ["comparison_page", "environment"]

_HIGHLIGHTED: Final = 6
"""Lines drawn in colour when there are more candidates than styles: the first ranks, besides
the recommended one."""
_RANGES: Final = 12
"""Ranges of good learning rates that are drawn."""
_FOREST: Final = 24
"""Differences drawn at once; the others are behind a fold."""

_SECTIONS: Final = (
    ("answer", "Answer"),
    ("notes", "Notes"),
    ("ranking", "Ranking"),
    ("differences", "Differences"),
    ("rates", "Learning rates"),
    ("curves", "Learning curves"),
    ("health", "Health"),
    ("data", "Data"),
    ("protocol", "Protocol"),
    ("again", "Do it again"),
)


def comparison_page(result: Result) -> str:
    """Return the HTML document."""
    page = environment().get_template("comparison.html")
    return page.render(**_view(result))


@cache
def environment() -> Environment:
    """Return the templates, with the style sheet and the wording they use."""
    environment = templates(TEMPLATES, finalize=_finalize)
    script = (TEMPLATES / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment.globals.update(
        style=Markup(style(TEMPLATES / "page.css")),  # noqa: S704  (ours)
        script=Markup(script),  # noqa: S704  (ours)
        script_digest=digest,
        count=count,
        percent=percent,
        amount=amount,
        short=wording.short,
        significant=wording.significant,
        fixed=fixed,
        span=span,
        size=wording.size,
        duration=wording.duration,
    )
    return environment


def _finalize(value: Any) -> Any:
    """Make every text printable, and no line begin with a percent sign; escaping comes after."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return clean(value).replace(" %", "\u00a0%")
    return value


def _view(result: Result) -> dict[str, Any]:
    styles = _styles(result)
    seconds = wording.unit_of_time(row.step_seconds for row in result.rows)
    recommended = result.row(result.recommended) if result.recommended is not None else None
    best = result.row(result.best) if result.best is not None else None
    shown = recommended or best
    drawn, good = _charts(result, styles), _good_rates(result)
    return {
        "result": result,
        "task": result.task,
        "settings": result.settings,
        "metric": wording.metric(result),
        "metric_title": wording.metric_title(result),
        "decimals": wording.places(result),
        "sections": _sections(result, drawn, good),
        "headline": _headline(result),
        "certainty": wording.certainty(result),
        "table": wording.is_table(result.task),
        "recommended": recommended,
        "best": best,
        "shown": shown,
        "shown_rate": wording.middle(shown.chosen_learning_rates) if shown else None,
        "verdicts": wording.counted_verdicts(result),
        "meanings": wording.MEANINGS,
        "unit": seconds,
        "costs": _costs(result, shown, seconds),
        "lines": [
            _Line(row, mark_of(row), wording.middle(row.chosen_learning_rates))
            for row in result.rows
        ],
        "lines_of_charts": [
            (style, label, charts.swatch(style))
            for label, style in sorted(styles.items(), key=lambda pair: pair[1])
        ],
        "plain": max(0, len(result.curves) - len(styles)),
        "forest": _forest(result),
        "charts": drawn,
        "good": good,
        "reproduce": Markup("\n").join(clean(line) for line in recipe.snippet(result)),
        "setting_rows": recipe.settings(result),
    }


def _sections(
    result: Result, drawn: dict[str, Any], good: dict[str, Any] | None
) -> list[tuple[str, str]]:
    """Return the sections of this page: anchor and name."""
    there = {
        "notes": bool(result.notes),
        "rates": "rates" in drawn or good is not None,
        "curves": "score" in drawn or "loss" in drawn,
    }
    return [(anchor, text) for anchor, text in _SECTIONS if there.get(anchor, True)]


@dataclass(frozen=True)
class _Line:
    """A row of the table and how it is shown."""

    row: Row
    mark: wording.Mark
    rate: float | None

    @property
    def blocks(self) -> int:
        """Blocks that have a score; fewer than all if it left a race, or the study goes on."""
        return sum(score is not None for score in self.row.scores)

    @property
    def gradient_ratio(self) -> float | None:
        """First layer's gradient over the last one's, for sorting."""
        first, last = self.row.gradient_first, self.row.gradient_last
        return first / last if first is not None and last else None


def _headline(result: Result) -> str:
    """Say in one phrase how the study ended."""
    if result.recommended is None:
        return "No recommendation" if result.best is None else "No verdict yet"
    if result.recommended != result.best:
        return "Cheaper than the best, and shown to be equivalent"
    if any(row.verdict == "undecided" for row in result.rows):
        return "A tie, with this one ahead by mean"
    return "The best by mean score"


def _costs(result: Result, row: Row | None, unit: wording.Unit) -> list[tuple[str, str, str]]:
    """Return (what, how much, set against what) of the candidate that the page is about."""
    found = []
    if row is not None and row.step_seconds:
        times = sorted(r.step_seconds for r in result.rows if r.step_seconds)
        ratio = row.step_seconds / times[0]
        beside = "the fastest of all" if ratio <= 1 else f"{ratio:.2f} × the fastest"
        found.append(("A training step", f"{unit.text(row.step_seconds)} {unit.name}", beside))
    if row is not None and row.saved_bytes is not None:
        least = min(r.saved_bytes for r in result.rows if r.saved_bytes is not None)
        ratio = row.saved_bytes / least if least else 1.0
        beside = "the least of all" if ratio <= 1 else f"{ratio:.2f} × the least"
        found.append(("Kept for the gradient", wording.size(row.saved_bytes), beside))
    runs = count(result.runs_done, "training")
    found.append(("This study", wording.duration(result.train_seconds), runs))
    if result.runs_spared:
        about = f"about {wording.duration(result.seconds_spared)}"
        found.append(("Spared by racing", about, count(result.runs_spared, "training")))
    return found


def _styles(result: Result) -> dict[str, int]:
    """Return the style of each candidate whose lines stand out; ranks decide."""
    labels = [curve.label for curve in result.curves]
    if len(labels) > charts.STYLES:
        wanted = {*labels[:_HIGHLIGHTED], result.recommended, result.best}
        labels = [label for label in labels if label in wanted]
    return {label: style for style, label in enumerate(labels)}


# --- charts -----------------------------------------------------------------------------------


def _forest(result: Result) -> dict[str, Any] | None:
    """Return the differences to draw, the first ranks and the rest each on an axis of its own."""
    rows = [row for row in result.rows if row.difference is not None]
    if len(rows) < 2:
        return None
    cut = _FOREST if len(rows) > _FOREST + 4 else len(rows)
    groups = [_tracks(result, group) for group in (rows[:cut], rows[cut:]) if group]
    return {
        "groups": groups,
        "cut": any(group["cut"] for group in groups),
        "left": "worse" if result.task.higher_is_better else "better",
        "right": "better" if result.task.higher_is_better else "worse",
    }


def _tracks(result: Result, rows: Sequence[Row]) -> dict[str, Any]:
    axis = tracks.forest_axis(result, rows)
    marks = [mark_of(row) for row in rows]
    return {
        "tracks": [
            (row, mark, tracks.forest_track(row, axis, result.margin, mark.kind))
            for row, mark in zip(rows, marks, strict=True)
        ],
        "scale": tracks.scale_of(axis),
        "cut": axis.cut,
    }


def _good_rates(result: Result) -> dict[str, Any] | None:
    """Return the ranges of good learning rates of the first ranks and the recommended one."""
    able = [
        row for row in result.rows if any(rate is not None for rate in row.chosen_learning_rates)
    ]
    rows = [r for r in able if r in able[:_RANGES] or r.label == result.recommended]
    if not rows or len(result.settings.learning_rates) < 2:
        return None
    axis = axis_of_rates(result.settings.learning_rates)
    return {
        "tracks": [(row, tracks.rates_track(row, axis)) for row in rows],
        "scale": tracks.scale_of(axis),
        "rest": len(result.rows) - len(rows),
    }


def _charts(result: Result, styles: dict[str, int]) -> dict[str, Any]:
    metric = wording.metric(result)
    higher = result.task.higher_is_better
    banded = result.recommended or result.best
    losses, scores, rates = [], [], []
    for curve in result.curves:
        style = styles.get(curve.label)
        epochs = range(1, len(curve.validation_score) + 1)
        losses.append(charts.Series(curve.label, epochs, curve.validation_loss, style))
        band = curve.label == banded
        scores.append(
            charts.Series(
                curve.label,
                epochs,
                curve.validation_score,
                style,
                low=curve.validation_score_lowest if band else (),
                high=curve.validation_score_highest if band else (),
            )
        )
    for one in result.sensitivities:
        lost = [
            rate
            for rate, score in zip(one.learning_rates, one.validation_score, strict=True)
            if score is None
        ]
        rates.append(
            charts.Series(
                one.label,
                one.learning_rates,
                one.validation_score,
                styles.get(one.label),
                lost=lost,
            )
        )
    over = f"mean over {count(result.settings.blocks, 'block')}"
    drawn = {}
    for name, title, series, good in (
        ("loss", f"Validation loss per epoch, {over}", losses, False),
        ("score", f"Validation {metric} per epoch, {over}", scores, higher),
        ("rates", f"Validation {metric} against the learning rate, {over}", rates, higher),
    ):
        if not any(value is not None for one in series for value in one.ys):
            continue
        parts = 12 if name == "rates" else 5
        axis = charts.value_axis(series, higher_is_better=good, parts=parts)
        drawn[name] = {
            "svg": charts.line_chart(
                name,
                title,
                _described(series, good=good, rates=name == "rates"),
                series,
                rates=name == "rates",
                y=axis,
            ),
            "labels": charts.room_for_labels(series),
            "cut": axis.cut,
            "logarithmic": axis.logarithmic,
            "lost": any(one.lost for one in series if one.style is not None),
        }
    return drawn


def _described(series: Sequence[charts.Series], *, good: bool, rates: bool) -> str:
    """Say in a sentence what the lines show, the first ranks first."""
    parts = []
    for one in series[:_HIGHLIGHTED]:
        known = [(v, x) for x, v in zip(one.xs, one.ys, strict=True) if v is not None]
        if known:
            value, at = max(known) if good else min(known)
            where = f"at learning rate {at:g}" if rates else f"in epoch {at:g}"
            parts.append(f"{wording.short(one.label, 40)} is best {where} with {value:.4g}")
    rest = len(series) - len(parts)
    more = f"; {count(rest, 'more line')} in the table below." if rest else "."
    return clean("; ".join(parts) + more)
