"""The ledger: every finished run of every study is one row in a SQLite file.

A chunk is recorded whole or not at all, in one transaction, and is durable when `record` returns.
So a study that was killed finds what it had finished and trains only the chunks that are missing.
Several processes may use one ledger at the same time; of a chunk that two of them trained, the
first one recorded stays.

Numbers are kept to the last bit, and a checksum stands beside every chunk: SQLite holds an IEEE
double, and what it would change (NaN, an infinity, -0.0) is kept as text. A file that is damaged,
is no ledger, or comes from a newer version of actlab is refused with a `LedgerError` and left
untouched.
"""

from __future__ import annotations

import hashlib
import json
import math
import sqlite3
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from actlab.compare.ledger_file import TABLES, VERSION, connect, refuse_content, refuse_header
from actlab.compare.result import Environment
from actlab.compare.study import Run
from actlab.errors import LedgerError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from actlab.compare.protocol import Plan, PlannedChunk

__all__ = ["VERSION", "Ledger", "Recorded"]

_MEASURES: Final = tuple(field.name for field in fields(Run))[1:]
"""The columns of a run after its candidate, whose label is no part of the ledger."""
_HISTORIES: Final = ("train_loss", "validation_loss", "validation_score")


@dataclass(frozen=True)
class Recorded:
    """What is known of a finished chunk besides its runs; all of it measured, none of it a key."""

    finished: str
    """ISO 8601, UTC."""
    seconds: float
    """Time that the training took."""
    environment: Environment


