"""What a demodulator hands back: DC and phasors per channel and per edge, with standard errors and flags."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray


class Flag(Enum):
    """What was wrong with an acquisition. An update is refused on CLIP, GAP and REF_WEAK."""

    CLIP = "clip"
    """A channel reached an end of its range."""
    GAP = "gap"
    """Scans are missing, or blocks did not follow one another."""
    REF_WEAK = "reference weak"
    """The pilot is too small at some tone for its phase to give a sign."""
    REF_MISSING = "reference missing"
    """No channel carries a pilot: phasors stand at the trigger's random phase, signs mean nothing."""


@dataclass(frozen=True, slots=True)
class Demodulated:
    """One demodulated window of C channels, E edges and F tones; volts peak, x(t) = Re{X e^{jωt}}, rms uncertainties.

    dc: (C,) and edge_dc: (E,), with standard errors u_dc (C,) and u_edge_dc (E,).
    phasor: (F, C) complex, skew corrected, phase at the window's centre.
    edge_phasor: (F, E) complex drop on the reference phase: the real part is the signed in-phase amplitude.
    u_channel: (F, C) and u_edge: (F, E), standard errors of the in-phase parts.
    systematic_dc: (C,) and systematic_channel: (F, C), what zero, gain and rounding of a channel, and the steps of the
    sources, may add (type B, rms): much the same in every acquisition, so averaging does not make it smaller.
    systematic_edge_dc: (E,) and systematic_edge: (F, E), the same of the drops.
    reference_phase: (F,) phase of the pilot, and by how much what was played is ahead of it (rad); 0 without a pilot.
    pilot_amplitude: (F,) volts, 0 without one.
    clock_ratio, u_clock_ratio: of the source's clock to the digitizer's, by the pilot; 1 and infinite without one.
    clipped: columns of the channels that clipped.
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

    @property
    def channel_in_phase(self) -> NDArray[np.float64]:
        """(F, C) signed amplitude of each channel in phase with the reference (V)."""
        return self.channel_phasor.real

    @property
    def channel_quadrature(self) -> NDArray[np.float64]:
        """(F, C) amplitude of each channel 90° ahead of the reference (V)."""
        return self.channel_phasor.imag
