"""The waveforms of DAQmx's function generator channels, as the tones that the World can play."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from nidaqmx.constants import FuncGenType

from labrig.signals.tones import Tone, ToneProgram
from labrig.virtual_instruments.daqmx.device import DeviceState
from labrig.virtual_instruments.daqmx.tones import MOST_TONES

_SINE_RAD = -math.pi / 2


def function_program(kind: FuncGenType, frequency_hz: float, amplitude_v: float, offset_v: float) -> ToneProgram:
    """A waveform that rises through its offset at its start.

    Squares, triangles and sawtooths are their first harmonics with Lanczos factors, so that they hardly overshoot.

    Parameters
    ----------
    kind
        Shape.
    frequency_hz
        Frequency (Hz).
    amplitude_v
        Peak value without the offset (V).
    offset_v
        Mean value (V).
    """
    sizes: dict[int, float] = {}
    for order in range(1, 2 * MOST_TONES):
        odd = order % 2 == 1
        match kind:
            case FuncGenType.SINE:
                size = float(order == 1)
            case FuncGenType.SQUARE:
                size = 4 / (math.pi * order) if odd else 0.0
            case FuncGenType.TRIANGLE:
                size = 8 / (math.pi * order) ** 2 * (-1) ** (order // 2) if odd else 0.0
            case _:
                size = 2 / (math.pi * order) * (-1) ** (order + 1)
        if size and len(sizes) < MOST_TONES:
            sizes[order] = size
    last = max(sizes) + 1
    tones = []
    for order, size in sizes.items():
        faded = amplitude_v * size * (1.0 if last == 2 else float(np.sinc(order / last)))
        phase = _SINE_RAD if faded >= 0 else _SINE_RAD + math.pi
        tones.append(Tone(order * frequency_hz, abs(faded), phase))
    return ToneProgram(offset_v, tuple(tones))


class FunctionGeneration:
    """The function generator channels of a task, from start to stop; afterwards they keep their last voltage."""

    def __init__(self, board: DeviceState, programs: Mapping[str, ToneProgram]) -> None:
        self.t0: float | None = None
        self._board = board
        self._programs = programs

    def begin(self, t: float) -> None:
        """Start at time t (s)."""
        self.t0 = t
        self._board.drive(t, self._programs)

    def stop(self, t: float) -> None:
        """Stop at time t (s)."""
        if self.t0 is not None:
            since = np.array(t - self.t0)
            self._board.drive(t, {name: ToneProgram(float(p.at(since))) for name, p in self._programs.items()})

    def generated(self, now: float) -> int:
        """Return 0, because no samples are written."""
        return 0

    def done(self, now: float) -> bool:
        """Return False, because the generator plays until it is stopped."""
        return False
