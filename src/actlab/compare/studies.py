"""Studies that ledgers hold: find them, resume, export and delete them.

>>> from actlab.compare.studies import listed
>>> listed("no/such/place")
Traceback (most recent call last):
actlab.errors.LedgerError: no ledger at 'no/such/place'; ...
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from actlab.compare.conclusion import conclude
from actlab.compare.ledger import Ledger
from actlab.compare.protocol import Plan
from actlab.compare.racing import course_of
from actlab.compare.scales import field_of
from actlab.errors import DataError, LedgerError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from actlab.activation import Activation
    from actlab.compare.driver import Progress
    from actlab.compare.result import Result
    from actlab.compare.study import Candidate

__all__ = ["Study", "call_of", "delete", "find", "listed", "resume", "runs_table", "told"]

LEDGER: Final = "ledger.sqlite"
"""How a comparison calls its ledger, in the directory of the study."""

_SETTINGS: Final = (
    "hidden", "optimizer", "loss", "metric", "schedule", "clip_norm", "epochs", "batch_size",
    "learning_rates", "blocks", "seed", "margin", "race",
)  # fmt: skip
"""Settings that `compare` takes by these names."""


@dataclass(frozen=True)
class Study:
    """One study of a ledger, and how far it is."""

    key: str
    ledger: Path
    name: str
    """What its data are called."""
    kind: str
    metric: str
    candidates: tuple[str, ...]
    runs_done: int
    runs_planned: int
    """Without those that a race has spared so far."""
    created: str
    """When it was begun (ISO 8601, UTC)."""
    resumable: bool
    """Whether the ledger says where its data come from."""

    @property
    def complete(self) -> bool:
        """Whether every planned run is finished."""
        return self.runs_done == self.runs_planned


def call_of(
    data: Any, candidates: Sequence[Candidate], *, y: Any = None, **words: Any
) -> dict[str, Any] | None:
    """Return a call of `compare` in words that a ledger can keep; None if words can't say it."""
    if not isinstance(data, str | Path) or y is not None:
        return None
    place = Path(data)
    named = str(place.resolve()) if place.is_file() else str(data)
    written = [_written(candidate.activation) for candidate in candidates]
    given = {key: word for key, word in words.items() if word is not None}
    return {"data": named, **given, "activations": written}


def _written(f: Activation) -> dict[str, Any]:
    own = {"formula": str(f.formula)} if f.family == "user" else {}
    return {"name": f.name, "parameters": dict(f.parameters), **own}


def _read(values: dict[str, Any]) -> Activation:
    """Make an activation again from what `_written` gave."""
    from actlab import catalogue

    if "formula" in values:
        return catalogue.define(values["formula"], name=values["name"], **values["parameters"])
    return catalogue.get(values["name"], **values["parameters"])


def ledgers(place: str | os.PathLike[str]) -> list[Path]:
    """Return the ledger at a place: the file, or those in the directory and one level below.

    Raises:
        LedgerError: there is none.
    """
    path = Path(place)
    if path.is_file():
        return [path]
    found = [path / LEDGER] if (path / LEDGER).is_file() else []
    found += sorted(path.glob(f"*/{LEDGER}"))
    if not found:
        raise LedgerError(
            f"no ledger at {str(place)!r}; give the directory of a comparison, one that holds such "
            f"directories, or a {LEDGER}"
        )
    return found


def listed(place: str | os.PathLike[str] = ".") -> list[Study]:
    """Return the studies of every ledger at a place, each ledger's oldest first.

    Raises:
        LedgerError: no ledger there, or one that can not be read.
    """
    return [study for path in ledgers(place) for study in _studies(path)]


def _studies(path: Path) -> list[Study]:
    with Ledger.open(path) as ledger:
        found = []
        for key, created, values in ledger.studies():
            plan = _read_plan(ledger, values)
            recorded = ledger.recorded(plan)
            runs = ledger.runs(plan) if plan.settings.race else []
            course = course_of(plan, field_of(plan.task, plan.settings), runs, recorded)
            rates = len(plan.settings.learning_rates)
            spared = sum(len(planned.chunk.pairs) for planned in course.spared)
            done = sum(len(row.chunk.pairs) for row in course.needed if row.key in recorded)
            found.append(
                Study(
                    key=key,
                    ledger=path,
                    name=plan.task.name,
                    kind=plan.task.kind,
                    metric=plan.task.metric,
                    candidates=tuple(candidate.label for candidate in plan.candidates),
                    runs_done=rates * done,
                    runs_planned=plan.runs - rates * spared,
                    created=created,
                    resumable=ledger.call(key) is not None,
                )
            )
        return found


