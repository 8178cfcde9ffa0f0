"""The command dialect of Siglent SDG generators: number formats, key,value replies, sample tables.

From the programming guide PG02-E05C and transcripts of an SDG2042X (repository pjaako/siglent-sdg-openhtf): several
pairs in one command are applied from left to right; replies repeat the header and include units; numbers have six
significant digits, frequencies ten; an arbitrary waveform is 16-bit little-endian samples without a length.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from labrig.signals.tones import Tone

LEAST_VPP = 0.002
"""Smallest amplitude that can be set (V peak to peak)."""

TABLE_POINTS = 16384
"""Waveform memory of the smallest models (samples)."""

_MOST_CYCLES = TABLE_POINTS // 16
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_MICROHERTZ = 1e-6


@dataclass(frozen=True, slots=True)
class Pairs:
    """A reply as key,value pairs.

    Attributes
    ----------
    words
        Pairs before CARR; a leading ON or OFF is under "STATE".
    carrier
        Pairs after CARR.
    """

    words: dict[str, str]
    carrier: dict[str, str]


def parse_number(text: str | None) -> float | None:
    """The number at the start of a text, without its unit; None if there is none."""
    match = _NUMBER.match(text or "")
    return None if match is None else float(match[0])


def parse_pairs(reply: str, header: str) -> Pairs | None:
    """The pairs of a reply to `<header>?`; None if the reply has another header."""
    start, _, rest = reply.partition(" ")
    if start.upper() != header.upper() or not rest:
        return None
    own, _, carrier = rest.partition(",CARR,")
    words = own.split(",")
    if len(words) % 2:  # an OUTP reply begins with a bare ON or OFF
        words.insert(0, "STATE")
    behind = carrier.split(",")
    return Pairs(dict(zip(words[::2], words[1::2], strict=False)), dict(zip(behind[::2], behind[1::2], strict=False)))


def waveform_name(reply: Pairs) -> str:
    """The waveform in a reply to `ARWV?`, by the name given at upload.

    The programming guide shows `INDEX,2,NAME,<name>`; an SDG2042X answers `NAME,<name>.bin` for an uploaded one.
    """
    return reply.words.get("NAME", "").strip().strip('"').removesuffix(".bin")


def volts(value: float) -> str:
    """A level as the instrument echoes it: six significant digits, no negative zero."""
    return f"{value + 0.0:.6g}"


def degrees(value: float) -> str:
    """A phase in (-180, 180] as the instrument echoes it."""
    wrapped = -((-value + 180.0) % 360.0 - 180.0)
    return f"{wrapped + 0.0:.6g}"


def hertz(value: float) -> str:
    """A frequency rounded to the instrument's resolution of 1 µHz."""
    return f"{round(value, 6):.10g}"


@dataclass(frozen=True, slots=True)
class BurstSetting:
    """Settings of an infinite burst, as strings in panel units.

    Attributes
    ----------
    frequency, amplitude, offset, phase
        In Hz, V peak to peak, V and degrees.
    kind
        Waveform, SINE or ARB.
    source
        Trigger source, MAN or EXT.
    tones
        Tones of the uploaded table.
    """

    frequency: str
    amplitude: str
    offset: str
    phase: str
    kind: str = "SINE"
    source: str = "MAN"
    tones: tuple[Tone, ...] = ()

    @property
    def at_zero(self) -> bool:
        """Whether the waveform starts at its offset, and so waits there."""
        starts = (tone.phase_rad for tone in self.tones) if self.kind == "ARB" else (math.radians(float(self.phase)),)
        return all(abs(math.sin(start)) < 1e-9 for start in starts)


POWER_UP = BurstSetting("1000", volts(LEAST_VPP), "0", "0")
"""Initial setting of a channel: the smallest sine, waiting for a trigger that is never sent."""


def difference(wave: BurstSetting, reply: Pairs) -> tuple[str, str, str] | None:
    """(key, requested, actual) of the first setting in a reply to `BTWV?` that differs, or None."""
    words, carrier = reply.words, reply.carrier
    exact = (
        ("STATE", "ON", words),
        ("TRSR", wave.source, words),
        ("TIME", "INF", words),
        ("GATE_NCYC", "NCYC", words),
        ("WVTP", wave.kind, carrier),
    )
    for key, asked, where in exact:
        if where.get(key) != asked:
            return key, asked, where.get(key, "nothing")
    for key, asked in (("FRQ", wave.frequency), ("AMP", wave.amplitude), ("OFST", wave.offset), ("PHSE", wave.phase)):
        got, number = parse_number(carrier.get(key)), float(asked)
        if got is None or not (_same_frequency(number, got) if key == "FRQ" else _same_level(number, got)):
            return key, asked, carrier.get(key, "nothing")
    return None


def _same_frequency(asked_hz: float, got_hz: float) -> bool:
    """Whether two frequencies differ by no more than rounding: a microhertz, or the tenth digit."""
    return abs(asked_hz - got_hz) <= max(_MICROHERTZ, 1e-9 * asked_hz)


def _same_level(asked: float, got: float) -> bool:
    """Whether two levels (V) or phases (degrees) differ by no more than the sixth digit."""
    return abs(got - asked) <= max(1e-6, 2e-6 * abs(asked))


def table_plan(tones: Sequence[Tone]) -> tuple[float, tuple[int, ...]] | None:
    """Find the shortest table that contains whole cycles of every tone.

    Returns
    -------
    tuple or None
        Repetition rate of the table (Hz) and the number of cycles of each tone in it. None if there is no such table
        with at least 16 points per cycle of the fastest tone.
    """
    microhertz = [round(tone.frequency_hz / _MICROHERTZ) for tone in tones]
    base = math.gcd(*microhertz)
    if base == 0:
        return None
    cycles = tuple(count // base for count in microhertz)
    return None if max(cycles) > _MOST_CYCLES else (base * _MICROHERTZ, cycles)


@lru_cache(maxsize=8)
def table(tones: tuple[Tone, ...], cycles: tuple[int, ...]) -> tuple[bytes, float]:
    """Sample a sum of tones, Σ amplitude · sin(2π · cycles · n/N + phase), shifted by −90° like a single sine.

    Returns
    -------
    samples : bytes
        16-bit little-endian samples.
    full_scale : float
        Voltage of a full-scale sample (V).
    """
    turns = np.arange(TABLE_POINTS) / TABLE_POINTS
    values = np.zeros(TABLE_POINTS)
    for tone, count in zip(tones, cycles, strict=True):
        values += tone.amplitude * np.sin(2 * np.pi * ((count * turns) % 1.0) + tone.phase_rad)
    full_scale = float(np.abs(values).max())
    return np.rint(values / full_scale * 32767).astype("<i2").tobytes(), full_scale
