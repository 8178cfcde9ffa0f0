"""The result of a demodulator: DC and phasors of every channel and edge, with standard errors and flags."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Flag(Enum):
    """Problems of an acquisition. An update is refused on CLIP, GAP and REF_WEAK."""

    CLIP = "clip"
    """A channel reached an end of its range."""
    GAP = "gap"
    """Scans are missing, or blocks did not follow one another."""
    REF_WEAK = "reference weak"
    """The pilot is too small at some tone for its phase to give a sign."""
    REF_MISSING = "reference missing"
    """No channel carries a pilot: phasors have the random phase of the trigger, so their signs mean nothing."""


@dataclass(frozen=True, slots=True)
class Demodulated:
    """One demodulated window of C channels, E edges and F tones.

    Amplitudes are peak volts, x(t) = Re{X e^{jωt}}, and uncertainties are standard uncertainties.

    Attributes
    ----------
    dc, u_dc : (C,)
        DC of each channel and its standard error (V).
    edge_dc, u_edge_dc : (E,)
        DC of each edge's drop and its standard error (V).
    phasor : (F, C) complex
        Phasor of each channel, corrected for skew, with its phase at the centre of the window.
    edge_phasor : (F, E) complex
        Phasor of each drop relative to the reference phase; the real part is the signed in-phase amplitude.
    u_channel, u_edge : (F, C) and (F, E)
        Standard errors of the in-phase parts.
    systematic_dc, systematic_channel : (C,) and (F, C)
        Standard uncertainty (type B) due to zero, gain and rounding of a channel and to the steps of the sources. These
        errors are nearly the same in every acquisition, so averaging does not make them smaller.
    systematic_edge_dc, systematic_edge : (E,) and (F, E)
        The corresponding uncertainty of the drops.
    reference_phase : (F,)
        Phase of the pilot plus the lead of the played tones over it (rad); 0 without a pilot.
    pilot_amplitude : (F,)
        Amplitude of the pilot (V); 0 without a pilot.
    clock_ratio, u_clock_ratio : float
        Ratio of the source's clock to the digitizer's, measured with the pilot, and its standard error; 1 and infinity
        without a pilot.
    clipped : tuple of int
        Columns of the channels that clipped.
    """

    frequencies_hz: tuple[float, ...]
    dc: NDArray[np.float64]
    u_dc: NDArray[np.float64]
    phasor: NDArray[np.complex128]
    u_channel: NDArray[np.float64]
    edge_dc: NDArray[np.float64]
    u_edge_dc: NDArray[np.float64]
    edge_phasor: NDArray[np.complex128]
    u_edge: NDArray[np.float64]
    systematic_dc: NDArray[np.float64]
    systematic_channel: NDArray[np.float64]
    systematic_edge_dc: NDArray[np.float64]
    systematic_edge: NDArray[np.float64]
    reference_phase: NDArray[np.float64]
    pilot_amplitude: NDArray[np.float64]
    flags: frozenset[Flag]
    clock_ratio: float
    u_clock_ratio: float
    clipped: tuple[int, ...]

    @property
    def in_phase(self) -> NDArray[np.float64]:
        """(F, E) signed amplitude of each edge's drop in phase with the reference (V)."""
        return self.edge_phasor.real

    @property
    def quadrature(self) -> NDArray[np.float64]:
        """(F, E) amplitude of each edge's drop 90° ahead of the reference (V)."""
        return self.edge_phasor.imag

    @property
    def channel_phasor(self) -> NDArray[np.complex128]:
        """(F, C) phasor of each channel relative to the reference phase (V)."""
        return self.phasor * np.exp(-1j * self.reference_phase)[:, np.newaxis]

    def scaled(self, factor: NDArray[np.float64]) -> Demodulated:
        """Return a copy with the amplitudes of each tone, and their uncertainties, multiplied by its `factor` (F,)."""
        by_row = factor[:, np.newaxis]
        return replace(
            self,
            phasor=self.phasor * by_row,
            u_channel=self.u_channel * by_row,
            edge_phasor=self.edge_phasor * by_row,
            u_edge=self.u_edge * by_row,
            systematic_channel=self.systematic_channel * by_row,
            systematic_edge=self.systematic_edge * by_row,
            pilot_amplitude=self.pilot_amplitude * factor,
        )

    def without_stated(self, u_zero: ArrayLike, u_gain: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the (C,) and (F, C) systematic uncertainties without zero and gain errors: mostly rounding.

        u_zero, in the unit of the network, and u_gain are the digitizer's stated uncertainties of zero and gain.
        """
        dc = self.systematic_dc**2 - np.square(u_zero) - (u_gain * self.dc) ** 2
        tones = self.systematic_channel**2 - (u_gain * np.abs(self.phasor)) ** 2
        return np.sqrt(np.maximum(dc, 0.0)), np.sqrt(np.maximum(tones, 0.0))

    @property
    def channel_in_phase(self) -> NDArray[np.float64]:
        """(F, C) signed amplitude of each channel in phase with the reference (V)."""
        return self.channel_phasor.real

    @property
    def channel_quadrature(self) -> NDArray[np.float64]:
        """(F, C) amplitude of each channel 90° ahead of the reference (V)."""
        return self.channel_phasor.imag
