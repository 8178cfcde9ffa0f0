"""The fit of DC and tones to one window, with uncertainties.

Usually the tones are at their nominal frequencies and noise is white; then one prepared fit and the scatter around it
are enough. If the pilot shows that the clocks differ, the tones are fitted at their real frequencies. If the noise is
not white, mains hum is searched for and fitted too, and the noise density beside each tone replaces the scatter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labrig.lockin.clock_ratio import ClockRatio
from labrig.lockin.drops import Drops
from labrig.lockin.estimator import (
    LeastSquares,
    aperiodic_residual,
    at_rows,
    common_period,
    extended,
    joint_least_squares,
)
from labrig.lockin.mains import find_hum
from labrig.lockin.noise_spectrum import Density, NoiseSpectrum
from labrig.lockin.source_steps import SourceSteps

Array = NDArray[np.float64]


CLOCK_STEPS = 4
"""Largest number of iterations from the nominal frequencies to the real ones."""


@dataclass(slots=True)
class Fitted:
    """DC and tones of one window.

    Attributes
    ----------
    estimator : LeastSquares
        The fit that was used.
    theta : (1 + 2F, C) array
        Fitted parameters (V).
    scatter : (C,) array
        Noise variance of a sample (V²).
    density : Density
        Noise density at DC and at each tone.
    periods : (P, C) array or None
        Mean over all periods of the tones (V); None if the tones have no common period, or samples were lost.
    steps : tuple of (F, C) and (F, E) arrays, or None
        Variance of the tones of channels and of drops due to the steps of the sources (V²).
    clock_ratio, u_clock_ratio : float
        Ratio of the source's clock to the digitizer's, and its standard error.
    """

    estimator: LeastSquares
    theta: Array
    scatter: Array
    density: Density
    periods: Array | None = None
    steps: tuple[Array, Array] | None = None
    clock_ratio: float = 1.0
    u_clock_ratio: float = np.inf


class WindowFit:
    """Fits windows of N samples.

    Parameters
    ----------
    omegas : (F,)
        Frequencies of the tones (rad per sample).
    samples : int
        N.
    pilot : int or None
        The column that carries the pilot.
    mains : sequence of float
        Nominal frequencies of the mains (rad per sample).
    angles : (1 + F, C)
        Rotation of each channel's phase at DC and at each tone (rad).
    drops : Drops
        The drops as combinations of channels.
    """

    def __init__(
        self, omegas: Array, samples: int, pilot: int | None, mains: Sequence[float], angles: Array, drops: Drops
    ) -> None:
        self.estimator = joint_least_squares(omegas, samples)
        self.period = common_period(list(omegas / (2 * np.pi)), samples)
        # The basis repeats with the tones, so one period of it is enough.
        self._of_period = None if self.period is None else self.estimator.folded(self.period)
        self._omegas = omegas
        self._samples = samples
        self._pilot = pilot
        self._cycles = omegas * samples / (2 * np.pi)
        self._mains = [each * samples / (2 * np.pi) for each in mains]
        with_pilot = pilot is not None and len(omegas)
        self._clock = ClockRatio(omegas, samples, self.period) if with_pilot else None
        self._spectrum = NoiseSpectrum(self._cycles, samples, self.period, angles, drops)
        self._steps = SourceSteps(self._cycles, samples, self.period, drops) if self.period is not None else None
        self._drops = drops

    def of(self, volts: Array, received: NDArray[np.bool_]) -> Fitted:
        """Fit the received samples of a window.

        Parameters
        ----------
        volts : (N, C)
            Samples of the window (V).
        received : (N,) bool
            Mask of the rows that were received; all other rows are ignored.

        Raises
        ------
        ConfigError
            If too few rows were received.
        """
        if not received.all():
            return self._by_scatter(at_rows(self.estimator, received), volts[received], None)[0]
        fitted, residual = self._by_scatter(self.estimator, volts, self.period)
        if self._clock is not None:
            fitted, residual = self._on_its_clock(self._clock, fitted, residual, volts)
        if self._steps is not None and fitted.periods is not None:
            fitted.steps = self._steps.variance(fitted.periods, fitted.density)
        if not self._spectrum.is_white(residual, fitted.density):
            self._color(fitted, residual, volts)
        return fitted

    def _by_scatter(self, estimator: LeastSquares, volts: Array, period: int | None) -> tuple[Fitted, Array]:
        """Return the fit, with the noise taken to be white, and the residual (N, C)."""
        if period is not None and self._of_period is not None:
            residual, mean, freedom = aperiodic_residual(volts, period)
            theta = self._of_period @ mean
        else:
            theta, mean = estimator.fit(volts), None
            residual, freedom = estimator.residual(volts, theta)
        scatter, of_drops = self._drops.variances(residual, freedom)
        return Fitted(estimator, theta, scatter, Density(scatter, of_drops), mean), residual

    def _on_its_clock(self, clock: ClockRatio, fitted: Fitted, residual: Array, volts: Array) -> tuple[Fitted, Array]:
        """Return the same fit, or a fit at the real frequencies if the pilot shows that the clocks differ."""
        pilot = self._pilot
        off, u = clock.off(residual[:, pilot], fitted.theta[:, pilot], float(fitted.scatter[pilot]))
        ratio = 1.0 + off
        if clock.matters(off, u):
            for _ in range(CLOCK_STEPS):
                estimator = joint_least_squares(ratio * self._omegas, self._samples)
                fitted, residual = self._by_scatter(estimator, volts, None)
                again = ClockRatio(ratio * self._omegas, self._samples)
                off, u = again.off(residual[:, pilot], fitted.theta[:, pilot], float(fitted.scatter[pilot]))
                if not again.matters(off, 0.0):
                    break
                ratio *= 1.0 + off
        fitted.clock_ratio, fitted.u_clock_ratio = ratio, u
        return fitted, residual

    def _color(self, fitted: Fitted, residual: Array, volts: Array) -> None:
        """Fit hum too, if there is any, and use the noise density beside each tone."""
        # The mean over periods, which was removed from the residual, contains some of the hum.
        hum = find_hum(fitted.estimator.residual(volts, fitted.theta)[0], self._mains, self._cycles)
        columns = None if hum is None else hum.columns(self._samples)
        together = None if columns is None else extended(fitted.estimator, columns)
        if hum is None or columns is None or together is None:
            fitted.density = self._spectrum.density(residual, fitted.density, np.zeros(0))
            return
        parameters = len(fitted.theta)
        amplitudes = together.fit(volts)[parameters:]
        estimator = replace(fitted.estimator, variance_gains=together.variance_gains[:parameters])
        period = None if fitted.periods is None else self.period
        without, residual = self._by_scatter(estimator, volts - columns @ amplitudes, period)
        fitted.estimator, fitted.theta, fitted.scatter = estimator, without.theta, without.scatter
        beside = self._spectrum.density(residual, without.density, hum.cycles * np.array(hum.harmonics))
        moved = _moved_by_frequency(together, hum.slopes(columns, amplitudes), residual)[:parameters]
        total = float(without.scatter.sum())
        if total > 0:  # flicker is stronger near DC than in the mean over the spectrum
            moved *= np.sqrt(beside.channels[0].sum() / total)
        gains = together.variance_gains[:parameters, np.newaxis]
        fitted.density = Density(
            beside.channels + _by_row(moved**2 / gains), beside.drops + _by_row(self._drops.of(moved) ** 2 / gains)
        )


def _moved_by_frequency(together: LeastSquares, slopes: Array, noise: Array) -> Array:
    """(P, C) shift of each parameter of a fit if the frequency of the hum is off by one standard error.

    The frequency is found from all channels together, so its error is the same in all of them.

    Parameters
    ----------
    together : LeastSquares
        The fit that includes hum.
    slopes : (N, C)
        Derivative of the hum with respect to its frequency (V per rad per sample).
    noise : (N, C)
        Residual of the fit (V).
    """
    moved = together.fit(slopes)
    left = together.residual(slopes, moved)[0]
    size = float(np.sum(left**2))
    along = np.einsum("nc,nc->n", left, noise)
    return moved * (float(np.linalg.norm(along)) / size if size > 0 else 0.0)


def _by_row(squares: Array) -> Array:
    """(1 + F, …) squares for DC and for each tone, from those of all parameters; a tone's two quadratures are added."""
    return np.concatenate((squares[:1], squares[1::2] + squares[2::2]))
