"""Reads a journal, even while it is being written, after its writer was killed, or from a read-only folder.

Reading does not change any file: an older schema is upgraded in memory. Every row is checked before it is used.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from labrig.errors import StorageError
from labrig.runs.journal.log import is_empty, log_path, read_log
from labrig.runs.journal.migrations import CHECKED_SINCE, schema_version, upgrade
from labrig.runs.journal.record import Growth, Overview, Record
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
    TERMINALS,
    VERSION,
    WRITINGS,
    Checkpoint,
    StoredBlock,
)
from labrig.runs.journal.tables import Table, is_intact
from labrig.runs.lock import is_being_written

T = TypeVar("T")
_RESTORE = "restore it from a copy, or repeat the run from the config.resolved.yaml next to it"
_NO_RIGHT_TO_WRITE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)


class DamagedJournal(StorageError):
    """Rows of a journal are damaged or missing.

    Attributes
    ----------
    rows
        The damaged and missing rows, in words.
    """

    def __init__(self, path: Path, rows: Sequence[str], steps: Sequence[int] = ()) -> None:
        """`steps`: numbers of the damaged and missing steps."""
        self.rows = tuple(rows)
        named = ", ".join(self.rows[:20]) + (f" and {len(self.rows) - 20} more" if len(self.rows) > 20 else "")
        super().__init__(f"cannot read {path}: it is damaged: {named}", remedy=_RESTORE, last_good=_step_before(steps))


def _step_before(damaged: Sequence[int]) -> str | None:
    first = min(damaged, default=0)
    return f"step {first - 1}" if first > 1 else None


def read_journal(path: Path) -> Record:
    """Read a journal of this or an earlier schema.

    Parameters
    ----------
    path
        The journal, run.db.

    Raises
    ------
    NewerJournal
        If it was written by a newer labrig.
    DamagedJournal
        If rows are damaged or missing; the message names them.
    StorageError
        If the journal does not exist or is damaged as a whole.
    """
    return _read_by(_record, path)


def read_overview(path: Path) -> Overview:
    """Read the overview of a journal without its steps; errors are those of `read_journal`."""
    return _read_by(_overview, path)


def read_growth(path: Path, steps: int, evaluations: int, before: NDArray[np.float64] | None = None) -> Growth:
    """Read what was added to a journal after these numbers of steps and evaluations; errors as for `read_journal`.

    `before`: the conductances after the last of these steps, (E,); None if there were no steps.
    """
    return _read_by(lambda reading: _growth(reading, steps, evaluations, before), path)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read the checkpoint of a journal of this schema; errors are those of `read_journal`."""
    return _read_by(lambda reading: reading.only(CHECKPOINT), path)


def read_blocks(path: Path) -> tuple[StoredBlock, ...]:
    """Read where the samples of every acquisition are stored, in the order in which they were written.

    A `scale` that is not stored because it equals that of the block before is filled in. Errors are those of
    `read_journal`.
    """
    blocks: list[StoredBlock] = []
    for block in _read_by(lambda reading: reading.decoded(BLOCKS), path):
        blocks.append(block if block.scale is not None else replace(block, scale=blocks[-1].scale))
    return tuple(blocks)