class Ledger:
    """Finished runs in a SQLite file, or in memory when there is no file.

    Example:
        >>> with Ledger.open() as ledger:
        ...     ledger.studies()
        []
    """

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    @classmethod
    def open(cls, path: str | os.PathLike[str] | None = None) -> Ledger:
        """Open the ledger at `path`, or begin one there; without a path it stays in memory.

        Raises:
            LedgerError: no ledger, a damaged one, or one of a newer version; left untouched.
        """
        if path is None:
            connection = sqlite3.connect(":memory:", isolation_level=None)
            connection.executescript(TABLES)
            return cls(connection, "the ledger in memory")
        file = Path(path)
        try:
            if file.exists() and file.stat().st_size:
                refuse_header(file)
                refuse_content(file)
            connection = connect(file)
        except (sqlite3.Error, OSError) as error:
            raise LedgerError(
                f"the ledger {str(file)!r} can not be opened ({error}); give another place, or "
                "repair its permissions or its disk"
            ) from error
        return cls(connection, f"the ledger {str(file)!r}")

    def close(self) -> None:
        """Close the file; what was recorded stays."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- studies ------------------------------------------------------------------------------

    def register(self, plan: Plan, call: Mapping[str, Any] | None = None) -> None:
        """Note what a study consists of, so that its answer can be told from the ledger alone.

        `call` says where its data come from, so that it can be resumed from the ledger alone; None
        if words can not say it.
        """
        row = (plan.key, _now(), json.dumps(plan.as_dict(), allow_nan=False))
        with self._writing():
            self._connection.execute(
                "INSERT INTO studies VALUES (?, ?, ?) "
                "ON CONFLICT (key) DO UPDATE SET plan = excluded.plan",
                row,
            )
            if call is not None:
                words = json.dumps(call, allow_nan=False)
                self._connection.execute(
                    "INSERT OR REPLACE INTO calls VALUES (?, ?)", (plan.key, words)
                )

    def studies(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Key, date and plan (`Plan.from_dict` reads it) of every study, the oldest first."""
        rows = self._read("SELECT key, created, plan FROM studies ORDER BY created, key", ())
        return [(key, created, self._values(plan)) for key, created, plan in rows]

    def call(self, study: str) -> dict[str, Any] | None:
        """Where the data of a study come from; None if it was not said in words."""
        found = self._read("SELECT call FROM calls WHERE study = ?", (study,))
        return self._values(found[0][0]) if found else None

    def _values(self, text: str) -> dict[str, Any]:
        try:
            values: dict[str, Any] = json.loads(text)
        except ValueError as error:
            raise self.damaged(f"a study is not what was recorded, {error}") from error
        return values

    def damaged(self, what: str) -> LedgerError:
        """Return the error for content that nobody recorded so."""
        return LedgerError(
            f"{self._name} is damaged: {what}; it was left untouched. Restore a copy, or move it "
            "away and begin anew"
        )

    def delete(self, study: str) -> int:
        """Delete a study, and every run that no other study of the ledger needs.

        Returns:
            The number of deleted runs.
        """
        plans = {key: plan["chunks"] for key, _, plan in self.studies()}
        own = {chunk for chunk, _ in plans.pop(study, [])}
        unused = own - {chunk for chunks in plans.values() for chunk, _ in chunks}
        with self._writing():
            deleted = 0
            for chunk in unused:
                gone = self._connection.execute("DELETE FROM runs WHERE chunk = ?", (chunk,))
                deleted += gone.rowcount
                self._connection.execute("DELETE FROM chunks WHERE key = ?", (chunk,))
            self._connection.execute("DELETE FROM calls WHERE study = ?", (study,))
            self._connection.execute("DELETE FROM studies WHERE key = ?", (study,))
        return deleted

    # --- runs ---------------------------------------------------------------------------------

    def missing(self, plan: Plan) -> list[PlannedChunk]:
        """Chunks of the plan that are not recorded yet, in the order of the plan."""
        self.runs(plan)  # refuses what is damaged before any work is built on it
        done = self.recorded(plan)
        return [planned for planned in plan.chunks if planned.key not in done]

    def holds(self, planned: PlannedChunk) -> bool:
        """Whether a chunk is recorded by now; another process may have done it meanwhile."""
        return bool(self._read("SELECT 1 FROM chunks WHERE key = ?", (planned.key,)))

    def recorded(self, plan: Plan) -> dict[str, Recorded]:
        """What is known of every chunk of the plan that is finished, by the chunk's key."""
        query = "SELECT key, finished, seconds, environment FROM chunks WHERE key IN ({})"
        return {
            key: Recorded(finished, float(seconds), Environment(**json.loads(environment)))
            for key, finished, seconds, environment in self._read_of(plan, query)
        }

    def record(
        self,
        plan: Plan,
        planned: PlannedChunk,
        runs: Sequence[Run],
        *,
        seconds: float,
        environment: Environment,
    ) -> bool:
        """Record a finished chunk, all of its runs in one transaction.

        Returns:
            Whether it was; another process may have been faster with the same chunk.

        Raises:
            ValueError: the runs are not those of the chunk.
            LedgerError: the disk refused (full, read-only); nothing of the chunk was recorded.
        """
        members = plan.members(planned)
        found = {(run.candidate, run.block, run.learning_rate): run for run in runs}
        wanted = {
            (plan.candidates[index].label, block, rate): (key, plan.candidates[index].signature)
            for key, (index, block, rate) in members.items()
        }
        if len(runs) != len(members) or found.keys() != wanted.keys():
            raise ValueError(f"chunk {planned.chunk.index} came back with other runs than planned")
        cells = {wanted[what][0]: _cells(run) for what, run in found.items()}
        chunk = (
            planned.key,
            _now(),
            _exact(seconds),
            json.dumps(vars(environment)),
            _digest(cells),
        )
        names = ", ".join(("key", "function", "chunk", *_MEASURES))
        places = ", ".join("?" * (3 + len(_MEASURES)))
        with self._writing():
            added = self._connection.execute(
                "INSERT OR IGNORE INTO chunks VALUES (?, ?, ?, ?, ?)", chunk
            )
            if added.rowcount == 0:
                return False
            self._connection.executemany(
                f"INSERT INTO runs ({names}) VALUES ({places})",  # noqa: S608
                [(key, function, planned.key, *cells[key]) for key, function in wanted.values()],
            )
        return True

    def runs(self, plan: Plan) -> list[Run]:
        """Every finished run of the plan, under the plan's labels.

        The order is that of the candidates, their blocks, and the learning rates. Candidates
        that are the same function have the same runs.

        Raises:
            LedgerError: a row is not what was recorded.
        """
        # The chunks first: one that another process records between the two is not seen yet.
        digests = dict(self._read_of(plan, "SELECT key, digest FROM chunks WHERE key IN ({})"))
        columns = ", ".join(_MEASURES)
        query = f"SELECT chunk, key, {columns} FROM runs WHERE chunk IN ({{}})"  # noqa: S608
        rows: dict[str, dict[str, list[Any]]] = {chunk: {} for chunk in digests}
        for chunk, key, *cells in self._read_of(plan, query):
            if chunk in rows:
                rows[chunk][key] = cells
        if any(_digest(rows[chunk]) != digest for chunk, digest in digests.items()):
            raise self.damaged("a finished chunk does not hold what was recorded")
        found = {
            what: rows[planned.key][key]
            for planned in plan.chunks
            if planned.key in rows
            for key, what in plan.members(planned).items()
        }
        rates = plan.settings.learning_rates
        return [
            _run(candidate.label, found[what])
            for candidate in plan.candidates
            for block in range(plan.settings.blocks)
            for rate in rates
            if (what := (candidate.trained_as, block, rate)) in found
        ]

    # --- SQL ----------------------------------------------------------------------------------

    def _read_of(self, plan: Plan, query: str) -> Iterator[tuple[Any, ...]]:
        """Rows of the plan's chunks; in portions, since SQLite bounds the number of parameters."""
        keys = list(dict.fromkeys(planned.key for planned in plan.chunks))
        for start in range(0, len(keys), 500):
            portion = keys[start : start + 500]
            yield from self._read(query.format(", ".join("?" * len(portion))), portion)

    def _read(self, query: str, values: Iterable[Any]) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(query, tuple(values)).fetchall()
        except sqlite3.Error as error:
            raise LedgerError(f"{self._name} can not be read: {error}") from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise LedgerError(
                f"{self._name} can not be written: {error}; what it held before is safe, and the "
                "same command goes on from there"
            ) from error


# --- rows -----------------------------------------------------------------------------------------


def _cells(run: Run) -> list[Any]:
    values = dict(zip(_MEASURES, astuple(run)[1:], strict=True))
    for name in _HISTORIES:
        values[name] = json.dumps([_exact(number) for number in values[name]])
    values["diverged"] = int(values["diverged"])
    return [_exact(value) if isinstance(value, float) else value for value in values.values()]


def _run(label: str, cells: Sequence[Any]) -> Run:
    values = dict(zip(_MEASURES, cells, strict=True))
    for name in _HISTORIES:
        values[name] = tuple(float(number) for number in json.loads(values[name]))
    for name, value in values.items():
        if isinstance(value, str):
            values[name] = float(value)
    values["diverged"] = bool(values["diverged"])
    return Run(label, **values)


def _digest(cells: Mapping[str, Sequence[Any]]) -> str:
    """Return a checksum of a chunk's rows: SQLite has none of its own."""
    text = json.dumps(sorted((key, list(row)) for key, row in cells.items()))
    return hashlib.sha256(text.encode()).hexdigest()


def _exact(number: float) -> float | str:
    """Return what SQLite and JSON keep as it is: text for NaN, the infinities and -0.0."""
    number = float(number)
    plain = math.isfinite(number) and (number or math.copysign(1.0, number) > 0)
    return number if plain else repr(number)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
