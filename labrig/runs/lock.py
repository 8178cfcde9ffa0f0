"""The lock that distinguishes a running process from a killed one: the system releases it with the process.

It is an SQLite lock on an empty file next to the journal, which works on Linux and Windows.
"""

from __future__ import annotations

import os
import sqlite3
import struct
import sys
from contextlib import closing, suppress
from pathlib import Path

from labrig.errors import UsageError

_held: dict[Path, int] = {}
"""Lock files that this process holds, with its process id: a child process inherits the table, but not the locks."""


def lock_path(journal: Path) -> Path:
    """Return the path of the lock file of a journal."""
    return journal.with_suffix(".lock")


class WriterLock:
    """Lock held until `release` by the process that writes `journal`.

    Raises sqlite3.Error if another process holds it.
    """

    def __init__(self, journal: Path) -> None:
        self._path = lock_path(journal)
        while True:
            # The file is opened a second time, to check after locking that it is still the file at this path, which
            # its last holder deletes. It stays open, because closing it would release the locks of this process.
            self._file = self._opened()
            self._db = sqlite3.connect(self._path, isolation_level=None, timeout=1.0)  # readers hold it only briefly
            try:
                self._db.execute("PRAGMA journal_mode=MEMORY")  # no second file
                self._db.execute("BEGIN EXCLUSIVE")
            except sqlite3.Error:
                self._close()
                raise
            if self._is_current():
                _held[self._path.resolve()] = os.getpid()
                return
            self._close()

    def release(self) -> None:
        """Release the lock and delete its file."""
        _held.pop(self._path.resolve(), None)
        if sys.platform != "win32":  # Windows cannot delete an open file
            self._path.unlink(missing_ok=True)
        self._close()
        with suppress(OSError):
            if sys.platform == "win32":
                self._path.unlink(missing_ok=True)

    def _opened(self) -> int | None:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError:  # SQLite reports the reason
            return None

    def _is_current(self) -> bool:
        try:
            return self._file is None or os.path.samestat(os.fstat(self._file), os.stat(self._path))
        except OSError:
            return False

    def _close(self) -> None:
        self._db.close()
        if self._file is not None:
            os.close(self._file)


def is_being_written(journal: Path) -> bool:
    """Return whether a running process is writing the journal."""
    path = lock_path(journal)
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=0.0)) as db:
            db.execute("SELECT * FROM sqlite_master").fetchall()
    except sqlite3.Error as error:
        return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
    return False


def writer(journal: Path) -> int | None:
    """Return the id of the process that is writing the journal; None if there is none, or on Windows."""
    if _held.get(lock_path(journal).resolve()) == os.getpid():
        return os.getpid()  # to open and close the file would release the lock
    try:
        import fcntl
    except ImportError:
        return None
    layout = "hhqqi" if sys.platform == "linux" else "qqihh"
    asked = (fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0) if sys.platform == "linux" else (0, 0, 0, fcntl.F_RDLCK, os.SEEK_SET)
    try:
        if not lock_path(journal).is_file():
            return None
        with lock_path(journal).open("rb") as file:
            reply = fcntl.fcntl(file, fcntl.F_GETLK, struct.pack(layout, *asked))
    except OSError:
        return None
    found = struct.unpack(layout, reply)
    kind, pid = (found[0], found[4]) if sys.platform == "linux" else (found[3], found[2])
    return None if kind == fcntl.F_UNLCK else pid


def being_written(journal: Path) -> UsageError:
    """Return the error for a command that needs exclusive access to a run that another process is writing."""
    run, pid = journal.parent, writer(journal)
    if pid is None:
        who, stop = "another labrig process", "press Ctrl-C in its terminal"
    else:
        who, stop = f"process {pid}", f"stop it: labrig abort {run}"
    return UsageError(f"{run} is being written by {who}", remedy=f"wait for it to end, or {stop}")
