"""A tone and what one source channel plays: DC plus tones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Tone:
    """amplitude · cos(2π · frequency_hz · t + phase_rad), t counted from the start of the program.

    `amplitude` is the peak value, ≥ 0, in volts (or in the unit of the program it stands in); a negative drive is a
    tone of phase π.
    """

    frequency_hz: float
    amplitude: float
    phase_rad: float = 0.0


def signed_tone(frequency_hz: float, amplitude: float) -> Tone:
    """A cosine whose amplitude may be negative: the sign becomes a phase of π."""
    return Tone(frequency_hz, abs(amplitude), 0.0 if amplitude >= 0 else np.pi)


@dataclass(frozen=True, slots=True)
class ToneProgram:
    """What one source channel plays, in volts at its open-circuit output: `dc` plus `tones`."""

    dc: float = 0.0
    tones: tuple[Tone, ...] = ()

    @property
    def peak(self) -> float:
        """Largest absolute value the program can reach (V)."""
        if not self.tones:  # most programs, and this is asked often
            return abs(self.dc)
        return abs(self.dc) + sum(tone.amplitude for tone in self.tones)

    def at(self, t: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values at the times `t` (s, any shape) since the start of the program."""
        values = np.full(np.shape(t), self.dc)
        for tone in self.tones:
            values += tone.amplitude * np.cos(2 * np.pi * tone.frequency_hz * t + tone.phase_rad)
        return values

    def after(self, t: float) -> ToneProgram:
        """What is left of the program when it has run for t (s): the same, its tones turned on."""
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
