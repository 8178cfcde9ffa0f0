"""Certifies the measured gradient of a board.

At seeded, untrained conductances, the gradient of every edge by frequency propagation (FP) is compared with

- central differences of the loss *measured on the same rig*, which need no model, and
- the exact adjoint (`truth`), if the bench is simulated.

A sweep of γ shows how the error of the gradient grows (as γ² in a nonlinear network, not at all in a linear one). A
null test shows what is measured at the error tone while the error is off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.errors import ChannelFault
from labrig.instruments.contracts import Truth
from labrig.instruments.data import Continuous, Level, LevelTable, Setting, Target
from labrig.learning.gradient import Gradient, mean_gradient
from labrig.learning.updates import Update
from labrig.procedures.gamma_sweep import Sweep, sweep_gamma
from labrig.rig.gradient_probe import GradientProbe
from labrig.rig.rig import Rig

Array = NDArray[np.float64]

CONTINUOUS_STEP = 1e-3
LEVEL_STEP = 0.1
"""Relative step of the differences: small for continuous conductances; with levels, large enough for the noise
of the measured loss, and still a truncation error near 1 %."""

JUDGED_AT = 5.0
"""An edge is judged if its gradient exceeds this many standard uncertainties, of noise and instruments together. An
offset larger than `a` gives the wrong sign however often it is measured."""

MINIMUM_COSINE = 0.95
LARGEST_SLOPE_ERROR = 0.25
"""Largest error of the slope before a gradient is called wrong. The step of the differences and the unknown tolerance
of the parts account for up to 0.15."""


class Verdict(Enum):
    """Whether a gradient is right."""

    RIGHT = "right"
    WRONG = "wrong"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True)
class ExampleCertificate:
    """The gradient of one example and its references: differences of the measured loss, and the adjoint if known."""

    name: str
    measured: Gradient
    difference: Array
    adjoint: Array | None

    @property
    def gradient(self) -> Array:
        """(E,) gradient by frequency propagation."""
        return self.measured.value

    @property
    def reference(self) -> Array:
        """The better reference: the adjoint if it is known."""
        return self.difference if self.adjoint is None else self.adjoint

    @property
    def judged(self) -> NDArray[np.bool_]:
        """(E,) True for edges whose gradient clearly exceeds its noise and the digitizer's offset and gain errors."""
        return np.abs(self.gradient) > JUDGED_AT * self.measured.uncertainty

    @property
    def sign_right(self) -> NDArray[np.bool_]:
        """(E,) True for judged edges whose sign agrees with the reference."""
        return self.judged & (np.sign(self.gradient) == np.sign(self.reference))

    @property
    def verdict(self) -> Verdict:
        """Wrong only if noise cannot explain the deviation."""
        noise = self.measured.standard_error
        if self.sign_right.sum() < self.judged.sum():
            return Verdict.WRONG
        share = _share_of_signal(self.measured)
        if share is None or not self.judged.any():
            return Verdict.UNRESOLVED
        slope_noise = float(np.linalg.norm(noise * self.reference) / (self.reference @ self.reference))
        off = abs(slope(self.gradient, self.reference) - 1) - JUDGED_AT * slope_noise
        if off > LARGEST_SLOPE_ERROR:
            return Verdict.WRONG
        if cosine(self.gradient, self.reference) >= MINIMUM_COSINE:
            return Verdict.RIGHT
        # √share is the cosine expected from noise alone; close to the minimum, the scatter of few edges decides.
        return Verdict.UNRESOLVED if np.sqrt(share) < MINIMUM_COSINE + 0.03 else Verdict.WRONG

    def figures(self, interior: NDArray[np.bool_]) -> dict[str, Any]:
        """Return the figures of this example; `interior` (E,) marks edges that touch no output."""
        return {
            "name": self.name,
            "cosine_difference": cosine(self.gradient, self.difference),
            "relative_error_difference": relative_error(self.gradient, self.difference),
            "cosine_adjoint": None if self.adjoint is None else cosine(self.gradient, self.adjoint),
            "relative_error_adjoint": None if self.adjoint is None else relative_error(self.gradient, self.adjoint),
            "slope": slope(self.gradient, self.reference),
            "sign_right": int(self.sign_right.sum()),
            "edges_judged": int(self.judged.sum()),
            "interior_judged": int((self.judged & interior).sum()),
            "verdict": self.verdict.value,
        }


