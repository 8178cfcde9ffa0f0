"""Tones, and the program of a source channel: DC plus tones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Tone:
    """A tone, amplitude · cos(2π · frequency_hz · t + phase_rad), with t from the start of the program.

    Attributes
    ----------
    frequency_hz
        Frequency (Hz).
    amplitude
        Peak value, ≥ 0, in the unit of its program, usually volts. A negative drive is a tone with phase π.
    phase_rad
        Phase (rad).
    """

    frequency_hz: float
    amplitude: float
    phase_rad: float = 0.0


def signed_tone(frequency_hz: float, amplitude: float) -> Tone:
    """A tone from a signed amplitude: a negative sign becomes a phase of π."""
    return Tone(frequency_hz, abs(amplitude), 0.0 if amplitude >= 0 else np.pi)


@dataclass(frozen=True, slots=True)
class ToneProgram:
    """The program of one source channel: `dc` plus `tones`, in open-circuit volts."""

    dc: float = 0.0
    tones: tuple[Tone, ...] = ()

    @property
    def peak(self) -> float:
        """Largest absolute value the program can reach (V)."""
        if not self.tones:  # true of most programs, and this is called often
            return abs(self.dc)
        return abs(self.dc) + sum(tone.amplitude for tone in self.tones)

    def at(self, t: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values at the times `t` (s, any shape) since the start of the program."""
        values = np.full(np.shape(t), self.dc)
        for tone in self.tones:
            values += tone.amplitude * np.cos(2 * np.pi * tone.frequency_hz * t + tone.phase_rad)
        return values

    def after(self, t: float) -> ToneProgram:
        """The continuation of the program from t seconds after its start: the same levels, with advanced phases."""
        if not self.tones:
            return self
        return ToneProgram(
            self.dc,
            tuple(
                Tone(tone.frequency_hz, tone.amplitude, tone.phase_rad + 2 * np.pi * tone.frequency_hz * t)
                for tone in self.tones
            ),
        )


SILENT = ToneProgram()
