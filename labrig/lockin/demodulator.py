"""The lock-in: blocks of one acquisition in, DC and phasors of every channel and edge out."""

from __future__ import annotations

import cmath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labrig.errors import ConfigError, SyncLost
from labrig.instruments.data import AcquisitionPlan, Block, Conversion
from labrig.lockin.curved_drops import CurvedDrops
from labrig.lockin.demodulated import Demodulated, Flag
from labrig.lockin.drops import Drops, DropTerms, prepare_drops
from labrig.lockin.half_squares import ChannelErrors, HalfSquares, lock_in_half_squares, simultaneous
from labrig.lockin.rounding import MOST_PHASES, NOISE_AVERAGES_IT, noise_before_rounding, rounding_of_window
from labrig.lockin.window_fit import Fitted, WindowFit

Array = NDArray[np.float64]

PILOT_SIGNAL_TO_NOISE = 10.0
"""A pilot is weak below this multiple of its standard error. At 10 its phase is known to 0.1 rad; signs are certain."""

PILOT_FLOOR_V = 1e-9
"""A pilot below this amplitude is weak even without noise, because rounding has a phase too."""

CLIP_SHARE = 0.9
"""A channel that clipped somewhere in a block counts as clipped in a part of the block if its largest reading in that
part exceeds this share of its largest reading in the block. The two ends of a range are not quite symmetric."""


@dataclass(frozen=True, slots=True)
class _Reference:
    """The pilot at each of F tones: phase with its standard error (rad), amplitude (V), and whether it is too weak."""

    phase: Array
    amplitude: Array
    u_phase: Array
    weak: bool


