"""One channel of a virtual generator: its settings, the state of its generator, and its signal."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from labrig.signals.tones import Tone, ToneProgram
from labrig.virtual_instruments.output_stage import inverted
from labrig.virtual_instruments.sample_table import Table
from labrig.virtual_instruments.siglent.burst import Burst
from labrig.virtual_instruments.siglent.harmonics import Harmonics
from labrig.virtual_instruments.siglent.wave import BasicWave


@dataclass(eq=False)
class Output:
    """One channel.

    Attributes
    ----------
    channel
        Name of the channel on the bench.
    wave, burst, harmonics
        Settings of the channel.
    combines
        Whether the connector carries the signals of both channels.
    sync
        Whether the sync output follows this channel.
    true_rate
        Sample rate in true-arb mode (Sa/s), as text; None in DDS mode.
    angle
        Phase accumulator at `since` (turns).
    started
        Time of the burst's first sample (s); None if the burst has been stopped or never started.
    ends
        Time when the burst ends (s).
    """

    channel: str
    wave: BasicWave
    burst: Burst = field(default_factory=Burst)
    harmonics: Harmonics = field(default_factory=Harmonics)
    combines: bool = False
    sync: bool = False
    true_rate: str | None = None
    angle: float = 0.0
    since: float = 0.0
    started: float | None = None
    ends: float = math.inf

    def signal(self, t: float, table: Table | None) -> ToneProgram:
        """Return the program of the generator at t, even if the output is off, with tones that start at t.

        Parameters
        ----------
        t
            Time (s).
        table
            Harmonics of a waveform other than a sine; None if only its offset can be played.
        """
        hertz = self._repetition_hz(table)
        if not self.burst.on:
            return self._running(hertz, self.angle + hertz * (t - self.since), table)
        if self.started is None or not self.started <= t < self.ends:
            return self._waiting(table)
        return self._running(hertz, hertz * (t - self.started), table)

    def _repetition_hz(self, table: Table | None) -> float:
        """Return the repetition rate (Hz). In true-arb mode FRQ does not affect it, because no source shows that."""
        if self.wave.kind == "ARB" and self.true_rate is not None and table is not None and table.length:
            return float(self.true_rate) / table.length
        return self.wave.frequency_hz

    def _waiting(self, table: Table | None) -> ToneProgram:
        """Return the program of a waiting burst: the offset plus the level of the start phase."""
        wave = self.wave
        level = 0.0
        if wave.kind == "SINE":
            start = math.radians(wave.phase_deg)
            sines = (share * math.sin(order * start + phase) for order, share, phase in self.harmonics.all())
            level = wave.amplitude_v / 2 * _clean(sum(sines))
        elif table is not None:
            turn = 0.0 if wave.kind == "PULSE" else wave.phase_deg / 360  # a pulse has a delay instead
            level = wave.amplitude_v / 2 * (table.at(turn) if turn else table.first)
        return _polarity(wave, ToneProgram(wave.offset_v + level))

    def _running(self, hertz: float, turn: float, table: Table | None) -> ToneProgram:
        """Return the program of the generator if its phase accumulator is at `turn`."""
        wave = self.wave
        if wave.kind == "DC":
            return _polarity(wave, ToneProgram(wave.dc_v))
        if wave.kind != "PULSE":
            turn += wave.phase_deg / 360
        size = wave.amplitude_v / 2
        if hertz <= 0 or (wave.kind != "SINE" and table is None):
            return _polarity(wave, ToneProgram(wave.offset_v))
        if wave.kind == "SINE":
            sines = self.harmonics.all()
            mean, cosines = 0.0, tuple((order, share, phase - math.pi / 2) for order, share, phase in sines)
        else:
            assert table is not None
            mean, cosines = table.mean, table.harmonics
        tones = tuple(
            Tone(order * hertz, size * share, 2 * math.pi * ((order * turn) % 1.0) + phase)
            for order, share, phase in cosines
        )
        return _polarity(wave, ToneProgram(wave.offset_v + size * mean, tones))


def _clean(sine: float) -> float:
    """Round to zero: the sine of 180° is 0, not 1e-16."""
    return 0.0 if abs(sine) < 1e-12 else sine


def _polarity(wave: BasicWave, program: ToneProgram) -> ToneProgram:
    """Apply the polarity; inversion affects the offset as well as the waveform."""
    return inverted(program, 0.0) if wave.inverted else program