@dataclass(frozen=True)
class Certificate:
    """The certified gradient of a board.

    Parameters
    ----------
    edges
        Names of the E edges.
    interior
        (E,) True for edges that touch no output.
    examples
        One certificate per example.
    sweep
        How the error depends on γ, for the first example.
    null_b_max_v
        Largest |b| measured with the error off (V).
    repeats
        Gradient measurements averaged per example.
    """

    edges: tuple[str, ...]
    interior: NDArray[np.bool_]
    examples: tuple[ExampleCertificate, ...]
    sweep: Sweep
    null_b_max_v: float
    repeats: int

    @property
    def batch(self) -> Gradient:
        """Mean over the examples, with its standard error."""
        return mean_gradient([example.measured for example in self.examples], len(self.edges))

    @property
    def repeats_for_batch(self) -> int | None:
        """Repeats that would bring the batch gradient's relative standard error to 5 %.

        None if the gradient is below the noise, so that its size is unknown.
        """
        batch = self.batch
        share = _share_of_signal(batch)
        if share is None:
            return None
        noise_to_signal = float(np.sum(batch.standard_error**2) / (share * (batch.value @ batch.value)))
        return max(1, int(np.ceil(self.repeats * noise_to_signal / 0.05**2)))

    def to_json(self) -> dict[str, Any]:
        """Return the figures; those over all examples are the worst ones, counts are sums."""
        figures = [example.figures(self.interior) for example in self.examples]

        def worst(name: str, choose: Callable[[Sequence[float]], float]) -> float | None:
            values = [figure[name] for figure in figures if figure[name] is not None]
            return choose(values) if values else None

        slopes = [figure["slope"] for figure in figures]
        batch = self.batch
        return {
            "cosine_difference": worst("cosine_difference", min),
            "relative_error_difference": worst("relative_error_difference", max),
            "cosine_adjoint": worst("cosine_adjoint", min),
            "relative_error_adjoint": worst("relative_error_adjoint", max),
            "slope": max(slopes, key=lambda s: abs(s - 1)),
            "sign_right": sum(figure["sign_right"] for figure in figures),
            "edges_judged": sum(figure["edges_judged"] for figure in figures),
            "interior_judged": sum(figure["interior_judged"] for figure in figures),
            "gamma_exponent": self.sweep.exponent,
            "gamma_exponent_interval": self.sweep.interval,
            "null_b_max_v": self.null_b_max_v,
            "verdict": self.verdict.value,
            "passed": self.passed,
            "batch": {
                "relative_standard_error": float(np.linalg.norm(batch.standard_error) / np.linalg.norm(batch.value)),
                "repeats": self.repeats,
                "repeats_for_5_percent": self.repeats_for_batch,
                "cosine_reference": cosine(batch.value, np.mean([e.reference for e in self.examples], axis=0)),
            },
            "examples": figures,
        }

    @property
    def verdict(self) -> Verdict:
        """The worst over the examples."""
        found = {example.verdict for example in self.examples}
        return next(verdict for verdict in (Verdict.WRONG, Verdict.UNRESOLVED, Verdict.RIGHT) if verdict in found)

    @property
    def passed(self) -> bool:
        """Whether the gradient is right."""
        return self.verdict is Verdict.RIGHT


def certify(
    probe: GradientProbe,
    update: Update,
    truth: Truth | None,
    examples: Sequence[int],
    repeats: int,
    progress: Callable[[str], None] = lambda message: None,
) -> Certificate:
    """Certify the gradient of an open rig at the initial conductances.

    Parameters
    ----------
    probe : GradientProbe
        Measures gradients and losses.
    update : Update
        Supplies the initial conductances.
    truth : Truth or None
        The exact gradient of a simulated bench.
    examples : sequence of int
        Indices into the task.
    repeats : int
        FP measurements averaged per example.
    progress : callable
        Called with a line of text before each part of the procedure.

    Raises
    ------
    ChannelFault
        If a channel does not keep its value or settings are lost.
    """
    rig = probe.rig
    _write(rig, update.settings())
    progress(f"frequency propagation: {len(examples)} examples, {repeats} repeat(s)")
    measured = [_repeated(probe, example, repeats) for example in examples]
    adjoints: list[Array | None] = [_adjoint(probe, truth, example) for example in examples]
    progress("sweep of γ")
    sweep = sweep_gamma(probe, examples[0])
    progress(f"central differences: {len(rig.edges)} edges")
    differences = central_differences(probe, update, examples)
    outputs = {wire.node for wire in rig.hookup.outputs}
    null_b_max_v = max(_null(probe, example) for example in examples)
    rig.confirm()
    _write(rig, {})
    return Certificate(
        edges=rig.edges,
        interior=np.array([edge.a not in outputs and edge.b not in outputs for edge in rig.hookup.edges]),
        examples=tuple(
            ExampleCertificate(probe.task.example_name(example), value, difference, adjoint)
            for example, value, difference, adjoint in zip(examples, measured, differences, adjoints, strict=True)
        ),
        sweep=sweep,
        null_b_max_v=null_b_max_v,
        repeats=repeats,
    )


