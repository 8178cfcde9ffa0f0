"""The settings of a channel of a DG1000Z, how they read back, and waveforms as codes.

Sources: DG1000Z Programming Guide (PGB09103) and drivers that were used with real generators (tests/wire/README.md).
Numbers read back with seven digits, as 1.000000E+03, an open load as 9.900000E+37, and states as ON and OFF.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.signals.tones import Tone
from labrig_drivers.scpi import as_number, number

TABLE_POINTS = 8192
"""Points of a waveform that is played at a set frequency; the generator extends a shorter one to this length."""

LARGEST_CODE = 0x3FFF
"""Code of the positive full scale; 0 is the negative one."""

_DIGITS = 1e-6
"""Largest relative rounding of a number in a reply."""

_LEVEL_STEP_V = 1e-3
"""Largest step of amplitudes and offsets (V); `load` returns the levels that read back."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Settings of one channel, in panel units.

    Attributes
    ----------
    frequency_hz : float
        Frequency of the sine, or repetition rate of the waveform.
    vpp, offset_v : float
        Amplitude, peak to peak, and offset (V).
    phase_deg : float
        Start phase of the burst, from 0 to 360.
    function : str
        SIN, or USER for the waveform in volatile memory.
    tones : tuple of Tone
        The tones of the waveform in volatile memory; no tones: it is zero throughout.
    """

    frequency_hz: float
    vpp: float
    offset_v: float
    phase_deg: float = 0.0
    function: str = "USER"
    tones: tuple[Tone, ...] = ()

    def values(self) -> dict[str, str]:
        """Return all settings by their key below the SOURce node, as they are sent."""
        return {
            "FUNC": self.function,
            "FREQ": number(self.frequency_hz),
            "VOLT": f"{self.vpp:.7g}",  # no finer than it reads back, as every change costs a pause
            "VOLT:OFFS": f"{self.offset_v + 0.0:.7g}",
            "BURS:PHAS": number(self.phase_deg),
        }

    def changes(self, now: Setting) -> dict[str, str]:
        """Return the settings that differ from those of `now`, in an order that is always allowed.

        Amplitude and offset limit each other, so what decreases comes first. An uploaded waveform, such as the zeros
        of a silent channel, is selected first and deselected last.
        """
        values, old = self.values(), now.values()
        order = ["FREQ", "VOLT", "VOLT:OFFS", "BURS:PHAS"]
        if self.vpp > now.vpp:
            order.append(order.pop(1))
        order.insert(0 if self.function == "USER" else len(order), "FUNC")
        return {key: values[key] for key in order if values[key] != old[key]}


def degrees(radians: float) -> float:
    """Return an angle as the generator takes it, from 0 to 360 degrees."""
    turned = math.degrees(radians) % 360.0
    return 0.0 if turned > 360.0 - 1e-9 else turned


def same(key: str, asked: str, told: str) -> bool:
    """Whether a setting has been accepted, as far as the reply shows."""
    value, actual = as_number(asked), as_number(told)
    if value is None or actual is None:
        return told == asked
    tolerance = _LEVEL_STEP_V / 2 if key.startswith("VOLT") else 1e-3 if key == "BURS:PHAS" else 0.0
    return abs(actual - value) <= tolerance + _DIGITS * abs(value)


@dataclass(frozen=True, slots=True)
class Applied:
    """The reply to APPL?: waveform, frequency, amplitude, offset and phase."""

    words: dict[str, str]

    @classmethod
    def of(cls, reply: str) -> Applied | None:
        """Return the settings in a reply such as "SIN,1.0E+03,5.0E+00,0.0E+00,0.0E+00"; None for another reply."""
        words = reply.strip().strip('"').split(",")
        return cls(dict(zip(("FUNC", "FREQ", "VOLT", "VOLT:OFFS"), words, strict=False))) if len(words) == 5 else None

    def difference(self, setting: Setting) -> tuple[str, str, str] | None:
        """Return (key, requested, actual) of the first setting that differs, or None."""
        values = setting.values()
        for key, told in self.words.items():
            if not same(key, values[key], told):
                return key, values[key], told
        return None


def block_of(samples: NDArray[np.float64]) -> bytes:
    """Return samples from −1 to 1 as a block of little-endian 14-bit codes, two bytes each."""
    codes = np.rint((samples + 1) / 2 * LARGEST_CODE).astype("<u2").tobytes()
    length = str(len(codes))
    return f"#{len(length)}{length}".encode() + codes


def held(tone: Tone, cycles: int) -> Tone:
    """Return a tone of an uploaded waveform as it is played, each point held until the next one.

    Parameters
    ----------
    tone
        The tone in the waveform.
    cycles
        Cycles of the tone in the waveform.
    """
    half_point = math.pi * cycles / TABLE_POINTS
    amplitude = tone.amplitude * math.sin(half_point) / half_point
    return Tone(tone.frequency_hz, amplitude, tone.phase_rad - half_point)
