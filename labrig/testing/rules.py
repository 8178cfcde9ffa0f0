"""Checks a learning rule on noisy boards: its sign, its stated uncertainty, and its stated number of acquisitions.

    from labrig.testing.rules import check_rule
    check_rule("mylab_rule:MyRule/option=3")

or `pytest --rule NAME[,NAME] --pyargs labrig.testing`. The boards differ in gain and zero of every
channel, in the amplitudes of their sources, in noise, and in their conductances. A gradient is compared with the exact
gradient at the actual state of the board, which also depends on the amplitude errors of the input sources.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from labrig.assembly import assemble
from labrig.assembly.assembly import Assembly, Setup
from labrig.config.section import NoOptions
from labrig.learning.gradient import Gradient
from labrig.learning.losses import Loss
from labrig.learning.losses.loss import TrainingTargets
from labrig.learning.measurement import Excitation
from labrig.procedures.certify.adjoint import output_uncertainty, source_modes
from labrig.procedures.compare_rules.named import NamedRule
from labrig.rig.gradient_probe import GradientProbe
from labrig.rig.responses import shared_errors

Array = NDArray[np.float64]

NOISY = (
    "bench=simulated",
    "simulation.preset=typical",
    "simulation.noise=1 mV",
    "simulation.part_tolerance=false",
    "simulation.converters=false",
    "limits.step=600 s",
)
EXACT = ("bench=simulated", "simulation.preset=ideal", "limits.step=600 s")
"""The same boards, measured without any error. In both cases parts are nominal, and conductances are not rounded."""
LOW, HIGH = 0.9, 1.1
"""Bounds for the rms of (measured − exact) / uncertainty."""


@dataclass(frozen=True)
class RuleFigures:
    """The figures of a rule.

    Parameters
    ----------
    rule, estimand : str
        Name of the rule, and the quantity that it estimates ("the gradient" for most rules).
    z_rms : float
        Root mean square of (measured − estimand) / stated uncertainty, over edges, examples and boards.
    cosine : float
        Smallest cosine of the gradient measured without noise to the exact gradient.
    noisy_cosine : float
        Mean cosine of the gradient measured with noise to the exact gradient.
    acquisitions : int
        Acquisitions per example.
    """

    rule: str
    estimand: str
    z_rms: float
    cosine: float
    noisy_cosine: float
    acquisitions: int


def check_rule(
    rule: str,
    config: str | Path = "iris.yaml",
    overrides: Sequence[str] = (),
    boards: Sequence[int] = range(12),
    examples: int = 8,
) -> RuleFigures:
    """Return the figures of a rule; raise AssertionError if its sign or its stated uncertainty is wrong.

    Parameters
    ----------
    rule : str
        NAME or NAME/KEY=VALUE as for `labrig compare-rules`; NAME may be a dotted path.
    config : str or Path
        Configuration of a board without diodes.
    overrides : sequence of str
        Overrides KEY=VALUE, applied after those that make the board noisy.
    boards : sequence of int
        Seeds of the boards.
    examples : int
        Number of examples per board.
    """
    found = examine_rule(rule, config, overrides, boards, examples)
    assert found.cosine > 0, f"{rule} goes uphill: its cosine to the exact gradient is {found.cosine:.3f}"
    assert LOW <= found.z_rms <= HIGH, (
        f"{rule} states wrong uncertainties: the rms of error/uncertainty is {found.z_rms:.3g}, but should be 1"
    )
    return found


def examine_rule(
    rule: str,
    config: str | Path = "iris.yaml",
    overrides: Sequence[str] = (),
    boards: Sequence[int] = range(12),
    examples: int = 8,
) -> RuleFigures:
    """Measure the figures of a rule; parameters as for `check_rule`."""
    z: list[Array] = []
    cosines: list[float] = []
    noisy: list[float] = []
    named = NamedRule(rule).overrides
    estimand, acquisitions = "", 0
    for board in boards:
        both = [
            assemble(Path(config), [f"seed={board}", *base, *more, *named])
            for base, more in ((NOISY, overrides), (EXACT, ()))
        ]
        measuring, exact = both
        one, other = measuring.setup(), exact.setup()
        with one.rig, other.rig:
            probe, ideal = _ready(measuring, one), _at_what_is_played(_ready(exact, other), one)
            played: list[Excitation] = []
            counting = replace(probe, watcher=lambda excitation, response, played=played: played.append(excitation))
            taken = 0
            for example in measuring.task.train[:examples].tolist():
                played.clear()
                measured, reference = counting.gradient(example).gradient, ideal.gradient(example).gradient
                taken = max(taken, len(played))
                assert measured is not None, f"{rule} measures no gradient for example {example}"
                assert reference is not None, f"{rule} measures no gradient for example {example} without noise"
                u_outputs = output_uncertainty(one.rig, probe.measure_free(example))
                if probe.rule.subtracts_zeros:
                    zero = shared_errors(one.rig.hookup, one.rig.plan).of_outputs(
                        np.zeros_like(u_outputs), with_zero=True
                    )
                    u_outputs = np.sqrt(np.maximum(u_outputs**2 - zero, 0.0))
                gradient, modes = _gradient(ideal, other, u_outputs, example)
                expected = gradient
                if probe.rule.estimand != "the gradient":
                    expected = reference.value
                    modes = _modes(ideal, u_outputs, example, expected)
                of_sources = _of_sources(ideal, other, measured, example)
                own = measured.standard_error**2 + measured.systematic**2
                u = np.sqrt(own + np.sum(modes**2, axis=0) + np.sum(of_sources**2, axis=0))
                with np.errstate(divide="ignore", invalid="ignore"):
                    z.append(np.where(measured.value == expected, 0.0, (measured.value - expected) / u))
                cosines.append(_cosine(reference.value, gradient))
                noisy.append(_cosine(measured.value, gradient))
            estimand, acquisitions = probe.rule.estimand, probe.acquisitions
            assert taken == acquisitions, f"{rule} makes {taken} acquisitions for an example, but states {acquisitions}"
    return RuleFigures(
        rule,
        estimand,
        float(np.sqrt(np.mean(np.square(z)))),
        min(cosines),
        float(np.mean(noisy)),
        acquisitions,
    )


def _ready(assembly: Assembly, setup: Setup) -> GradientProbe:
    update = assembly.update(setup.rig)
    setup.rig.program(update.settings())
    return assembly.probe(setup.rig, update)


def _at_what_is_played(ideal: GradientProbe, setup: Setup) -> GradientProbe:
    """Return the probe of the ideal board with the inputs that the sources of the noisy board, `setup`, really play."""
    truth, task = setup.bench.truth, ideal.task
    assert truth is not None
    return replace(ideal, task=replace(task, activation=np.array([truth.as_played(row) for row in task.activation])))


def _gradient(ideal: GradientProbe, setup: Setup, u_outputs: Array, example: int) -> tuple[Array, Array]:
    """Return the exact gradient (E,), and its change (O, E) if each output shifts by its standard uncertainty."""
    truth, x, target = setup.bench.truth, ideal.task.activation[example], ideal.task.target[example]
    assert truth is not None
    tone = ideal.rig.activation == "sine"
    value = truth.gradient(x, lambda outputs: ideal.loss.gradient(outputs, target), tone)
    shifted = [
        truth.gradient(x, lambda outputs, by=by: ideal.loss.gradient(outputs + by, target), tone)
        for by in np.diag(u_outputs)
    ]
    return value, np.array(shifted) - value


def _of_sources(ideal: GradientProbe, setup: Setup, measured: Gradient, example: int) -> Array:
    """Return the (O, E) change of the measured gradient if each error source is off by its standard uncertainty."""
    truth, x, target = setup.bench.truth, ideal.task.activation[example], ideal.task.target[example]
    assert truth is not None
    tone = ideal.rig.activation == "sine"
    return source_modes(truth, x, lambda outputs: ideal.loss.gradient(outputs, target), measured, tone)


def _modes(ideal: GradientProbe, u_outputs: Array, example: int, value: Array) -> Array:
    """Return the (O, E) change of the noiseless measured gradient if each output shifts by its standard uncertainty."""
    found = []
    for by in np.diag(u_outputs):
        shifted = replace(ideal, loss=_Shifted(ideal.loss, by)).gradient(example).gradient
        assert shifted is not None
        found.append(shifted.value - value)
    return np.array(found)


def _cosine(one: Array, other: Array) -> float:
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


class _Shifted(Loss):
    """A loss that adds a shift to the outputs."""

    def __init__(self, loss: Loss, by: Array) -> None:
        self._loss, self._by = loss, by
        self.targets = loss.targets  # type: ignore[misc]

    @classmethod
    @override
    def build(cls, options: NoOptions, targets: TrainingTargets) -> Any:
        raise NotImplementedError

    @property
    @override
    def scale(self) -> float:
        return self._loss.scale

    @property
    @override
    def error_scale(self) -> float:
        return self._loss.error_scale

    @override
    def value(self, outputs: Array, target: Array) -> float:
        return self._loss.value(outputs + self._by, target)

    @override
    def gradient(self, outputs: Array, target: Array) -> Array:
        return self._loss.gradient(outputs + self._by, target)
