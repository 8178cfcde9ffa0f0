"""Writes a journal. Committed rows survive a killed process (durability "process") or a power failure ("power")."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from labrig.errors import StorageError
from labrig.runs.journal.schema import (
    EVALUATIONS,
    EVENTS,
    EXAMPLES,
    STEPS,
    TABLES,
    TERMINALS,
    VERSION,
    Evaluation,
    Event,
    Example,
    Step,
    Table,
    Terminal,
)
from labrig.runs.lock import WriterLock


class Journal:
    """The journal of a run in progress. Every method may raise StorageError, with the path and the remedy.

    Parameters
    ----------
    path
        The file to create; it must not exist.
    durability
        What a committed step survives: a killed process, or a power failure.
    gradients
        Steps from one whose gradient and its error are kept to the next.
    """

    def __init__(self, path: Path, durability: Literal["process", "power"] = "process", gradients: int = 1) -> None:
        self._path = path
        self._gradients = gradients
        self._last: Step | None = None
        self._began = time.monotonic()
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
        except sqlite3.Error as error:
            raise self._failed("create", error) from error
        try:
            self._lock = WriterLock(path)
        except sqlite3.Error as error:
            self._db.close()
            raise self._no_locks(error) from error
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute(f"PRAGMA synchronous={'FULL' if durability == 'power' else 'NORMAL'}")
            tables = " ".join(table.creation for table in TABLES)
            self._db.executescript(
                f"BEGIN; CREATE TABLE schema (version INTEGER NOT NULL); {tables} "
                f"INSERT INTO schema VALUES ({VERSION}); COMMIT;"
            )
        except sqlite3.Error as error:
            self._db.close()
            self._lock.release()
            raise self._failed("create", error) from error

    @property
    def steps(self) -> int:
        """Steps that were committed."""
        try:
            (count,) = self._db.execute("SELECT COUNT(*) FROM steps").fetchone()
        except sqlite3.Error as error:
            raise self._failed("read", error) from error
        return count

    def describe(self, terminals: Iterable[Terminal], examples: Iterable[Example]) -> None:
        """Note what inputs and outputs stand for, and the examples; once, before the first step."""
        rows = ((TERMINALS, terminals), (EXAMPLES, examples))
        try:
            self._db.execute("BEGIN")
            for table, each in rows:
                self._db.executemany(table.insertion, (table.encoded(row) for row in each))
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._failed("write", error) from error

    def append(self, step: Step) -> None:
        """Commit one step."""
        kept = step if (step.index - 1) % self._gradients == 0 else replace(step, gradient=None, u_gradient=None)
        self._insert(STEPS, kept, self._elapsed(), self._last)
        self._last = kept

    def evaluated(self, evaluation: Evaluation) -> None:
        """Note an evaluation."""
        self._insert(EVALUATIONS, evaluation, self._elapsed())

    def event(self, event: Event) -> None:
        """Append an event."""
        self._insert(EVENTS, event)

    def close(self) -> None:
        """Close the database and release the lock."""
        try:
            self._db.close()
        except sqlite3.Error as error:
            raise self._failed("close", error) from error
        finally:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _insert(self, table: Table, row: Any, wall_s: float | None = None, before: Any = None) -> None:
        if not self._path.exists():  # SQLite would go on writing to a deleted file
            raise StorageError(f"{self._path} was deleted or moved during the run", remedy="leave its folder alone")
        try:
            self._db.execute(table.insertion, table.encoded(row, wall_s, before))
        except sqlite3.Error as error:
            raise self._failed("write", error) from error

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _no_locks(self, error: sqlite3.Error) -> StorageError:
        """Return the error for a lock that cannot be taken: the journal is new, so nobody else can hold it."""
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PROTOCOL):
            return self._failed("lock", error)
        return StorageError(
            f"cannot lock {self._path}: files cannot be locked on this file system, e.g. a network drive",
            remedy="put the runs on a local disk with --runs-dir",
        )

    def _failed(self, action: str, error: sqlite3.Error) -> StorageError:
        return StorageError(
            f"cannot {action} {self._path}: {error}", remedy="check the disk's space and the folder's permissions"
        )
