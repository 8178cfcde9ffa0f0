"""Writes a journal. Committed rows survive a killed process (durability "process") or a power failure ("power")."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Literal, Self

from labrig.errors import StorageError, UsageError
from labrig.runs.journal.reader import read_checkpoint
from labrig.runs.journal.schema import (
    BLOCKS,
    CHECKPOINT,
    COUNTED,
    EVALUATIONS,
    EVENTS,
    EXAMPLES,
    FILES,
    INTENT,
    STEPS,
    TABLES,
    TERMINALS,
    VERSION,
    Checkpoint,
    Evaluation,
    Event,
    Example,
    Intent,
    Step,
    StoredBlock,
    StoredFile,
    Terminal,
)
from labrig.runs.journal.tables import Table
from labrig.runs.lock import WriterLock
from labrig.runs.room import require_room

Durability = Literal["process", "power"]
WHOLE_EVERY = 256
"""Steps from one that is stored whole to the next: a damaged one spoils no more than these."""


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

    def __init__(self, path: Path, durability: Durability = "process", gradients: int = 1) -> None:
        self._path = path
        self._blocks: list[StoredBlock] = []
        self._before_commit: Callable[[], None] = lambda: None
        self._gradients = gradients
        self._last: Step | None = None
        self._checkpoint = Checkpoint({table.name: 0 for table in COUNTED})
        self._began = time.monotonic()
        self._begin(durability, "create")
        tables = " ".join(table.creation for table in TABLES)
        try:
            self._db.executescript(
                f"BEGIN; CREATE TABLE schema (version INTEGER NOT NULL); {tables} "
                f"INSERT INTO schema VALUES ({VERSION}); COMMIT;"
            )
            self._commit()
        except (sqlite3.Error, StorageError) as error:
            self._db.close()
            self._lock.release()
            raise self._failed("create", error) if isinstance(error, sqlite3.Error) else error from error

    @classmethod
    def reopened(
        cls,
        path: Path,
        durability: Durability = "process",
        gradients: int = 1,
        read: Checkpoint | None = None,
    ) -> Self:
        """Open the journal of a run that ended, to go on with it. It was read before, and is intact.

        `read` is the checkpoint that was read then.

        Raises
        ------
        UsageError
            If a running process writes it, or one has since it was read.
        StorageError
            If it was written by an older labrig, or cannot be opened.
        """
        journal = cls.__new__(cls)
        journal._path = path
        journal._blocks = []
        journal._before_commit = lambda: None
        journal._gradients = gradients
        journal._last = None
        journal._begin(durability, "open")
        try:
            now = read_checkpoint(path)  # now that nobody else writes it
            if read is not None and (read.rows, read.wall_s) != (now.rows, now.wall_s):
                raise UsageError(f"{path.parent} was resumed by another labrig meanwhile", remedy="try again")
            journal._checkpoint = replace(now, closed=0)
            journal._began = time.monotonic() - now.wall_s
            journal._commit()
        except (StorageError, UsageError):
            journal._db.close()
            journal._lock.release()
            raise
        return journal

    @property
    def steps(self) -> int:
        """Steps that were committed."""
        return self._checkpoint.rows[STEPS.name]

    @property
    def survives_power_failure(self) -> bool:
        """Whether committed rows survive a power failure."""
        return self._durability == "power"

    @property
    def elapsed_s(self) -> float:
        """Time for which the run has been going on, without the pauses before it was resumed (s)."""
        return time.monotonic() - self._began

    def describe(self, terminals: Iterable[Terminal], examples: Iterable[Example]) -> None:
        """Note what inputs and outputs stand for, and the examples; once, before the first step."""
        rows = [(TERMINALS, TERMINALS.stored(row, number)) for number, row in enumerate(terminals, 1)]
        rows += [(EXAMPLES, EXAMPLES.stored(row)) for row in examples]
        self._commit(rows)

    def keep(self, files: Iterable[StoredFile]) -> None:
        """Note other files of the run as they are now, so that damage to them is noticed."""
        with self._transaction() as db:
            db.executemany(FILES.replacement, (FILES.stored(file) for file in files))
            (count,) = db.execute(f"SELECT COUNT(*) FROM {FILES.name}").fetchone()
            self._replace_checkpoint(db, rows=self._checkpoint.rows | {FILES.name: count})

    def intend(self, intent: Intent) -> None:
        """Note what is about to be written to the board."""
        with self._transaction() as db:
            db.execute(INTENT.replacement, INTENT.stored(intent))

    def add_block(self, block: StoredBlock, sync: Callable[[], None]) -> None:
        """Note samples that were written; committed with the next row.

        `sync` is called before, if committed rows are to survive a power failure.
        """
        self._blocks.append(block)
        if self.survives_power_failure:
            self._before_commit = sync

    def append(self, step: Step, state: Mapping[str, Any] = MappingProxyType({})) -> None:
        """Commit one step, with the state of the rig and the bench after it."""
        kept = step if (step.index - 1) % self._gradients == 0 else replace(step, gradient=None, u_gradient=None)
        before = self._last if step.index % WHOLE_EVERY else None
        self._require_room()
        row = STEPS.stored(kept, wall_s=self.elapsed_s, before=before)
        self._commit([(STEPS, row)], state=state)
        self._last = kept

    def evaluated(self, evaluation: Evaluation, state: Mapping[str, Any] = MappingProxyType({})) -> None:
        """Commit an evaluation, with the state of the rig and the bench after it."""
        self._require_room()
        row = EVALUATIONS.stored(evaluation, self._next(EVALUATIONS), self.elapsed_s)
        self._commit([(EVALUATIONS, row)], state=state)

    def event(self, event: Event) -> None:
        """Append an event."""
        self._commit([(EVENTS, EVENTS.stored(event, self._next(EVENTS)))])

    def close(self) -> None:
        """Close the database and release the lock."""
        try:
            with suppress(StorageError):  # what may have failed before, and was reported
                self._commit(closed=1)
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

    def _begin(self, durability: Durability, action: str) -> None:
        """Connect, and take the lock."""
        self._durability = durability
        try:
            self._db = sqlite3.connect(self._path, isolation_level=None)
        except sqlite3.Error as error:
            raise self._failed(action, error) from error
        try:
            self._lock = WriterLock(self._path)
        except sqlite3.Error as error:
            self._db.close()
            raise self._no_lock(action, error) from error
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute(f"PRAGMA synchronous={'FULL' if durability == 'power' else 'NORMAL'}")
            self._file = os.stat(self._path).st_ino
        except (sqlite3.Error, OSError) as error:
            self._db.close()
            self._lock.release()
            raise self._failed(action, error) from error

    def _require_room(self) -> None:
        """Leave room for what is written at the end: events, and SQLite's own work."""
        with suppress(OSError):  # of a folder that is gone: the commit says so
            require_room(self._path.parent)

    def _next(self, table: Table) -> int:
        """The number of the next row of a table."""
        return self._checkpoint.rows[table.name] + 1

    def _commit(self, rows: Sequence[tuple[Table, list[Any]]] = (), **changes: Any) -> None:
        """Commit new rows together with the checkpoint."""
        counts = dict(self._checkpoint.rows)
        with self._transaction() as db:
            for table, row in rows:
                db.execute(table.insertion, row)
                counts[table.name] += 1
            for block in self._blocks:
                counts[BLOCKS.name] += 1
                db.execute(BLOCKS.insertion, BLOCKS.stored(block, counts[BLOCKS.name]))
            self._replace_checkpoint(db, rows=counts, **changes)
        self._blocks.clear()

    def _replace_checkpoint(self, db: sqlite3.Connection, **changes: Any) -> None:
        self._checkpoint = replace(self._checkpoint, wall_s=self.elapsed_s, **changes)
        db.execute(CHECKPOINT.replacement, CHECKPOINT.stored(self._checkpoint))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit what is done inside, or nothing of it."""
        try:
            there = os.stat(self._path).st_ino == self._file
        except OSError:
            there = False
        if not there:  # SQLite would go on writing to a deleted file
            raise StorageError(f"{self._path} was deleted or moved during the run", remedy="leave its folder alone")
        try:
            self._db.execute("BEGIN")
            before = self._checkpoint
            try:
                yield self._db
                self._before_commit()
                self._db.execute("COMMIT")
            except BaseException:
                self._checkpoint = before
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise self._failed("write", error) from error

    def _no_lock(self, action: str, error: sqlite3.Error) -> StorageError | UsageError:
        """Return the error for a lock that cannot be taken. Nobody else can hold that of a new journal."""
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PROTOCOL):
            return self._failed("lock", error)
        if action == "open":
            return UsageError(
                f"{self._path.parent} is being written by another labrig", remedy="wait for it to end, or stop it"
            )
        return StorageError(
            f"cannot lock {self._path}: files cannot be locked on this file system, e.g. a network drive",
            remedy="put the runs on a local disk with --runs-dir",
        )

    def _failed(self, action: str, error: Exception) -> StorageError:
        return StorageError(
            f"cannot {action} {self._path}: {error}", remedy="check the disk's space and the folder's permissions"
        )
