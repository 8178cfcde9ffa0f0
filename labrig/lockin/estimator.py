"""Joint least squares of DC and tones: x[n] = d + Σ_k Re{X_k e^{jω_k m}}, m = n − (N − 1)/2.

Times are counted from the centre of the window, so that an error of frequency does not become an error of phase, and
so that cosines and sines are orthogonal for any N. The parameters θ are in the order [d, cos ω_1, sin ω_1, cos ω_2, …];
the phasor is X_k = θ_cos − jθ_sin. Multiplying and averaging instead would leak a large tone into a small one unless
every tone has whole cycles in the window. The joint fit does not, and has the same variance (Cramér–Rao: 2σ²/N per
quadrature).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

import numpy as np
from numpy.typing import NDArray

from labrig.errors import ConfigError

WORST_CONDITION = 1e8
"""Largest condition number of the Gram matrix; above it, the tones are too close for the window to resolve them."""


def dirichlet(omega: NDArray[np.float64] | float, n: int) -> NDArray[np.float64]:
    """Σ e^{jωm} over the `n` centred samples: sin(nω/2) / sin(ω/2), real, for `omega` (rad per sample) of any shape."""
    omega = np.asarray(omega, dtype=np.float64)
    turns = np.rint(omega / (2 * np.pi))
    half = (omega - 2 * np.pi * turns) / 2
    at_zero = half == 0
    kernel = np.where(at_zero, n, np.sin(n * half) / np.where(at_zero, 1.0, np.sin(half)))
    # For even n the centred times are half-integers, so each whole turn of ω changes the sign.
    return np.where((turns % 2 != 0) & (n % 2 == 0), -kernel, kernel)


def basis(omegas: Sequence[float] | NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """(n, 1 + 2F) columns 1, cos ω_1 m, sin ω_1 m, … at the centred times; `omegas` (F,) in rad per sample."""
    omegas = np.asarray(omegas, dtype=np.float64)
    phases = np.outer(np.arange(n) - (n - 1) / 2, omegas)
    columns = np.ones((n, 1 + 2 * len(omegas)))
    columns[:, 1::2] = np.cos(phases)
    columns[:, 2::2] = np.sin(phases)
    return columns


def gram(omegas: Sequence[float] | NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """(1 + 2F, 1 + 2F) Gram matrix of `basis(omegas, n)` in closed form, for any `n`, coherent or not."""
    omegas = np.concatenate(([0.0], np.asarray(omegas, dtype=np.float64)))
    plus = dirichlet(omegas[:, np.newaxis] + omegas, n)
    minus = dirichlet(omegas[:, np.newaxis] - omegas, n)
    size = 2 * len(omegas) - 1
    cosines = np.concatenate(([0], np.arange(1, size, 2)))
    sines = np.arange(2, size, 2)
    matrix = np.zeros((size, size))
    matrix[np.ix_(cosines, cosines)] = (minus + plus) / 2
    matrix[np.ix_(sines, sines)] = (minus - plus)[1:, 1:] / 2
    return matrix


@dataclass(frozen=True, slots=True)
class LeastSquares:
    """A prepared joint fit of P = 1 + 2F parameters to N samples.

    basis: (N, P) columns of the model. pseudo_inverse: (P, N), so that θ = pseudo_inverse @ x. variance_gains: (P,)
    variance of each parameter in units of the noise variance, diag G⁻¹ (in a coherent window, 1/N for DC and 2/N for
    the rest).
    """

    basis: NDArray[np.float64]
    pseudo_inverse: NDArray[np.float64]
    variance_gains: NDArray[np.float64]

    def fit(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the parameters θ (P, C) fitted to the samples `x` (N, C)."""
        return self.pseudo_inverse @ x

    def folded(self, period: int) -> NDArray[np.float64]:
        """(P, period) matrix that replaces the pseudo-inverse if `x` is the mean of N/period periods of the samples."""
        parameters, samples = self.pseudo_inverse.shape
        return self.pseudo_inverse.reshape(parameters, samples // period, period).sum(axis=1)

    def residual(self, x: NDArray[np.float64], theta: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
        """Return the residual (N, C) of the fit to the samples `x` (N, C), and its N − P degrees of freedom."""
        residual = self.basis @ theta
        np.subtract(x, residual, out=residual)
        samples, parameters = self.basis.shape
        return residual, samples - parameters


def common_period(cycles_per_sample: Sequence[float], n: int) -> int | None:
    """Number of samples after which all tones repeat; None unless `n` samples are 4 or more whole periods."""
    cycles = [n * ratio for ratio in cycles_per_sample]
    whole = [round(k) for k in cycles]
    if not whole or any(abs(k - w) > 1e-9 * n for k, w in zip(cycles, whole, strict=True)):
        return None
    period = n // gcd(n, *whole)
    return period if 4 * period <= n else None


def aperiodic_residual(x: NDArray[np.float64], period: int) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Split the samples `x` (N, C) into an aperiodic and a periodic part; N must be a multiple of `period`.

    A nonlinear network responds to tones with harmonics and intermodulation products. They repeat with the common
    period of the tones and are not noise, although they appear in the residual of the fit.

    Returns
    -------
    tuple of (N, C) array, (period, C) array and int
        The aperiodic part, the mean period, and the degrees of freedom of the aperiodic part.
    """
    samples, channels = x.shape
    periods = x.reshape(samples // period, period * channels)
    mean = np.add.reduce(periods, axis=0)
    mean *= period / samples
    return (periods - mean).reshape(samples, channels), mean.reshape(period, channels), samples - period


def joint_least_squares(omegas: Sequence[float] | NDArray[np.float64], n: int) -> LeastSquares:
    """Prepare the fit of DC and tones at `omegas` (F,) rad per sample to `n` samples.

    Raises ConfigError if there are too few samples, or if the window cannot resolve the tones.
    """
    return _prepared(basis(omegas, n), gram(omegas, n))


def at_rows(full: LeastSquares, rows: NDArray[np.bool_]) -> LeastSquares:
    """Prepare the same fit to only the samples selected by `rows` (N,).

    Raises ConfigError as `joint_least_squares` does.
    """
    kept = full.basis[rows]
    return _prepared(kept, kept.T @ kept)


def extended(fit: LeastSquares, columns: NDArray[np.float64]) -> LeastSquares | None:
    """Prepare the same fit with additional columns (N, M); None if the window cannot resolve all columns."""
    together = np.concatenate((fit.basis, columns), axis=1)
    try:
        return _prepared(together, together.T @ together)
    except ConfigError:
        return None


def _prepared(columns: NDArray[np.float64], matrix: NDArray[np.float64]) -> LeastSquares:
    samples, parameters = columns.shape
    if samples <= parameters:
        raise ConfigError(
            f"{samples} samples are too few to fit {parameters} parameters and estimate the noise",
            remedy="use a longer window",
        )
    if np.linalg.cond(matrix) > WORST_CONDITION:
        raise ConfigError(
            f"tones (or a tone and DC) are too close for a window of {samples} samples to resolve them",
            remedy="use a longer window, or tones further apart",
        )
    inverse = np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    return LeastSquares(columns, inverse @ columns.T, np.diagonal(inverse).copy())
