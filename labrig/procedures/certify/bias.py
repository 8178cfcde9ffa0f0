"""How far a measured gradient is from its reference, with the contribution of noise removed.

The squared distance of a noisy vector from its reference is too large by the sum of the variances. The scatter of
repeated measurements gives that sum, whatever the noise is and however it is correlated between edges.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Array = NDArray[np.float64]

CONFIDENCE = 0.995
"""Confidence level of each end of an interval; high, because a verdict may be sought several times, at more repeats."""

LEAST_REPEATS = 4
"""Smallest number of repeats; fewer say too little about the noise."""


@dataclass(frozen=True)
class Bias:
    """The deviation of a gradient from its reference, corrected for noise, relative to the reference.

    Parameters
    ----------
    estimate, interval
        |⟨g⟩ − r| / |r|, and its confidence interval.
    slope, slope_interval
        Least-squares slope of g against r through zero, and its confidence interval. The slope should be 1; the bias is
        at least |slope − 1|.
    size : float
        |r|.
    noise : float
        Standard error of the mean of the repeats, √(Σ u²) / |r|, estimated from their scatter.
    """

    estimate: float
    interval: tuple[float, float]
    slope: float
    slope_interval: tuple[float, float]
    size: float
    noise: float


def bias(gradients: Array, reference: Array, uncertainty: float = 0.0) -> Bias | None:
    """Estimate the bias of repeated measurements.

    Parameters
    ----------
    gradients : (M, R, E) array
        R ≥ 3 repeats for each of M examples.
    reference : (M, E) array
    uncertainty : float
        Standard uncertainty of the reference, relative to its size; twice this value is added to each half-width.

    Returns
    -------
    Bias or None
        None if the reference is zero.
    """
    examples, repeats, edges = gradients.shape
    square = float(np.sum(reference**2))
    if square == 0:
        return None
    mean = gradients.mean(axis=1)
    deviation, scatter = mean - reference, gradients - mean[:, np.newaxis]
    freedom = repeats - 1
    # Per example: the trace of the covariance and of its square, by the unbiased estimator for normal scatter.
    products = np.einsum("mre,mse->mrs", scatter, scatter)
    trace = np.trace(products, axis1=1, axis2=2) / freedom
    of_square = np.sum(products**2, axis=(1, 2)) / freedom**2
    shared = (of_square - trace**2 / freedom) * freedom**2 / ((freedom - 1) * (freedom + 2))
    shared = float(max(shared.sum(), np.sum(trace**2) / edges))
    along_bias = float(np.sum(np.einsum("mre,me->mr", scatter, deviation) ** 2)) / freedom
    along_reference = float(np.sum(np.einsum("mre,me->mr", scatter, reference) ** 2)) / freedom

    excess = float(np.sum(deviation**2)) - float(trace.sum()) / repeats
    variance = 2 * shared / (repeats * freedom) + 4 * max(0.0, along_bias - shared / repeats) / repeats
    quantile = float(stdtrit(examples * freedom, CONFIDENCE))
    half = quantile * np.sqrt(variance)
    slope = 1.0 + float(np.sum(deviation * reference)) / square
    half_slope = quantile * np.sqrt(along_reference / repeats) / square + 2 * uncertainty
    low = max(np.sqrt(max(0.0, excess - half) / square) - 2 * uncertainty, abs(slope - 1) - half_slope, 0.0)
    estimate = max(np.sqrt(max(0.0, excess) / square), low)
    high = max(np.sqrt(max(0.0, excess + half) / square) + 2 * uncertainty, estimate)
    return Bias(
        estimate=float(estimate),
        interval=(float(low), float(high)),
        slope=slope,
        slope_interval=(float(slope - half_slope), float(slope + half_slope)),
        size=float(np.sqrt(square)),
        noise=float(np.sqrt(trace.sum() / repeats / square)),
    )


def cosine(a: Array, b: Array) -> float:
    """Return the cosine of the angle between two vectors; 0 if one of them is zero."""
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size > 0 else 0.0


def relative_error(value: Array, reference: Array) -> float:
    """Return |value − reference| / |reference|; infinite if only the reference is zero."""
    size, off = float(np.linalg.norm(reference)), float(np.linalg.norm(value - reference))
    return off / size if size > 0 else (np.inf if off > 0 else 0.0)


def slope(value: Array, reference: Array) -> float:
    """Return the least-squares slope of value against reference through zero; it should be 1."""
    square = float(reference @ reference)
    return float(value @ reference) / square if square > 0 else 0.0
