"""Calls that wait: each ends soon after its client is gone or the server ends, and never do they take every thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

THREADS = 256
MOST_WAITING = THREADS - 32
"""Waiting calls hold a thread each. The others are short: what is left of the threads answers any number of them."""

LOOK_S = 0.1
"""How long a wait goes on that nobody wants any more."""


class Abandoned(Exception):
    """Nobody wants the answer: the client is gone, or the server ends."""


class Calls:
    """The calls of one server.

    changed: notified whenever a task begins or ends; its lock is the bench's. ended: whether the server ends.
    waiting: how many calls may be waiting at present.
    """

    def __init__(self, lock: threading.RLock) -> None:
        self.changed = threading.Condition(lock)
        self.ended = threading.Event()
        self._own = threading.local()
        self.waiting = 0
        self._counting = threading.Lock()

    @contextmanager
    def room(self) -> Iterator[bool]:
        """Around a call that may wait; whether it may."""
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
        """Around the work of this thread on a call; `wanted`: whether the client is still there."""
        self._own.wanted = wanted
        try:
            yield
        finally:
            del self._own.wanted

    def pause(self, seconds: float) -> None:
        """Give up the lock until something changes, but no longer than `seconds`, and than LOOK_S; raises Abandoned."""
        self.changed.wait(min(seconds, LOOK_S))
        self.check()

    def check(self) -> None:
        """Raises Abandoned."""
        wanted = getattr(self._own, "wanted", None)
        if self.ended.is_set() or (wanted is not None and not wanted()):
            raise Abandoned
