"""The lock that tells a run that goes on from one that was killed: the system lets go of it with the process.

It is a lock of SQLite's on an empty file beside the journal, which works alike on Linux and Windows.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path


def lock_path(journal: Path) -> Path:
    return journal.with_suffix(".lock")


class WriterLock:
    """Held from here to `release` by the process that writes `journal`. Raises sqlite3.Error where it is taken."""

    def __init__(self, journal: Path) -> None:
        self._path = lock_path(journal)
        self._db = sqlite3.connect(self._path, isolation_level=None, timeout=1.0)  # one who looks is soon gone
        try:
            self._db.execute("PRAGMA journal_mode=MEMORY")  # no second file
            self._db.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error:
            self._db.close()
            raise

    def release(self) -> None:
        """Let go of the lock and remove its file."""
        self._db.close()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def is_being_written(journal: Path) -> bool:
    """Whether a process that lives writes the journal."""
    path = lock_path(journal)
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=0.0)) as db:
            db.execute("SELECT * FROM sqlite_master").fetchall()
    except sqlite3.Error as error:
        return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
    return False
