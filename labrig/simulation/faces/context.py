"""The objects that all faces of one bench share: the World, the clock, the trigger line and the seed."""

from __future__ import annotations

from dataclasses import dataclass

from labrig.clock import SimulatedClock
from labrig.random_streams import RandomStream
from labrig.simulation.imperfections import Imperfections
from labrig.simulation.world import World


@dataclass
class SimulatedContext:
    """The objects that all faces of one bench share: the World, the clock, the trigger line and the seed."""

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
        """Start a source; if a digitizer is armed, its first scan is now.

        Source clocks run freely until triggered, so tones have a random phase at the first scan, common to all sources.
        """
        if self.armed:
            self.armed = False
            self.triggered_at = self.clock.now()
            number = self.world.begin_acquisition(self.triggered_at)
            self.start_delay_s = self._phases.uniform(number)
