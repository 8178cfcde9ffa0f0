"""Calls to independent instruments at the same time: what each of them waits for, none waits for twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

Result = TypeVar("Result")


class Together:
    """Threads for up to `most` calls at once."""

    def __init__(self, most: int) -> None:
        self._threads = ThreadPoolExecutor(most, "instruments") if most > 1 else None
        self._pending: list[Future[Any]] = []

    def call(self, calls: Mapping[str, Callable[[], Result]]) -> dict[str, Result]:
        """What each call returned, by name; the last of them runs in the thread that asks. All have ended when this
        returns or raises, unless a Ctrl-C struck twice.

        Raises what the only failing call raised, or an ExceptionGroup of several.
        """
        if self._threads is None or len(calls) < 2:
            self.wait()
            return {name: call() for name, call in calls.items()}
        *others, (last, here) = calls.items()
        futures = self._submit(self._threads, dict(others))
        try:
            futures[last] = _done(here)
        finally:
            self.wait()
        return results_of(futures)

    def begin(self, calls: Mapping[str, Callable[[], Result]]) -> Callable[[], dict[str, Result]]:
        """Begin the calls and go on; what is returned waits for their end, and then returns or raises as `call` does.
        Without threads they have ended when this returns."""
        futures = self._submit(self._threads, calls) if self._threads else {n: _done(call) for n, call in calls.items()}

        def end() -> dict[str, Result]:
            self.wait()
            return results_of(futures)

        return end

    def wait(self) -> None:
        """Until no call runs any more. Every one of them has a deadline."""
        wait(self._pending)

    def _submit(
        self, threads: ThreadPoolExecutor, calls: Mapping[str, Callable[[], Result]]
    ) -> dict[str, Future[Result]]:
        """One thread a call. What was begun before has ended by then: two calls never reach one instrument at once."""
        self.wait()
        futures = {name: threads.submit(call) for name, call in calls.items()}
        self._pending = list(futures.values())
        return futures


def _done(call: Callable[[], Result]) -> Future[Result]:
    """The call, made here."""
    future: Future[Result] = Future()
    try:
        future.set_result(call())
    except Exception as failure:
        future.set_exception(failure)
    return future


def results_of(futures: Mapping[str, Future[Result]]) -> dict[str, Result]:
    """What they return, when all have ended. Raises what the only failing one raised, or an ExceptionGroup."""
    results: dict[str, Result] = {}
    failures: list[Exception] = []
    for name, future in futures.items():
        failure = future.exception()
        if failure is None:
            results[name] = future.result()
        elif isinstance(failure, Exception):
            failures.append(failure)
        else:
            raise failure
    if len(failures) > 1:
        raise ExceptionGroup("several instruments failed", failures)
    if failures:
        raise failures[0]
    return results
