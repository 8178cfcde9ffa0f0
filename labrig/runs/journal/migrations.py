"""Migrations of the schema: one step from each version to the next.

A step changes the tables of an open journal; columns that the older labrig did not store stay empty.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

from labrig.errors import StorageError
from labrig.runs.journal.schema import VERSION


class NewerJournal(StorageError):
    """The journal was written by a newer labrig than this one."""


def _keep_the_bench(db: sqlite3.Connection) -> None:
    """Version 2: every row stores the bench's count of acquisitions and its clock."""
    for table in ("steps", "evaluations", "events"):
        db.execute(f"ALTER TABLE {table} ADD COLUMN bench_acquisitions INTEGER")
        db.execute(f"ALTER TABLE {table} ADD COLUMN bench_clock_s REAL")


def _store_changes(db: sqlite3.Connection) -> None:
    """Version 3: steps may have no gradient, and store conductances as changes; older rows are read unchanged."""


def _keep_outputs(db: sqlite3.Connection) -> None:
    """Version 4: an evaluation stores the outputs of every example, and terminals and examples are described."""
    db.execute("ALTER TABLE evaluations ADD COLUMN examples TEXT")
    db.execute("ALTER TABLE evaluations ADD COLUMN outputs BLOB")
    db.execute(
        "CREATE TABLE terminals (id INTEGER PRIMARY KEY, side TEXT NOT NULL, place INTEGER NOT NULL, "
        "node TEXT NOT NULL, channel TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, low REAL, high REAL, "
        "full_scale_v REAL, text TEXT NOT NULL)"
    )
    db.execute(
        "CREATE TABLE examples (example INTEGER PRIMARY KEY, part TEXT NOT NULL, name TEXT NOT NULL, "
        "inputs BLOB NOT NULL, target BLOB NOT NULL)"
    )


def _check_rows(db: sqlite3.Connection) -> None:
    """Version 5: checksums of rows, uncertainties of outputs, blocks of samples, other files, and the checkpoint."""
    for table in ("steps", "evaluations", "events", "terminals", "examples"):
        db.execute(f"ALTER TABLE {table} ADD COLUMN crc INTEGER")
    db.execute("ALTER TABLE steps ADD COLUMN masked TEXT")
    db.execute("ALTER TABLE evaluations ADD COLUMN u_outputs BLOB")
    db.execute("ALTER TABLE evaluations ADD COLUMN systematic_outputs BLOB")
    db.execute(
        "CREATE TABLE blocks (id INTEGER PRIMARY KEY, acquisition INTEGER, segment INTEGER, offset_bytes INTEGER, "
        "length_bytes INTEGER, content_crc INTEGER, scans INTEGER, channels INTEGER, dtype TEXT, start_index INTEGER, "
        "lost INTEGER, overrange TEXT, scale BLOB, played TEXT, crc INTEGER)"
    )
    db.execute("CREATE TABLE files (name TEXT PRIMARY KEY, size INTEGER, sha256 TEXT, crc INTEGER)")
    db.execute("CREATE TABLE intent (id INTEGER PRIMARY KEY, step INTEGER, edges TEXT, siemens BLOB, crc INTEGER)")
    db.execute(
        "CREATE TABLE checkpoint (id INTEGER PRIMARY KEY, rows TEXT, closed INTEGER, wall_s REAL, state BLOB, "
        "crc INTEGER)"
    )


def _keep_writings(db: sqlite3.Connection) -> None:
    """Version 6: what cells that are written by pulses were found to hold, and how many pulses they took."""
    db.execute(
        "CREATE TABLE writings (id INTEGER PRIMARY KEY, step INTEGER, why TEXT, edges TEXT, siemens BLOB, pulses TEXT, "
        "faulty TEXT, crc INTEGER)"
    )


MIGRATIONS: Mapping[int, Callable[[sqlite3.Connection], None]] = {
    1: _keep_the_bench,
    2: _store_changes,
    3: _keep_outputs,
    4: _check_rows,
    5: _keep_writings,
}
"""The step from each version to the next, by the older version."""

CHECKED_SINCE = 5
"""First version whose rows have checksums and are counted."""


def schema_version(db: sqlite3.Connection, path: Path) -> int:
    """Return the schema version of an open journal.

    Raises
    ------
    NewerJournal
        If the schema is newer than this labrig.
    StorageError
        If no such version exists.
    """
    (version,) = db.execute("SELECT version FROM schema").fetchone()
    if isinstance(version, int) and version > VERSION:
        raise NewerJournal(
            f"{path} was written by a newer labrig: its schema is {version}, but this labrig reads up to {VERSION}",
            remedy="use a newer labrig to read it",
        )
    if version != VERSION and version not in MIGRATIONS:
        raise StorageError(
            f"cannot read {path}: it claims schema version {version}, which does not exist",
            remedy="restore it from a copy",
        )
    return version


def upgrade(db: sqlite3.Connection, version: int) -> None:
    """Upgrade the tables of an open journal from an older schema version to today's, one step after the other."""
    for older in range(version, VERSION):
        MIGRATIONS[older](db)
        db.execute("UPDATE schema SET version = ?", (older + 1,))
