"""The command dialect of Siglent SDG generators: number formats and key,value replies.

From the programming guide PG02-E05C and transcripts of an SDG2042X (repository pjaako/siglent-sdg-openhtf): several
pairs in one command are applied from left to right; replies repeat the header and include units; numbers have six
significant digits, frequencies ten.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from labrig.signals.tones import Tone, ToneProgram
from labrig_drivers.siglent.models import SdgModel

LEAST_VPP = 0.002
"""Smallest amplitude that can be set (V peak to peak)."""

COUNTED_CYCLES = "1000000"
"""Cycles of the longest counted burst; below 500 kHz it lasts longer than any acquisition."""

_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")
_MICROHERTZ = 1e-6
_LONGEST_LEAST_DELAY_S = 10e-6
"""Longest burst delay that counts as the smallest possible one (s), which is 0.6 to 0.7 µs and depends slightly on the
frequency. A longer delay was set by a user."""
_REPLY = re.compile(
    r"(?:C\d:)?(?:OUTP|BSWV|BTWV|ARWV|WVDT|ROSC|STL|MODE|COUP|CMBN|HARM|SYNC|SRATE)\b|Siglent", re.IGNORECASE
)


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
    if words[0] == "":  # a HARM reply begins with a comma
        del words[0]
    if len(words) % 2:  # an OUTP reply begins with a bare ON or OFF
        words.insert(0, "STATE")
    behind = carrier.split(",")
    return Pairs(dict(zip(words[::2], words[1::2], strict=False)), dict(zip(behind[::2], behind[1::2], strict=False)))


def waveform_name(reply: Pairs) -> str:
    """The waveform in a reply to `ARWV?`, by the name given at upload.

    The programming guide shows `INDEX,2,NAME,<name>`; an SDG2042X answers `NAME,<name>.bin` for an uploaded one.
    """
    return reply.words.get("NAME", "").strip().strip('"').removesuffix(".bin")


def answers_another(reply: str) -> bool:
    """Return whether a text is a generator's reply to another query of this driver, which was left on the line."""
    return _REPLY.match(reply) is not None


def messages(header: str, pairs: Sequence[str], longest: int | None) -> list[str]:
    """Commands that set these "KEY,value" pairs in order, in one message or in several of at most `longest` bytes."""
    commands = [f"{header} {pairs[0]}"]
    for pair in pairs[1:]:
        if longest is not None and len(commands[-1]) + 1 + len(pair) > longest:
            commands.append(f"{header} {pair}")
        else:
            commands[-1] += f",{pair}"
    return commands


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
    cycles
        INF or a number.
    """

    frequency: str
    amplitude: str
    offset: str
    phase: str
    kind: str = "SINE"
    source: str = "MAN"
    tones: tuple[Tone, ...] = ()
    cycles: str = "INF"

    @property
    def at_zero(self) -> bool:
        """Whether the waveform starts at its offset, so that a waiting burst is at the offset."""
        starts = (tone.phase_rad for tone in self.tones) if self.kind == "ARB" else (math.radians(float(self.phase)),)
        return all(abs(math.sin(start)) < 1e-9 for start in starts)


POWER_UP = BurstSetting("1000", f"{LEAST_VPP:g}", "0", "0")
"""Initial setting of a channel: the smallest sine, waiting for a trigger that is never sent."""


def difference(wave: BurstSetting, reply: Pairs, model: SdgModel) -> tuple[str, str, str] | None:
    """(key, requested, actual) of the first setting in a reply to `BTWV?` that differs, or None."""
    words, carrier = reply.words, reply.carrier
    exact = (
        ("STATE", "ON", words),
        ("TRSR", wave.source, words),
        ("GATE_NCYC", "NCYC", words),
        ("WVTP", wave.kind, carrier),
    )
    for key, asked, where in exact:
        if where.get(key) != asked:
            return key, asked, where.get(key, "nothing")
    numbers = (
        ("FRQ", wave.frequency, _same_frequency),
        ("AMP", wave.amplitude, model.same_level),
        ("OFST", wave.offset, model.same_level),
        ("PHSE", wave.phase, model.same_phase),
    )
    for key, asked, same in numbers:
        got = parse_number(carrier.get(key))
        if got is None or not same(float(asked), got):
            return key, asked, carrier.get(key, "nothing")
    if (parse_number(words.get("DLAY")) or 0.0) > _LONGEST_LEAST_DELAY_S:
        return "DLAY", "0", words["DLAY"]
    cycles = words.get("TIME", "nothing")
    counted = parse_number(cycles) == float(wave.cycles)  # "1e+06" is a million, too; INF is not a number
    return None if cycles == wave.cycles or counted else ("TIME", wave.cycles, cycles)


def _same_frequency(asked_hz: float, got_hz: float) -> bool:
    """Whether two frequencies differ by no more than rounding: a microhertz, or the tenth digit."""
    return abs(asked_hz - got_hz) <= max(_MICROHERTZ, 1e-9 * asked_hz)


def playable_tones(program: ToneProgram, panel_per_open_v: float) -> tuple[Tone, ...]:
    """The tones that the generator can play.

    A tone below half the smallest amplitude that can be set is left out, because silence is closer to it.
    `panel_per_open_v` is the voltage on the panel per volt of the open output.
    """
    least = LEAST_VPP / 4 / panel_per_open_v
    return tuple(tone for tone in program.tones if tone.amplitude >= least and tone.frequency_hz > 0)
