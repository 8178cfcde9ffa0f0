"""The connection to an ArC TWO through pyarc2. Every call runs in a worker thread and has a deadline.

pyarc2 talks to the board over USB and has no deadlines of its own. After a call that hangs, or an error in a pulse, it
is unknown whether the board executed the command, so no command is ever repeated automatically.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from labrig.errors import ConnectionFailed, DeadlineExceeded
from labrig_drivers.bounded_worker import BoundedWorker

OPEN_S = 20.0
"""Deadline for loading the firmware (s)."""
CALL_S = 5.0
"""Deadline for every other call (s)."""


class ArcTwoBoard:
    """One board.

    Parameters
    ----------
    name : str
        Name of the programmer, for errors.
    firmware : str
        File with the firmware.
    number : int or None
        Number of the board; None for the only one.
    """

    def __init__(self, name: str, firmware: str, number: int | None) -> None:
        self._name, self._firmware, self._number = name, Path(firmware), number
        silent, remedy = "did not answer", "switch the board off and on, then start again"
        self._worker = BoundedWorker(f"ArC TWO {name}", silent, remedy, "check the cable and the power")
        self._instrument: Any = None
        self.library = ""

    def open(self) -> None:
        """Load the firmware, and disconnect every channel. Raises ConnectionFailed or DeadlineExceeded."""
        if not self._firmware.is_file():
            raise self._failed(f"there is no firmware file {self._firmware}", "open", "check `firmware:`")
        try:
            pyarc2 = import_module("pyarc2")
        except ImportError as error:
            raise self._failed(f"pyarc2 cannot be imported: {error}", "open", "pip install 'labrig[arc2]'") from error
        self.library = str(getattr(pyarc2, "LIBARC2_VERSION", None) or "")
        number = self._one_of(self._call("search", OPEN_S, pyarc2.find_ids))
        self._instrument = self._call("open", OPEN_S, lambda: pyarc2.Instrument(number, str(self._firmware)))
        self.float_all()

    def close(self) -> None:
        """Release the board; never raises."""
        self._instrument = None
        self._worker.release()

    def float_all(self) -> None:
        """Disconnect every channel from the board's sources."""
        arc = self._required("disconnect")
        self._call("disconnect", CALL_S, lambda: arc.connect_to_gnd([]).float_all().execute())

    def siemens(self, low: int, high: int, read_v: float) -> float | None:
        """Return the conductance between two channels (S); None if the reading is not a positive number."""
        arc = self._required("read")
        current = self._call("read", CALL_S, lambda: arc.read_one(low, high, read_v))
        return _conductance(current, read_v)

    def pulse(self, low: int, high: int, volts: float, nanos: int, read_v: float) -> float | None:
        """Apply a pulse, then read as `siemens` does."""
        arc = self._required("pulse")
        call = CALL_S + 1e-9 * nanos
        current = self._call("pulse", call, lambda: arc.pulseread_one(low, high, volts, nanos, read_v))
        return _conductance(current, read_v)

    def _one_of(self, found: list[int]) -> int:
        """Return the number of the board to open, among those that are connected."""
        listed = ", ".join(map(str, found)) or "none"
        if self._number in found:
            return self._number
        if self._number is not None or not found:
            wanted = "no ArC TWO" if self._number is None else f"no ArC TWO {self._number}"
            remedy = "check the cable, the board's power, the CESYS driver and `id:`"
            raise self._failed(f"{wanted} is connected (found: {listed})", "open", remedy)
        if len(found) > 1:
            raise self._failed(f"several boards are connected: {listed}", "open", "name one with `id:`")
        return found[0]

    def _call(self, action: str, within_s: float, call: Callable[[], Any]) -> Any:
        """Make a call in the worker thread. A board that did not answer in time must be opened again."""
        try:
            return self._worker.call(self._name, action, call, within_s)
        except DeadlineExceeded:
            self.close()
            raise

    def _required(self, action: str) -> Any:
        if self._instrument is None:
            raise self._failed("is not open", action, "call open() first")
        return self._instrument

    def _failed(self, message: str, action: str, remedy: str) -> ConnectionFailed:
        return ConnectionFailed(message, device=self._name, action=action, remedy=remedy)


def _conductance(current: float, read_v: float) -> float | None:
    siemens = abs(float(current)) / read_v
    return siemens if math.isfinite(siemens) and siemens > 0 else None
