"""Signals that ask a program to end: Ctrl-C, SIGTERM, a terminal that closes."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Self


def ending_signals() -> list[signal.Signals]:
    """Signals that ask this process to end: Ctrl-C, SIGTERM, and the one of a terminal that closes (SIGHUP, on Windows
    SIGBREAK) unless it is ignored, for then `nohup` wants the process to go on without its terminal."""
    closing = [getattr(signal, name) for name in ("SIGHUP", "SIGBREAK") if hasattr(signal, name)]
    heeded = [number for number in closing if signal.getsignal(number) is not signal.SIG_IGN]
    return [signal.SIGINT, signal.SIGTERM, *heeded]


@contextmanager
def noticed_ctrl_c() -> Iterator[Callable[[], bool]]:
    """Ctrl-C raises KeyboardInterrupt as ever; what is yielded says whether it did, for an extension module that is
    being imported makes an ImportError of it."""
    struck: list[int] = []

    def strike(number: int, frame: FrameType | None) -> None:
        struck.append(number)
        raise KeyboardInterrupt

    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield lambda: False
        return
    signal.signal(signal.SIGINT, strike)
    try:
        yield lambda: bool(struck)
    finally:
        if signal.getsignal(signal.SIGINT) is strike:
            signal.signal(signal.SIGINT, signal.default_int_handler)


class Interrupts:
    """Context manager around a command of labrig: the first signal ends the step that runs, the second one stops now.

    requested(): a first Ctrl-C (or another of `ending_signals`) has come; the loop ends after the step. A second one
    raises KeyboardInterrupt where the program stands, and with `immediate` the first one does. It is raised once: after
    that, or once `shield()` was called, nothing interrupts any more, for instruments are being made safe.

    ended_by: the first signal that was not a Ctrl-C; None if there was none.
    """

    def __init__(self, *, immediate: bool = False) -> None:
        self._count = 0
        self._raises_at = 1 if immediate else 2
        self._shielded = False
        self._previous: dict[signal.Signals, object] = {}
        self.ended_by: int | None = None

    def requested(self) -> bool:
        return self._count > 0

    def shield(self) -> None:
        self._shielded = True

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
            # Not print: the signal may have come in the middle of one, and a buffered stream cannot be entered twice.
            with suppress(OSError):
                os.write(2, b"\nlabrig: finishing what is under way; Ctrl-C again stops now\n")
            return
        self._shielded = True
        raise KeyboardInterrupt
