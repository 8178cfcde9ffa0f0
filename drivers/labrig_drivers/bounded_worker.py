"""Calls to a vendor library without deadlines of its own: in a worker thread, with a deadline and labrig's errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labrig.errors import ConnectionFailed, DeadlineExceeded, LabrigError
from labrig_drivers.worker_thread import WorkerThread


class BoundedWorker:
    """Makes the calls to one device one after another.

    Parameters
    ----------
    thread : str
        Name of the thread.
    silent, silent_remedy : str
        Error and remedy if a call does not end in time; the next call is made in a new thread.
    failed_remedy : str
        Remedy if the library raises an error.
    """

    def __init__(self, thread: str, silent: str, silent_remedy: str, failed_remedy: str) -> None:
        self._worker = WorkerThread(thread)
        self._silent, self._silent_remedy, self._failed_remedy = silent, silent_remedy, failed_remedy

    def call(self, name: str, action: str, call: Callable[[], Any], within_s: float) -> Any:
        """Make a call for the instrument `name`.

        Raises
        ------
        DeadlineExceeded
            If it does not end in time.
        ConnectionFailed
            If the library raises an error.
        """
        pending = self._worker.submit(call)
        if not pending.wait(within_s):
            self._worker.abandon()
            raise DeadlineExceeded(
                self._silent, device=name, action=action, limit=f"{within_s:g} s", remedy=self._silent_remedy
            )
        try:
            return pending.result()
        except LabrigError:
            raise
        except Exception as error:
            text = ": ".join(filter(None, (type(error).__name__, " ".join(str(error).split()))))
            raise ConnectionFailed(text, device=name, action=action, remedy=self._failed_remedy) from error

    def insist(self, name: str, action: str, call: Callable[[], Any], within_s: float) -> Any:
        """Do what `call` does; after a missed deadline (an earlier call may hang), try once more in a new thread."""
        try:
            return self.call(name, action, call, within_s)
        except DeadlineExceeded:
            return self.call(name, action, call, within_s)

    def release(self) -> None:
        """End the thread."""
        self._worker.abandon()
