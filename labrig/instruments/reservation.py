"""Reservation of instruments: only one process on this machine can open an instrument.

Opening resets an instrument, so a second program, or `labrig doctor`, would disturb a run in progress. An instrument is
reserved by its address, whatever its spelling, and by its serial number once it has told it, since it may have several
addresses. The operating system releases a reservation when its process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import sys
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from labrig.errors import InUse, reason
from labrig.instruments.addresses import canonical, is_loopback
from labrig.instruments.data import Identity

FOLDER = Path(os.environ.get("PROGRAMDATA", "C:/") if sys.platform == "win32" else "/tmp") / "labrig-instruments"
"""One place for all users of this machine, so neither TMPDIR nor a home folder is part of it."""


class Reserved:
    """An instrument that is reserved from `open` to `close`.

    Parameters
    ----------
    name
        Name of the instrument in the configuration.
    driver
        Name of its driver. Two functions of one device, e.g. the inputs and outputs of a card, are reserved separately.
    address
        Its address, in any spelling.
    instrument
        The instrument.
    """

    def __init__(self, name: str, driver: str, address: str, instrument: Any) -> None:
        self._name = name
        self._driver = driver
        self._address = address
        self._locks: dict[str, FileLock] = {}
        self._instrument = instrument

    def __getattr__(self, name: str) -> Any:
        return getattr(self._instrument, name)

    def open(self) -> None:
        """Reserve the instrument and open it; raises InUse if another process has reserved it."""
        self._reserve(canonical(self._address))
        self._instrument.open()

    def identify(self) -> Identity:
        """Identify the instrument and reserve its serial number; raises InUse if another process has reserved it."""
        identity = self._instrument.identify()
        # Virtual instruments on this machine may have the same serial number.
        if identity.serial.strip("0") and not is_loopback(canonical(self._address)):
            self._reserve(f"{identity.model} {identity.serial}")
        return identity

    def close(self) -> None:
        """Close the instrument and release the reservation."""
        try:
            self._instrument.close()
        finally:
            locks, self._locks = self._locks, {}
            for lock in locks.values():
                lock.release()

    def _reserve(self, key: str) -> None:
        if key in self._locks:
            return
        text = f"{self._driver} {key}"
        readable = re.sub(r"[^\w.-]+", "_", text)[:80]
        file = f"{readable}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
        holder = FOLDER / f"{file}.process"
        try:
            FOLDER.mkdir(exist_ok=True)
            _share(FOLDER, 0o777)
            lock = FileLock(FOLDER / f"{file}.lock", timeout=0, mode=0o666, thread_local=False)
            lock.acquire()
        except Timeout:
            by = ""
            with contextlib.suppress(OSError):
                by = f", process {holder.read_text(encoding='utf-8')}"
            if by == f", process {os.getpid()}":
                raise InUse(
                    "is already open in this process, by another entry or another rig with the same address",
                    device=self._name,
                    action="open",
                    remedy="give every entry the address of its own instrument; close one rig before opening another",
                ) from None
            raise InUse(
                f"is in use by another labrig on this machine{by}",
                device=self._name,
                action="open",
                remedy="wait for it to finish, or stop it; opening would reset its instrument",
            ) from None
        except OSError as error:
            logging.getLogger("labrig").warning(
                "labrig: warning: %s cannot be reserved, so another labrig could use it at the same time: %s; "
                "check the permissions of %s",
                *(self._name, reason(error), FOLDER),
            )
            return
        self._locks[key] = lock
        with contextlib.suppress(OSError):  # only for the message to others
            _share(Path(lock.lock_file), 0o666)
            holder.write_text(str(os.getpid()), encoding="utf-8")
            _share(holder, 0o666)


def _share(path: Path, mode: int) -> None:
    """Give every user access to what this user owns, whatever the umask."""
    with contextlib.suppress(OSError):
        path.chmod(mode)