@dataclass
class _Reading:
    """Reads rows of one open journal, and collects the damaged ones.

    path: the name for messages. checked: whether rows have checksums and are counted. running: whether the
    journal is being written.
    """

    db: sqlite3.Connection
    path: Path
    checked: bool
    running: bool
    damaged: list[str] = field(default_factory=list)
    damaged_steps: list[int] = field(default_factory=list)

    def rows(self, table: Table, ending: str = "") -> list[tuple[Any, ...]]:
        """Return the intact stored rows of a table, in order of their key, or as the SQL clauses `ending` say."""
        found = self.db.execute(f"{table.selection} {ending or f'ORDER BY {table.key}'}").fetchall()
        if self.checked:
            key = table.names.index(table.key)
            bad = [row[key] for row in found if not is_intact(row)]
            self.damaged += [f"{_ROW[table.name]} {number}" for number in bad]
            self.damaged_steps += bad if table is STEPS else []
            found = [row for row in found if is_intact(row)]
        return found

    def decoded(self, table: Table, ending: str = "") -> tuple[Any, ...]:
        """Return the rows of a table as objects."""
        return tuple(table.decoded(row) for row in self.rows(table, ending))

    def only(self, table: Table) -> Any:
        """Return the only row of a table; None if it has no row."""
        found = self.decoded(table)
        return found[-1] if found else None

    def count(self, table: Table) -> int:
        """Return the number of rows of a table, including damaged ones."""
        (count,) = self.db.execute(f"SELECT COUNT(*) FROM {table.name}").fetchone()
        return count

    def checkpoint(self) -> Checkpoint | None:
        """Return the checkpoint, after comparing the number of rows of every table with it."""
        found: Checkpoint | None = self.only(CHECKPOINT)
        if self.checked and found is None and not self.damaged:
            self.damaged.append("the checkpoint is missing")
        if found is not None:
            for table in COUNTED:
                self._compare(table, int(found.rows.get(table.name, 0)))
        return found

    def _compare(self, table: Table, expected: int) -> None:
        missing = expected - self.count(table)
        if not missing:
            return
        if table is not STEPS or missing < 0:
            rows = f"rows of {table.name}"
            self.damaged.append(
                f"{missing} {rows} are missing"
                if missing > 0
                else f"there are {-missing} more {rows} than were written"
            )
            return
        there = {number for (number,) in self.db.execute(f"SELECT {table.key} FROM {table.name}")}
        gone = [number for number in range(1, expected + 1) if number not in there]
        self.damaged += [f"step {number} is missing" for number in gone]
        self.damaged_steps += gone

    def end(self) -> None:
        """Raise DamagedJournal if anything was damaged."""
        if self.damaged:
            raise DamagedJournal(self.path, list(dict.fromkeys(self.damaged)), self.damaged_steps)


_ROW = {
    "steps": "step",
    "evaluations": "evaluation",
    "events": "event",
    "terminals": "terminal",
    "examples": "example",
    "files": "file",
    "blocks": "block",
    "writings": "writing",
    "intent": "intent",
    "checkpoint": "checkpoint",
}
"""Name of a row of each table in messages."""


