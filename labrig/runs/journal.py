"""The journal of a run: SQLite in WAL mode, one row per step. The commit is the step.

What was committed survives a killed process (durability "process") or a lost mains supply ("power"). Arrays are stored
as little-endian float64.
"""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from labrig.errors import StorageError
from labrig.runs.lock import WriterLock

Array = NDArray[np.float64]
SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE schema (version INTEGER NOT NULL);
CREATE TABLE steps (
  step INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, examples TEXT NOT NULL, loss REAL NOT NULL, gamma REAL NOT NULL,
  skipped INTEGER NOT NULL, gradient BLOB NOT NULL, u_gradient BLOB NOT NULL, shadow BLOB NOT NULL,
  conductances BLOB NOT NULL, written INTEGER NOT NULL, acquisitions INTEGER NOT NULL, bench_s REAL NOT NULL,
  wall_s REAL NOT NULL
);
CREATE TABLE evaluations (
  id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, step INTEGER NOT NULL, metrics TEXT NOT NULL, wall_s REAL NOT NULL
);
CREATE TABLE events (id INTEGER PRIMARY KEY, step INTEGER NOT NULL, event TEXT NOT NULL, detail TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Step:
    """One update. index counts from 1; E-arrays in the rig's order of edges.

    gradient, u_gradient: ∂C/∂θ of the batch mean and its standard error (loss unit per S). shadow: float conductances
    after the update, conductances: what is written (S, nominal). gamma: largest of the batch. skipped: examples
    without error. acquisitions: of training so far. bench_s: time on the bench's clock.
    """

    index: int
    epoch: int
    examples: tuple[int, ...]
    loss: float
    gamma: float
    skipped: int
    gradient: Array
    u_gradient: Array
    shadow: Array
    conductances: Array
    written: int
    acquisitions: int
    bench_s: float


@dataclass(frozen=True)
class Evaluation:
    """Figures of the whole task, measured after `step` updates."""

    epoch: int
    step: int
    metrics: dict[str, float]


class Journal:
    """Writes a journal. Raises StorageError with the path and the remedy."""

    def __init__(self, path: Path, durability: Literal["process", "power"] = "process") -> None:
        self._path = path
        self._began = time.monotonic()
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
        except sqlite3.Error as error:
            raise self._failed("create", error) from error
        try:
            self._lock = WriterLock(path)
        except sqlite3.Error as error:
            self._db.close()
            raise self._failed("lock", error) from error
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute(f"PRAGMA synchronous={'FULL' if durability == 'power' else 'NORMAL'}")
            self._db.executescript(f"BEGIN; {_SCHEMA} INSERT INTO schema VALUES ({SCHEMA_VERSION}); COMMIT;")
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

    def append(self, step: Step) -> None:
        """Commit one step."""
        row = (
            step.index,
            step.epoch,
            json.dumps(step.examples),
            step.loss,
            step.gamma,
            step.skipped,
            _bytes(step.gradient),
            _bytes(step.u_gradient),
            _bytes(step.shadow),
            _bytes(step.conductances),
            step.written,
            step.acquisitions,
            step.bench_s,
            self._elapsed(),
        )
        self._write(f"INSERT INTO steps VALUES ({','.join('?' * len(row))})", row)

    def evaluated(self, evaluation: Evaluation) -> None:
        row = (evaluation.epoch, evaluation.step, json.dumps(evaluation.metrics), self._elapsed())
        self._write("INSERT INTO evaluations (epoch, step, metrics, wall_s) VALUES (?,?,?,?)", row)

    def event(self, step: int, event: str, detail: dict[str, Any]) -> None:
        """Note something that happened after `step` updates."""
        self._write("INSERT INTO events (step, event, detail) VALUES (?,?,?)", (step, event, json.dumps(detail)))

    def close(self) -> None:
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

    def _write(self, statement: str, row: tuple[Any, ...]) -> None:
        try:
            self._db.execute(statement, row)
        except sqlite3.Error as error:
            raise self._failed("write", error) from error

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _failed(self, action: str, error: sqlite3.Error) -> StorageError:
        return StorageError(
            f"cannot {action} {self._path}: {error}", remedy="check the disk's space and the folder's permissions"
        )


@dataclass(frozen=True)
class Record:
    """What a journal holds, S steps: step-wise arrays have S rows."""

    step: NDArray[np.int64]
    epoch: NDArray[np.int64]
    examples: tuple[tuple[int, ...], ...]
    loss: Array
    gamma: Array
    gradient: Array
    u_gradient: Array
    shadow: Array
    conductances: Array
    evaluations: tuple[Evaluation, ...]
    events: tuple[tuple[int, str, dict[str, Any]], ...]


def read_journal(path: Path) -> Record:
    """Read a journal, also while it is being written or after its writer was killed.

    Raises StorageError if there is none, it is damaged, or it is of another schema.
    """
    if not path.is_file():
        raise StorageError(f"{path} does not exist", remedy=_RESTORE)
    if not path.stat().st_size and not path.with_name(f"{path.name}-wal").exists():
        raise StorageError(f"cannot read {path}: it is empty", remedy=_RESTORE)
    try:
        with closing(sqlite3.connect(path)) as db:
            (version,) = db.execute("SELECT version FROM schema").fetchone()
            if version != SCHEMA_VERSION:
                raise StorageError(f"{path} has schema {version}, this labrig reads {SCHEMA_VERSION}")
            rows = db.execute(
                "SELECT step, epoch, examples, loss, gamma, gradient, u_gradient, shadow, conductances FROM steps "
                "ORDER BY step"
            ).fetchall()
            evaluations = db.execute("SELECT epoch, step, metrics FROM evaluations ORDER BY id").fetchall()
            events = db.execute("SELECT step, event, detail FROM events ORDER BY id").fetchall()
        return _record(rows, evaluations, events)
    except (sqlite3.Error, ValueError, TypeError) as error:
        raise StorageError(f"cannot read {path}: {error}", remedy=_RESTORE) from error


_RESTORE = "restore it from a copy, or repeat the run from the config.resolved.yaml beside it"


def _record(rows: list[Any], evaluations: list[Any], events: list[Any]) -> Record:
    """The rows of the three tables as arrays. Raises ValueError or TypeError for what labrig never wrote."""
    columns: list[tuple[Any, ...]] = list(zip(*rows, strict=True)) or [()] * 9
    return Record(
        step=np.array(columns[0], dtype=np.int64),
        epoch=np.array(columns[1], dtype=np.int64),
        examples=tuple(tuple(json.loads(text)) for text in columns[2]),
        loss=np.array(columns[3], dtype=float),
        gamma=np.array(columns[4], dtype=float),
        gradient=_rows(columns[5]),
        u_gradient=_rows(columns[6]),
        shadow=_rows(columns[7]),
        conductances=_rows(columns[8]),
        evaluations=tuple(Evaluation(epoch, step, json.loads(metrics)) for epoch, step, metrics in evaluations),
        events=tuple((step, event, json.loads(detail)) for step, event, detail in events),
    )


def _bytes(values: Array) -> bytes:
    return np.ascontiguousarray(values, dtype="<f8").tobytes()


def _rows(blobs: tuple[bytes, ...]) -> Array:
    return np.array([np.frombuffer(blob, dtype="<f8") for blob in blobs])
