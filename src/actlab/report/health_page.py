"""The report on a network's health: what is wrong, what to do, then loss and layers over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actlab.report import health_charts
from actlab.report.health_charts import Mark
from actlab.report.page import environment
from actlab.report.wording import amount, count

if TYPE_CHECKING:
    from actlab.health.findings import Findings
    from actlab.health.record import Record
    from actlab.health.watching import Watch

__all__ = ["health_page"]

_SYMBOLS: Final = {"note": "○", "warning": "▲", "severe": "■"}
"""A severity is a symbol and a word, never a colour alone."""


def health_page(watch: Watch) -> str:
    """Return the HTML document."""
    record = watch.record
    findings = watch.diagnosed()
    troubles = findings.above("note")
    worst = troubles[0] if troubles else None
    others = [one for one in findings if one is not worst]
    marks = _marks(watch, findings)
    loss = health_charts.loss_chart(watch, marks)
    maps = health_charts.heat_maps(record, watch.steps - record.steps)
    layers = _layers(record)
    there = {
        "answer": ("Answer", True),
        "findings": ("Other findings" if worst else "Findings", others),
        "remedies": ("Remedies", watch.trials),
        "loss": ("Loss", loss),
        "layers": ("Layers", maps or layers),
    }
    return (
        environment()
        .get_template("health.html")
        .render(
            title=type(watch.model).__name__,
            headline=_headline(len(troubles), watch.steps),
            sections=[(anchor, text) for anchor, (text, shown) in there.items() if shown],
            steps=watch.steps,
            sites=len(record.activations()),
            record=record,
            findings=findings,
            worst=worst,
            others=others,
            more=len(others) if worst else 0,
            kept=sum(trial.kept is True for trial in watch.trials),
            trials=watch.trials,
            symbols=_SYMBOLS,
            marks=marks if loss else (),
            loss=loss,
            maps=maps,
            layers=layers,
        )
    )


def _headline(troubles: int, steps: int) -> str:
    """Say in a phrase what was found."""
    if troubles:
        return count(troubles, "trouble")
    return "Nothing found" if steps else "Nothing seen"


def _marks(watch: Watch, findings: Findings) -> list[Mark]:
    """Return what is marked on the loss, in the order of the steps."""
    marks = [Mark(f.since, f.symptom, f.layer, f.severity) for f in findings.above("note")]
    marks += [
        Mark(t.step, t.remedy.name.replace("_", " "), t.finding.layer, "remedy")
        for t in watch.trials
    ]
    return sorted(marks, key=lambda mark: mark.step)


def _layers(record: Record) -> list[dict[str, Any]]:
    """Return a row for each layer: sizes in the last window."""
    rows = []
    for name, layer in record.layers.items():
        states = record.layer_states.get(name)
        if states:
            last = states[-1]
            rows.append(
                {
                    "name": name,
                    "kind": layer.kind,
                    "parameters": f"{layer.parameters:,}",
                    "weight": amount(last.weight),
                    "gradient": amount(last.gradient),
                    "ratio": amount(last.ratio),
                }
            )
    return rows
