"""Programs of the outputs, as the board plays them.

An output holds one code per scan, and changes at the start of each. Its tones come from a table with one period of a
cosine in 256 steps. A tone advances by k steps per scan, so its frequency is k/256 of the scan rate, and 256 scans
contain whole periods of every tone. Inputs are read while all outputs are constant, so sampling neither attenuates nor
delays a tone.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.errors import LimitExceeded
from labrig.quantities import format_quantity
from labrig.signals.tones import SILENT, Tone, ToneProgram
from labrig_drivers.one_board.frames import HIGHEST, MIDDLE

STEPS = 256
"""Steps of the table, which holds one period."""

COSINE = np.rint(16384 * np.cos(2 * np.pi * np.arange(STEPS) / STEPS)).astype(np.int64)

PER_CODE = 4
"""Amplitude steps per code."""

QUARTER = STEPS // 4
SAME_PHASE_RAD = 2e-4
"""A tone whose phase is this close to a step of the table needs one partial, any other two."""

SAME_FREQUENCY = 1e-6
"""Largest relative difference between a frequency and a multiple of 1/256 of the scan rate."""


@dataclass(frozen=True, slots=True)
class Partial:
    """A tone: amplitude · cosine[phase + step · n] in scan n, in quarters of a code."""

    step: int
    phase: int
    amplitude: int


@dataclass(frozen=True, slots=True)
class Output:
    """The program of one output: its level as a code, and its tones."""

    level: int = MIDDLE
    partials: tuple[Partial, ...] = ()

    def codes(self) -> NDArray[np.int64]:
        """Codes of the scans 0 to 255, after which they repeat."""
        scan = np.arange(STEPS)
        total = np.full(STEPS, 1 << 15, dtype=np.int64)
        for each in self.partials:
            total += each.amplitude * COSINE[(each.phase + each.step * scan) % STEPS]
        return self.level + (total >> 16)


class Converter:
    """Converts programs in volts to programs of the board.

    Parameters
    ----------
    name : str
        Name of the instrument, for errors.
    channels : sequence of str
        The outputs in the order of the board.
    step_v : float
        Voltage step between adjacent codes (V).
    most_partials : int
        Largest number of partials of all outputs together.
    """

    def __init__(self, name: str, channels: Sequence[str], step_v: float, most_partials: int) -> None:
        self._name = name
        self._channels = channels
        self._step_v = step_v
        self._most_partials = most_partials

    def check(self, programs: Mapping[str, ToneProgram]) -> None:
        """Raise LimitExceeded for an unknown channel, or a program (V) beyond full scale."""
        full_scale_v = (HIGHEST + 1 - MIDDLE) * self._step_v
        for channel, program in programs.items():
            if channel not in self._channels:
                raise self._refused(f"has no channel {channel!r}; correct it under `wiring:`")
            if not program.peak <= full_scale_v * (1 + 1e-12):
                raise self._refused(
                    f"channel {channel} would have to play {program.peak:.4g} V; lower the drive",
                    limit=f"full scale {full_scale_v:g} V",
                )

    def payload(self, programs: Mapping[str, ToneProgram], rate_hz: float) -> tuple[bytes, dict[str, ToneProgram]]:
        """Return the payload of OUTPUTS, and the program that each channel of `programs` will actually play.

        Parameters
        ----------
        programs : mapping
            Program of each channel (V); the others get 0 V.
        rate_hz : float
            Scans per second.

        Raises
        ------
        LimitExceeded
            For an unknown channel, a voltage beyond full scale, a frequency that the board cannot play, or too many
            tones.
        """
        self.check(programs)
        outputs = [self._output(channel, programs.get(channel, SILENT), rate_hz) for channel in self._channels]
        partials = [(number, each) for number, output in enumerate(outputs) for each in output.partials]
        if len(partials) > self._most_partials:
            raise self._refused(
                f"cannot play {len(partials)} partial tones at once",
                limit=f"{self._most_partials}; a tone whose phase is not a multiple of 1/{STEPS} turn counts as two",
                remedy="play fewer tones",
            )
        payload = struct.pack(f"<{len(outputs)}H", *(output.level for output in outputs)) + b"".join(
            struct.pack("<BBBh", number, each.step, each.phase, each.amplitude) for number, each in partials
        )
        by_channel = dict(zip(self._channels, outputs, strict=True))
        return payload, {
            channel: self._as_played(program, by_channel[channel], rate_hz) for channel, program in programs.items()
        }

    def _output(self, channel: str, program: ToneProgram, rate_hz: float) -> Output:
        level = min(HIGHEST, MIDDLE + round(program.dc / self._step_v))
        partials = tuple(part for tone in program.tones for part in self._partials(channel, tone, rate_hz))
        # The highest code is one step below full scale, and amplitudes are rounded.
        room, swing = PER_CODE * min(level, HIGHEST - level), sum(abs(each.amplitude) for each in partials)
        if swing > room:
            if swing > room + 2 * PER_CODE * len(partials):
                raise self._refused(
                    f"channel {channel} would have to play {swing * self._step_v / PER_CODE:.4g} V around its level",
                    limit=f"{room * self._step_v / PER_CODE:.4g} V; a tone whose phase is not a multiple of 1/{STEPS} "
                    "turn counts as two, whose amplitudes add up",
                    remedy="lower the amplitude",
                )
            partials = tuple(
                Partial(each.step, each.phase, math.trunc(each.amplitude * room / swing)) for each in partials
            )
        return Output(level, partials)

    def _partials(self, channel: str, tone: Tone, rate_hz: float) -> list[Partial]:
        step = STEPS * tone.frequency_hz / rate_hz
        if abs(step - round(step)) > SAME_FREQUENCY * step or not 1 <= round(step) < STEPS // 2:
            raise self._refused(
                f"channel {channel} cannot play {tone.frequency_hz:.6g} Hz",
                limit=f"multiples of {format_quantity(rate_hz / STEPS, 'frequency')}, 1/{STEPS} of the sample rate",
                remedy=f"let acquisition.window contain {STEPS} scans, or {STEPS // 2} or {STEPS // 4}",
            )
        turns = STEPS * tone.phase_rad / (2 * math.pi)
        phase = round(turns)
        rest_rad = 2 * math.pi * (turns - phase) / STEPS
        amplitude = PER_CODE * tone.amplitude / self._step_v
        if abs(rest_rad) <= SAME_PHASE_RAD:
            return [Partial(round(step), phase % STEPS, round(amplitude))]
        return [
            Partial(round(step), phase % STEPS, round(amplitude * math.cos(rest_rad))),
            Partial(round(step), (phase + QUARTER) % STEPS, round(amplitude * math.sin(rest_rad))),
        ]

    def _as_played(self, program: ToneProgram, output: Output, rate_hz: float) -> ToneProgram:
        """Return the program that the codes really play: rounding changes the amplitude of a small tone."""
        if not program.tones:
            return ToneProgram((output.level - MIDDLE) * self._step_v)
        spectrum = np.fft.fft(output.codes() - MIDDLE) / STEPS * self._step_v
        tones: list[Tone] = []
        for tone in program.tones:
            phasor = 2 * complex(spectrum[round(STEPS * tone.frequency_hz / rate_hz)])
            phase = math.atan2(phasor.imag, phasor.real) if phasor else tone.phase_rad
            tones.append(Tone(tone.frequency_hz, abs(phasor), phase))
        return ToneProgram(float(spectrum[0].real), tuple(tones))

    def _refused(self, message: str, limit: str | None = None, remedy: str | None = None) -> LimitExceeded:
        return LimitExceeded(message, device=self._name, action="load", limit=limit, remedy=remedy)
