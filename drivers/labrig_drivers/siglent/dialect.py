"""The dialect of Siglent SDG generators: numbers as they are written and read, replies as pairs, tables of samples.

Facts from the programming guide PG02-E05C and from transcripts of an SDG2042X (repository pjaako/siglent-sdg-openhtf):
several pairs in one command are applied from left to right; replies repeat the header and carry units; numbers have six
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
"""The smallest amplitude the instrument shows (peak to peak)."""

TABLE_POINTS = 16384
"""What the smallest models hold."""

_MOST_CYCLES = TABLE_POINTS // 16
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_MICROHERTZ = 1e-6


@dataclass(frozen=True, slots=True)
class Pairs:
    """A reply. words: its own `key,value` pairs, a leading state under "STATE". carrier: those behind CARR."""

    words: dict[str, str]
    carrier: dict[str, str]


def reading(text: str | None) -> float | None:
    """A number without its unit; None where there is none."""
    match = _NUMBER.match(text or "")
    return None if match is None else float(match[0])


def pairs(reply: str, header: str) -> Pairs | None:
    """The pairs of a reply to `<header>?`; None where it answers something else."""
    start, _, rest = reply.partition(" ")
    if start.upper() != header.upper() or not rest:
        return None
    own, _, carrier = rest.partition(",CARR,")
    words = own.split(",")
    if len(words) % 2:  # OUTP begins with a bare ON or OFF
        words.insert(0, "STATE")
    behind = carrier.split(",")
    return Pairs(dict(zip(words[::2], words[1::2], strict=False)), dict(zip(behind[::2], behind[1::2], strict=False)))


def waveform_name(reply: Pairs) -> str:
    """The waveform in a reply to `ARWV?`, as it was named when it was uploaded.

    The programming guide shows `INDEX,2,NAME,<name>`; an SDG2042X answers `NAME,<name>.bin` for an uploaded one.
    """
    return reply.words.get("NAME", "").strip().strip('"').removesuffix(".bin")


def volts(value: float) -> str:
    """A level as it is echoed: six significant digits, and no minus before zero."""
    return f"{value + 0.0:.6g}"


def degrees(value: float) -> str:
    """A phase within (-180, 180], as it is echoed."""
    wrapped = -((-value + 180.0) % 360.0 - 180.0)
    return f"{wrapped + 0.0:.6g}"


def hertz(value: float) -> str:
    """A frequency, on the microhertz the instrument resolves."""
    return f"{round(value, 6):.10g}"


@dataclass(frozen=True, slots=True)
class BurstSetting:
    """What an infinite burst is set to, in the numbers of the panel. kind: SINE or ARB. source: of its trigger."""

    frequency: str
    amplitude: str
    offset: str
    phase: str
    kind: str = "SINE"
    source: str = "MAN"
    tones: tuple[Tone, ...] = ()  # of the table that is uploaded

    @property
    def at_zero(self) -> bool:
        """Whether the waveform begins, and so waits, at its offset."""
        starts = (tone.phase_rad for tone in self.tones) if self.kind == "ARB" else (math.radians(float(self.phase)),)
        return all(abs(math.sin(start)) < 1e-9 for start in starts)


POWER_UP = BurstSetting("1000", volts(LEAST_VPP), "0", "0")
"""What a channel is set up with: the smallest sine, waiting for a trigger that nobody sends."""


def difference(wave: BurstSetting, reply: Pairs) -> tuple[str, str, str] | None:
    """(key, asked, got) of the first thing in a reply to `BTWV?` that is not as asked, or None."""
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
        got, number = reading(carrier.get(key)), float(asked)
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
    """(how often a table is played a second, cycles of each tone in it); None where no table holds whole cycles of all
    with sixteen points or more for the fastest."""
    microhertz = [round(tone.frequency_hz / _MICROHERTZ) for tone in tones]
    base = math.gcd(*microhertz)
    if base == 0:
        return None
    cycles = tuple(count // base for count in microhertz)
    return None if max(cycles) > _MOST_CYCLES else (base * _MICROHERTZ, cycles)


@lru_cache(maxsize=8)
def table(tones: tuple[Tone, ...], cycles: tuple[int, ...]) -> tuple[bytes, float]:
    """(samples, full scale in V) of Σ amplitude · sin(2π · cycles · n/N + phase): turned by −90° like a single sine."""
    turns = np.arange(TABLE_POINTS) / TABLE_POINTS
    values = np.zeros(TABLE_POINTS)
    for tone, count in zip(tones, cycles, strict=True):
        values += tone.amplitude * np.sin(2 * np.pi * ((count * turns) % 1.0) + tone.phase_rad)
    full_scale = float(np.abs(values).max())
    return np.rint(values / full_scale * 32767).astype("<i2").tobytes(), full_scale
