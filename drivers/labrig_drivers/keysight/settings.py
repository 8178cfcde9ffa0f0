"""The settings of a channel of a Trueform generator, and the replies to queries of them.

Sources: the Agilent 33500 Series Operating and Service Guide (33500-90901), and two drivers that were used with real
generators, pymeasure's `agilent33500` and nominal-io/instro's `keysight_33521b`. Numbers read back in the form
+1.000000000000000E+03, an infinite count and an open load as +9.900000000000000E+37, and errors in the form
-222,"Data out of range".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from labrig.signals.tones import Tone
from labrig_drivers.scpi import INFINITE, as_number, number

DIGITS = 5e-4
"""Largest relative rounding of a level in a reply; levels have four digits."""

_MICROHERTZ = 1e-6


@dataclass(frozen=True, slots=True)
class Setting:
    """Settings of one channel, in panel units.

    Attributes
    ----------
    frequency_hz : float
        Frequency of the sine, or repetition rate of the table.
    vpp, offset_v : float
        Amplitude, peak to peak, and offset (V).
    phase_deg : float
        Start phase of the burst.
    function : str
        SIN or ARB.
    source : str
        Source of the trigger, EXT or BUS.
    tones : tuple of Tone
        The tones of an uploaded table.
    """

    frequency_hz: float
    vpp: float
    offset_v: float
    phase_deg: float = 0.0
    function: str = "SIN"
    source: str = "BUS"
    tones: tuple[Tone, ...] = ()

    @property
    def starts_at_zero(self) -> bool:
        """Whether the waveform starts at its offset, so that a waiting burst is at the offset."""
        starts = (tone.phase_rad for tone in self.tones) if self.tones else (math.radians(self.phase_deg),)
        return all(abs(math.sin(start)) < 1e-9 for start in starts)


KEYS = ("FUNC", "FREQ", "VOLT", "VOLT:OFFS", "BURS:PHAS", "BURS:STAT", "BURS:MODE", "BURS:NCYC")
"""The queries of a channel below its SOURce node; queries of TRIG:SOUR, OUTP and OUTP:LOAD follow them."""


def questions(channel: str) -> str:
    """Return one message that queries all settings of a channel."""
    own = (f":SOUR{channel}:{key}?" for key in KEYS)
    return ";".join((*own, f":TRIG{channel}:SOUR?", f":OUTP{channel}?", f":OUTP{channel}:LOAD?"))


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers to `questions`, as text."""

    function: str
    frequency: str
    vpp: str
    offset: str
    phase: str
    burst: str
    mode: str
    cycles: str
    source: str
    output: str
    load: str

    @classmethod
    def of(cls, reply: str) -> Answers | None:
        """Return the answers in a reply; None if it is the reply to another query."""
        words = [word.strip() for word in reply.split(";")]
        return cls(*words) if len(words) == len(KEYS) + 3 else None


def difference(asked: Setting, got: Answers, load_ohm: float, on: bool | None) -> tuple[str, str, str] | None:
    """Return (key, requested, actual) of the first setting that differs, or None.

    `on` is the required state of the output; None if it may be on or off.
    """
    words = (
        ("FUNC", asked.function, got.function),
        ("BURS:STAT", "1", got.burst),
        ("BURS:MODE", "TRIG", got.mode),
        ("TRIG:SOUR", asked.source, got.source),
        *((("OUTP", "1" if on else "0", got.output),) if on is not None else ()),
    )
    for key, wanted, told in words:
        if told != wanted:
            return key, wanted, told
    numbers = (
        ("FREQ", asked.frequency_hz, got.frequency, max(_MICROHERTZ, 1e-9 * asked.frequency_hz)),
        ("VOLT", asked.vpp, got.vpp, DIGITS * asked.vpp),
        ("VOLT:OFFS", asked.offset_v, got.offset, DIGITS * abs(asked.offset_v) + 1e-6),
        ("BURS:PHAS", asked.phase_deg, got.phase, 1e-3),
        ("BURS:NCYC", INFINITE, got.cycles, 1e-3 * INFINITE),
        ("OUTP:LOAD", load_ohm, got.load, 1e-3 * load_ohm),
    )
    for key, value, told, tolerance in numbers:
        actual = as_number(told)
        if actual is None or not abs(actual - value) <= tolerance:
            return key, number(value), told
    return None
