"""What the faces of one bench share: the World, the clock, the trigger line, the seed."""

from __future__ import annotations

from dataclasses import dataclass

from labrig.clock import SimulatedClock
from labrig.random_streams import RandomStream
from labrig.simulation.imperfections import Imperfections
from labrig.simulation.world import World


@dataclass
class SimulatedContext:
    """What the faces of one bench share: the World, the clock, the trigger line, the seed."""

    world: World
    clock: SimulatedClock
    imperfections: Imperfections
    seed: int
    armed: bool = False
    triggered_at: float | None = None
    start_delay_s: float = 0.0

    def __post_init__(self) -> None:
        self._phases = RandomStream(self.seed, "trigger phase")

    def trigger(self) -> None:
        """A source starts. If a digitizer waits, its first scan is now.

        Sources run freely until triggered, so tones meet the first scan at a random phase, common to all sources.
        """
        if self.armed:
            self.armed = False
            self.triggered_at = self.clock.now()
            number = self.world.begin_acquisition(self.triggered_at)
            self.start_delay_s = self._phases.uniform(number)
