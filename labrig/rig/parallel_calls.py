"""Calls to several instruments at the same time, each in a thread of its own, and every wait with a deadline.

The threads are started once, when the rig opens, and are daemons: no step creates one, and a call that hangs does not
keep the process from ending. Locks here are plain `threading.Lock`s: a Ctrl-C in the main thread inside a
`Condition` or `Event` can leave its lock held forever.
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
"""Deadline for parallel calls. Drivers give up earlier; only a call that hangs takes this long."""

START_S = 5.0
"""Deadline for a thread to begin."""


class CutOff(SystemExit):
    """Raised in a thread whose instrument was made safe while its call hung: the call must not go on.

    A SystemExit, because a thread that ends with one ends silently.
    """


class Outcome(Generic[Result]):
    """What a call returns or raises, once it has ended."""

    def __init__(self, device: str, action: str) -> None:
        self._device = device
        self._action = action
        self._latch = threading.Lock()
        self._latch.acquire()
        self._result: Result | None = None
        self._failure: Exception | None = None
        self.over = False

    def returned(self, result: Result) -> None:
        """Record what the call returned."""
        self._result = result
        self._end()

    def raised(self, failure: Exception) -> None:
        """Record what the call raised."""
        self._failure = failure
        self._end()

    def _end(self) -> None:
        if not self.over:
            self.over = True  # first: a thread that was interrupted while holding the latch must not wait for it again
            self._latch.release()

    def wait(self, within_s: float) -> bool:
        """Wait up to `within_s` seconds; whether the call is over."""
        if not self.over and self._latch.acquire(timeout=max(0.0, within_s)):
            self._latch.release()
        return self.over

    def ended_by(self, until_s: float) -> None:
        """Wait; raises DeadlineExceeded if the call has not ended by `until_s` (of `time.monotonic`)."""
        if not self.wait(until_s - time.monotonic()):
            raise DeadlineExceeded(
                "the call does not return",
                device=self._device,
                action=self._action,
                limit=f"{CALL_S:g} s",
                remedy="check its power and its connection",
            )

    def get(self, until_s: float) -> Result:
        """The result. Raises what the call raised, or DeadlineExceeded as `ended_by` does."""
        self.ended_by(until_s)
        if self._failure is not None:
            raise self._failure
        return self._result  # type: ignore[return-value]


class Call(Generic[Result]):
    """One call, which is made at most once: by a worker, or never if it is withdrawn first."""

    def __init__(self, device: str, action: str, make: Callable[[], Result]) -> None:
        self.outcome = Outcome[Result](device, action)
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
            self.outcome.raised(self._error(f"the call was broken off: {type(failure).__name__}"))

    def withdraw(self) -> None:
        """Refuse the call if it has not begun."""
        if self._claim.acquire(blocking=False):
            self.outcome.raised(self._error("the call was withdrawn before it began"))

    def _error(self, message: str) -> ConnectionFailed:
        return ConnectionFailed(message, device=self._device, action=self._action)


class Worker:
    """A daemon thread that makes one call after another. Raises RuntimeError if it does not start."""

    def __init__(self, name: str) -> None:
        self._calls = SimpleQueue[Call[Any] | None]()
        running = threading.Lock()
        running.acquire()
        threading.Thread(target=_work, args=(self._calls, running), name=name, daemon=True).start()
        if not running.acquire(timeout=START_S):  # it may have died before its first line
            raise RuntimeError(f"the thread {name!r} does not run")

    def submit(self, call: Call[Any]) -> None:
        """Queue a call."""
        self._calls.put(call)

    def end(self) -> None:
        """Let the thread end after the call it is in."""
        self._calls.put(None)


def _work(calls: SimpleQueue[Call[Any] | None], running: threading.Lock) -> None:
    running.release()
    while True:
        try:
            call = calls.get()
            if call is None:
                return
            call.run()
            del call  # do not keep its arguments until the next one comes
        except CutOff:  # meant for a call that has just ended
            continue


def started_workers(names: Iterable[str]) -> dict[str, Worker]:
    """A worker for each name. Raises LabrigError if the system does not give a thread."""
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

    With threads no call runs in the caller's thread, so Ctrl-C always ends the wait for it, even if it hangs in C.
    Without threads (before `start`, or with a single device, where they would gain nothing and cost time) the caller
    makes the calls one after another, and the driver's deadline is the only one.
    """

    def __init__(self, devices: Iterable[str]) -> None:
        self._devices = tuple(devices)
        self._workers: dict[str, Worker] = {}
        self._pending: tuple[Call[Any], ...] = ()

    def start(self) -> None:
        """Start one thread per device. Raises LabrigError if the system does not give one."""
        if len(self._devices) > 1 and not self._workers:
            self._workers = started_workers(self._devices)

    def end(self) -> None:
        """Withdraw what has not begun and let the threads end."""
        self.withdraw()
        self._pending = ()
        workers, self._workers = self._workers, {}
        for worker in workers.values():
            worker.end()

    def call(self, action: str, calls: Mapping[str, Callable[[], Result]]) -> dict[str, Result]:
        """Make the calls and return their results by device.

        All have ended when this returns or raises, unless Ctrl-C interrupts: then those that have not begun are
        withdrawn. Raises the exception of the only call that failed, an ExceptionGroup of several, or DeadlineExceeded
        for a call that hangs.
        """
        end = self.begin(action, calls)
        try:
            return end()
        except BaseException:
            self.withdraw()
            raise

    def begin(self, action: str, calls: Mapping[str, Callable[[], Result]]) -> Callable[[], dict[str, Result]]:
        """Begin the calls. The function returned waits for their end and returns or raises as `call` does.

        Without threads the calls have ended when this returns.
        """
        if self._workers:
            outcomes = self._submit(action, calls)
        else:
            outcomes = {device: _made_here(device, action, call) for device, call in calls.items()}
        return lambda: results_of(outcomes)

    def wait(self) -> None:
        """Wait until no call runs any more. Raises DeadlineExceeded for one that hangs."""
        ends = time.monotonic() + CALL_S
        for call in self._pending:
            call.outcome.ended_by(ends)

    def withdraw(self) -> None:
        """Refuse every call that has not begun."""
        for call in self._pending:
            call.withdraw()

    def _submit(self, action: str, calls: Mapping[str, Callable[[], Result]]) -> dict[str, Outcome[Result]]:
        """Hand each call to its device's thread, once the calls before have ended: no device gets two at once."""
        self.wait()
        made = {device: Call(device, action, call) for device, call in calls.items()}
        self._pending = tuple(made.values())  # before the first is submitted: none may run unknown to `withdraw`
        try:
            for device, call in made.items():
                self._workers[device].submit(call)
        except BaseException:
            self.withdraw()
            raise
        return {device: call.outcome for device, call in made.items()}


def _made_here(device: str, action: str, make: Callable[[], Result]) -> Outcome[Result]:
    """The outcome of a call made in the calling thread. Ctrl-C is not an outcome: it is raised."""
    outcome = Outcome[Result](device, action)
    try:
        outcome.returned(make())
    except Exception as failure:
        outcome.raised(failure)
    return outcome


def results_of(outcomes: Mapping[str, Outcome[Result]]) -> dict[str, Result]:
    """The results of all calls, once they have ended.

    Raises the exception of the only call that failed, or an ExceptionGroup of several; DeadlineExceeded stands for a
    call that has not ended within `CALL_S` seconds.
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
