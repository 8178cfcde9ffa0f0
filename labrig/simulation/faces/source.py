"""The face of a source.

A new program takes effect `settle_s` after the start; until then the old one continues. So settling matters even if the
network itself has no memory.
"""

from __future__ import annotations

from collections.abc import Mapping

from labrig.instruments.data import SourceAccuracy
from labrig.instruments.drivers import SourceCapabilities
from labrig.signals.tones import SILENT, ToneProgram
from labrig.simulation.faces.context import SimulatedContext
from labrig.simulation.faces.face import Face


class SimulatedSource(Face):
    """A source whose outputs drive the world."""

    def __init__(self, name: str, context: SimulatedContext, capabilities: SourceCapabilities) -> None:
        super().__init__(name, context)
        self._capabilities = capabilities
        self._loaded: dict[str, ToneProgram] = {}
        self._playing: dict[str, ToneProgram] = {}
        self._safe: dict[str, ToneProgram] = {}

    def load(self, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
        """Load new programs by channel; return the programs that will be played."""
        self._require_open("load")
        self._loaded = {channel: programs.get(channel, SILENT) for channel in self._capabilities.channels}
        return dict(programs)

    def arm(self) -> None:
        """Do nothing: the source is ready to start."""
        self._require_open("arm")

    def start(self) -> None:
        """Play the loaded programs."""
        self._require_open("start")
        self._context.trigger()
        self._play(self._loaded)

    def confirm(self) -> None:
        """Check that the source still answers."""
        self._require_open("confirm")

    def accuracy(self) -> SourceAccuracy:
        """Return the standard uncertainty of the amplitudes."""
        return SourceAccuracy(u_gain=self._context.imperfections.u_source_gain)

    def idle(self) -> None:
        """Play 0 V on every channel with the outputs on."""
        self._require_open("idle")
        self._play(dict.fromkeys(self._capabilities.channels, SILENT))

    def hold_when_safe(self, levels: Mapping[str, float]) -> None:
        """Set levels (V) that channels hold when the source is made safe, instead of opening their outputs."""
        self._safe = {channel: ToneProgram(level) for channel, level in levels.items()}

    def make_safe(self) -> None:
        """Open every output, except those that hold a safe level."""
        if self._open:
            self._require_connected("make safe")
        for channel in self._capabilities.channels:
            self._context.world.drive(self._effective(), f"{self.name}/{channel}", self._safe.get(channel))
        self._playing = {}
        if self._open:
            self._require_answer("make safe")

    def _play(self, programs: Mapping[str, ToneProgram]) -> None:
        effective = self._effective()
        for channel, program in programs.items():
            before = self._playing.get(channel)
            if program.tones or (before is not program and before != program):
                self._context.world.drive(effective, f"{self.name}/{channel}", self._shifted(program))
        self._playing = dict(programs)

    def _effective(self) -> float:
        return self._context.clock.now() + self._capabilities.settle_s

    def _shifted(self, program: ToneProgram) -> ToneProgram:
        """Return the program as of the time at which it takes effect.

        The phases of its tones are defined at the start of their generator, which has been running for the start delay
        when the trigger comes.
        """
        return program.after(self._context.start_delay_s + self._capabilities.settle_s)