class Demodulator:
    """Demodulates acquisitions of one plan: `start`, `feed` the blocks in order, `result`; then `start` again.

    Parameters
    ----------
    plan : AcquisitionPlan
        As the digitizer returned it, with its actual rate and skew.
    frequencies_hz : (F,)
        Every tone that may be playing (Hz); all tones are fitted, whether they are playing or not.
    drops : (E, C) array or DropTerms
        Voltage of each edge as a combination of channels, usually one +1 and one −1 per row.
    pilot : int or None
        The column that carries the pilot.
    full_scale_codes : (lowest, highest), optional
        Codes of full scale: a channel with an integer code at or beyond either of them has clipped.
    mains_hz : sequence of float
        Possible mains frequencies (Hz); hum at one of them is fitted if it is found.
    per_volt : (C,) array, optional
        Factor from the voltage of each channel to its node's value, in the network's unit per volt; 1 by default.

    Raises
    ------
    ConfigError
        If the arguments do not match.
    """

    def __init__(
        self,
        plan: AcquisitionPlan,
        frequencies_hz: Sequence[float],
        drops: ArrayLike | DropTerms,
        pilot: int | None,
        full_scale_codes: tuple[int, int] | None = None,
        mains_hz: Sequence[float] = (),
        per_volt: Array | None = None,
    ) -> None:
        channels = len(plan.channels)
        self._per_volt = per_volt
        self.u_zero = plan.u_offset_v if per_volt is None else plan.u_offset_v * np.abs(per_volt)
        self._plan = plan
        self._frequencies_hz = tuple(float(f) for f in frequencies_hz)
        self._pilot = pilot
        self._full_scale_codes = full_scale_codes
        if pilot is not None and not 0 <= pilot < channels:
            raise ConfigError(f"the pilot's column {pilot} is not one of 0 to {channels - 1}")
        if len(plan.skew_s) != channels:
            raise ConfigError(f"the plan has {len(plan.skew_s)} skews for {channels} channels; it needs one for each")
        for frequency in self._frequencies_hz:
            if not 0 < frequency < plan.sample_rate_hz / 2:
                raise ConfigError(
                    f"a tone of {frequency:g} Hz cannot be demodulated; use one between DC and Nyquist",
                    limit=f"Nyquist {plan.sample_rate_hz / 2:g} Hz",
                )
        # A channel sampled late by τ shows X e^{jωτ}.
        lag = np.outer(2 * np.pi * np.asarray(self._frequencies_hz), plan.skew_s)
        self._unskew = np.exp(-1j * lag)
        # A mean over the aperture shows X sinc(f · aperture).
        self._averaging = 1 / np.sinc(plan.aperture_s * np.asarray(self._frequencies_hz)) if plan.aperture_s else None
        # The first plane is DC, which does not rotate.
        angles = np.concatenate((np.zeros((1, channels)), lag))
        curve = drops.curve if isinstance(drops, DropTerms) else None
        self._curved: CurvedDrops | None = None
        if isinstance(drops, DropTerms) and curve is not None:
            self._curved = CurvedDrops(drops, curve, angles)
        self._drops: Drops = self._curved or prepare_drops(drops, angles)
        per_sample = 2 * np.pi / plan.sample_rate_hz
        omegas = per_sample * np.asarray(self._frequencies_hz, dtype=np.float64)
        mains = [per_sample * each for each in mains_hz]
        self._fit = WindowFit(omegas, plan.window_samples, pilot, mains, angles, self._drops)
        self._volts = np.zeros((plan.window_samples, channels))
        self._received = np.zeros(plan.window_samples, dtype=np.bool_)
        self._step_v = np.zeros(channels)
        self._scale = b""
        self._conversion: Conversion | None = None
        self.start()

    def start(self) -> None:
        """Begin a new acquisition: forget all blocks that were fed."""
        self._next_index = 0
        self._gap = False
        self._clipped = np.zeros(len(self._plan.channels), dtype=np.bool_)
        self._received[:] = False
        self._extremes = np.inf, -np.inf

    def feed(self, block: Block) -> None:
        """Take the next block, of any length; scans of the settling time and scans beyond the window are ignored.

        A channel in `block.overrange` counts as clipped only if it comes near its largest reading of the block within
        the window. During the settling time, sources may still be playing their previous programs.
        """
        scans, channels = block.codes.shape
        if channels != len(self._plan.channels):
            raise ConfigError(f"the block has {channels} columns, but the plan has {len(self._plan.channels)} channels")
        total = self._plan.total_samples
        if self._next_index < total and (block.start_index != self._next_index or block.lost):
            self._gap = True
        self._next_index = block.start_index + scans
        position = block.start_index - self._plan.settle_samples
        first, last = max(position, 0), min(position + scans, self._plan.window_samples)
        if first >= last:
            return
        codes = block.codes[first - position : last - position]
        conversion = self._conversion_by(block.scale)
        conversion.volts(codes, out=self._volts[first:last])
        ends = codes.min(), codes.max()
        lowest, highest = conversion.extremes(codes, ends)
        # The comparisons are written so that NaN is kept.
        self._extremes = (
            lowest if not lowest >= self._extremes[0] else self._extremes[0],
            highest if not highest <= self._extremes[1] else self._extremes[1],
        )
        self._received[first:last] = True
        self._step_v = conversion.step_v(codes)
        self._clipped |= block.overrange if len(codes) == scans else self._over_range_within(block, codes)
        self._clipped |= self._at_full_scale(codes, ends)

    def _over_range_within(self, block: Block, codes: NDArray[Any]) -> NDArray[np.bool_]:
        """(C,) mask of the channels in `block.overrange` that reached an end of their range in the part `codes`."""
        over = block.overrange.copy()
        if over.any():
            convert = self._conversion_by(block.scale).volts
            peak, of_block = np.abs(convert(codes)).max(axis=0), np.abs(convert(block.codes)).max(axis=0)
            over &= ~(peak < CLIP_SHARE * of_block)  # written so that NaN is kept
        return over

    def _conversion_by(self, scale: Array) -> Conversion:
        """The conversion of codes by `scale` (C, 4) to the unit of the network; the last conversion is cached."""
        given = scale.tobytes()
        if self._conversion is None or given != self._scale:
            self._scale = given
            self._conversion = Conversion(scale if self._per_volt is None else scale * self._per_volt[:, np.newaxis])
        return self._conversion

    def result(self, lead_rad: ArrayLike = 0.0) -> Demodulated:
        """Demodulate the window.

        Parameters
        ----------
        lead_rad : (F,)
            Phase by which the played tones lead the pilot, whose phase is the reference (rad).

        Raises
        ------
        SyncLost
            If the window is not complete yet, or too few of its scans were received. A few lost scans only set a flag.
        """
        if self._curved is not None:
            self._curved.linearize(self._volts.mean(axis=0))
        fitted = self._fitted()
        theta, density = fitted.theta, fitted.density
        rounding = self._rounding(fitted)
        dc = theta[0]
        phasor = (theta[1::2] - 1j * theta[2::2]) * self._unskew
        squares = theta**2
        gains = fitted.estimator.variance_gains
        reference = self._reference(phasor, density.channels, gains, np.asarray(lead_rad))
        cosine, sine = np.cos(reference.phase), np.sin(reference.phase)
        referenced = phasor * (cosine - 1j * sine)[:, np.newaxis]
        zero, gain_error = self.u_zero, self._plan.u_gain
        tones, channels = phasor.shape
        systematic = np.empty((1 + tones, channels))
        systematic[0], systematic[1:] = squares[0], squares[1::2] + squares[2::2]
        systematic *= gain_error**2
        systematic[0] += zero**2
        if rounding is not None:
            systematic += rounding
        parts = np.empty((1 + 2 * tones, channels))
        parts[0], parts[1 : 1 + tones], parts[1 + tones :] = dc, referenced.real, referenced.imag
        drops = self._drops.of(parts)
        if self._curved is not None:
            drops[0] += self._curved.offset
        in_phase, quadrature = drops[1 : 1 + tones], drops[1 + tones :]
        of_drops = self._drops.of_squares(systematic)
        if fitted.steps is not None:
            systematic[1:] += fitted.steps[0]
            of_drops[1:] += fitted.steps[1]

        # Rows: DC, then the in-phase part of each tone. The two quadratures differ in gain only in windows of a few
        # cycles, where the skew rotates them only slightly.
        gain = np.concatenate((gains[:1], gains[1::2] * cosine**2 + gains[2::2] * sine**2))[:, np.newaxis]
        u_channel = np.sqrt(density.channels * gain)
        # Rounding may leave a variance of zero slightly negative.
        u_edge = np.sqrt(np.maximum(density.drops, 0.0) * gain)
        np.sqrt(systematic, out=systematic)
        np.sqrt(of_drops, out=of_drops)
        # Noise of the pilot's phase mixes some of the quadrature into the in-phase part.
        turned = reference.u_phase[:, np.newaxis]
        read = Demodulated(
            frequencies_hz=self._frequencies_hz,
            dc=dc,
            u_dc=u_channel[0],
            phasor=phasor,
            u_channel=np.hypot(u_channel[1:], referenced.imag * turned),
            edge_dc=drops[0],
            u_edge_dc=u_edge[0],
            edge_phasor=in_phase + 1j * quadrature,
            u_edge=np.hypot(u_edge[1:], quadrature * turned),
            systematic_dc=systematic[0],
            systematic_channel=systematic[1:],
            systematic_edge_dc=of_drops[0],
            systematic_edge=of_drops[1:],
            reference_phase=reference.phase,
            pilot_amplitude=reference.amplitude,
            flags=self._flags(reference),
            clock_ratio=fitted.clock_ratio,
            u_clock_ratio=fitted.u_clock_ratio,
            clipped=tuple(np.flatnonzero(self._clipped).tolist()),
        )
        return read if self._averaging is None else read.scaled(self._averaging)

    def half_squares(self, read: Demodulated, beats: Sequence[tuple[int, int | None]]) -> HalfSquares:
        """Lock in ½u² of every drop in the present window.

        Parameters
        ----------
        read : Demodulated
            The `result` of this window, which provides phases and noise.
        beats : sequence of R (int, int or None)
            Pairs of tones: ½u² is measured at the difference of their frequencies and of their reference phases. None
            as the second tone means DC.
        """
        plan, samples = self._plan, self._plan.window_samples
        omegas, phases = 2 * np.pi * np.asarray(self._frequencies_hz) / plan.sample_rate_hz, read.reference_phase
        times = np.arange(samples) - (samples - 1) / 2
        second = [(0.0, 0.0) if k is None else (omegas[k], phases[k]) for _, k in beats]
        turned = [
            (omegas[k] - omega) * times + phases[k] - phase
            for (k, _), (omega, phase) in zip(beats, second, strict=True)
        ]
        gain = self._fit.estimator.variance_gains[0]
        left = np.where(read.u_dc**2 / gain > NOISE_AVERAGES_IT * self._step_v**2, 0.0, self._step_v**2 / 12)
        errors = ChannelErrors(read.u_edge_dc**2 / gain, plan.u_gain, self.u_zero, left, self._fit.period or samples)
        volts = self._volts
        if np.ptp(plan.skew_s) > 0:
            cycles = [round(f * samples / plan.sample_rate_hz) for f in self._frequencies_hz]
            strong = sorted({k for _, k in beats if k is not None})
            volts = simultaneous(volts, cycles, strong, plan.skew_s, plan.sample_rate_hz)
        return lock_in_half_squares(volts, 2 / samples * np.cos(turned), self._drops, errors)

    def _fitted(self) -> Fitted:
        """Fit the received samples of the window. Raises SyncLost under the same conditions as `result`."""
        missing = self._plan.total_samples - self._next_index
        if missing > 0:
            raise SyncLost(
                f"the window is not complete: the last {missing} of {self._plan.total_samples} scans are missing",
                action="demodulating",
                remedy="read the digitizer until the acquisition ends",
            )
        try:
            return self._fit.of(self._volts, self._received)
        except ConfigError as error:
            lost = int(np.count_nonzero(~self._received))
            raise SyncLost(
                f"{lost} of {len(self._volts)} scans were lost, too many to demodulate the rest; lower the sample rate"
            ) from error

    def _reference(self, phasor: NDArray[np.complex128], variance: Array, gains: Array, lead_rad: Array) -> _Reference:
        """The reference from phasor (F, C), noise variance (C,) or (1 + F, C), and variance gains (P,) of the fit."""
        if self._pilot is None:
            none = np.zeros(len(self._frequencies_hz))
            return _Reference(none, none, none, weak=False)
        # One number at a time: for a column, NumPy 1 chooses between two algorithms by its address in memory. Their
        # results differ in the last digits, and a replay would differ too.
        pilot = phasor[:, self._pilot].tolist()
        amplitude = np.array([abs(each) for each in pilot])
        noise = variance[self._pilot] if variance.ndim == 1 else variance[1:, self._pilot]
        u_pilot = np.sqrt(noise * np.maximum(gains[1::2], gains[2::2]))
        return _Reference(
            phase=np.array([cmath.phase(each) for each in pilot]) + lead_rad,
            amplitude=amplitude,
            u_phase=u_pilot / np.maximum(amplitude, PILOT_FLOOR_V),
            weak=bool((amplitude < np.maximum(PILOT_SIGNAL_TO_NOISE * u_pilot, PILOT_FLOOR_V)).any()),
        )

    def _rounding(self, fitted: Fitted) -> Array | None:
        """Mean square (1 + F, C) error of DC and of each tone due to rounding (V²); None if it is negligible."""
        estimator, theta = fitted.estimator, fitted.theta
        rounds = np.flatnonzero(self._step_v)
        step = self._step_v[rounds]
        scatter = fitted.scatter[rounds] / step**2
        if not len(rounds) or scatter.min() > NOISE_AVERAGES_IT:
            return None
        samples = len(estimator.basis)
        if self._fit.period is not None and samples == self._plan.window_samples:
            phases = slice(self._fit.period)
        else:
            phases = slice(None, None, -(-samples // MOST_PHASES))
        basis = estimator.basis[phases]
        weights = estimator.pseudo_inverse[:, phases] * (samples / len(basis))
        pilot = None if self._pilot is None else int(np.searchsorted(rounds, self._pilot))
        sigma = noise_before_rounding(scatter)
        left = np.zeros((1 + len(self._frequencies_hz), len(self._step_v)))
        left[:, rounds] = rounding_of_window(sigma, theta[:, rounds] / step, basis, weights, pilot) * step**2
        return left

    def _flags(self, reference: _Reference) -> frozenset[Flag]:
        raised = [
            Flag.GAP if self._gap else None,
            Flag.CLIP if self._clipped.any() else None,
            Flag.REF_WEAK if reference.weak else None,
            Flag.REF_MISSING if self._pilot is None else None,
        ]
        return frozenset(filter(None, raised))

    def window(self) -> NDArray[np.float64]:
        """(N, C) volts of the window as fed so far, for spectra and records."""
        return self._volts.copy()

    @property
    def extremes(self) -> tuple[float, float]:
        """Lowest and highest voltage of any channel in the window as fed so far, or bounds on them (V)."""
        return self._extremes

    def channel_extremes(self) -> tuple[Array, Array]:
        """Lowest and highest voltage of each channel in the window as fed so far, each (C,) in V."""
        volts = self._volts[self._received]
        return volts.min(axis=0), volts.max(axis=0)

    def mean_squares(self) -> Array:
        """(E,) mean square of every drop in the window as fed so far, whatever its waveform (V²)."""
        volts = self._volts[self._received]
        if self._curved is not None:
            return np.mean(self._curved.values(volts) ** 2, axis=0)
        return self._drops.terms(volts.T @ volts / len(volts)).sum(axis=0)

    def _at_full_scale(
        self, codes: NDArray[np.integer] | NDArray[np.float64], ends: tuple[Any, Any]
    ) -> NDArray[np.bool_] | bool:
        """(C,) mask of the channels whose integer codes, with these `ends`, reach full scale; False if none does."""
        if self._full_scale_codes is None or codes.dtype.kind == "f":
            return False
        lowest, highest = self._full_scale_codes
        # The whole array first: with few columns of int16, one pass per column is several times slower.
        if ends[0] > lowest and ends[1] < highest:
            return False
        return np.any((codes <= lowest) | (codes >= highest), axis=0)
