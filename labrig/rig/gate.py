"""The gate in front of an instrument: calls pass until the rig begins to make the instrument safe, but not afterwards.

Once an instrument is switched off, nothing may switch it on again: no call that waits in a queue, no call that is made
later by mistake, and no call that hung and then continues.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from typing import Any, Literal

from labrig.errors import ConnectionFailed, DeadlineExceeded
from labrig.instruments.contracts import Instrument
from labrig.rig.parallel_calls import CutOff

_POLL_S = 2e-3


class Gate:
    """A proxy with the instrument's methods: `make_safe` and `close` always pass, others only while the gate is open.

    Parameters
    ----------
    name : str
        Name of the instrument.
    kind : {'source', 'digitizer', 'programmer'}
        Kind of the instrument.
    instrument : Instrument
        The instrument behind the gate.

    Attributes
    ----------
    disturbed : bool
        Whether a call was in progress when the gate was shut, or was interrupted by Ctrl-C. The last message of that
        call may reach the instrument after the first message of `make_safe`.
    """

    def __init__(self, name: str, kind: Literal["source", "digitizer", "programmer"], instrument: Instrument) -> None:
        self.name = name
        self.kind = kind
        self.disturbed = False
        self._instrument = instrument
        self._lock = threading.RLock()  # re-entrant: a signal handler may run in the thread that holds it
        self._shut = False
        self._shut_by: int | None = None
        self._inside: dict[int, str] = {}  # thread → the call in progress in it

    def __getattr__(self, action: str) -> Callable[..., Any]:
        if action.startswith("_"):
            raise AttributeError(action)

        def call(*arguments: Any) -> Any:
            return self._pass(action, arguments)

        self.__dict__[action] = call  # so that __getattr__ is not called again for this method
        return call

    def make_safe(self) -> None:
        """Make the instrument safe."""
        self._instrument.make_safe()

    def close(self) -> None:
        """Close the instrument."""
        self._instrument.close()

    def shut(self) -> None:
        """Refuse every call from now on."""
        with self._lock:
            self._shut, self._shut_by = True, threading.get_ident()
            self.disturbed |= bool(self._inside)

    def reopen(self) -> None:
        """Let calls pass again. Raises DeadlineExceeded if a call still hangs."""
        with self._lock:
            if action := self.hanging():
                raise DeadlineExceeded(
                    "an earlier call has not returned",
                    device=self.name,
                    action=action,
                    remedy="check the instrument, then start this program again",
                )
            self._shut = self.disturbed = False

    def hanging(self) -> str | None:
        """Name of the call in progress; None if there is none.

        A call in the thread that shut the gate does not count: a signal handler has interrupted it, and it waits for
        the handler to return.
        """
        return next((action for thread, action in list(self._inside.items()) if thread != self._shut_by), None)

    def wait(self, within_s: float) -> str | None:
        """Wait up to `within_s` seconds for the call in progress. Return its name if it has not ended, else None."""
        ends = time.monotonic() + within_s
        while (action := self.hanging()) and time.monotonic() < ends:
            time.sleep(_POLL_S)
        return action

    def cut_off(self) -> None:
        """Prevent every call in progress from continuing.

        CutOff is raised in the thread of a call as soon as the call returns to Python code. The main thread is not
        affected.
        """
        for thread in list(self._inside):
            if thread != threading.main_thread().ident:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(CutOff))

    def _pass(self, action: str, arguments: tuple[Any, ...]) -> Any:
        thread = threading.get_ident()
        try:
            with self._lock:
                if self._shut:
                    raise ConnectionFailed(
                        "accepts no calls, because it was made safe",
                        device=self.name,
                        action=action,
                        remedy="rig.idle() switches outputs on again; a rig that was closed must be opened again",
                    )
                self._inside[thread] = action
            return getattr(self._instrument, action)(*arguments)
        except Exception:
            raise
        except BaseException:
            self.disturbed = True
            raise
        finally:
            self._inside.pop(thread, None)