def find(key: str, place: str | os.PathLike[str] = ".") -> Study:
    """Return the one study whose key begins so; "" if there is only one.

    Raises:
        LedgerError: none, or several.
    """
    known = listed(place)
    found = [study for study in known if study.key.startswith(key)]
    if len({study.key for study in found}) == 1:
        return found[0]
    what = "several studies" if found else "no study"
    names = ", ".join(f"{study.key[:8]} ({study.name})" for study in (found or known)[:8])
    raise LedgerError(f"{what} at {str(place)!r} with a key that begins with {key!r}: {names}")


def told(study: Study) -> Result:
    """Return the answer of a study as far as it is recorded, without training."""
    with Ledger.open(study.ledger) as ledger:
        return conclude(_plan(ledger, study), ledger)


def runs_table(study: Study) -> str:
    """Return every recorded run of a study as CSV, one a line, without the epochs' histories."""
    with Ledger.open(study.ledger) as ledger:
        plan = _plan(ledger, study)
        runs = ledger.runs(plan)
    formula = {candidate.label: candidate.signature for candidate in plan.candidates}
    columns = (
        "candidate", "block", "learning_rate", "chosen_epoch", "test_score", "test_loss",
        "dead_share", "saturated_share", "gradient_first", "gradient_last", "diverged",
        "step_seconds", "saved_bytes",
    )  # fmt: skip
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["study", *columns, "formula"])
    for run in runs:
        cells = [getattr(run, column) for column in columns]
        rows.writerow([study.key[:8], *cells, formula[run.candidate]])
    return text.getvalue()


def resume(
    study: Study,
    *,
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Train what a study lacks, from what its ledger says of it.

    Raises:
        LedgerError: the study was begun with data that words can not name.
        DataError: the data are not what they were.
    """
    from actlab.compare.comparison import compare

    with Ledger.open(study.ledger) as ledger:
        plan, call = _plan(ledger, study), ledger.call(study.key)
    if call is None:
        raise LedgerError(
            f"study {study.key[:8]} was begun with data or a model that are no name or file; give "
            f"them to actlab.compare again, with out={str(study.ledger.parent)!r}, and it goes on"
        )
    _same_data(plan, call)
    own = {"hidden", "batch_size", "loss", "metric", *call} if "model" in call else set()
    settings = {name: getattr(plan.settings, name) for name in _SETTINGS if name not in own}
    activations = [_read(values) for values in call.pop("activations")]
    result = compare(
        **call,
        **settings,
        activations=activations,
        workers=workers,
        out=study.ledger.parent,
        progress=progress,
    )
    if result.study != study.key:
        raise LedgerError(
            f"study {study.key[:8]} was planned by other versions of the libraries; what was "
            f"trained now is study {result.study[:8]}"
        )
    return result


def delete(study: Study) -> int:
    """Delete a study and the runs that no other study of its ledger needs; return their number."""
    with Ledger.open(study.ledger) as ledger:
        return ledger.delete(study.key)


def _plan(ledger: Ledger, study: Study) -> Plan:
    values = next(values for key, _, values in ledger.studies() if key == study.key)
    return _read_plan(ledger, values)


def _read_plan(ledger: Ledger, values: dict[str, Any]) -> Plan:
    try:
        return Plan.from_dict(values)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ledger.damaged(f"a study's plan can not be read, {error}") from error


def _same_data(plan: Plan, call: dict[str, Any]) -> None:
    from actlab.compare.comparison import data_of

    words = {name: word for name, word in call.items() if name != "activations"}
    if "model" in words:
        words["seed"] = plan.settings.seed
    now = data_of(**words)
    if now.fingerprint != plan.task.fingerprint:
        raise DataError(
            f"{call['data']!r} has changed since the study was begun; restore it, or begin a new "
            "study"
        )
