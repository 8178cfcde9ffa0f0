"""What a virtual DAQmx board plays out of a buffer, over and over or once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from nidaqmx.error_codes import DAQmxErrors as Code
from numpy.typing import NDArray

from labrig.signals.tones import ToneProgram
from labrig.virtual_instruments.daqmx.device import DeviceState
from labrig.virtual_instruments.daqmx.errors import DaqmxFailure
from labrig.virtual_instruments.daqmx.tones import MOST_TONES, recognise


@dataclass(frozen=True)
class OutputBuffer:
    """Samples (M, C) in volts and, per channel, what they play: tones in whole cycles per buffer instead of Hz."""

    channels: tuple[str, ...]
    samples: NDArray[np.float64]
    programs: tuple[ToneProgram, ...]

    @classmethod
    def of(cls, channels: Sequence[str], samples: NDArray[np.float64], full_scale_v: float, bits: int) -> OutputBuffer:
        check_range(samples, full_scale_v)
        programs = []
        for channel, column in zip(channels, samples.T, strict=True):
            program = recognise(column, len(column), 2 * full_scale_v / 2**bits)
            if program is None:
                raise DaqmxFailure(
                    Code.INVALID_AO_DATA_WRITE,
                    reason=f"A virtual output plays a constant plus at most {MOST_TONES} tones on whole cycles of the "
                    f"buffer; the {len(column)} samples for {channel} are something else.",
                )
            programs.append(program)
        return cls(tuple(channels), samples, tuple(programs))


def check_range(samples: NDArray[np.float64], full_scale_v: float) -> None:
    if not (np.abs(samples) <= full_scale_v).all():
        raise DaqmxFailure(
            Code.INVALID_AO_DATA_WRITE,
            f"Property: DAQmx_AO_Max\nMaximum Value: {full_scale_v:g}\nMinimum Value: {-full_scale_v:g}",
        )


class Generation:
    """From a start to a stop. After it the outputs keep their last sample, as those of the real boards do.

    A sample is held until the next: tones come out half a sample late. `finite`: the buffer is played once.
    """

    def __init__(self, board: DeviceState, buffer: OutputBuffer, rate_hz: float, finite: bool) -> None:
        self.t0: float | None = None
        self._board = board
        self._buffer = buffer
        self._rate_hz = rate_hz
        self._finite = finite

    def begin(self, t: float) -> None:
        self.t0 = t
        half_a_sample_s = 0.5 / self._rate_hz
        scaled = [self._in_hertz(program) for program in self._buffer.programs]
        self._board.drive(t + half_a_sample_s, dict(zip(self._buffer.channels, scaled, strict=True)))
        if self._finite:
            self._hold(t + len(self._buffer.samples) / self._rate_hz, -1)

    def generated(self, now: float) -> int:
        """Samples played by now."""
        if self.t0 is None:
            return 0
        played = max(0, math.floor((now - self.t0) * self._rate_hz))
        return min(played, len(self._buffer.samples)) if self._finite else played

    def done(self, now: float) -> bool:
        return self._finite and self.t0 is not None and now >= self.t0 + len(self._buffer.samples) / self._rate_hz

    def stop(self, t: float) -> None:
        """A finite generation has its end in the world's timeline already: stopped early, it goes on until then."""
        if self.t0 is not None and not self._finite:
            self._hold(t, math.floor((t - self.t0) * self._rate_hz) % len(self._buffer.samples))

    def _hold(self, t: float, index: int) -> None:
        last = self._buffer.samples[index]
        held = {channel: ToneProgram(float(v)) for channel, v in zip(self._buffer.channels, last, strict=True)}
        self._board.drive(t, held)

    def _in_hertz(self, program: ToneProgram) -> ToneProgram:
        count = len(self._buffer.samples)  # multiplied first: k · rate / M rounds once, and the world looks for periods
        tones = (replace(tone, frequency_hz=tone.frequency_hz * self._rate_hz / count) for tone in program.tones)
        return replace(program, tones=tuple(tones))
