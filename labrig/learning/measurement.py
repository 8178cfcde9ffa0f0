"""What a rule asks to be played, and what was read."""

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
    """What is played during one acquisition.

    Parameters
    ----------
    activation : (I,) array
        Voltage of each input (V): a DC level, or the signed amplitude of the activation tone, as the rig is configured.
    error : (K, O) array or None
        Signed amplitude of the current injected INTO each output at each error tone (A). None is zero: sources at 0 V
        with their outputs on.
    trial : mapping of int to Setting
        Settings of some edges, by index, for this acquisition alone: they are written before it, and what stood there
        is written back after it.
    half_squares : bool
        Whether to lock in ½u² of every drop u as well.
    constant : (O,) array or None
        Constant current injected INTO each output (A), or what is released there of a second quantity.
    """

    activation: Array
    error: Array | None = None
    trial: Mapping[int, Setting] = field(default_factory=dict[int, Setting])
    half_squares: bool = False
    constant: Array | None = None


@dataclass(frozen=True)
class SecondDrops:
    """Drops of a second quantity, which nodes carry besides their voltage.

    Parameters
    ----------
    value, noise, systematic : (E,) arrays
        Constant drop of every edge, in units in which it answers a flow as the voltage answers a current; its standard
        error from noise; what zero and gain of the sensors may add.
    """

    value: Array
    noise: Array
    systematic: Array


@dataclass(frozen=True)
class SharedErrors:
    """What is known of the errors of channels and sources that all responses share.

    Parameters
    ----------
    drops : Drops
        Of the channels.
    u_gain : float
        Standard uncertainty of a channel's gain (relative).
    u_zero : float or (C,) array
        Standard uncertainty of a channel's zero, in the unit of the network.
    output_columns : (O,) array of int
        Columns of the outputs among the channels.
    u_error_gain : (O,) array
        Standard uncertainty of the gain of the source of each output's error (relative).
    u_error_tone : (O,) array
        Standard uncertainty of the amplitude of each of its tones besides (A).
    """

    drops: Drops
    u_gain: float
    u_zero: float | Array
    output_columns: NDArray[np.intp]
    u_error_gain: Array
    u_error_tone: Array

    def of_outputs(self, outputs: Array, with_zero: bool) -> Array:
        """(O,) variance that gain, and zero where it counts, leave in these outputs (O,)."""
        zero = np.broadcast_to(np.square(self.u_zero), self.drops.channels)[self.output_columns]
        return (self.u_gain * outputs) ** 2 + (zero if with_zero else 0.0)


@dataclass(frozen=True)
class Response:
    """Coefficients that were read by lock-in during one acquisition. E edges, O outputs, K error tones; volts.

    Parameters
    ----------
    outputs, u_outputs, systematic_outputs : (O,) arrays
        Activation coefficient of the outputs, and its two uncertainties (see a).
    a, u_a, systematic_a : (E,) arrays
        Activation coefficient of every edge's drop; its standard error from noise alone; what zero and gain of the
        digitizer may add, the same in every acquisition.
    b, u_b, systematic_b : (K, E) arrays
        Signed amplitude of every drop at each error tone, and the same two uncertainties.
    error : (K, O) array
        The error currents as they were played (A).
    quadrature : (K, E) array
        The part 90° from b: a validity meter.
    demodulated : Demodulated
        All channels and edges at all tones.
    constant : (O,) array
        Constant currents as they were played (A), or the release of a second quantity.
    second : SecondDrops or None
        Of a network with a second quantity.
    half_squares : HalfSquares or None
        Rows as in b: ½u² of every drop u where the error tone beats with the activation, at the difference of their
        frequencies (at the error tone itself if the activation is DC). None if it was not asked for.
    shared : SharedErrors or None
        What is known of errors that this response shares with others.
    constant_slope : (E,) array or None
        ∂²E/∂u∂θ where it is the same at every drop u; None if it is the drop.
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
        """(E,) ∂²E/∂u∂θ at the drops `a`, which times b is the gradient: value, standard error, systematic part."""
        if self.constant_slope is None:
            return self.a, self.u_a, self.systematic_a
        known = np.zeros_like(self.constant_slope)
        return self.constant_slope, known, known

    @property
    def u_error(self) -> Array | None:
        """(K, O) standard uncertainty of the error currents (A); None if nothing is known of it, or it is zero.

        The tones of one source have the same sign of it.
        """
        if self.shared is None or not (self.shared.u_error_gain.any() or self.shared.u_error_tone.any()):
            return None
        return np.hypot(self.shared.u_error_gain * self.error, self.shared.u_error_tone * (self.error != 0))

    def u_constant(self, change: Array) -> Array | None:
        """(1, O) the same of a change of the constant currents (O,) (A)."""
        if self.shared is None or not self.shared.u_error_gain.any():
            return None
        return (self.shared.u_error_gain * np.abs(change))[np.newaxis]


@dataclass(frozen=True)
class OutputReadings:
    """The outputs of several examples, as one instrument reads them.

    Parameters
    ----------
    examples : (M,) array of int
        Indices of the examples.
    volts, noise, systematic : (M, O) arrays
        What was read, its standard error from noise, and the standard uncertainty that every reading shares (V).
    """

    examples: NDArray[np.intp]
    volts: Array
    noise: Array
    systematic: Array

    def of(self, rows: slice) -> OutputReadings:
        """Some of the examples."""
        return OutputReadings(self.examples[rows], self.volts[rows], self.noise[rows], self.systematic[rows])
