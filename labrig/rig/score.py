"""What each channel of each source plays for an excitation, and the error current that is in what was played."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from labrig.errors import LabrigError
from labrig.rig.hookup import Hookup, SourceWire
from labrig.rig.measurement import Excitation
from labrig.signals.tones import Tone, ToneProgram, signed_tone

Array = NDArray[np.float64]

Programs = dict[str, dict[str, ToneProgram]]
"""By device and channel."""


class Score:
    """frequencies_hz: where tones are; with activation "sine" the first is the activation's, every other one carries
    error. pilot_v: amplitude of the pilot, shared by all of them."""

    def __init__(
        self, hookup: Hookup, frequencies_hz: tuple[float, ...], activation: Literal["dc", "sine"], pilot_v: float
    ) -> None:
        self._hookup = hookup
        self._activation_hz = frequencies_hz[0] if activation == "sine" else None
        self.error_rows = slice(1 if activation == "sine" else 0, None)
        self.error_hz = frequencies_hz[self.error_rows]
        self._pilot = ToneProgram(0.0, tuple(Tone(f, pilot_v / len(frequencies_hz)) for f in frequencies_hz))

    def programs(self, excitation: Excitation) -> Programs:
        """What each channel plays. Raises LabrigError for an activation that is not of the wiring's shape."""
        hookup = self._hookup
        activation = np.asarray(excitation.activation, dtype=float)
        if activation.shape != (len(hookup.inputs),):
            raise LabrigError(f"the activation has shape {activation.shape}, the wiring {len(hookup.inputs)} inputs")
        error = np.zeros((len(self.error_hz), len(hookup.outputs)))
        if excitation.error is not None:
            error += excitation.error
        volts = error * hookup.output_volts_per_ampere
        programs: Programs = {device: {} for device in hookup.sources}
        for wire, x in zip(hookup.inputs, activation.tolist(), strict=True):
            programs[wire.device][wire.channel] = self._activation(x)
        for wire, column in zip(hookup.outputs, volts.T.tolist(), strict=True):
            tones = (signed_tone(f, v) for f, v in zip(self.error_hz, column, strict=True) if v != 0)
            programs[wire.device][wire.channel] = ToneProgram(0.0, tuple(tones))
        programs[hookup.pilot.device][hookup.pilot.channel] = self._pilot
        return programs

    def by_node(self, programs: Programs) -> Iterator[tuple[str, ToneProgram]]:
        """What the source of each driven node plays."""
        wires: tuple[SourceWire, ...] = (*self._hookup.inputs, *self._hookup.outputs, self._hookup.pilot)
        for wire in wires:
            yield wire.node, programs[wire.device][wire.channel]

    def error_as_played(self, played: Programs) -> Array:
        """(K, O) signed currents (A). A tone's sign is that of its phase against the pilot's, as b's is: some sources
        turn every tone alike, and say so."""
        pilot = self._hookup.pilot
        reference = {tone.frequency_hz: tone.phase_rad for tone in played[pilot.device][pilot.channel].tones}
        error = np.zeros((len(self.error_hz), len(self._hookup.outputs)))
        for column, wire in enumerate(self._hookup.outputs):
            for tone in played[wire.device][wire.channel].tones:
                row = self.error_hz.index(tone.frequency_hz)
                turned = tone.phase_rad - reference[tone.frequency_hz]
                error[row, column] = tone.amplitude * np.cos(turned) / wire.volts_per_ampere
        return error

    def _activation(self, x: float) -> ToneProgram:
        if self._activation_hz is None:
            return ToneProgram(x)
        return ToneProgram(0.0, (signed_tone(self._activation_hz, x),))