def _write(rig: Rig, settings: Mapping[int, Setting]) -> None:
    """Program; ChannelFault if a channel does not keep its value or settings were lost."""
    report = rig.program(settings)
    if report.faulty or report.interrupted:
        what = (
            f"{', '.join(report.faulty)} did not keep the value that was written"
            if report.faulty
            else "settings were lost"
        )
        raise ChannelFault(what, action="certify", remedy="check the bank's supply, cable and watchdog; certify again")


def _share_of_signal(gradient: Gradient) -> float | None:
    """Return the share of |g|² that is not noise; None if g is not significant."""
    size, noise = float(gradient.value @ gradient.value), float(np.sum(gradient.standard_error**2))
    return 1.0 - noise / size if size > 2 * noise else None


def _repeated(probe: GradientProbe, example: int, repeats: int) -> Gradient:
    """Return the mean gradient of one example."""
    return mean_gradient([probe.gradient(example).gradient for _ in range(repeats)], len(probe.rig.edges))


def _null(probe: GradientProbe, example: int) -> float:
    """Return the largest |b| (V) measured while the error is off."""
    return float(np.abs(probe.measure_free(example).b).max())


def _adjoint(probe: GradientProbe, truth: Truth | None, example: int) -> Array | None:
    """Return the exact gradient; None if unknown, or if the activation is a tone and the network nonlinear."""
    if truth is None or (probe.rig.activation == "sine" and not truth.linear):
        return None
    target = probe.task.target[example]
    return truth.gradient(probe.task.activation[example], lambda outputs: probe.loss.gradient(outputs, target))


def central_differences(probe: GradientProbe, update: Update, examples: Sequence[int]) -> list[Array]:
    """Return ∂C/∂θ (E,) of every example by differences of the measured loss; each edge is restored afterwards."""
    losses_here = [probe.measured_loss(example) for example in examples]
    gradients = [np.zeros(len(probe.rig.edges)) for _ in examples]
    home = update.settings()
    for edge, here in enumerate(update.conductances):
        points = _neighbours(update.levels[edge], float(here))
        losses = []
        for setting, _ in points:
            _write(probe.rig, {edge: setting})
            losses.append([probe.measured_loss(example) for example in examples])
        _write(probe.rig, {edge: home[edge]})
        steps = [siemens - here for _, siemens in points]
        for k in range(len(examples)):
            gradients[k][edge] = three_point_slope(steps[0], steps[1], losses[0][k], losses_here[k], losses[1][k])
    return gradients


def three_point_slope(first: float, second: float, f_first: float, f_here: float, f_second: float) -> float:
    """Slope at 0 of the parabola through (first, f_first), (0, f_here), (second, f_second): steps need not be equal."""
    return float(
        (second**2 * (f_first - f_here) - first**2 * (f_second - f_here)) / (first * second * (second - first))
    )


def _neighbours(levels: LevelTable | Continuous, here: float) -> list[tuple[Setting, float]]:
    """Two settings around `here`, one below and one above; both on one side at an end of the range."""
    if isinstance(levels, Continuous):
        steps = (-CONTINUOUS_STEP, CONTINUOUS_STEP)
        if here * (1 - CONTINUOUS_STEP) < levels.minimum:
            steps = (CONTINUOUS_STEP, 2 * CONTINUOUS_STEP)
        elif here * (1 + CONTINUOUS_STEP) > levels.maximum:
            steps = (-2 * CONTINUOUS_STEP, -CONTINUOUS_STEP)
        return [(Target(here * (1 + step)), here * (1 + step)) for step in steps]
    position = int(np.abs(levels.siemens - here).argmin())
    last = len(levels.siemens) - 1
    below = min(int(np.searchsorted(levels.siemens, here * (1 - LEVEL_STEP))), position - 1)
    above = max(int(np.searchsorted(levels.siemens, here * (1 + LEVEL_STEP))), position + 1)
    if below < 0:
        below, above = above, min(2 * above - position, last)
    elif above > last:
        below, above = max(2 * below - position, 0), below
    return [(Level(int(levels.codes[k])), float(levels.siemens[k])) for k in (below, above)]


def cosine(a: Array, b: Array) -> float:
    """Return the cosine of the angle between two vectors."""
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def relative_error(value: Array, reference: Array) -> float:
    """Return |value − reference| / |reference|."""
    return float(np.linalg.norm(value - reference) / np.linalg.norm(reference))


def slope(value: Array, reference: Array) -> float:
    """Return the least-squares slope of value against reference through zero; 1 is right."""
    return float(value @ reference / (reference @ reference))
