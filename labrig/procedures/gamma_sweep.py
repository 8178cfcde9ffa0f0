"""Measures how the error of the measured gradient grows with γ, the ratio of error current to error."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from labrig.errors import SourceMisfit
from labrig.learning.measurement import Excitation, Response
from labrig.learning.rules.frequency_propagation import misfit
from labrig.rig.gradient_probe import GradientProbe

Array = NDArray[np.float64]

RESOLVED_AT = 5.0
"""A deviation is resolved if it exceeds this many standard uncertainties."""

ROUNDING_V = 2e-15
"""Standard error of b from rounding in double precision (V per V of a)."""

SWEEP = 10.0 ** np.arange(-2.25, 0.01, 0.25)
"""Error currents of the sweep, in units of the largest one; they span 2.25 decades."""

SWEEP_TOP = 10.0**0.5
"""Largest error current of the sweep, in units of the configured one, if the sources can deliver it."""


LEAST_EXPONENT = 1.0
"""Exponent above which a deviation counts as a bias of nonlinear parts, which grows as γ²."""


@dataclass(frozen=True)
class Sweep:
    """Deviation of the gradient from its limit for γ → 0, as a function of γ.

    Attributes
    ----------
    current_a : (N,) array
        Error currents (A).
    departure : (N − 1,) array
        Distance between the gradients at neighbouring currents.
    resolved : (N − 1,) array
        True where that distance exceeds its noise.
    exponent, interval
        Power of γ with which the deviation grows, and its 95 % interval; None if too few deviations were resolved.
    """

    current_a: Array
    departure: Array
    resolved: NDArray[np.bool_]
    exponent: float | None
    interval: tuple[float, float] | None

    def share_at(self, current_a: float, reference: Array) -> float:
        """Estimate the deviation of the gradient at an error current (A), relative to the size of its reference (E,).

        The deviation is scaled as γ² from the nearest resolved pair of currents. It is 0 if no pair is resolved, or if
        the deviation does not grow with the current (as noise and rounding do not).
        """
        size = float(np.linalg.norm(reference))
        pairs = np.flatnonzero(self.resolved)
        if not len(pairs) or size == 0 or (self.exponent is not None and self.exponent < LEAST_EXPONENT):
            return 0.0
        nearest = pairs[np.abs(np.log(self.current_a[pairs + 1] / current_a)).argmin()]
        lower, upper = self.current_a[nearest], self.current_a[nearest + 1]
        return float(self.departure[nearest] * current_a**2 / (upper**2 - lower**2) / size)


def sweep_gamma(probe: GradientProbe, example: int) -> Sweep:
    """Measure gradients at a geometric series of error currents, with the same free state and error.

    For g(γ) = g₀ + κ γᵖ, the differences between neighbours are ∝ γ_iᵖ, so no reference is needed to find p.
    """
    free, activation = probe.measure_free(example), probe.task.activation[example]
    # `a` is the same at every current, so its noise does not contribute.
    quiet = replace(free, u_a=np.zeros_like(free.u_a))
    e = probe.loss.gradient(free.outputs, probe.task.target[example])
    currents = min(probe.carrier.current_a * SWEEP_TOP, probe.rig.largest_error_a) * SWEEP
    played: list[float] = []
    gradients: list[tuple[Array, Array]] = []
    for current in currents:
        errors: list[Array] = []

        def answer(excitation: Excitation, errors: list[Array] = errors) -> Response:
            without_error = excitation.error is None and excitation.constant is None
            if without_error and not excitation.trial and np.array_equal(excitation.activation, activation):
                return quiet
            response = probe.rig.measure(excitation)
            if without_error:
                return response
            if excitation.error is None:
                errors.append(response.constant[np.newaxis])
                return response
            errors.append(response.error)
            # The error must be the same at every current, even if the rule computes it from this response.
            return replace(response, outputs=free.outputs)

        try:
            found = probe.at_current(float(current)).from_record(example, answer)
        except SourceMisfit:  # too small for these sources: start at a larger current
            played.clear()
            gradients.clear()
            continue
        if found is None:
            continue
        if not found.gamma:
            break  # a rule without γ
        played.append(current)
        # Rounding of b and inaccuracy of the sources change the gradient too.
        rounding = np.abs(free.a) * ROUNDING_V / found.gamma
        off = max((misfit(error, e) for error in errors), default=0.0) * np.abs(found.value)
        gradients.append((found.value, np.sqrt(found.standard_error**2 + rounding**2 + off**2)))
    currents = np.array(played)
    departure = np.array([float(np.linalg.norm(upper - lower)) for (lower, _), (upper, _) in pairwise(gradients)])
    noise = np.array([float(np.linalg.norm(np.hypot(u, w))) for (_, u), (_, w) in pairwise(gradients)])
    resolved = departure > RESOLVED_AT * noise
    exponent, interval = _exponent(currents[:-1][resolved], departure[resolved])
    return Sweep(currents, departure, resolved, exponent, interval)


def _exponent(current_a: Array, departure: Array) -> tuple[float | None, tuple[float, float] | None]:
    """Return the slope in a log-log plot and its 95 % interval; None for fewer than four points."""
    if len(current_a) < 4:
        return None, None
    (slope, _), covariance = np.polyfit(np.log(current_a), np.log(departure), 1, cov=True)
    half = float(stdtrit(len(current_a) - 2, 0.975) * np.sqrt(covariance[0, 0]))
    return float(slope), (float(slope) - half, float(slope) + half)
