"""Settings of one channel of a virtual Trueform generator, and the program that it plays."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from labrig.signals.tones import Tone, ToneProgram
from labrig.virtual_instruments.output_stage import INFINITE, inverted, load_of, panel_share
from labrig.virtual_instruments.sample_table import Table
from labrig.virtual_instruments.scpi.syntax import ScpiError, number

PEAK_V = 10.0
"""Largest voltage at the open output (V)."""
LEAST_VPP = 2e-3
HIGHEST_HZ = 30e6
LARGEST_COUNT = 100_000_000
BUILT_IN = Table("INT:\\BUILTIN\\EXP_RISE.ARB", 250)
"""The arbitrary waveform that is selected until another waveform is uploaded; its shape is not simulated."""


@dataclass
class Channel:
    """One channel; its initial values are those after *RST.

    Attributes
    ----------
    load_ohm : float
        Load that the displayed levels refer to (Ω).
    open_vpp, open_offset_v : float
        Levels at the open output (V); the panel shows the share that reaches the load.
    angle, since : float
        Phase of the continuous waveform (in turns) at the time `since` (s).
    started : float or None
        Time at which the burst began (s); None while the burst waits.
    """

    name: str
    function: str = "SIN"
    frequency_hz: float = 1e3
    open_vpp: float = 0.2
    open_offset_v: float = 0.0
    phase_deg: float = 0.0
    unit: str = "VPP"
    load_ohm: float = 50.0
    inverted: bool = False
    on: bool = False
    burst: bool = False
    mode: str = "TRIG"
    cycles: float = 1.0
    burst_phase_deg: float = 0.0
    source: str = "IMM"
    slope: str = "POS"
    delay_s: float = 0.0
    sample_rate_hz: float = 40e3
    filter: str = "STEP"
    selected: Table = BUILT_IN
    tables: dict[str, Table] = field(default_factory=dict)
    angle: float = 0.0
    since: float = 0.0
    started: float | None = None
    ends: float = math.inf

    @property
    def share(self) -> float:
        """Volts on the panel per volt of the open output."""
        return panel_share(self.load_ohm)

    @property
    def repetition_hz(self) -> float:
        """Repetition rate of the waveform (Hz)."""
        return self.sample_rate_hz / max(1, self.selected.length) if self.function == "ARB" else self.frequency_hz

    def set_vpp(self, text: str) -> None:
        """Set the amplitude; a value out of range, or too large for the offset, is limited with an error."""
        asked = number(text) / self.share
        most = 2 * (PEAK_V - abs(self.open_offset_v))
        self.open_vpp = min(max(asked, LEAST_VPP), max(most, LEAST_VPP))
        if not math.isclose(self.open_vpp, asked, rel_tol=1e-9):
            raise ScpiError(-222, "Data out of range; value clipped to upper limit")

    def set_offset(self, text: str) -> None:
        """Set the offset; a value too large for the amplitude is limited with an error."""
        asked = number(text) / self.share
        most = PEAK_V - self.open_vpp / 2
        self.open_offset_v = min(max(asked, -most), most)
        if not math.isclose(self.open_offset_v, asked, rel_tol=1e-9, abs_tol=1e-12):
            raise ScpiError(-222, "Data out of range; value clipped to upper limit")

    def set_frequency(self, text: str) -> None:
        """Set the frequency; for an arbitrary waveform, set the sample rate accordingly."""
        asked = number(text)
        allowed = min(max(asked, 1e-6), HIGHEST_HZ)
        if self.function == "ARB":
            self.sample_rate_hz = allowed * max(1, self.selected.length)
        else:
            self.frequency_hz = allowed
        if allowed != asked:
            raise ScpiError(-222, "Data out of range; value clipped to upper limit")

    def set_load(self, text: str) -> None:
        """Set the load. The voltage at the open output stays the same, but the displayed levels change."""
        self.load_ohm = load_of(text)

    def set_cycles(self, text: str) -> None:
        """Set the number of cycles of a burst."""
        count = INFINITE if text.upper() in ("INF", "INFINITY") else number(text)
        if not (1 <= count <= LARGEST_COUNT or count >= INFINITE):
            raise ScpiError(-222, "Data out of range")
        self.cycles = count

    def program(self, t: float) -> ToneProgram | None:
        """Return the program of the output from t on, with phases relative to t; None if the output is off."""
        if not self.on:
            return None
        if not self.burst:
            turn = self.angle + self.repetition_hz * (t - self.since) + self.phase_deg / 360
            return self._polarity(self._running(turn))
        if self.started is None or not self.started <= t < self.ends:
            return self._polarity(ToneProgram(self.open_offset_v + self._at_start()))
        return self._polarity(self._running(self.repetition_hz * (t - self.started) + self.burst_phase_deg / 360))

    def _at_start(self) -> float:
        """Return the level of the start phase, relative to the offset (V)."""
        half = self.open_vpp / 2
        turn = self.burst_phase_deg / 360
        if self.function == "ARB":
            return half * (self.selected.at(turn) if turn else self.selected.first)
        sine = math.sin(2 * math.pi * turn)
        return half * sine if self.function == "SIN" and abs(sine) > 1e-12 else 0.0

    def _running(self, turn: float) -> ToneProgram:
        half, hertz = self.open_vpp / 2, self.repetition_hz
        if self.function == "SIN":
            return ToneProgram(self.open_offset_v, (Tone(hertz, half, 2 * math.pi * ((turn % 1.0) - 0.25)),))
        if self.function == "ARB":
            tones = tuple(
                Tone(order * hertz, half * share, 2 * math.pi * ((order * turn) % 1.0) + phase)
                for order, share, phase in self.selected.harmonics
            )
            return ToneProgram(self.open_offset_v + half * self.selected.mean, tones)
        return ToneProgram(self.open_offset_v)  # the World knows constants and tones

    def _polarity(self, program: ToneProgram) -> ToneProgram:
        """Apply the polarity, which inverts the waveform about its offset."""
        return inverted(program, self.open_offset_v) if self.inverted else program
