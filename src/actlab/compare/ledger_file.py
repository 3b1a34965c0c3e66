"""The ledger's file: made, opened, or refused and left untouched."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from actlab.errors import LedgerError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["TABLES", "VERSION", "connect", "refuse_content", "refuse_header"]

VERSION: Final = 2
"""Of the tables below; a ledger with a higher one is refused."""

_APPLICATION: Final = int.from_bytes(b"actl", "big")
_WAIT_SECONDS: Final = 60.0
"""How long a process waits for another one that is just writing."""

# Columns without a type: SQLite then keeps a number or a text exactly as it is given.
TABLES: Final = """
CREATE TABLE IF NOT EXISTS studies (
    key TEXT PRIMARY KEY, created TEXT NOT NULL, plan TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS calls (study TEXT PRIMARY KEY, call TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chunks (
    key TEXT PRIMARY KEY, finished TEXT NOT NULL, seconds NOT NULL, environment TEXT NOT NULL,
    digest TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs (
    key TEXT PRIMARY KEY, chunk TEXT NOT NULL REFERENCES chunks (key), function TEXT NOT NULL,
    learning_rate, block, train_loss, validation_loss, validation_score, chosen_epoch,
    test_score, test_loss, dead_share, saturated_share, gradient_first, gradient_last,
    diverged, step_seconds, saved_bytes
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS runs_of_chunk ON runs (chunk);
"""


def refuse_header(file: Path) -> None:
    """Look at the first bytes alone, so that a file that is no ledger is not even locked."""
    with file.open("rb") as stream:
        head = stream.read(100)
    if len(head) < 100 or not head.startswith(b"SQLite format 3\0"):
        raise LedgerError(
            f"{str(file)!r} is no ledger of actlab, or a damaged one; it was left untouched. "
            "Give another place, or move the file away"
        )
    (version,) = struct.unpack(">I", head[60:64])
    (application,) = struct.unpack(">I", head[68:72])
    # Both are 0 in a ledger whose creation is not yet in the main file; the content tells.
    _refuse_origin(file, application, version, fresh=application == 0)


def _refuse_origin(file: Path, application: int, version: int, *, fresh: bool) -> None:
    if application != _APPLICATION and not fresh:
        raise LedgerError(
            f"{str(file)!r} is a SQLite file of another program; it was left untouched. "
            "Give another place"
        )
    if version > VERSION:
        raise LedgerError(
            f"the ledger {str(file)!r} has version {version} and this actlab reads up to version "
            f"{VERSION}; it was left untouched. Use a newer actlab, or give another place"
        )


def refuse_content(file: Path) -> None:
    """Have SQLite check every page, without a trace on the disk."""
    beside = file.with_name(f"{file.name}-wal")
    before = file.stat().st_mtime_ns
    # Reading a ledger that nobody has open as immutable makes no file beside it.
    answer, version, application, tables = _look(
        file, "ro" if beside.exists() else "ro&immutable=1"
    )
    if answer != "ok" and (beside.exists() or file.stat().st_mtime_ns != before):
        answer, version, application, tables = _look(file, "ro")  # somebody began to write
    _refuse_origin(file, application, version, fresh=tables == 0)
    if answer != "ok":
        told = answer.splitlines()[-1]  # SQLite's first line names the database, "main"
        raise LedgerError(
            f"the ledger {str(file)!r} is damaged ({told}); it was left untouched. "
            "Restore a copy, or move it away and begin anew"
        )


def _look(file: Path, mode: str) -> tuple[str, int, int, int]:
    """Return the answer of SQLite's check, the version, the application and the tables' number."""
    address = f"file:{quote(str(file.resolve()))}?mode={mode}"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=_WAIT_SECONDS)) as connection:
            answer = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
            application = int(connection.execute("PRAGMA application_id").fetchone()[0])
            query = "SELECT count(*) FROM sqlite_master"
            return answer, version, application, int(connection.execute(query).fetchone()[0])
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise  # locked, not readable: said by the caller; the file itself may be sound
        return str(error), 0, _APPLICATION, 0


def connect(file: Path) -> sqlite3.Connection:
    """Open a ledger that was not refused; begin a new one, or lift one of an older version."""
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file, timeout=_WAIT_SECONDS, isolation_level=None)
    try:
        if connection.execute("PRAGMA user_version").fetchone()[0] < VERSION:
            _begin(connection)
        # Every commit is on the disk when it returns.
        connection.execute("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def _begin(connection: sqlite3.Connection) -> None:
    """Make the tables; of several processes that do so at once, the others find them made."""
    # Readers and one writer at the same time; SQLite notes this mode in the file.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    for statement in TABLES.split(";\n"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")
