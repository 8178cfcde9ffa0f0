"""The callback of the stream, which calculates the tones and records the frames.

PortAudio calls the callback in a thread of its own, which must never wait. So nothing here takes a lock: the threads
hand over whole objects, each by a single assignment to an attribute, which is atomic.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.signals.tones import ToneProgram

SAMPLE_BITS = 32
"""Bits of a sample of the stream; the converters use the upper ones."""

FLAWS = ("input_underflow", "input_overflow", "output_underflow", "output_overflow")
"""Flags of sounddevice for a gap in the stream."""


class Waves:
    """The tones of all outputs.

    Parameters
    ----------
    programs : mapping
        Program of each channel (V).
    channels : sequence of str
        The outputs, in the order of the stream.
    step_v : float
        Voltage step between adjacent codes (V).
    """

    def __init__(self, programs: Mapping[str, ToneProgram], channels: Sequence[str], step_v: float) -> None:
        tones = [
            (column, tone)
            for column, channel in enumerate(channels)
            for tone in programs.get(channel, ToneProgram(0.0)).tones
        ]
        self._frequencies_hz = np.array(sorted({tone.frequency_hz for _, tone in tones}))
        self._phasors: NDArray[np.complex128] = np.zeros((len(self._frequencies_hz), len(channels)), dtype=complex)
        for column, tone in tones:
            row = int(np.searchsorted(self._frequencies_hz, tone.frequency_hz))
            self._phasors[row, column] += tone.amplitude / step_v * np.exp(1j * tone.phase_rad)

    def codes(self, first: int, count: int, rate_hz: float) -> NDArray[np.float64]:
        """Return the codes, not rounded, of `count` frames from frame `first` on, counted from the start.

        Shape (count, channels).
        """
        turns = np.outer(np.arange(first, first + count) / rate_hz, self._frequencies_hz) % 1.0
        angle = 2 * np.pi * turns
        return np.cos(angle) @ self._phasors.real - np.sin(angle) @ self._phasors.imag


class Recording:
    """One acquisition.

    Attributes
    ----------
    frames : (T, channels) array
        Samples.
    recorded : int
        Number of frames recorded so far.
    flaw : str
        Flags of a gap in the stream; "" if there was none.
    done : bool
        Whether the recording is complete.
    """

    def __init__(self, count: int, channels: int) -> None:
        self.frames = np.zeros((count, channels), dtype=np.int32)
        self.recorded = 0
        self.flaw = ""
        self.done = False

    def add(self, frames: NDArray[np.int32], flaw: str) -> None:
        """Add frames. The flags of the block after the last one count too, because a gap is flagged late."""
        self.flaw = self.flaw or flaw
        self.done = self.recorded == len(self.frames)
        end = min(self.recorded + len(frames), len(self.frames))
        self.frames[self.recorded : end] = frames[: end - self.recorded]
        self.recorded = end


class Player:
    """The state of a stream.

    Parameters
    ----------
    rate_hz : float
        Sample rate (S/s).
    outputs, inputs : int
        Numbers of channels of the stream.
    output_bits : int
        Resolution of the outputs.
    """

    def __init__(self, rate_hz: float, outputs: int, inputs: int, output_bits: int) -> None:
        self.settings = rate_hz, outputs, inputs, output_bits
        self.rate_hz, self.inputs, self.output_bits = rate_hz, inputs, output_bits
        self.armed: Recording | None = None
        self.finished = False
        self.failure: Exception | None = None
        self._called_s = time.monotonic()
        self._next_waves: Waves | None = None
        self._next_recording: Recording | None = None
        self._waves: Waves | None = None
        self._first = self._position = 0
        self._recording: Recording | None = None
        self._muted = False

    @property
    def silence_s(self) -> float:
        """Time since the last callback (s)."""
        return time.monotonic() - self._called_s

    def play(self, waves: Waves) -> None:
        """Play these tones from the next block on, and begin the armed recording there."""
        self._next_waves = waves
        self.record()

    def record(self) -> None:
        """Begin the armed recording at the next block."""
        armed, self.armed = self.armed, None
        if armed is not None:
            self._next_recording = armed

    def mute(self) -> None:
        """Play zeros from now on, whatever is loaded later."""
        self._muted = True

    def finish(self) -> None:
        """Take note of the end of the stream; called by PortAudio."""
        self.finished = True

    def callback(
        self, indata: NDArray[np.int32], outdata: NDArray[np.int32], frames: int, when: Any, status: Any
    ) -> None:
        """Fill `outdata` (frames, outputs) and take `indata` (frames, inputs); called by PortAudio."""
        self._called_s = time.monotonic()
        try:
            if self._next_waves is not None:
                self._waves, self._next_waves, self._first = self._next_waves, None, self._position
            if self._next_recording is not None:
                self._recording, self._next_recording = self._next_recording, None
            self._fill(outdata, frames)
            if self._recording is not None:
                flaw = ", ".join(flag.replace("_", " ") for flag in FLAWS if getattr(status, flag)) if status else ""
                self._recording.add(indata, flaw)
                if self._recording.done:
                    self._recording = None
        except Exception as error:  # an exception would end the stream, with a traceback on the terminal
            self.failure = error
            outdata[:] = 0
        self._position += frames

    def _fill(self, outdata: NDArray[np.int32], frames: int) -> None:
        if self._muted or self._waves is None:
            outdata[:] = 0
            return
        highest = 1 << (self.output_bits - 1)
        codes = np.rint(self._waves.codes(self._position - self._first, frames, self.rate_hz))
        whole = np.clip(codes, -highest, highest - 1).astype(np.int32)
        outdata[:] = 0
        outdata[:, : whole.shape[1]] = whole << (SAMPLE_BITS - self.output_bits)
