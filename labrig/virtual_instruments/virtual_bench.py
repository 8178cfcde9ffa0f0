"""What the virtual instruments of one bench share: the World, real time, the trigger lines, the seed.

Several server threads act on one World, so everything that touches it holds `lock`. Time is `clock()` in seconds; what
an instrument does takes effect at a time it names, usually now plus its documented latency.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from labrig.simulation.faults import FaultSchedule
from labrig.simulation.imperfections import Imperfections
from labrig.simulation.world import World

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
class VirtualBench:
    """What all virtual instruments of a bench share.

    Attributes
    ----------
    world : World
        The simulated board. Whoever reads or changes it holds `lock`.
    imperfections : Imperfections
        Of instruments and parts, from the configuration's preset.
    seed : int
        Of everything random.
    clock : callable
        The time now (s).
    lines : TriggerLines
        Wires that carry start triggers.
    lock : threading.RLock
        Held by whoever touches the world.
    """

    world: World
    imperfections: Imperfections
    seed: int
    clock: Callable[[], float] = time.monotonic
    lines: TriggerLines = field(default_factory=TriggerLines)
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def faults(self) -> FaultSchedule:
        """Faults of the configuration, and when each is on."""
        return self.world.faults


@contextmanager
def faults_in_time(bench: VirtualBench) -> Iterator[None]:
    """Carry out the actions of faults that begin at a time, to within `TICK_S`, while the context lasts."""
    if bench.faults.empty:
        yield
        return
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(TICK_S):
            bench.faults.poll()

    thread = threading.Thread(target=watch, name="faults", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
