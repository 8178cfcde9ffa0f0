"""Writes a journal. Committed rows survive a killed process ("process"), or also a power failure ("power")."""

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
from labrig.runs.journal.kinds import packed
from labrig.runs.journal.migrations import schema_version, upgrade
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
    WRITINGS,
    Checkpoint,
    Evaluation,
    Event,
    Example,
    Intent,
    Step,
    StoredBlock,
    StoredFile,
    Terminal,
    Writing,
)
from labrig.runs.journal.tables import Table
from labrig.runs.lock import WriterLock, being_written
from labrig.runs.room import require_room

Durability = Literal["process", "power"]
WHOLE_EVERY = 256
"""Number of steps from one that is stored whole to the next; a damaged step affects at most this many."""


class Journal:
    """The journal of a run in progress. Every method may raise StorageError, with path and remedy.

    Parameters
    ----------
    path
        The file to create; it must not exist.
    durability
        The failure that a committed step survives: a killed process ("process") or also a power failure ("power").
    gradients
        The gradient is stored once in this number of steps.
    """

    def __init__(self, path: Path, durability: Durability = "process", gradients: int = 1) -> None:
        self._path = path
        self._blocks: list[StoredBlock] = []
        self._writings: list[Writing] = []
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
        """Open the journal of a run to resume it; the journal has been read before and is intact.

        `read` is the checkpoint from that reading.

        Raises
        ------
        UsageError
            If a running process writes the journal, or a process has written it since it was read.
        StorageError
            If it was written by an older labrig, or cannot be opened.
        """
        journal = cls.__new__(cls)
        journal._path = path
        journal._blocks = []
        journal._writings = []
        journal._before_commit = lambda: None
        journal._gradients = gradients
        journal._last = None
        journal._begin(durability, "open")
        try:
            journal._upgrade()
            now = read_checkpoint(path)  # no other process can write it now
            if read is not None and (read.rows, read.wall_s) != (now.rows, now.wall_s):
                raise UsageError(
                    f"{path.parent} was resumed by another labrig process in the meantime", remedy="try again"
                )
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
        """Number of committed steps."""
        return self._checkpoint.rows[STEPS.name]

    @property
    def survives_power_failure(self) -> bool:
        """Whether committed rows survive a power failure."""
        return self._durability == "power"

    @property
    def elapsed_s(self) -> float:
        """Duration of the run so far, without pauses before it was resumed (s)."""
        return time.monotonic() - self._began

    def describe(self, terminals: Iterable[Terminal], examples: Iterable[Example]) -> None:
        """Record the meaning of inputs and outputs, and the examples; called once, before the first step."""
        rows = [(TERMINALS, TERMINALS.stored(row, number)) for number, row in enumerate(terminals, 1)]
        rows += [(EXAMPLES, EXAMPLES.stored(row)) for row in examples]
        self._commit(rows)

    def keep(self, files: Iterable[StoredFile]) -> None:
        """Record size and hash of other files of the run, so that damage to them is detected."""
        with self._transaction() as db:
            db.executemany(FILES.replacement, (FILES.stored(file) for file in files))
            (count,) = db.execute(f"SELECT COUNT(*) FROM {FILES.name}").fetchone()
            self._replace_checkpoint(db, rows=self._checkpoint.rows | {FILES.name: count})

    def intend(self, intent: Intent) -> None:
        """Record the settings that are about to be written to the board."""
        with self._transaction() as db:
            db.execute(INTENT.replacement, INTENT.stored(intent))

    def add_block(self, block: StoredBlock, sync: Callable[[], None]) -> None:
        """Record a block of samples that was written; it is committed with the next row.

        `sync` is called before that commit if committed rows must survive a power failure.
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

    def wrote(self, writing: Writing) -> None:
        """Record cells that were written by pulses; the record is committed with the next row."""
        self._writings.append(writing)

    def event(self, event: Event) -> None:
        """Append an event."""
        self._commit([(EVENTS, EVENTS.stored(event, self._next(EVENTS)))])

    def close(self) -> None:
        """Close the database and release the lock."""
        try:
            with suppress(StorageError):  # the same error may have occurred before, and was reported then
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

    def _upgrade(self) -> None:
        """Upgrade the tables of a journal with an older schema to the current schema."""
        version = schema_version(self._db, self._path)
        if version == VERSION:
            return
        try:
            self._db.execute("BEGIN")
            upgrade(self._db, version)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._failed("upgrade", error) from error

    def _require_room(self) -> None:
        """Raise StorageError if there is no disk space for the end of the run: its last events, and SQLite's files."""
        with suppress(OSError):  # the folder is gone, which the commit reports
            require_room(self._path.parent)

    def _next(self, table: Table) -> int:
        """Return the number of the next row of a table."""
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
            for writing in self._writings:
                counts[WRITINGS.name] = counts.get(WRITINGS.name, 0) + 1
                db.execute(WRITINGS.insertion, WRITINGS.stored(writing, counts[WRITINGS.name]))
            self._replace_checkpoint(db, rows=counts, **changes)
        self._blocks.clear()
        self._writings.clear()

    def _replace_checkpoint(self, db: sqlite3.Connection, **changes: Any) -> None:
        # Encoded once: the run goes on changing the objects, and an event is committed with the state before its step.
        state = packed(changes.pop("state", self._checkpoint.state))
        changes |= {"wall_s": self.elapsed_s, "state": state}
        self._checkpoint = replace(self._checkpoint, **changes)
        db.execute(CHECKPOINT.replacement, CHECKPOINT.stored(self._checkpoint))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit all changes made in the context, or none of them."""
        try:
            there = os.stat(self._path).st_ino == self._file
        except OSError:
            there = False
        if not there:  # SQLite would keep writing to a deleted file
            raise StorageError(f"{self._path} was deleted or moved during the run", remedy="start a new run")
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
        """Return the error for a lock that cannot be taken; no other process can hold the lock of a new journal."""
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PROTOCOL):
            return self._failed("lock", error)
        if action == "open":
            return being_written(self._path)
        return StorageError(
            f"cannot lock {self._path}: files cannot be locked on this file system, e.g. a network drive",
            remedy="put the runs on a local disk with --runs-dir",
        )

    def _failed(self, action: str, error: Exception) -> StorageError:
        return StorageError(
            f"cannot {action} {self._path}: {error}", remedy="check the disk's space and the folder's permissions"
        )
