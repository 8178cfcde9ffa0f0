"""What the virtual instruments of one bench share: the World, real time, the trigger lines, the seed.

Several server threads act on one World, so everything that touches it holds `lock`. Time is `clock()` in seconds; what
an instrument does takes effect at a time it names, usually now plus its documented latency.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from labrig.simulation.imperfections import Imperfections
from labrig.simulation.world import World
from labrig.virtual_instruments.serving import Endpoint

Listener = Callable[[float], None]
TICK_S = 2e-3


class TriggerLines:
    """Wires that carry start triggers between instruments ("daq/start", "daq/PFI0"). An edge has a time."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = defaultdict(list)
        self._soldered: dict[str, list[str]] = defaultdict(list)

    def solder(self, line: str, to: str) -> None:
        """An edge on `line` appears on `to` at the same time."""
        self._soldered[line].append(to)

    def listen(self, line: str, listener: Listener) -> None:
        """Call `listener(t)` for every edge on the line."""
        self._listeners[line].append(listener)

    def fire(self, line: str, t: float) -> None:
        """An edge at time t. Whoever fires holds the bench's lock."""
        for listener in tuple(self._listeners[line]):
            listener(t)
        for other in self._soldered[line]:
            self.fire(other, t)


@dataclass
class BenchSide:
    """The world behind all virtual instruments of a bench."""

    world: World
    imperfections: Imperfections
    seed: int
    clock: Callable[[], float] = time.monotonic
    lines: TriggerLines = field(default_factory=TriggerLines)
    lock: threading.RLock = field(default_factory=threading.RLock)


class FaultTicker:
    """Keeps the VirtualInstruments protocol: none, but their faults that come by themselves, each `TICK_S`."""

    def __init__(self, side: BenchSide) -> None:
        self._faults = side.world.faults
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="faults", daemon=True)

    def start(self) -> list[Endpoint]:
        if not self._faults.empty:
            self._thread.start()
        return []

    def stop(self) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(TICK_S):
            self._faults.poll()