def _read_by(what: Callable[[_Reading], T], path: Path) -> T:
    if not path.is_file():
        raise StorageError(f"{path} does not exist", remedy=_RESTORE)
    running = is_being_written(path)
    try:
        log = None if running else read_log(log_path(path))
        if log is None and is_empty(path) and not (running and log_path(path).exists()):
            raise StorageError(f"cannot read {path}: it is empty", remedy=_RESTORE)
        if log is not None and log.hidden_by(path):
            with _copied(path, log.applied_to(path.read_bytes())) as copy:
                return _read(what, copy, path, running)
        try:
            return _read(what, path, path, running)
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _NO_RIGHT_TO_WRITE:
                raise
        with _copied(path) as copy:
            return _read(what, copy, path, running)
    except (sqlite3.Error, OSError, ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
        raise StorageError(f"cannot read {path}: {error}", remedy=_RESTORE) from error


def _read(what: Callable[[_Reading], T], file: Path, path: Path, running: bool) -> T:
    """Read part of a file. path: the name for messages."""
    with closing(_open(file)) as db:
        db.execute("BEGIN")  # read all tables as of the same moment
        _require_tables(db, path, running)
        version = schema_version(db, path)
        if version == VERSION:
            return _complete(what, _Reading(db, path, version >= CHECKED_SINCE, running))
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
            db.execute("END")  # a backup cannot begin within a transaction
            db.backup(copy)
            upgrade(copy, version)
            return _complete(what, _Reading(copy, path, version >= CHECKED_SINCE, running))


def _require_tables(db: sqlite3.Connection, path: Path, running: bool) -> None:
    """Raise StorageError for a journal without tables; until the first checkpoint, they are in its log."""
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema'").fetchone():
        return
    log = log_path(path)
    if running or log.exists():
        raise StorageError(f"cannot read {path}: it does not contain the tables of a journal", remedy=_RESTORE)
    raise StorageError(
        f"cannot read {path}: its {log.name} is missing, and without it the journal is empty",
        remedy=f"restore {log.name} from a copy, or repeat the run from the config.resolved.yaml next to it",
    )


def _complete(what: Callable[[_Reading], T], reading: _Reading) -> T:
    found = what(reading)
    reading.end()
    return found


def _open(file: Path) -> sqlite3.Connection:
    """Return a read-only connection.

    Without a write-ahead log nothing is writing the file, so SQLite is told not to create the index of the log.
    """
    log = log_path(file)
    immutable = "" if log.exists() and log.stat().st_size else "&immutable=1"
    db = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro{immutable}", uri=True)
    db.text_factory = lambda text: text.decode("utf-8", "surrogateescape")  # a damaged row may not be UTF-8
    return db


@contextmanager
def _copied(path: Path, content: bytes | None = None) -> Iterator[Path]:
    """Copy a journal and its write-ahead log to a folder where SQLite may create the log's index.

    content: written to the copy instead of the journal's own content; no log is copied then.
    """
    with TemporaryDirectory(prefix="labrig-journal-") as folder:
        copy = Path(folder) / path.name
        if content is not None:
            copy.write_bytes(content)
        else:
            shutil.copyfile(path, copy)
            if log_path(path).exists():
                shutil.copyfile(log_path(path), log_path(copy))
        yield copy


def _record(reading: _Reading) -> Record:
    """Read the rows of all tables; raises ValueError or TypeError for content that labrig never writes."""
    if reading.checked and not reading.running:
        for (problem,) in reading.db.execute("PRAGMA quick_check(3)").fetchall():
            if problem != "ok":
                reading.damaged.append(problem.replace("\n", " "))
    checkpoint = reading.checkpoint()
    rows = reading.rows(STEPS)
    reading.end()  # steps are stored as changes, so none can be read without those before it
    columns = list(zip(*map(STEPS.values, rows), strict=True)) or [()] * len(STEPS.columns)
    return Record(
        steps={
            column.name: column.kind.column([column.decoded(value) for value in values])
            for column, values in zip(STEPS.columns, columns, strict=True)
        },
        evaluations=reading.decoded(EVALUATIONS),
        events=reading.decoded(EVENTS),
        terminals=reading.decoded(TERMINALS),
        dataset=reading.decoded(EXAMPLES),
        files=reading.decoded(FILES),
        writings=reading.decoded(WRITINGS),
        intent=reading.only(INTENT),
        checkpoint=checkpoint,
    )


def _growth(reading: _Reading, steps: int, evaluations: int, before: NDArray[np.float64] | None) -> Growth:
    rows = [STEPS.values(row) for row in reading.rows(STEPS, f"WHERE {STEPS.key} > {steps} ORDER BY {STEPS.key}")]
    columns: dict[str, Any] = {}
    for place, column in enumerate(STEPS.columns):
        stored = [row[place] for row in rows]
        if column.kind.changes is None or before is None:
            columns[column.name] = column.kind.column([column.decoded(value) for value in stored])
        else:
            columns[column.name] = column.kind.column([column.kind.encode(before), *stored])[1:]
    made = reading.decoded(EVALUATIONS, f"ORDER BY {EVALUATIONS.key} LIMIT -1 OFFSET {evaluations}")
    return Growth(columns, made)


def _overview(reading: _Reading) -> Overview:
    """Read only the last rows; raises ValueError or TypeError for content that labrig never writes."""
    (steps,) = reading.db.execute(f"SELECT max({STEPS.key}) FROM {STEPS.name}").fetchone()
    last = reading.decoded(EVALUATIONS, f"ORDER BY {EVALUATIONS.key} DESC LIMIT 1")
    checkpoint: Checkpoint | None = reading.only(CHECKPOINT)
    steps = int(steps or 0)
    if checkpoint is not None and int(checkpoint.rows.get(STEPS.name, 0)) != steps:
        reading.damaged.append(
            f"{checkpoint.rows[STEPS.name]} steps were written, but the last one stored is step {steps}"
        )
    without_log = not reading.running and not log_path(reading.path).exists()
    return Overview(
        steps=steps,
        evaluation=last[0] if last else None,
        events=reading.decoded(EVENTS),
        closed=not (checkpoint is not None and without_log and not checkpoint.closed),
    )
