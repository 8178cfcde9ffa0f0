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
                    f"buffer; the {len(column)} samples for {channel} do not have this form.",
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

    Each sample is held until the next, so tones are delayed by half a sample.

    Parameters
    ----------
    board
        The board.
    buffers
        The buffers written before the start, in order.
    rate_hz
        Update rate (S/s).
    repeats
        Whether the last buffer is repeated until it is replaced or the task stops. Otherwise the buffers are played
        once: a finite generation, or one without regeneration, which continues as long as samples are written in time.
    """

    def __init__(self, board: DeviceState, buffers: Sequence[OutputBuffer], rate_hz: float, repeats: bool) -> None:
        self.t0: float | None = None
        self._board = board
        self._rate_hz = rate_hz
        self._repeats = repeats
        self._pieces: list[tuple[int, OutputBuffer]] = []
        for buffer in buffers:
            self._pieces.append((self.written, buffer))
        if repeats:
            self._pieces = [(0, buffers[-1])]

    @property
    def written(self) -> int:
        """Number of samples written."""
        return sum(len(buffer.samples) for _, buffer in self._pieces)

    def begin(self, t: float) -> None:
        """Start at time t (s)."""
        self.t0 = t
        for piece in self._pieces:
            self._schedule(*piece)

    def add(self, buffer: OutputBuffer, now: float) -> None:
        """Write during the generation: replace the repeated buffer from its next period on, or append.

        What was written before is already in the World's timeline, including its end, so it is played in any case.
        """
        if self._repeats:
            count = len(self._pieces[-1][1].samples)
            if len(buffer.samples) != count:
                raise DaqmxFailure(
                    Code.SAMPLES_CAN_NOT_YET_BE_WRITTEN,
                    reason=f"A virtual output that repeats its buffer accepts only a whole buffer of {count} samples.",
                )
            first = 0 if self.t0 is None else count * (self.generated(now) // count + 1)
            self._pieces = [*self._pieces[-1:], (first, buffer)] if self.t0 is not None else [(0, buffer)]
        else:
            if self.done(now):
                raise DaqmxFailure(Code.GEN_STOPPED_TO_PREVENT_REGEN_OF_OLD_SAMPLES)
            first = self.written
            self._pieces.append((first, buffer))
        if self.t0 is not None:
            self._schedule(first, buffer)

    def waiting(self, now: float) -> int:
        """Number of samples per channel that were written but have not been played yet."""
        return 0 if self._repeats else self.written - self.generated(now)

    def generated(self, now: float) -> int:
        """Number of samples per channel played so far."""
        if self.t0 is None:
            return 0
        played = max(0, math.floor((now - self.t0) * self._rate_hz))
        return played if self._repeats else min(played, self.written)

    def done(self, now: float) -> bool:
        """Whether everything has been played."""
        return not self._repeats and self.t0 is not None and now >= self.t0 + self.written / self._rate_hz

    def stop(self, t: float) -> None:
        """Stop at time t (s); what is already in the World's timeline cannot be moved."""
        if self.t0 is None or not self._repeats:
            return
        index = self.generated(t)
        first, buffer = next((piece for piece in reversed(self._pieces) if piece[0] <= index), self._pieces[0])
        self._hold(t, buffer, (index - first) % len(buffer.samples))

    def _schedule(self, first: int, buffer: OutputBuffer) -> None:
        """Play a buffer from its first sample on and, if it is not repeated, hold its last sample."""
        assert self.t0 is not None
        begins = self.t0 + first / self._rate_hz
        scaled = [self._in_hertz(program, len(buffer.samples)) for program in buffer.programs]
        half_a_sample_s = 0.5 / self._rate_hz
        self._board.drive(begins + half_a_sample_s, dict(zip(buffer.channels, scaled, strict=True)))
        if not self._repeats:
            self._hold(begins + len(buffer.samples) / self._rate_hz, buffer, -1)

    def _hold(self, t: float, buffer: OutputBuffer, index: int) -> None:
        last = buffer.samples[index]
        held = {channel: ToneProgram(float(v)) for channel, v in zip(buffer.channels, last, strict=True)}
        self._board.drive(t, held)

    def _in_hertz(self, program: ToneProgram, count: int) -> ToneProgram:
        # Multiply first: k · rate / M rounds once, so the World finds the period.
        tones = (replace(tone, frequency_hz=tone.frequency_hz * self._rate_hz / count) for tone in program.tones)
        return replace(program, tones=tuple(tones))
