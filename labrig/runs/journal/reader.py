"""Reads a journal, also while it is being written, after its writer was killed, or from a read-only folder.

Reading changes nothing: an older schema is upgraded in memory.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from labrig.errors import StorageError
from labrig.runs.journal.migrations import schema_version, upgrade
from labrig.runs.journal.schema import (
    EVALUATIONS,
    EVENTS,
    EXAMPLES,
    STEPS,
    TERMINALS,
    VERSION,
    Evaluation,
    Event,
    Example,
    Table,
    Terminal,
)

T = TypeVar("T")
_RESTORE = "restore it from a copy, or repeat the run from the config.resolved.yaml next to it"
_NO_RIGHT_TO_WRITE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)


@dataclass(frozen=True)
class Record:
    """What a journal contains.

    Parameters
    ----------
    steps
        The columns of all steps by name, S rows each: (S,) for numbers, (S, E) for arrays, a tuple of length S
        otherwise. The names are those of schema.Step, with `step` for its index; `record.loss` is
        `record.steps["loss"]`. A number that a journal of an earlier schema did not keep is NaN.
    evaluations
        In the order in which they were made.
    events
        In the order in which they happened.
    terminals
        What the inputs, then the outputs stand for.
    dataset
        The examples of the training and the test set, by index.
    """

    steps: Mapping[str, Any]
    evaluations: tuple[Evaluation, ...]
    events: tuple[Event, ...]
    terminals: tuple[Terminal, ...] = ()
    dataset: tuple[Example, ...] = ()

    def __getattr__(self, name: str) -> Any:
        if name != "steps" and name in self.steps:
            return self.steps[name]
        raise AttributeError(f"a journal has no column {name!r}")


@dataclass(frozen=True)
class Overview:
    """What a list of runs needs of a journal; reading it takes as long for many steps as for few.

    Parameters
    ----------
    steps
        How many steps there are.
    evaluation
        The last one, if any was made.
    events
        In the order in which they happened.
    """

    steps: int
    evaluation: Evaluation | None
    events: tuple[Event, ...]


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
    StorageError
        If there is none or it is damaged.
    """
    return _read_by(_record, path)


def read_overview(path: Path) -> Overview:
    """Read the overview of a journal, without its rows of steps; otherwise as `read_journal`."""
    return _read_by(_overview, path)


def _read_by(what: Callable[[sqlite3.Connection], T], path: Path) -> T:
    if not path.is_file():
        raise StorageError(f"{path} does not exist", remedy=_RESTORE)
    if not path.stat().st_size and not _wal(path).exists():
        raise StorageError(f"cannot read {path}: it is empty", remedy=_RESTORE)
    try:
        try:
            return _read(what, path, path)
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _NO_RIGHT_TO_WRITE:
                raise
        with _copied(path) as copy:
            return _read(what, copy, path)
    except (sqlite3.Error, OSError, ValueError, TypeError) as error:
        raise StorageError(f"cannot read {path}: {error}", remedy=_RESTORE) from error


def _read(what: Callable[[sqlite3.Connection], T], file: Path, path: Path) -> T:
    """Part of what a file contains. path: the name for messages."""
    with closing(_open(file)) as db:
        db.execute("BEGIN")  # all tables as they are at one moment
        version = schema_version(db, path)
        if version == VERSION:
            return what(db)
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
            db.execute("END")  # a backup cannot begin within a transaction
            db.backup(copy)
            upgrade(copy, version)
            return what(copy)


def _open(file: Path) -> sqlite3.Connection:
    """Return a read-only connection.

    Without a write-ahead log nothing is writing the file, so SQLite is told not to create the index of the log.
    """
    wal = _wal(file)
    immutable = "" if wal.exists() and wal.stat().st_size else "&immutable=1"
    return sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro{immutable}", uri=True)


@contextmanager
def _copied(path: Path) -> Iterator[Path]:
    """A copy of a journal with its write-ahead log, in a place where SQLite may put the log's index."""
    with TemporaryDirectory(prefix="labrig-journal-") as folder:
        copy = Path(folder) / path.name
        shutil.copyfile(path, copy)
        if _wal(path).exists():
            shutil.copyfile(_wal(path), _wal(copy))
        yield copy


def _wal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _record(db: sqlite3.Connection) -> Record:
    """The rows of all tables. Raises ValueError or TypeError for what labrig never wrote."""
    rows = _rows(db, STEPS)
    columns = list(zip(*rows, strict=True)) or [()] * len(STEPS.columns)
    return Record(
        steps={
            column.name: column.kind.column([column.decoded(value) for value in values])
            for column, values in zip(STEPS.columns, columns, strict=True)
        },
        evaluations=tuple(EVALUATIONS.decoded(row) for row in _rows(db, EVALUATIONS)),
        events=tuple(EVENTS.decoded(row) for row in _rows(db, EVENTS)),
        terminals=tuple(TERMINALS.decoded(row) for row in _rows(db, TERMINALS)),
        dataset=tuple(EXAMPLES.decoded(row) for row in _rows(db, EXAMPLES)),
    )


def _overview(db: sqlite3.Connection) -> Overview:
    """The numbered last rows instead of all. Raises ValueError or TypeError for what labrig never wrote."""
    (steps,) = db.execute(f"SELECT max({STEPS.key}) FROM {STEPS.name}").fetchone()
    last = db.execute(f"SELECT {EVALUATIONS.names} FROM {EVALUATIONS.name} ORDER BY {EVALUATIONS.key} DESC LIMIT 1")
    evaluation = last.fetchone()
    return Overview(
        steps=int(steps or 0),
        evaluation=None if evaluation is None else EVALUATIONS.decoded(evaluation),
        events=tuple(EVENTS.decoded(row) for row in _rows(db, EVENTS)),
    )


def _rows(db: sqlite3.Connection, table: Table) -> list[tuple[Any, ...]]:
    return db.execute(f"SELECT {table.names} FROM {table.name} ORDER BY {table.key}").fetchall()
