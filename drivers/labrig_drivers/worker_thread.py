"""A worker thread for driver calls that must not run in the calling thread.

The thread is a daemon, so a hanging call does not keep the process alive.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any


class PendingCall:
    """A call submitted to a worker thread."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._finished = threading.Lock()  # a plain lock: Ctrl-C inside an Event can leave the Event's lock held
        self._finished.acquire()
        self._result: Any = None
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Make the call and keep its result or exception. Called by the worker thread."""
        try:
            self._result = self._call()
        except BaseException as failure:
            self._failure = failure
        finally:
            self._finished.release()

    def wait(self, timeout_s: float | None) -> bool:
        """Wait for the call to finish.

        Parameters
        ----------
        timeout_s
            Longest wait in seconds; None waits until the call finishes.

        Returns
        -------
        bool
            Whether the call has finished.
        """
        finished = self._finished.acquire(timeout=-1 if timeout_s is None else max(0.0, timeout_s))
        if finished:
            self._finished.release()
        return finished

    def result(self) -> Any:
        """Return the result of a finished call, or raise its exception."""
        if self._failure is not None:
            raise self._failure
        return self._result


class WorkerThread:
    """Runs the submitted calls one after another in its own thread."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: SimpleQueue[PendingCall | None] | None = None

    def start(self) -> None:
        """Start the thread unless it is running."""
        if self._calls is None:
            calls = SimpleQueue[PendingCall | None]()
            threading.Thread(target=_run_calls, args=(calls,), name=self._name, daemon=True).start()
            self._calls = calls

    def submit(self, call: Callable[[], Any]) -> PendingCall:
        """Queue a call, starting the thread if necessary."""
        self.start()
        assert self._calls is not None
        pending = PendingCall(call)
        self._calls.put(pending)
        return pending

    def abandon(self) -> None:
        """Let the thread exit after its current call. The next call gets a new thread and does not wait."""
        calls, self._calls = self._calls, None
        if calls is not None:
            calls.put(None)


def _run_calls(calls: SimpleQueue[PendingCall | None]) -> None:
    while (pending := calls.get()) is not None:
        pending.run()
        del pending
