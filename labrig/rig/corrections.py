"""Corrections of phasors by a calibration record: crosstalk of the sources, and the response of each channel.

    true = (read − Σ_s κ_s(f) · tone_s) / H(f)

Gain, offset and delay of a channel are corrected earlier, in the samples and in the plan of the acquisition. The
remaining uncertainties of the crosstalk, the response, and the delay (which turns part of the quadrature into the
in-phase part) are added to the systematic uncertainties.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from labrig.calibration.record import CalibrationRecord
from labrig.lockin.demodulated import Demodulated
from labrig.lockin.drops import prepare_drops
from labrig.rig.channel_programs import Programs
from labrig.rig.hookup import Hookup, SourceWire
from labrig.signals.tone_planner import TonePlan

Array = NDArray[np.float64]

SIGNIFICANT = 3.0
"""A response is corrected if it differs from 1 by more than this number of standard uncertainties."""


class ChannelCorrections:
    """The corrections of one rig.

    Parameters
    ----------
    record : CalibrationRecord
        The calibration of sources and digitizer.
    hookup : Hookup
        The wiring.
    tones : TonePlan
        The tones that may be played.
    """

    def __init__(self, record: CalibrationRecord, hookup: Hookup, tones: TonePlan) -> None:
        self._hz = np.asarray(tones.frequencies_hz, dtype=float)
        self._hookup, self._drops = hookup, prepare_drops(hookup.drops)
        columns = [record.inputs.index(f"{hookup.digitizer}/{wire.channel}") for wire in hookup.senses]
        rows = [record.outputs.index(wire.label) for wire in self._wires]
        of, sources = record.of_inputs, record.of_outputs
        per_volt = 1.0 if hookup.per_volt is None else hookup.per_volt
        kappa = sources.crosstalk[:, rows][:, :, columns] * per_volt
        self._share = kappa[0] + np.multiply.outer(self._hz, kappa[1])  # (F, S, C)
        self._u_share = sources.u_crosstalk[rows][:, columns] * np.abs(per_volt)
        off = of.response_at(self._hz)[:, columns] - 1.0
        u_off = of.u_response_at(self._hz)[:, columns]
        self._off = np.where(np.abs(off) > SIGNIFICANT * u_off, off, 0.0)
        self._u_off = u_off
        self._u_turn = np.multiply.outer(2 * np.pi * self._hz, of.u_delay_s[columns])

    @property
    def _wires(self) -> tuple[SourceWire, ...]:
        return (*self._hookup.inputs, *self._hookup.outputs, self._hookup.pilot)

    def applied_to(self, read: Demodulated, played: Programs, lead: Array) -> Demodulated:
        """Return the reading with corrected phasors and their uncertainties.

        Parameters
        ----------
        read : Demodulated
            The reading, corrected for gain, offset and delay.
        played : dict
            The programs as played, by device and channel.
        lead : (F,) array
            Lead of the played tones over the pilot, beyond the requested phase (rad).
        """
        tones = self._tones(played, lead)
        channels = read.channel_phasor
        stray = np.einsum("fs,fsc->fc", tones, self._share)
        true = (channels - stray) / (1.0 + self._off)
        change = true - channels
        variance = (np.abs(tones) ** 2) @ self._u_share**2 + (np.abs(channels) * self._u_off) ** 2
        variance += (channels.imag * self._u_turn) ** 2
        turned = np.exp(1j * read.reference_phase)[:, np.newaxis]
        return replace(
            read,
            phasor=true * turned,
            edge_phasor=read.edge_phasor + self._drops.of(change.real) + 1j * self._drops.of(change.imag),
            systematic_channel=np.sqrt(read.systematic_channel**2 + variance),
            systematic_edge=np.sqrt(read.systematic_edge**2 + self._drops.of_squares(variance)),
        )

    def _tones(self, played: Programs, lead: Array) -> NDArray[np.complex128]:
        """(F, S) phasor of each tone of each source channel, relative to the reference phase (V)."""
        pilot = self._hookup.pilot
        reference = {tone.frequency_hz: tone.phase_rad for tone in played[pilot.device][pilot.channel].tones}
        found = np.zeros((len(self._hz), len(self._wires)), dtype=complex)
        rows = {hz: row for row, hz in enumerate(self._hz.tolist())}
        for column, wire in enumerate(self._wires):
            for tone in played[wire.device][wire.channel].tones:
                row = rows.get(tone.frequency_hz)
                if row is not None:
                    turn = tone.phase_rad - reference.get(tone.frequency_hz, 0.0) - lead[row]
                    found[row, column] = tone.amplitude * np.exp(1j * turn)
        return found
