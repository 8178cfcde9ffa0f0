"""Programs of the source channels for an excitation, and the error currents that played programs contain."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from labrig.errors import ChannelFault, LabrigError, SyncLost
from labrig.learning.measurement import Excitation
from labrig.rig.hookup import Hookup, SourceWire
from labrig.signals.tones import SILENT, Tone, ToneProgram, signed_tone

Array = NDArray[np.float64]

Programs = dict[str, dict[str, ToneProgram]]
"""Programs of all channels, by device and channel."""

LARGEST_TURN_RAD = np.radians(5.0)
"""Largest allowed phase difference between two tones of the same frequency; the error of their sum is then 0.4 %."""


class ChannelPrograms:
    """Translates excitations into programs of the channels, and back.

    Parameters
    ----------
    hookup : Hookup
        The wiring.
    frequencies_hz : tuple of F float
        Frequencies of the tones (Hz). With a sine as activation, the first tone carries the activation, and all others
        carry errors.
    activation : {'dc', 'sine'}
        Kind of activation.
    pilot_v : float
        Sum of the amplitudes of the pilot's tones (V).
    """

    def __init__(
        self, hookup: Hookup, frequencies_hz: tuple[float, ...], activation: Literal["dc", "sine"], pilot_v: float
    ) -> None:
        self._hookup = hookup
        self._frequencies_hz = frequencies_hz
        self._activation_hz = frequencies_hz[0] if activation == "sine" else None
        self.error_rows = slice(1 if activation == "sine" else 0, None)
        self.error_hz = frequencies_hz[self.error_rows]
        self._pilot = ToneProgram(0.0, tuple(Tone(f, pilot_v / len(frequencies_hz)) for f in frequencies_hz))
        self._last: tuple[bytes | None, Programs] = (None, {})

    def programs(self, excitation: Excitation) -> Programs:
        """Programs of all channels. Raises LabrigError for NaN, and for a shape that does not match the wiring."""
        hookup = self._hookup
        activation = np.asarray(excitation.activation, dtype=float)
        if activation.shape != (len(hookup.inputs),):
            inputs = len(hookup.inputs)
            raise LabrigError(
                f"the activation has shape {activation.shape}; with {inputs} inputs it must be ({inputs},)"
            )
        if excitation.error is None and excitation.constant is None and np.isfinite(activation).all():
            return {device: channels.copy() for device, channels in self._without_error(activation).items()}
        shape = len(self.error_hz), len(hookup.outputs)
        error = np.zeros(shape) if excitation.error is None else np.asarray(excitation.error, dtype=float)
        if error.shape != shape:
            raise LabrigError(
                f"the error has shape {error.shape}; with {shape[0]} error tones and {shape[1]} outputs it must be "
                f"{shape}"
            )
        constant = np.zeros(shape[1]) if excitation.constant is None else np.asarray(excitation.constant, dtype=float)
        if constant.shape != shape[1:]:
            raise LabrigError(
                f"the constant error has shape {constant.shape}; with {shape[1]} outputs it must be {shape[1:]}"
            )
        if not (np.isfinite(activation).all() and np.isfinite(error).all() and np.isfinite(constant).all()):
            raise LabrigError("the activation or the error contains NaN or infinity; pass finite numbers only")
        programs = {device: channels.copy() for device, channels in self._without_error(activation).items()}
        volts = error * hookup.output_volts_per_ampere
        levels = (constant * hookup.output_volts_per_ampere).tolist()
        for wire, column, level in zip(hookup.outputs, volts.T.tolist(), levels, strict=True):
            tones = [signed_tone(f, v) for f, v in zip(self.error_hz, column, strict=True) if v != 0]
            if tones or level:
                programs[wire.device][wire.channel] = ToneProgram(level, tuple(tones))
        return programs

    def lead(self, asked: Programs, played: Programs) -> Array:
        """(F,) phase by which the tones of each frequency lead the pilot, beyond the requested phase (rad).

        Some sources shift the phase of all their tones, and report the shift. Raises SyncLost if two sources shift
        tones of the same frequency by different amounts, because no lock-in could separate them. Raises ChannelFault if
        a source reports a tone that was not requested.
        """
        lead, leader = np.zeros(len(self._frequencies_hz)), [""] * len(self._frequencies_hz)
        if played == asked:  # nearly always; the phase of the pilot is requested as 0
            return lead
        pilot = _phases(played, self._hookup.pilot)
        for wire in (*self._hookup.inputs, *self._hookup.outputs):
            if not played[wire.device][wire.channel].tones:
                continue
            wanted = _phases(asked, wire)
            for frequency, phase in _phases(played, wire).items():
                if frequency not in wanted:
                    raise ChannelFault(
                        f"channel {wire.channel} plays {frequency:g} Hz, which was not requested",
                        device=wire.device,
                        action="measure",
                        remedy="check whether another program uses the source, then start again",
                    )
                row = self._frequencies_hz.index(frequency)
                ahead = phase - pilot.get(frequency, 0.0) - wanted[frequency]
                if not leader[row]:
                    lead[row], leader[row] = math.remainder(ahead, 2 * math.pi), wire.label
                    continue
                apart = abs(math.remainder(ahead - lead[row], 2 * math.pi))
                if apart > LARGEST_TURN_RAD:
                    raise SyncLost(
                        f"{leader[row]} and {wire.label} play {frequency:g} Hz {np.degrees(apart):.0f}° apart",
                        action="measure",
                        limit=f"{np.degrees(LARGEST_TURN_RAD):.0f}°",
                        remedy="play all tones of one frequency with sources of the same kind",
                    )
        return lead

    def beats(self, lead: Array) -> list[tuple[int, int | None]]:
        """Pairs of tone numbers: an error tone, and the tone that it beats with (that of the activation; None for DC).

        Raises SyncLost if the sources shift activation and error by different phases, `lead` (F,) in rad.
        """
        rows = range(len(self._frequencies_hz))[self.error_rows]
        if self._activation_hz is None:
            return [(row, None) for row in rows]
        apart = max(abs(math.remainder(ahead - lead[0], 2 * math.pi)) for ahead in lead.tolist())
        if apart > LARGEST_TURN_RAD:
            raise SyncLost(
                f"the sources shift the error tones by {np.degrees(apart):.0f}° relative to the activation tone",
                action="measure",
                limit=f"{np.degrees(LARGEST_TURN_RAD):.0f}°",
                remedy="play activation and error with sources of the same kind",
            )
        return [(row, 0) for row in rows]

    def error_as_played(self, played: Programs, lead: Array) -> Array:
        """(K, O) signed error currents (A), relative to the reference phase of b: the pilot's phase plus `lead`."""
        reference = _phases(played, self._hookup.pilot)
        error = np.zeros((len(self.error_hz), len(self._hookup.outputs)))
        for column, wire in enumerate(self._hookup.outputs):
            for tone in played[wire.device][wire.channel].tones:
                row = self.error_hz.index(tone.frequency_hz)
                turned = tone.phase_rad - reference.get(tone.frequency_hz, 0.0) - lead[self.error_rows][row]
                error[row, column] = tone.amplitude * np.cos(turned) / wire.volts_per_ampere
        return error

    def constant_as_played(self, played: Programs) -> Array:
        """(O,) constant currents that were played (A)."""
        wires = self._hookup.outputs
        return np.array([played[wire.device][wire.channel].dc / wire.volts_per_ampere for wire in wires])

    def _without_error(self, activation: Array) -> Programs:
        """Programs of all channels without error; cached, because an example is measured with and without error."""
        asked = activation.tobytes()
        if asked != self._last[0]:
            hookup, hz = self._hookup, self._activation_hz
            volts = activation * hookup.volts_per_drive
            programs: Programs = {device: {} for device in hookup.sources}
            for wire, x in zip(hookup.inputs, volts.tolist(), strict=True):
                played = ToneProgram(x) if hz is None else ToneProgram(0.0, (signed_tone(hz, x),))
                programs[wire.device][wire.channel] = played
            for wire in hookup.outputs:
                programs[wire.device][wire.channel] = SILENT
            programs[hookup.pilot.device][hookup.pilot.channel] = self._pilot
            self._last = asked, programs
        return self._last[1]


def _phases(programs: Programs, wire: SourceWire) -> dict[float, float]:
    """Phase of each tone of a channel, by its frequency."""
    return {tone.frequency_hz: tone.phase_rad for tone in programs[wire.device][wire.channel].tones}
