"""What the outputs of a virtual generator play in the World."""

from __future__ import annotations

import math

from labrig.signals.tones import ToneProgram
from labrig.virtual_instruments.virtual_bench import VirtualBench


class Played:
    """The programs that outputs play; a program is passed to the World when it changes.

    Parameters
    ----------
    bench
        The virtual bench.
    """

    def __init__(self, bench: VirtualBench) -> None:
        self._bench = bench
        self._latest: dict[str, float] = {}
        self._programs: dict[str, ToneProgram | None] = {}

    def since(self, t: float, output: str) -> float:
        """Return t (s), or the time of the latest program of this output: the World's timeline only moves forward."""
        return max(t, self._latest.get(output, -math.inf))

    def play(self, t: float, output: str, program: ToneProgram | None) -> None:
        """Make an output play this program from `since(t, output)` on; None opens it.

        The phases of tones are relative to that time, so tones are always sent.
        """
        if output in self._programs and program == self._programs[output] and not (program and program.tones):
            return
        self._latest[output], self._programs[output] = t, program
        self._bench.world.drive(t, output, program)
