"""A lock that only one process on this machine can hold, even across users, and that is released when the process ends.

On Linux it is a socket in the abstract namespace, which is not a file: permissions, symbolic links, TMPDIR or a cleanup
of /tmp cannot lead to two locks with the same name, and the kernel knows which process holds the lock.
"""

from __future__ import annotations

import hashlib
import socket
import struct
import sys
from typing import TYPE_CHECKING

from labrig.instruments import records

if TYPE_CHECKING:
    from filelock import FileLock

_PROBES = 4096
"""Number of times that other processes can ask for the holder while the lock is held."""


class MachineLock:
    """A lock by name, which is released by `release` or by the end of the process.

    Parameters
    ----------
    name : str
        Name of the lock, which may be any text.
    """

    def __init__(self, name: str) -> None:
        self._file_name = records.file_name(name)
        self._held: socket.socket | FileLock | None = None

    def acquire(self) -> bool:
        """Take the lock; return False if it is held by another process.

        Raises OSError or StorageError if this cannot be determined.
        """
        if sys.platform == "linux":
            held = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                held.bind(self._address)
                held.listen(_PROBES)  # from now on another process can ask who holds it
            except OSError as error:
                held.close()
                if error.errno == _IN_USE:
                    return False
                raise
            self._held = held
            return True
        from filelock import FileLock, Timeout  # not at import: Linux does without it

        records.require_folder()
        lock = FileLock(records.FOLDER / f"{self._file_name}.lock", timeout=0, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            return False
        self._held = lock
        return True

    def release(self) -> None:
        """Release the lock; do nothing if it is not held."""
        held, self._held = self._held, None
        if isinstance(held, socket.socket):
            held.close()
        elif held is not None:
            held.release()

    def holder(self) -> int | None:
        """ID of the process that holds the lock; None if no process does, or if the system cannot tell."""
        if sys.platform != "linux":
            return None
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            try:
                probe.connect(self._address)
                credentials = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            except OSError:
                return None
        return struct.unpack("3i", credentials)[0] or None

    @property
    def _address(self) -> bytes:
        place = hashlib.sha256(str(records.FOLDER).encode()).hexdigest()[:12]
        return f"\0labrig-{place}/{self._file_name}".encode()


_IN_USE = 98  # EADDRINUSE of Linux
