"""Reservation of instruments: only one process on this machine can open an instrument.

Opening resets an instrument, so a second program, or `labrig doctor`, would disturb a run in progress. The operating
system releases a reservation when its process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from labrig.errors import InUse

FOLDER = Path(tempfile.gettempdir()) / "labrig-reservations"


class Reserved:
    """An instrument that is reserved from `open` to `close`.

    Parameters
    ----------
    name
        Name of the instrument in the configuration.
    key
        Identifies the instrument on this machine: driver and address.
    instrument
        The instrument.
    """

    def __init__(self, name: str, key: str, instrument: Any) -> None:
        file = re.sub(r"[^\w.-]+", "_", key)
        self._name = name
        self._holder = FOLDER / f"{file}.process"
        self._lock = FileLock(FOLDER / f"{file}.lock", timeout=0, mode=0o666, thread_local=False)
        self._instrument = instrument

    def __getattr__(self, name: str) -> Any:
        return getattr(self._instrument, name)

    def open(self) -> None:
        """Reserve the instrument and open it; raises InUse if another process has reserved it."""
        if not self._lock.is_locked:
            self._reserve()
        self._instrument.open()

    def close(self) -> None:
        """Close the instrument and release the reservation."""
        try:
            self._instrument.close()
        finally:
            self._lock.release()

    def _reserve(self) -> None:
        try:
            FOLDER.mkdir(mode=0o777, exist_ok=True)
            self._lock.acquire()
            self._holder.write_text(str(os.getpid()))
        except Timeout:
            holder = ""
            with contextlib.suppress(OSError):
                holder = f", process {self._holder.read_text()}"
            raise InUse(
                f"is in use by another labrig on this machine{holder}",
                device=self._name,
                action="open",
                remedy="wait for it to finish, or stop it; opening would reset its instrument",
            ) from None
        except OSError:
            return  # another user's file, or no writable folder: go on without a reservation
