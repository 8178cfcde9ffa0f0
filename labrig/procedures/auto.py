"""Chooses the rate, the temperature and the error current from the first gradients of a board.

The gradient of an example is g = Jᵀe, with e = ∂C/∂v at the outputs. Measured gradients and outputs therefore show how
far the outputs move when the conductances change. With s the width of the range of conductances:

- An output moves by j₁ = ½ s Σ|g| / |e| if every conductance changes by half of its range in the best direction, and by
  j₂ = ½ s √Σg² / |e| if the directions are random. Differences between trained outputs lie between j₁ and j₂; the
  temperature is a fixed fraction of √(j₁ j₂).
- A step at one example with the rate r changes the error of this example by the fraction μ = r s² |g|²/|e|² C″/L₀, with
  the curvature C″ of the loss. The rate is chosen for μ = 1. (Above μ = 2 a single example diverges.) The mean gradient
  of a batch of B examples scatters √B times less, so its rate is √B times higher.
- The error current moves an output by a fixed fraction of the activation, or by less if the gradient then depends on
  the current.

These fractions were found on the configurations that come with labrig; `tests/claims/auto.py` compares the chosen
values with those written in these configurations.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from labrig.assembly import Assembly
from labrig.assembly.auto import RATE, SWING, TEMPERATURE
from labrig.assembly.check import reassembled
from labrig.config.problems import TreePath, render_path
from labrig.errors import ConfigError
from labrig.learning.gradient import Gradient
from labrig.learning.measurement import Excitation, Response
from labrig.quantities import exact_quantity
from labrig.random_streams import RandomStream
from labrig.rig.gradient_probe import GradientProbe
from labrig.rig.rig import Rig

Array = NDArray[np.float64]

EXAMPLES = 12
"""Number of examples whose gradients are measured."""

TEMPERATURE_SHARE = 0.12
STEP_SHARE = 1.0

FLAT = 10.0
"""Temperature, in units of the largest activation, at which all classes are equally probable."""

BENT = 0.02
"""Largest relative change of a gradient that is accepted when the error current is halved."""

NOISY = 2.0
"""A difference between gradients is significant if its square exceeds this multiple of the mean square due to noise and
rounding."""

HALVINGS = 5


@dataclass(frozen=True)
class Chosen:
    """A chosen value.

    Attributes
    ----------
    key : str
        Key in the configuration.
    value : float or str
        The value, as it would be written in the configuration.
    why : str
        The reason, with the measured figures.
    """

    key: str
    value: float | str
    why: str


@dataclass(frozen=True)
class _First:
    """The first gradients, and ∂C/∂v of the outputs at each example (M, O).

    `moved` is the largest response of an output to an error tone, per unit of current; 0 if no error tone was played.
    """

    gradients: list[Gradient]
    errors: Array
    moved: float

    def reach(self, span: float) -> tuple[float, float, float]:
        """Means of j₁ and j₂ (V), and of |g|²/|e|² (V²/S²)."""
        sizes = np.linalg.norm(self.errors, axis=1)
        values = np.array([each.value for each in self.gradients])
        along = np.abs(values).sum(axis=1) * span / 2 / sizes
        across = np.linalg.norm(values, axis=1) / sizes
        return float(along.mean()), float(across.mean() * span / 2), float((across**2).mean())

    @property
    def relative(self) -> float:
        """Ratio of the rms gradient to its rms uncertainty."""
        u = float(np.sqrt(np.mean([np.sum(each.uncertainty**2) for each in self.gradients])))
        return float(np.sqrt(np.mean([np.sum(each.value**2) for each in self.gradients]))) / max(u, 1e-300)


def choose(
    assembly: Assembly,
    opened: Callable[[Rig], AbstractContextManager[Rig]] = lambda rig: rig,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[Assembly, tuple[Chosen, ...]]:
    """Measure the first gradients of a board, and return its assembly with a chosen value in place of every `auto`.

    Parameters
    ----------
    assembly : Assembly
        The configuration. Without `auto` it is returned unchanged, and nothing is measured. If it trains for 0 epochs,
        i.e. only scores, something is measured only for a temperature that is `auto`.
    opened : callable
        Opens a rig, as a context manager that makes the rig safe and closes it at the end. The initial conductances are
        written to the rig.
    stop : callable
        Called before each gradient is measured; KeyboardInterrupt is raised if it returns True.

    Raises
    ------
    LabrigError
        If a measurement fails; ConfigError if no example has a gradient.
    KeyboardInterrupt
        If `stop` returned True.
    """
    keys = assembly.auto.keys if assembly.auto is not None else ()
    if not keys:
        return assembly, ()
    if not assembly.learning.epochs and TEMPERATURE not in keys:  # scoring needs neither rate nor error current
        return reassembled(assembly, {}), ()
    largest = float(np.abs(assembly.task.activation).max()) or 1.0
    medium = assembly.network.physics.medium
    flat = exact_quantity(FLAT * largest, medium.state)
    flow_key = next((path for path in keys if path not in (RATE, TEMPERATURE)), None)
    probing = reassembled(assembly, {TEMPERATURE: flat} if TEMPERATURE in keys else {})
    with opened(probing.open_rig()) as rig:
        update = probing.update(rig)
        rig.program(update.settings())
        probe = probing.probe(rig, update)
        examples = _examples(probing)
        measured = partial(_measured, stop=stop)
        current, why_current = probing.learning.error.largest, ""
        if flow_key is not None:
            current, why_current = _current(probing, probe, examples, largest, measured)
        first = measured(probe.at_current(current), examples)
        rig.confirm()
    along, across, square = first.reach(assembly.span)
    values: dict[TreePath, float | str] = {}
    why: dict[TreePath, str] = {}
    count = len(first.gradients)
    examples_text = f"{count} example{'s' if count > 1 else ''}"
    if flow_key is not None:
        values[flow_key] = exact_quantity(current, medium.flow)
        why[flow_key] = f"{why_current}; gradients are {first.relative:.2g} times their uncertainty"
    if TEMPERATURE in keys:
        value = _rounded(TEMPERATURE_SHARE * float(np.sqrt(along * across)))
        values[TEMPERATURE] = exact_quantity(value, medium.state)
        texts = (medium.text("state", volts) for volts in (along, across))
        why[TEMPERATURE] = (
            "{} % of √(j₁ j₂): according to the gradients of {}, outputs move by j₁ = {} if all edges act together, "
            "and by j₂ = {} if edges move at random".format(f"{100 * TEMPERATURE_SHARE:g}", examples_text, *texts)
        )
    if RATE in keys:
        loss = reassembled(assembly, values).loss
        curvature = loss.error_scale**2 / (2 * loss.scale)
        batch = assembly.schedule.batch
        single = STEP_SHARE * loss.scale / (assembly.span**2 * square * curvature)
        values[RATE] = _rounded(single * float(np.sqrt(batch)))
        why[RATE] = f"according to the gradients of {examples_text}, a step removes nearly all of its example's error"
        if batch > 1:
            why[RATE] += f"; √{batch} times this rate, because a batch averages {batch} gradients"
    chosen = tuple(Chosen(render_path(path), values[path], why[path]) for path in keys)
    return replace(reassembled(assembly, values), chosen=chosen), chosen


def _examples(assembly: Assembly) -> list[int]:
    """Return some training examples, chosen at random with the seed of the configuration."""
    order = RandomStream(assembly.seed, "auto").at(0).permutation(assembly.task.train)
    return [int(example) for example in order[:EXAMPLES]]


def _measured(probe: GradientProbe, examples: list[int], stop: Callable[[], bool]) -> _First:
    """Measure the gradients of these examples; those without a gradient are left out."""
    gradients, errors, moved = list[Gradient](), list[Array](), 0.0
    columns = probe.rig.hookup.output_columns
    for example in examples:
        if stop():
            raise KeyboardInterrupt
        outputs: list[Array] = []

        def keep(excitation: Excitation, response: Response, seen: list[Array] = outputs) -> None:
            nonlocal moved
            if not excitation.trial:
                seen.append(response.outputs)
            if excitation.error is not None and np.any(excitation.error):
                rows = response.demodulated.channel_in_phase[-len(response.error) :][:, columns]
                moved = max(moved, float(np.abs(rows).max() / np.abs(response.error).max()))

        found = replace(probe, watcher=keep).gradient(example).gradient
        if found is not None and outputs:
            gradients.append(found)
            errors.append(probe.loss.gradient(outputs[0], probe.task.target[example]))
    if not gradients:
        raise ConfigError(
            "auto cannot choose a value, because no example has a gradient", remedy="replace auto with numbers"
        )
    return _First(gradients, np.array(errors), moved)


def _current(
    assembly: Assembly,
    probe: GradientProbe,
    examples: list[int],
    largest: float,
    measured: Callable[[GradientProbe, list[int]], _First],
) -> tuple[float, str]:
    """Return the error current, and the reason for it.

    The current moves an output by SWING (relative to the largest activation), or by less if the gradient depends on the
    current or a source cannot deliver it.
    """
    few = examples[:2]
    moved = measured(probe, few).moved
    if not moved:
        raise ConfigError("auto cannot choose the error current, as this rule injects none", remedy="write a number")
    current = _rounded(min(SWING * largest / moved, 0.5 * probe.rig.largest_error_a))
    whole = measured(probe.at_current(current), few)
    change = np.inf
    for _ in range(HALVINGS):
        half = measured(probe.at_current(current / 2), few)
        change = _change(whole.gradients, half.gradients)
        if change <= BENT:
            break
        current, whole = current / 2, half
    else:
        raise ConfigError(
            f"the gradient depends on the error current even where outputs move by at most "
            f"{SWING / 2**HALVINGS:.2g} of the activation",
            remedy="write a number for the current; labrig certify shows how the error grows with it",
        )
    swing = assembly.network.physics.medium.text("state", whole.moved * current)
    by = f"by {100 * change:.2g} %" if change else "by no more than its uncertainty"
    return _rounded(current), f"it moves an output by {swing}; halving it changes the gradient {by}"


def _change(whole: list[Gradient], half: list[Gradient]) -> float:
    """Return the relative difference of gradients beyond noise and rounding; 0 if these explain the difference."""
    pairs = list(zip(whole, half, strict=True))
    apart = float(np.sum([np.sum((a.value - b.value) ** 2) for a, b in pairs]))
    noise = float(np.sum([np.sum(a.uncertainty**2 + b.uncertainty**2) for a, b in pairs]))
    size = float(np.sum([np.sum(each.value**2) for each in whole]))
    return float(np.sqrt((apart - noise) / size)) if apart > NOISY * noise else 0.0


def _rounded(value: float) -> float:
    return float(f"{value:.2g}")
