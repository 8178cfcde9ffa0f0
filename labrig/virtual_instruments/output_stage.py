"""Output stages of virtual generators: the load that panel levels refer to, and the polarity."""

from __future__ import annotations

import math

from labrig.signals.tones import Tone, ToneProgram
from labrig.virtual_instruments.scpi.syntax import ScpiError, number

INFINITE = 9.9e37
"""Number by which SCPI instruments represent infinity."""

OUTPUT_OHM = 50.0


def panel_share(load_ohm: float) -> float:
    """Volts on the panel per volt of the open output."""
    return 1.0 if load_ohm >= INFINITE else load_ohm / (load_ohm + OUTPUT_OHM)


def load_of(text: str) -> float:
    """Return the load (Ω) that a command names; raises ScpiError if it is out of range."""
    ohm = INFINITE if text.upper() in ("INF", "INFINITY") else number(text)
    if not (1 <= ohm <= 10_000 or ohm >= INFINITE):
        raise ScpiError(-222, "Data out of range")
    return ohm


def inverted(program: ToneProgram, about_v: float) -> ToneProgram:
    """Return the program mirrored about a level (V)."""
    tones = tuple(Tone(tone.frequency_hz, tone.amplitude, tone.phase_rad + math.pi) for tone in program.tones)
    return ToneProgram(2 * about_v - program.dc, tones)
