"""Joint least squares of DC and tones: x[n] = d + Σ_k Re{X_k e^{jω_k m}}, m = n − (N − 1)/2.

Times are counted from the centre of the window, where an error of frequency does not turn into an error of phase, and
where cosines and sines are orthogonal for any N. The parameters θ stand in the order [d, cos ω_1, sin ω_1, cos ω_2, …];
the phasor is X_k = θ_cos − jθ_sin. Multiplying and averaging instead leaks a large tone into a small one unless every
tone makes whole cycles; solving jointly does not, at the same variance (Cramér–Rao: 2σ²/N per quadrature).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

import numpy as np
from numpy.typing import NDArray

from labrig.errors import ConfigError

WORST_CONDITION = 1e8
"""Largest condition number of the normalized Gram matrix; above it tones are closer than the window can tell apart."""


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

    basis: (N, P). pseudo_inverse: (P, N), θ = pseudo_inverse @ x. variance_gains: (P,) variance of each parameter in
    units of the noise variance, diag G⁻¹ (coherent window: 1/N for DC, 2/N for the rest).
    """

    basis: NDArray[np.float64]
    pseudo_inverse: NDArray[np.float64]
    variance_gains: NDArray[np.float64]

    def fit(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """θ (P, C) of the samples `x` (N, C)."""
        return self.pseudo_inverse @ x

    def folded(self, period: int) -> NDArray[np.float64]:
        """(P, period) what stands in for the pseudo-inverse if `x` is the mean of N/period periods of the samples."""
        parameters, samples = self.pseudo_inverse.shape
        return self.pseudo_inverse.reshape(parameters, samples // period, period).sum(axis=1)

    def residual(self, x: NDArray[np.float64], theta: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
        """(N, C) residual of the fit to the samples `x` (N, C), and its N − P degrees of freedom."""
        residual = self.basis @ theta
        np.subtract(x, residual, out=residual)
        samples, parameters = self.basis.shape
        return residual, samples - parameters


def common_period(cycles_per_sample: Sequence[float], n: int) -> int | None:
    """Samples after which every tone repeats, where `n` samples hold at least four such periods; None otherwise."""
    cycles = [n * ratio for ratio in cycles_per_sample]
    whole = [round(k) for k in cycles]
    if not whole or any(abs(k - w) > 1e-9 * n for k, w in zip(cycles, whole, strict=True)):
        return None
    period = n // gcd(n, *whole)
    return period if 4 * period <= n else None


def aperiodic_residual(x: NDArray[np.float64], period: int) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Split the samples `x` (N, C) into what does not repeat with `period`, of which N is a multiple, and what does.

    A nonlinear network answers tones with harmonics and products. They repeat with the tones' common period and are not
    noise; the residual of the fit would count them as if they were.

    Returns
    -------
    tuple of (N, C) array, (P, C) array and int
        What does not repeat, what does, and the degrees of freedom of the first.
    """
    samples, channels = x.shape
    periods = x.reshape(samples // period, period * channels)
    mean = np.add.reduce(periods, axis=0)
    mean *= period / samples
    return (periods - mean).reshape(samples, channels), mean.reshape(period, channels), samples - period


def joint_least_squares(omegas: Sequence[float] | NDArray[np.float64], n: int) -> LeastSquares:
    """The fit of DC and tones at `omegas` (F,) rad per sample to `n` samples.

    Raises ConfigError if there are too few samples, or tones that the window cannot tell apart.
    """
    return _prepared(basis(omegas, n), gram(omegas, n))


def at_rows(full: LeastSquares, rows: NDArray[np.bool_]) -> LeastSquares:
    """The same fit when only the samples `rows` (N,) were received; ConfigError as `joint_least_squares`."""
    kept = full.basis[rows]
    return _prepared(kept, kept.T @ kept)


def extended(fit: LeastSquares, columns: NDArray[np.float64]) -> LeastSquares | None:
    """The same fit with more columns (N, M) after its own; None if the window cannot tell them apart."""
    together = np.concatenate((fit.basis, columns), axis=1)
    try:
        return _prepared(together, together.T @ together)
    except ConfigError:
        return None


def _prepared(columns: NDArray[np.float64], matrix: NDArray[np.float64]) -> LeastSquares:
    samples, parameters = columns.shape
    if samples <= parameters:
        raise ConfigError(
            f"{samples} samples cannot give {parameters} parameters and their noise", remedy="use a longer window"
        )
    if np.linalg.cond(matrix) > WORST_CONDITION:
        raise ConfigError(
            f"tones (or a tone and DC) lie too close for a window of {samples} samples to tell them apart",
            remedy="use a longer window, or tones further apart",
        )
    inverse = np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    return LeastSquares(columns, inverse @ columns.T, np.diagonal(inverse).copy())
