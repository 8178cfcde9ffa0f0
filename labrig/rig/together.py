"""Calls to independent instruments at the same time: what each of them waits for, none waits for twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

Result = TypeVar("Result")


class Together:
    """Threads for up to `most` calls at once; the first of them runs in the thread that asks."""

    def __init__(self, most: int) -> None:
        self._threads = ThreadPoolExecutor(most - 1, "instruments") if most > 1 else None
        self._pending: list[Future[Any]] = []

    def call(self, calls: Mapping[str, Callable[[], Result]]) -> dict[str, Result]:
        """What each call returned, by name. All have ended when this returns or raises, unless a Ctrl-C struck twice.

        Raises what the only failing call raised, or an ExceptionGroup of several.
        """
        (first, here), *others = calls.items()
        if self._threads is None or not others:
            return {name: call() for name, call in calls.items()}
        futures = {name: self._threads.submit(call) for name, call in others}
        self._pending = list(futures.values())
        failures: list[Exception] = []
        results: dict[str, Result] = {}
        try:
            results[first] = here()
        except Exception as failure:
            failures.append(failure)
        finally:
            self.wait()
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

    def wait(self) -> None:
        """Until no call runs any more. Every one of them has a deadline."""
        wait(self._pending)
