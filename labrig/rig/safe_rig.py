"""A rig in the user's own program or notebook, which is closed at the end of the program and on signals."""

from __future__ import annotations

import atexit
import os
import signal
import threading
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any

from labrig.errors import NotMadeSafe, leaves
from labrig.interrupts import ending_signals
from labrig.rig.rig import Rig


class SafeRig:
    """Context manager of a rig in the user's own program or notebook.

    SIGTERM, and SIGHUP unless it is ignored, close the rig at any point of the program, and then have their previous
    effect, which usually is to end the process. A rig that is still open at the end of the program is closed then.
    Ctrl-C raises KeyboardInterrupt as usual; while the rig is being closed, it is held back until that is done.

    The previous handlers are restored when the rig is closed. Signals are handled only if the rig is opened in the main
    thread; Python runs no handler while the main thread is inside a C function.
    """

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._previous: dict[int, Any] = {}
        self._held_back: int | None = None
        self._handler = self._handle  # kept as one object, so that it can be recognized when it is removed

    def __enter__(self) -> Rig:
        self._take_signals()
        try:
            return self._rig.__enter__()
        except BaseException:
            self._give_signals_back()
            raise

    def __getattr__(self, name: str) -> Any:
        """Say how to open the rig if it is used without `with`."""
        remedy = "; the rig is opened by `with labrig.open(CONFIG) as rig:`" if hasattr(Rig, name) else ""
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{remedy}", name=name, obj=self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            try:
                self._rig.__exit__(kind, error, trace)
            finally:
                self._rig.close()  # Ctrl-C may have come before the line above
        finally:
            self._give_signals_back()

    def _take_signals(self) -> None:
        atexit.register(self._close)
        if threading.current_thread() is threading.main_thread():
            for number in ending_signals():
                if callable(earlier := signal.getsignal(number)) or earlier is signal.SIG_DFL:
                    self._previous[number] = earlier
                    signal.signal(number, self._handler)

    def _give_signals_back(self) -> None:
        """Restore the previous handlers, and raise the signal that was held back, if any."""
        atexit.unregister(self._close)
        previous, self._previous = self._previous, {}
        for number, earlier in previous.items():
            if signal.getsignal(number) is self._handler:
                signal.signal(number, earlier)
        number, self._held_back = self._held_back, None
        if number is not None:
            signal.raise_signal(number)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._rig.closing:
            if self._held_back in (None, signal.SIGINT):
                self._held_back = number
        elif number == signal.SIGINT:
            earlier = self._previous.get(number, signal.default_int_handler)
            (earlier if callable(earlier) else signal.default_int_handler)(number, frame)
        else:
            self._held_back = number
            self._close()
            self._give_signals_back()

    def _close(self) -> None:
        """Close the rig. Errors are written to stderr, because no caller is left to catch them."""
        try:
            self._rig.close()
        except NotMadeSafe as group:
            # Not print(), because the signal may have interrupted another print().
            for error in leaves(group):
                with suppress(OSError):
                    os.write(2, f"labrig: {error}\n".encode())
