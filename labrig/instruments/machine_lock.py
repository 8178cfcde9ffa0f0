"""A lock that one process of this machine can hold, whichever user it belongs to, and that ends with the process.

On Linux it is a socket in the abstract namespace, which is no file: no permission, symbolic link, TMPDIR or cleaning of
/tmp can split it, and the kernel knows which process holds it.
"""

from __future__ import annotations

import hashlib
import socket
import struct
import sys

from filelock import FileLock, Timeout

from labrig.instruments import records

_PROBES = 4096
"""How often other processes can ask for the holder while the lock is held."""


class MachineLock:
    """A lock by name, which is released by `release` or by the end of the process.

    Parameters
    ----------
    name : str
        Any text.
    """

    def __init__(self, name: str) -> None:
        self._file_name = records.file_name(name)
        self._held: socket.socket | FileLock | None = None

    def acquire(self) -> bool:
        """Take the lock; False if it is taken. Raises OSError or StorageError if that cannot be found out."""
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
        records.require_folder()
        lock = FileLock(records.FOLDER / f"{self._file_name}.lock", timeout=0, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            return False
        self._held = lock
        return True

    def release(self) -> None:
        """Give the lock back; does nothing if it is not held."""
        held, self._held = self._held, None
        if isinstance(held, socket.socket):
            held.close()
        elif held is not None:
            held.release()

    def holder(self) -> int | None:
        """The process that holds the lock; None if nobody does or the system does not tell."""
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
