"""Calls to several instruments at the same time, each in its own thread, and every wait with a deadline.

The threads are started once, when the rig opens, so no training step creates a thread. They are daemons, so a call that
hangs does not keep the process from ending. Locks here are plain `threading.Lock`s, because a Ctrl-C in the main thread
inside a `Condition` or `Event` can leave its lock held forever.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from labrig.errors import ConnectionFailed, DeadlineExceeded, LabrigError

Result = TypeVar("Result")

CALL_S = 30.0
"""Deadline for parallel calls (s). Drivers give up earlier; only a call that hangs takes this long."""

START_S = 5.0
"""Deadline for a thread to start (s)."""


class CutOff(SystemExit):
    """Raised in a thread whose instrument was made safe while its call hung, so that the call does not continue.

    It is a SystemExit, because that ends a thread silently.
    """


class Outcome(Generic[Result]):
    """The result or the exception of a call, once it has ended."""

    def __init__(self, device: str, action: str) -> None:
        self._device = device
        self._action = action
        self._latch = threading.Lock()
        self._latch.acquire()
        self._result: Result | None = None
        self._failure: Exception | None = None
        self.over = False

    def returned(self, result: Result) -> None:
        """Record the result of the call."""
        self._result = result
        self._end()

    def raised(self, failure: Exception) -> None:
        """Record the exception that the call raised."""
        self._failure = failure
        self._end()

    def _end(self) -> None:
        if not self.over:
            self.over = True  # first, because a thread interrupted while holding the latch must not wait for it again
            self._latch.release()

    def wait(self, within_s: float) -> bool:
        """Wait up to `within_s` seconds, and return whether the call is over."""
        if not self.over and self._latch.acquire(timeout=max(0.0, within_s)):
            self._latch.release()
        return self.over

    def ended_by(self, until_s: float) -> None:
        """Wait for the call. Raises DeadlineExceeded if it has not ended by `until_s` (on `time.monotonic`)."""
        if not self.wait(until_s - time.monotonic()):
            raise DeadlineExceeded(
                "the call has not returned",
                device=self._device,
                action=self._action,
                limit=f"{CALL_S:g} s",
                remedy="check the instrument's power and connection",
            )

    def get(self, until_s: float) -> Result:
        """Return the result. Raises the exception of the call, or DeadlineExceeded as `ended_by` does."""
        self.ended_by(until_s)
        if self._failure is not None:
            raise self._failure
        return self._result  # type: ignore[return-value]


class Call(Generic[Result]):
    """One call, which a worker makes at most once; it is never made if it is withdrawn first."""

    def __init__(self, device: str, action: str, make: Callable[[], Result]) -> None:
        self.outcome: Outcome[Result] = Outcome(device, action)
        self._device = device
        self._action = action
        self._make = make
        self._claim = threading.Lock()

    def run(self) -> None:
        """Make the call, unless it was made or withdrawn before."""
        if not self._claim.acquire(blocking=False):
            return
        try:
            self.outcome.returned(self._make())
        except Exception as failure:
            self.outcome.raised(failure)
        except BaseException as failure:  # CutOff, or a library that calls exit(): neither ends the program
            self.outcome.raised(self._error(f"the call was interrupted by {type(failure).__name__}"))

    def withdraw(self) -> None:
        """Refuse the call if it has not begun."""
        if self._claim.acquire(blocking=False):
            self.outcome.raised(self._error("the call was withdrawn before it began"))

    def _error(self, message: str) -> ConnectionFailed:
        return ConnectionFailed(message, device=self._device, action=self._action)


class Worker:
    """A daemon thread that makes calls one after another. Raises RuntimeError if it does not start."""

    def __init__(self, name: str) -> None:
        self._calls = SimpleQueue[Call[Any] | None]()
        running = threading.Lock()
        running.acquire()
        threading.Thread(target=_work, args=(self._calls, running), name=name, daemon=True).start()
        if not running.acquire(timeout=START_S):  # the thread may have died before its first line
            raise RuntimeError(f"the thread {name!r} does not start")

    def submit(self, call: Call[Any]) -> None:
        """Queue a call."""
        self._calls.put(call)

    def end(self) -> None:
        """Let the thread end after the call in progress."""
        self._calls.put(None)


def _work(calls: SimpleQueue[Call[Any] | None], running: threading.Lock) -> None:
    running.release()
    while True:
        try:
            call = calls.get()
            if call is None:
                return
            call.run()
            del call  # so that its arguments are not kept until the next call
        except CutOff:  # meant for a call that has just ended
            continue


def started_workers(names: Iterable[str]) -> dict[str, Worker]:
    """Start a worker for each name. Raises LabrigError if the system cannot start a thread."""
    workers: dict[str, Worker] = {}
    try:
        for name in names:
            workers[name] = Worker(name)
    except BaseException as error:
        for worker in workers.values():
            worker.end()
        if not isinstance(error, RuntimeError):
            raise
        raise LabrigError(
            f"the system cannot start another thread: {error}",
            action="open",
            remedy="close other programs, or raise the limit (ulimit -u)",
        ) from error
    return workers


class ParallelCalls:
    """Calls to `devices`, one at a time per device.

    With threads, no call runs in the caller's thread, so Ctrl-C always ends the wait for a call, even if it hangs in C
    code. Without threads (before `start`, or with a single device, where threads would only cost time), the caller's
    thread makes the calls one after another, and only the deadlines of the drivers apply.
    """

    def __init__(self, devices: Iterable[str]) -> None:
        self._devices = tuple(devices)
        self._workers: dict[str, Worker] = {}
        self._pending: tuple[Call[Any], ...] = ()

    def start(self) -> None:
        """Start one thread per device, if there are several. Raises LabrigError if the system cannot start a thread."""
        if len(self._devices) > 1 and not self._workers:
            self._workers = started_workers(self._devices)

    def end(self) -> None:
        """Withdraw the calls that have not begun, and let the threads end."""
        self.withdraw()
        self._pending = ()
        workers, self._workers = self._workers, {}
        for worker in workers.values():
            worker.end()

    def call(self, action: str, calls: Mapping[str, Callable[[], Result]]) -> dict[str, Result]:
        """Make the calls and return their results by device.

        All calls have ended when this returns or raises, unless Ctrl-C interrupts it: then calls that have not begun
        are withdrawn. Raises the exception of the call that failed, an ExceptionGroup if several failed, or
        DeadlineExceeded for a call that hangs.
        """
        end = self.begin(action, calls)
        try:
            return end()
        except BaseException:
            self.withdraw()
            raise

    def begin(self, action: str, calls: Mapping[str, Callable[[], Result]]) -> Callable[[], dict[str, Result]]:
        """Begin the calls. Return a function that waits for their end, and then returns or raises as `call` does.

        Without threads, the calls have already ended when this returns.
        """
        if self._workers:
            outcomes = self._submit(action, calls)
        else:
            outcomes = {device: _made_here(device, action, call) for device, call in calls.items()}
        return lambda: results_of(outcomes)

    def wait(self) -> None:
        """Wait until all calls have ended. Raises DeadlineExceeded for a call that hangs."""
        ends = time.monotonic() + CALL_S
        for call in self._pending:
            call.outcome.ended_by(ends)

    def withdraw(self) -> None:
        """Refuse every call that has not begun."""
        for call in self._pending:
            call.withdraw()

    def _submit(self, action: str, calls: Mapping[str, Callable[[], Result]]) -> dict[str, Outcome[Result]]:
        """Give each call to its device's thread after the previous calls have ended: never two at once per device."""
        self.wait()
        made = {device: Call(device, action, call) for device, call in calls.items()}
        self._pending = tuple(made.values())  # set before submitting, so that `withdraw` knows every call
        try:
            for device, call in made.items():
                self._workers[device].submit(call)
        except BaseException:
            self.withdraw()
            raise
        return {device: call.outcome for device, call in made.items()}


def _made_here(device: str, action: str, make: Callable[[], Result]) -> Outcome[Result]:
    """Make a call in the calling thread, and return its outcome. Ctrl-C is not an outcome: it is raised."""
    outcome: Outcome[Result] = Outcome(device, action)
    try:
        outcome.returned(make())
    except Exception as failure:
        outcome.raised(failure)
    return outcome


def results_of(outcomes: Mapping[str, Outcome[Result]]) -> dict[str, Result]:
    """Wait for all calls to end, and return their results.

    Raises the exception of the call that failed, or an ExceptionGroup if several failed. A call that has not ended
    within `CALL_S` seconds has failed with DeadlineExceeded.
    """
    ends = time.monotonic() + CALL_S
    results: dict[str, Result] = {}
    failures: list[Exception] = []
    for device, outcome in outcomes.items():
        try:
            results[device] = outcome.get(ends)
        except Exception as failure:
            failures.append(failure)
    if len(failures) > 1:
        raise ExceptionGroup("several instruments failed", failures)
    if failures:
        raise failures[0]
    return results
