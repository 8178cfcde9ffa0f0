"""Requests to a program that uses instruments to stop, because another program has made them safe (`labrig safe`).

A request is a file beside the records, named after the process. A program that finds one opens no instrument and plays
nothing any more; otherwise it would switch on again what was made safe a moment before.
"""

from __future__ import annotations

import contextlib
import os
import weakref
from pathlib import Path
from time import time_ns

from labrig.instruments import records

_CLOCK_NS = 20_000_000
"""Largest difference between time stamps of files and the clock of this process (ns)."""


def ask(pid: int) -> None:
    """Ask a process to stop. Raises StorageError or OSError if the request cannot be written."""
    records.require_folder()
    withdraw(pid)  # a request to an earlier process of this number
    os.close(os.open(_path(pid), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))


def withdraw(pid: int) -> None:
    """Delete the request to a process, if there is one."""
    with contextlib.suppress(OSError):
        _path(pid).unlink()


class Session:
    """A period during which this process always has at least one instrument open.

    A request applies to the session in which it is made, including instruments that are opened later. It does not apply
    to the next session, such as another run in the same notebook.
    """

    def __init__(self) -> None:
        self._open: weakref.WeakSet[object] = weakref.WeakSet()
        self._since_ns = 0

    def begin(self, instrument: object) -> None:
        """Count an instrument as open."""
        if not self._open:
            self._since_ns = time_ns()
        self._open.add(instrument)

    def end(self, instrument: object) -> None:
        """Count an instrument as closed."""
        self._open.discard(instrument)

    def is_to_stop(self) -> bool:
        """Return whether another program has asked this one to stop since the session began."""
        try:
            asked_ns = os.stat(_path(os.getpid())).st_mtime_ns
        except OSError:
            return False
        return asked_ns + _CLOCK_NS > self._since_ns


def _path(pid: int) -> Path:
    return records.FOLDER / f"stop.{pid}"
