"""The figures of a certificate: the measured gradients and their references, per example and over all examples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.learning.carriers import Carrier
from labrig.learning.carriers.shared_tone import SharedTone
from labrig.learning.gradient import Gradient, mean_gradient
from labrig.medium import ELECTRICAL, Medium
from labrig.procedures.certify.adjoint import Adjoint
from labrig.procedures.certify.bias import Bias, bias, cosine, relative_error, slope
from labrig.procedures.certify.differences import Differences
from labrig.procedures.certify.edges import EdgeTest
from labrig.procedures.gamma_sweep import Sweep

Array = NDArray[np.float64]

JUDGED_AT = 5.0
"""The sign of an edge is judged if its gradient exceeds this many standard uncertainties (noise and instruments)."""

CONFIRMED_AT = 3.0
"""An edge is confirmed if its gradient exceeds this many standard uncertainties of the test against differences."""


@dataclass(frozen=True)
class ExampleCertificate:
    """The gradient of one example and its references.

    Parameters
    ----------
    name : str
    repeats : tuple of Gradient
        The repeated measurements.
    differences : Differences
    adjoint : Adjoint or None
        None if it is not known or not wanted.
    """

    name: str
    repeats: tuple[Gradient, ...]
    differences: Differences
    adjoint: Adjoint | None

    @cached_property
    def measured(self) -> Gradient:
        """Mean of the repeats."""
        return mean_gradient(self.repeats, len(self.differences.value))

    @property
    def reference(self) -> Array:
        """(E,) the better reference: the adjoint if it is known, else the differences."""
        return self.differences.value if self.adjoint is None else self.adjoint.value

    @property
    def judged(self) -> NDArray[np.bool_]:
        """(E,) True for edges whose gradient clearly exceeds its uncertainty from noise and instruments."""
        return np.abs(self.measured.value) > JUDGED_AT * self.measured.uncertainty

    @property
    def sign_right(self) -> NDArray[np.bool_]:
        """(E,) True for judged edges whose sign agrees with the reference."""
        return self.judged & (np.sign(self.measured.value) == np.sign(self.reference))


@dataclass(frozen=True)
class Certificate:
    """The certified gradient of a board.

    Parameters
    ----------
    edges : tuple of str
        Names of the E edges.
    interior : (E,) array
        True for edges that touch no output.
    examples : tuple of ExampleCertificate
        One per example, all with the same number of repeats.
    sweep : Sweep
        How the error of the gradient depends on γ, for the first example.
    null_b_max : float
        Largest |b| measured with the error off, in the unit of a state. If b is a second quantity: its largest change
        from one reading to the next.
    bound : float
        Largest relative bias that counts as right.
    most_repeats : int
        Limit up to which repeats are added automatically.
    current_a : float
        The configured error current (A), or the corresponding flow in another medium.
    largest_a : float
        The largest error current (A) that the sources can deliver within the limits.
    biased_by_harmonics : bool
        Whether the activation is a tone in a network known to be nonlinear.
    medium : Medium
    carrier : type of Carrier
    """

    edges: tuple[str, ...]
    interior: NDArray[np.bool_]
    examples: tuple[ExampleCertificate, ...]
    sweep: Sweep
    null_b_max: float
    bound: float
    most_repeats: int
    current_a: float
    largest_a: float = np.inf
    biased_by_harmonics: bool = False
    medium: Medium = ELECTRICAL
    carrier: type[Carrier] = SharedTone

    @property
    def error_key(self) -> str:
        """The configuration key that sets the size of the error."""
        return f"learning.error.{self.carrier.flow_key or self.medium.flow_key}"

    def error_text(self, value: float) -> str:
        """Return a size of the error as text with its unit."""
        return self.medium.text("second_flow" if self.carrier.quantity else "flow", value)

    @property
    def null_test(self) -> str:
        """The result of the null test in words."""
        size = self.medium.text("state", self.null_b_max)
        if self.carrier.quantity:
            return f"b changes by at most {size} between two readings while nothing is released"
        return f"|b| ≤ {size} with the error off: pickup at the error tone"

    @property
    def repeats(self) -> int:
        """Number of measurements of each example."""
        return len(self.examples[0].repeats)

    @property
    def exact(self) -> bool:
        """Whether the reference is the exact adjoint."""
        return all(example.adjoint is not None for example in self.examples)

    @cached_property
    def batch(self) -> Gradient:
        """Mean over the examples, with its standard error."""
        return mean_gradient([example.measured for example in self.examples], len(self.edges))

    @cached_property
    def measured(self) -> Array:
        """(M, E) mean gradient of every example."""
        return np.array([example.measured.value for example in self.examples])

    @cached_property
    def reference(self) -> Array:
        """(M, E) reference of every example."""
        return np.array([example.reference for example in self.examples])

    @cached_property
    def differences(self) -> Array:
        """(M, E) differences of every example."""
        return np.array([example.differences.value for example in self.examples])

    @cached_property
    def reference_uncertainty(self) -> float:
        """Standard uncertainty of the reference, relative to its size; 0 for the adjoint."""
        return 0.0 if self.exact else self.difference_uncertainty

    @cached_property
    def difference_uncertainty(self) -> float:
        """Standard uncertainty of the differences, relative to the size of the reference."""
        return _share([example.differences.uncertainty for example in self.examples], self.reference)

    @cached_property
    def instruments(self) -> float:
        """Relative uncertainty of the gradient due to instrument errors, as stated by the instruments.

        It covers zero, gain and rounding of the digitizer and the amplitudes of the sources that play the error.
        """
        own = np.sum(np.square([example.measured.systematic for example in self.examples]))
        size = float(np.sum(self.reference**2))
        return float(np.sqrt((own + np.sum(self._modes**2)) / size)) if size > 0 else float("inf")

    @cached_property
    def bias(self) -> Bias | None:
        """Deviation of all examples together from their reference; None if the reference is zero."""
        repeated = np.array([[gradient.value for gradient in example.repeats] for example in self.examples])
        return bias(repeated, self.reference, self.reference_uncertainty)

    @cached_property
    def noise_ratio(self) -> float:
        """Ratio of the scatter of the repeats to their stated noise, at least 1."""
        stated = sum(float(np.sum(gradient.standard_error**2)) for e in self.examples for gradient in e.repeats)
        found = sum(
            float(np.sum(np.var([gradient.value for gradient in e.repeats], axis=0, ddof=1))) * self.repeats
            for e in self.examples
        )
        return max(1.0, float(np.sqrt(found / stated))) if stated > 0 else 1.0

    @cached_property
    def factor(self) -> float:
        """Factor common to all edges: the median of measured / reference, weighted with the squared reference.

        It is 1 if the exact gradient is unknown, or if fewer edges are wrong with a factor of 1, since a single wrong
        edge may dominate the gradient.
        """
        if not self.exact:
            return 1.0
        median = _weighted_median(self.measured, self.reference)
        by_median, by_one = (int(self._test(self.reference, factor, False).wrong.sum()) for factor in (median, 1.0))
        return median if by_median <= by_one else 1.0

    @cached_property
    def against_reference(self) -> EdgeTest:
        """Test of every edge against the reference, apart from a factor that all edges share."""
        return self._test(self.reference, self.factor, not self.exact)

    @cached_property
    def against_differences(self) -> EdgeTest:
        """Test of every edge against the change of the loss when that edge is written.

        A factor common to all edges, known from the exact gradient, does not count as a deviation of single edges.
        """
        return self._test(self.differences, self.factor if self.exact else 1.0, True)

    @cached_property
    def confirmed(self) -> NDArray[np.bool_]:
        """(E,) True for edges that, when written, changed the loss clearly and as their gradient predicts."""
        test = self.against_differences
        unknown = np.hypot(test.uncertainty, [example.differences.uncertainty for example in self.examples])
        return (np.abs(self.measured) > CONFIRMED_AT * unknown).any(axis=0) & ~test.wrong

    @property
    def confirmed_share(self) -> float:
        """Fraction of the squared gradient that lies on confirmed edges."""
        squares = np.sum(self.reference**2, axis=0)
        return float(squares[self.confirmed].sum() / squares.sum()) if squares.any() else 0.0

    def _test(self, expected: Array, factor: float, by_differences: bool) -> EdgeTest:
        """Test against the adjoint or the differences.

        Deviations of single edges within the bound are ignored, even if all edges deviate. So are the errors of
        differences from truncation and from the tolerance of the parts, which are common to all examples.
        """
        parts = np.array([abs(e.reference) if e.adjoint is None else e.adjoint.parts for e in self.examples])
        tolerance = self.bound * (parts + np.sqrt(np.mean(self.reference**2)))
        noise = np.array([example.measured.standard_error for example in self.examples]) * self.noise_ratio
        of_expected = np.zeros_like(tolerance)
        if by_differences:
            off = [example.differences for example in self.examples]
            tolerance = tolerance + [2 * each.truncation + np.sqrt(3) * each.tolerance for each in off]
            noise = np.hypot(noise, [each.noise for each in off])
            of_expected = np.array([np.hypot(each.truncation, each.tolerance) for each in off])
        return EdgeTest(
            deviation=self.measured - factor * expected,
            expected=expected,
            noise=noise,
            systematic=np.array([example.measured.systematic for example in self.examples]),
            tolerance=tolerance,
            modes=self._modes,
            of_expected=of_expected,
        )

    @property
    def _modes(self) -> Array:
        """(M, Q, E) deviations common to many edges, caused by errors of the outputs and of the error sources.

        Without the exact gradient, those caused by the outputs are unknown, and the measured gradients state the rest.
        """
        found = [e.measured.modes if e.adjoint is None else e.adjoint.modes for e in self.examples]
        most = max(len(modes) for modes in found)
        return np.array([np.concatenate((modes, np.zeros((most - len(modes), len(self.edges))))) for modes in found])

    @property
    def repeats_for_batch(self) -> int | None:
        """Number of repeats that would bring the batch gradient's relative standard error to 5 %.

        None if the gradient is below the noise, so that its size is unknown.
        """
        size, noise = float(np.sum(self.batch.value**2)), float(np.sum(self.batch.standard_error**2))
        if size <= 2 * noise:
            return None
        return max(1, int(np.ceil(self.repeats * noise / (size - noise) / 0.05**2)))

    def figures(self) -> dict[str, Any]:
        """Return the figures of all examples together: the worst value over the examples, or the sum of counts."""
        rows = [self._example(k) for k in range(len(self.examples))]

        def of(name: str) -> list[float]:
            return [row[name] for row in rows if row[name] is not None]

        found = self.bias
        total, freedom, chance = self.against_reference.chi_squared
        batch = self.batch
        size = float(np.linalg.norm(batch.value))
        return {
            "cosine_difference": min(of("cosine_difference")),
            "relative_error_difference": max(of("relative_error_difference")),
            "cosine_adjoint": min(of("cosine_adjoint"), default=None),
            "relative_error_adjoint": max(of("relative_error_adjoint"), default=None),
            "slope": max(of("slope"), key=lambda s: abs(s - 1)),
            "sign_right": sum(row["sign_right"] for row in rows),
            "edges_judged": sum(row["edges_judged"] for row in rows),
            "interior_judged": sum(row["interior_judged"] for row in rows),
            "gamma_exponent": self.sweep.exponent,
            "gamma_exponent_interval": self.sweep.interval,
            f"null_b_max_{self.medium.state_key}": self.null_b_max,
            "reference": "adjoint" if self.exact else "differences",
            "reference_uncertainty": self.reference_uncertainty,
            "difference_uncertainty": self.difference_uncertainty,
            "bias": None if found is None else found.estimate,
            "bias_interval": None if found is None else list(found.interval),
            "bound": self.bound,
            "slope_all": None if found is None else found.slope,
            "slope_interval": None if found is None else list(found.slope_interval),
            "noise": None if found is None else found.noise,
            "noise_ratio": self.noise_ratio,
            "instruments": self.instruments,
            "chi_squared": total,
            "chi_squared_freedom": freedom,
            "chi_squared_chance": chance,
            "confirmed_edges": int(self.confirmed.sum()),
            "confirmed_share": self.confirmed_share,
            "repeats": self.repeats,
            "most_repeats": self.most_repeats,
            "batch": {
                "relative_standard_error": float(np.linalg.norm(batch.standard_error) / size) if size else None,
                "repeats": self.repeats,
                "repeats_for_5_percent": self.repeats_for_batch,
                "cosine_reference": cosine(batch.value, self.reference.mean(axis=0)),
            },
            "edges": self._edges(),
            "examples": rows,
        }

    def _example(self, k: int) -> dict[str, Any]:
        example = self.examples[k]
        value, difference = example.measured.value, example.differences.value
        exact = example.adjoint.value if example.adjoint else None
        return {
            "name": example.name,
            "cosine_difference": cosine(value, difference),
            "relative_error_difference": relative_error(value, difference),
            "cosine_adjoint": None if exact is None else cosine(value, exact),
            "relative_error_adjoint": None if exact is None else relative_error(value, exact),
            "slope": slope(value, example.reference),
            "sign_right": int(example.sign_right.sum()),
            "edges_judged": int(example.judged.sum()),
            "interior_judged": int((example.judged & self.interior).sum()),
        }

    def _edges(self) -> list[dict[str, Any]]:
        """For every edge: means over the examples (unit of the loss per siemens), u(measured − reference), and z."""
        count = len(self.examples)
        test = self.against_reference
        reference, difference = self.reference.mean(axis=0), self.differences.mean(axis=0)
        u = np.sqrt(np.sum(test.uncertainty**2 + test.of_expected**2, axis=0)) / count
        u_difference = np.sqrt(np.sum([e.differences.uncertainty**2 for e in self.examples], axis=0)) / count
        off = self.batch.value - reference
        return [
            {
                "name": name,
                "measured": float(self.batch.value[k]),
                "reference": float(reference[k]),
                "u": float(u[k]),
                "z": float(off[k] / u[k]) if u[k] > 0 else None,
                "largest_z": float(min(np.abs(test.z[:, k]).max(), 1e100)),
                "difference": float(difference[k]),
                "u_difference": float(u_difference[k]),
                "confirmed": bool(self.confirmed[k]),
            }
            for k, name in enumerate(self.edges)
        ]


def _share(uncertainties: list[Array], reference: Array) -> float:
    """Norm of all uncertainties relative to that of the reference; infinite if only the reference is zero."""
    size, off = float(np.linalg.norm(reference)), float(np.linalg.norm(uncertainties))
    return off / size if size > 0 else (float("inf") if off > 0 else 0.0)


def _weighted_median(values: Array, reference: Array) -> float:
    """Median of values / reference, each weighted with the square of its reference; 1 if all references are zero."""
    there = reference != 0
    if not there.any():
        return 1.0
    ratio, weight = values[there] / reference[there], reference[there] ** 2
    order = np.argsort(ratio)
    below = np.cumsum(weight[order])
    return float(ratio[order][np.searchsorted(below, below[-1] / 2)])
