"""The excitation that a rule requests, and the response that was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from labrig.instruments.data import Setting
from labrig.lockin.demodulated import Demodulated
from labrig.lockin.drops import Drops
from labrig.lockin.half_squares import HalfSquares

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Excitation:
    """What the sources play during one acquisition.

    Parameters
    ----------
    activation : (I,) array
        Voltage of each input (V): a DC level, or the signed amplitude of the activation tone, as the rig is configured.
    error : (K, O) array or None
        Signed amplitude of the current injected INTO each output at each error tone (A). None means no error: the
        sources play 0 V with their outputs on.
    trial : mapping of int to Setting
        Settings of some edges, by index, for this acquisition alone: they are written before it, and the previous
        settings are written back after it.
    half_squares : bool
        Whether to lock in ½u² of every drop u as well.
    constant : (O,) array or None
        Constant current injected INTO each output (A), or the rate at which a second quantity is released there.
    """

    activation: Array
    error: Array | None = None
    trial: Mapping[int, Setting] = field(default_factory=dict[int, Setting])
    half_squares: bool = False
    constant: Array | None = None


@dataclass(frozen=True)
class SecondDrops:
    """Drops of a second quantity, which nodes carry besides their voltage.

    The unit is such that these drops respond to a release as the voltage drops respond to a current.

    Parameters
    ----------
    value : (E,) array
        Constant drop of every edge.
    noise : (E,) array
        Standard error due to noise.
    systematic : (E,) array
        Standard uncertainty due to zero and gain of the sensors.
    """

    value: Array
    noise: Array
    systematic: Array


@dataclass(frozen=True)
class SharedErrors:
    """Uncertainties of channels and sources that all responses share.

    Parameters
    ----------
    drops : Drops
        The edges' drops as combinations of channels.
    u_gain : float
        Standard uncertainty of a channel's gain (relative).
    u_zero : float or (C,) array
        Standard uncertainty of a channel's zero, in the unit of the network.
    output_columns : (O,) array of int
        Columns of the outputs among the channels.
    u_error_gain : (O,) array
        Standard uncertainty of the gain of each output's error source (relative).
    u_error_tone : (O,) array
        Additional standard uncertainty of the amplitude of each tone of that source (A).
    """

    drops: Drops
    u_gain: float
    u_zero: float | Array
    output_columns: NDArray[np.intp]
    u_error_gain: Array
    u_error_tone: Array

    def of_outputs(self, outputs: Array, with_zero: bool) -> Array:
        """(O,) variance of these outputs (O,) due to gain and, if `with_zero`, due to zero."""
        zero = np.broadcast_to(np.square(self.u_zero), self.drops.channels)[self.output_columns]
        return (self.u_gain * outputs) ** 2 + (zero if with_zero else 0.0)


@dataclass(frozen=True)
class Response:
    """Coefficients from the lock-in for one acquisition, in V. There are E edges, O outputs and K error tones.

    Parameters
    ----------
    outputs, u_outputs, systematic_outputs : (O,) arrays
        Activation coefficient of the outputs, with the same two uncertainties as `a`.
    a : (E,) array
        Activation coefficient of every edge's drop.
    u_a : (E,) array
        Standard error of `a` due to noise alone.
    systematic_a : (E,) array
        Standard uncertainty of `a` due to zero and gain of the digitizer, the same error in every acquisition.
    b, u_b, systematic_b : (K, E) arrays
        Signed amplitude of every drop at each error tone, with the same two uncertainties.
    error : (K, O) array
        The error currents as they were played (A).
    quadrature : (K, E) array
        Amplitude of every drop at each error tone, 90° ahead of b (V); ideally 0.
    demodulated : Demodulated
        All channels and edges at all tones.
    constant : (O,) array
        Constant currents as they were played (A), or the release of a second quantity.
    second : SecondDrops or None
        Drops of the second quantity, if the network has one.
    half_squares : HalfSquares or None
        ½u² of every drop u at the difference frequency of each error tone and the activation (at the error tone
        itself if the activation is DC), with rows as in b. None if it was not requested.
    shared : SharedErrors or None
        Uncertainties that this response shares with others.
    constant_slope : (E,) array or None
        ∂²E/∂u∂θ if it does not depend on the drop u; None if it equals the drop.
    """

    outputs: Array
    u_outputs: Array
    systematic_outputs: Array
    a: Array
    u_a: Array
    b: Array
    u_b: Array
    systematic_a: Array
    systematic_b: Array
    error: Array
    quadrature: Array
    demodulated: Demodulated
    half_squares: HalfSquares | None = None
    constant: Array = field(default_factory=lambda: np.zeros(0))
    second: SecondDrops | None = None
    shared: SharedErrors | None = None
    constant_slope: Array | None = None

    @property
    def slope(self) -> tuple[Array, Array, Array]:
        """∂²E/∂u∂θ at the drops `a`: value, standard error and systematic uncertainty, (E,) each.

        The product of this slope and b is the gradient.
        """
        if self.constant_slope is None:
            return self.a, self.u_a, self.systematic_a
        known = np.zeros_like(self.constant_slope)
        return self.constant_slope, known, known

    @property
    def u_error(self) -> Array | None:
        """(K, O) standard uncertainty of the error currents (A); None if it is unknown or zero.

        The amplitudes of all tones of one source are off in the same direction.
        """
        if self.shared is None or not (self.shared.u_error_gain.any() or self.shared.u_error_tone.any()):
            return None
        return np.hypot(self.shared.u_error_gain * self.error, self.shared.u_error_tone * (self.error != 0))

    def u_constant(self, change: Array) -> Array | None:
        """(1, O) standard uncertainty of a change (O,) of the constant currents (A); None if it is unknown or zero."""
        if self.shared is None or not self.shared.u_error_gain.any():
            return None
        return (self.shared.u_error_gain * np.abs(change))[np.newaxis]


@dataclass(frozen=True)
class OutputReadings:
    """Measured outputs of several examples.

    Parameters
    ----------
    examples : (M,) array of int
        Indices of the examples.
    volts : (M, O) array
        Output voltages (V).
    noise : (M, O) array
        Standard error due to noise (V).
    systematic : (M, O) array
        Standard uncertainty due to errors that all readings share (V).
    """

    examples: NDArray[np.intp]
    volts: Array
    noise: Array
    systematic: Array

    def of(self, rows: slice) -> OutputReadings:
        """The readings of some of the examples."""
        return OutputReadings(self.examples[rows], self.volts[rows], self.noise[rows], self.systematic[rows])
