"""Waiting calls: they end soon after their client disconnects or the server stops, and never occupy all threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

THREADS = 256
MOST_WAITING = THREADS - 32
"""Largest number of calls that may wait at once, each in a thread; other calls are short and share the rest."""

LOOK_S = 0.1
"""Interval at which a waiting call checks its client (s)."""


class Abandoned(Exception):
    """The call is no longer needed: its client has disconnected, or the server is stopping."""


class Calls:
    """The calls of one server.

    Attributes
    ----------
    changed
        Condition, on the bench's lock, notified when a task begins or ends.
    ended
        Set when the server stops.
    waiting
        Number of calls that may be waiting now.
    """

    def __init__(self, lock: threading.RLock) -> None:
        self.changed = threading.Condition(lock)
        self.ended = threading.Event()
        self._own = threading.local()
        self.waiting = 0
        self._counting = threading.Lock()

    @contextmanager
    def room(self) -> Iterator[bool]:
        """Context for a call that may wait; yields whether there is room for it."""
        with self._counting:
            free = self.waiting < MOST_WAITING
            self.waiting += free
        try:
            yield free
        finally:
            with self._counting:
                self.waiting -= free

    @contextmanager
    def answering(self, wanted: Callable[[], bool]) -> Iterator[None]:
        """Context for a call in this thread; `wanted` returns whether the client is still connected."""
        self._own.wanted = wanted
        try:
            yield
        finally:
            del self._own.wanted

    def pause(self, seconds: float) -> None:
        """Wait, with the lock released, until something changes, but at most min(`seconds`, LOOK_S).

        Raises Abandoned if the call is no longer needed.
        """
        self.changed.wait(min(seconds, LOOK_S))
        self.check()

    def check(self) -> None:
        """Raise Abandoned if the call is no longer needed."""
        wanted = getattr(self._own, "wanted", None)
        if self.ended.is_set() or (wanted is not None and not wanted()):
            raise Abandoned
