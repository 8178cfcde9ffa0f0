"""The zero that is measured again: its uncertainty against real errors, through a rig."""

from pathlib import Path

import numpy as np
import pytest
from trials import quick, trials

from labrig.assembly import assemble
from labrig.config.problems import ConfigProblems
from labrig.learning.measurement import Excitation

CONFIGS = Path(__file__).parents[3] / "configs"
COUNT = trials(30, 60, 200)
QUIET = ("simulation.preset=ideal", "simulation.noise=100 µV")


def deviations(overrides, count=60):
    """Errors of `a` in units of the stated standard error, of which the judge is the same board without noise."""
    zero = [*QUIET, *overrides]
    seed = [each for each in overrides if each.startswith("seed=")]
    assembly, exact = (
        assemble(CONFIGS / "iris.yaml", zero),
        assemble(CONFIGS / "iris.yaml", ["simulation.preset=ideal", *seed]),
    )
    rng = np.random.default_rng(2)
    found = []
    with assembly.open_rig() as rig, exact.open_rig() as judge:
        rig.program(assembly.update(rig).settings())
        judge.program(exact.update(judge).settings())
        for _ in range(count):
            excitation = Excitation(assembly.task.activation[rng.integers(100)])
            read = rig.measure(excitation)
            rig.measure(Excitation(excitation.activation, np.full((1, 3), 1e-7)))
            found.append((read.a - judge.measure(excitation).a) / np.hypot(read.u_a, read.systematic_a))
    return np.array(found)


@pytest.mark.parametrize("imperfection", quick(1, ["drift=100 mV", "flicker=75 µV", "digitizer_offset=5 mV"]))
def test_with_a_zero_intervals_contain_the_truth(imperfection):
    # One bench alone is within 0.02 of the mean: slow noise is common to its acquisitions.
    z = np.concatenate(
        [deviations([f"seed={n}", f"simulation.{imperfection}", "acquisition.zero.every=2"], COUNT) for n in range(4)]
    )
    assert 0.91 < np.mean(np.abs(z) < 1.96) < 0.985


def test_without_one_drift_is_far_outside():
    z = deviations(["simulation.drift=100 mV"])
    assert np.mean(np.abs(z) < 1.96) < 0.5


def test_the_zero_takes_the_acquisitions_that_were_asked_for():
    assembly = assemble(CONFIGS / "iris.yaml", ["acquisition.zero.every=4"])
    with assembly.open_rig() as rig:
        rig.program(assembly.update(rig).settings())
        for _ in range(8):
            rig.measure(Excitation(assembly.task.activation[0]))
        assert rig.acquisitions == 12 + 8 + 1


def test_a_sine_needs_no_zero():
    with pytest.raises(ConfigProblems, match=r"zero.every: the zero of the digitizer matters only at DC"):
        assemble(CONFIGS / "iris.yaml", ["learning.activation=sine", "acquisition.zero.every=2"])
