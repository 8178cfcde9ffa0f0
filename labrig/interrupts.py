"""Signals that ask the process to stop: Ctrl-C, SIGTERM, and a closing terminal."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Self


def ending_signals() -> list[signal.Signals]:
    """Return the signals that ask this process to stop: SIGINT, SIGTERM, and SIGHUP (on Windows SIGBREAK).

    A closing terminal sends SIGHUP, which is left out if the process ignores it, as under `nohup`.
    """
    closing = [getattr(signal, name) for name in ("SIGHUP", "SIGBREAK") if hasattr(signal, name)]
    active = [number for number in closing if signal.getsignal(number) is not signal.SIG_IGN]
    return [signal.SIGINT, signal.SIGTERM, *active]


def ignore_ending_signals() -> None:
    """Ignore `ending_signals` from now on: all work is done, and a late signal must not replace the exit code."""
    for number in ending_signals():
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def record_ctrl_c() -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether Ctrl-C was pressed; Ctrl-C still raises KeyboardInterrupt.

    This is needed because an extension module that is being imported may turn KeyboardInterrupt into an ImportError.
    """
    pressed: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        raise KeyboardInterrupt

    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield lambda: False
        return
    signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: bool(pressed)
    finally:
        if signal.getsignal(signal.SIGINT) is handle:
            signal.signal(signal.SIGINT, signal.default_int_handler)


class Interrupts:
    """Context manager around a command: the first signal stops it after the current step, the second at once.

    After the first of `ending_signals`, `requested()` returns True and the loop ends after the step. The second one
    raises KeyboardInterrupt. So does the first one if it comes before `finish_steps()`, because there is no step to
    finish yet. KeyboardInterrupt is raised only once; after that, and after `shield()`, signals no longer interrupt,
    because the instruments are being made safe.

    Parameters
    ----------
    immediate : bool
        Raise KeyboardInterrupt on the first signal.

    Attributes
    ----------
    ended_by : int or None
        Number of the first signal other than SIGINT; None if there was none.
    """

    def __init__(self, *, immediate: bool = False) -> None:
        self._count = 0
        self._immediate = immediate
        self._raises_at = 1
        self._shielded = self._raised = False
        self._previous: dict[signal.Signals, object] = {}
        self.ended_by: int | None = None

    def requested(self) -> bool:
        """Return whether a signal has asked the run to stop."""
        return self._count > 0

    def finish_steps(self) -> None:
        """From now on, let the first signal stop after the current step, unless `immediate` is set."""
        if not self._immediate:
            self._raises_at = 2

    def shield(self) -> None:
        """Ignore further signals, so that they cannot interrupt making the instruments safe."""
        self._shielded = True

    def unshield(self) -> None:
        """Let signals interrupt again, for another rig, unless KeyboardInterrupt has already been raised."""
        self._shielded = self._raised
        self._raises_at = 1

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in ending_signals():
                self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
        if number != signal.SIGINT and self.ended_by is None:
            self.ended_by = number
        if self._shielded:
            return
        if self._count < self._raises_at:
            # Not print(): the signal may have interrupted a print, and buffered streams are not reentrant.
            with suppress(OSError):
                os.write(2, b"\nlabrig: stopping after the current step; press Ctrl-C again to stop now\n")
            return
        self._shielded = self._raised = True
        raise KeyboardInterrupt
