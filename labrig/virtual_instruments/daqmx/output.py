"""Buffered output of a virtual DAQmx board, repeated or finite."""

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
    """A buffer of samples and the tones they contain.

    Attributes
    ----------
    channels
        Channel names.
    samples
        (M, C) samples (V).
    programs
        Program of each channel, with tone frequencies in cycles per buffer instead of Hz.
    """

    channels: tuple[str, ...]
    samples: NDArray[np.float64]
    programs: tuple[ToneProgram, ...]

    @classmethod
    def of(cls, channels: Sequence[str], samples: NDArray[np.float64], full_scale_v: float, bits: int) -> OutputBuffer:
        """Analyse (M, C) samples (V); raises DaqmxFailure if they are not a constant plus a few tones."""
        check_range(samples, full_scale_v)
        programs = []
        for channel, column in zip(channels, samples.T, strict=True):
            program = recognise(column, len(column), 2 * full_scale_v / 2**bits)
            if program is None:
                raise DaqmxFailure(
                    Code.INVALID_AO_DATA_WRITE,
                    reason=f"A virtual output plays a constant plus at most {MOST_TONES} tones on whole cycles of the "
                    f"buffer, which the {len(column)} samples for {channel} are not.",
                )
            programs.append(program)
        return cls(tuple(channels), samples, tuple(programs))


def check_range(samples: NDArray[np.float64], full_scale_v: float) -> None:
    """Raise DaqmxFailure if a sample (V) is beyond full scale."""
    if not (np.abs(samples) <= full_scale_v).all():
        raise DaqmxFailure(
            Code.INVALID_AO_DATA_WRITE,
            f"Property: DAQmx_AO_Max\nMaximum Value: {full_scale_v:g}\nMinimum Value: {-full_scale_v:g}",
        )


class Generation:
    """One generation, from start to stop. Afterwards the outputs keep their last sample, as on the real boards.

    Each sample is held until the next, so tones are delayed by half a sample. A finite generation plays the buffer
    once.
    """

    def __init__(self, board: DeviceState, buffer: OutputBuffer, rate_hz: float, finite: bool) -> None:
        self.t0: float | None = None
        self._board = board
        self._buffer = buffer
        self._rate_hz = rate_hz
        self._finite = finite

    def begin(self, t: float) -> None:
        """Start at time t (s)."""
        self.t0 = t
        half_a_sample_s = 0.5 / self._rate_hz
        scaled = [self._in_hertz(program) for program in self._buffer.programs]
        self._board.drive(t + half_a_sample_s, dict(zip(self._buffer.channels, scaled, strict=True)))
        if self._finite:
            self._hold(t + len(self._buffer.samples) / self._rate_hz, -1)

    def generated(self, now: float) -> int:
        """Number of samples per channel played so far."""
        if self.t0 is None:
            return 0
        played = max(0, math.floor((now - self.t0) * self._rate_hz))
        return min(played, len(self._buffer.samples)) if self._finite else played

    def done(self, now: float) -> bool:
        """Whether a finite generation has ended."""
        return self._finite and self.t0 is not None and now >= self.t0 + len(self._buffer.samples) / self._rate_hz

    def stop(self, t: float) -> None:
        """Stop at time t (s). The end of a finite generation is already in the world's timeline and cannot be moved."""
        if self.t0 is not None and not self._finite:
            self._hold(t, math.floor((t - self.t0) * self._rate_hz) % len(self._buffer.samples))

    def _hold(self, t: float, index: int) -> None:
        last = self._buffer.samples[index]
        held = {channel: ToneProgram(float(v)) for channel, v in zip(self._buffer.channels, last, strict=True)}
        self._board.drive(t, held)

    def _in_hertz(self, program: ToneProgram) -> ToneProgram:
        count = len(self._buffer.samples)  # multiply first: k · rate / M rounds once, so the world finds the period
        tones = (replace(tone, frequency_hz=tone.frequency_hz * self._rate_hz / count) for tone in program.tones)
        return replace(program, tones=tuple(tones))
