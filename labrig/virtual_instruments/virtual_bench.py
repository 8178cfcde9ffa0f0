"""The environment that the virtual instruments of a bench share: the World, the clock, the trigger lines, the seed.

Several server threads use the same World, so a thread holds `lock` while it uses the World. Time is `clock()` in
seconds. An instrument passes the time at which an action takes effect to the World, usually now plus its documented
latency.
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
    """Start trigger lines between instruments ("daq/start", "daq/PFI0")."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = defaultdict(list)
        self._soldered: dict[str, list[str]] = defaultdict(list)

    def solder(self, line: str, to: str) -> None:
        """Connect two lines: a signal edge on `line` also appears on `to`."""
        self._soldered[line].append(to)

    def listen(self, line: str, listener: Listener) -> None:
        """Call `listener(t)` for every signal edge on the line."""
        self._listeners[line].append(listener)

    def fire(self, line: str, t: float) -> None:
        """Produce a signal edge at time t (s). The caller must hold the bench's lock."""
        for listener in tuple(self._listeners[line]):
            listener(t)
        for other in self._soldered[line]:
            self.fire(other, t)


@dataclass
class VirtualBench:
    """The environment that all virtual instruments of a bench share.

    Attributes
    ----------
    world : World
        The simulated board. Hold `lock` to read or change it.
    imperfections : Imperfections
        Imperfections of instruments and parts, from the configuration.
    seed : int
        Seed of all random numbers.
    clock : callable
        Returns the current time (s).
    lines : TriggerLines
        Start trigger lines.
    lock : threading.RLock
        Protects the World.
    """

    world: World
    imperfections: Imperfections
    seed: int
    clock: Callable[[], float] = time.monotonic
    lines: TriggerLines = field(default_factory=TriggerLines)
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def faults(self) -> FaultSchedule:
        """The schedule of the faults of the configuration."""
        return self.world.faults


@contextmanager
def faults_in_time(bench: VirtualBench) -> Iterator[None]:
    """Context in which scheduled faults start at their time, to within `TICK_S`."""
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
