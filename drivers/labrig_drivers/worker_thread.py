"""A thread of a driver's own, for calls that must not run in the thread that asks for them.

It is a daemon: a call that hangs does not keep the process from ending.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any


class Pending:
    """A call that was handed over."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._over = threading.Lock()  # a plain lock: Ctrl-C within an Event can leave that locked
        self._over.acquire()
        self._result: Any = None
        self._failure: BaseException | None = None

    def run(self) -> None:
        try:
            self._result = self._call()
        except BaseException as failure:
            self._failure = failure
        finally:
            self._over.release()

    def wait(self, within_s: float | None) -> bool:
        """Wait up to `within_s` seconds (None: until it has ended); whether the call has ended."""
        ended = self._over.acquire(timeout=-1 if within_s is None else max(0.0, within_s))
        if ended:
            self._over.release()
        return ended

    def result(self) -> Any:
        """What a call that has ended returned; raises what it raised."""
        if self._failure is not None:
            raise self._failure
        return self._result


class ThreadApart:
    """Makes one call after another in a thread of its own."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: SimpleQueue[Pending | None] | None = None

    def start(self) -> None:
        """Start the thread, unless there is one."""
        if self._calls is None:
            calls = SimpleQueue[Pending | None]()
            threading.Thread(target=_serve, args=(calls,), name=self._name, daemon=True).start()
            self._calls = calls

    def submit(self, call: Callable[[], Any]) -> Pending:
        self.start()
        assert self._calls is not None
        pending = Pending(call)
        self._calls.put(pending)
        return pending

    def end(self) -> None:
        """Let the thread end after the call it is in; the next call gets a new thread and waits behind nothing."""
        calls, self._calls = self._calls, None
        if calls is not None:
            calls.put(None)


def _serve(calls: SimpleQueue[Pending | None]) -> None:
    while (pending := calls.get()) is not None:
        pending.run()
        del pending
