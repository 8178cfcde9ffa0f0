"""Errors of the sources of the error: what a gradient is off by is within what is stated, and shared by its edges."""

import numpy as np
import pytest

from labrig.assembly import assemble
from labrig.procedures.certify.adjoint import source_modes

IDEAL = ("bench=simulated", "simulation.preset=ideal", "simulation.source_amplitude=0.01", "limits.step=600 s")
FLOW = ("flow_chemical_iris.yaml", [])
SHARED = ("iris.yaml", [])
TONES = ("iris.yaml", ["learning.error.carrier=tone_per_output"])
CHOPPED = ("iris.yaml", ["learning.rule=chopped"])
NUDGED = ("iris.yaml", ["learning.rule=equilibrium_propagation"])


@pytest.mark.parametrize(("config", "more"), [FLOW, SHARED, TONES, CHOPPED, NUDGED])
def test_a_gradient_is_off_along_the_modes_of_its_sources(config, more):
    assembly = assemble(f"configs/{config}", [*IDEAL, *more])
    setup = assembly.setup()
    with setup.rig as rig:
        update = assembly.update(rig)
        rig.program(update.settings())
        probe, truth = assembly.probe(rig, update), setup.bench.truth
        example = int(assembly.task.train[0])
        measured, x, y = probe.gradient(example).gradient, probe.task.activation[example], probe.task.target[example]

        def loss_gradient(outputs):
            return assembly.loss.gradient(outputs, y)

        off = measured.value - truth.gradient(x, loss_gradient)
        modes = source_modes(truth, x, loss_gradient, measured, tone=False)
        errors = np.linalg.lstsq(modes.T, off, rcond=None)[0]
        assert np.linalg.norm(off) > 1e-3 * np.linalg.norm(measured.value)
        assert np.linalg.norm(off - errors @ modes) < 0.03 * np.linalg.norm(off)
        assert np.abs(errors).max() < 4  # in standard uncertainties
        if more == TONES[1]:
            np.testing.assert_allclose(np.abs(measured.modes), np.abs(modes), rtol=0.1, atol=1e-3 * np.abs(modes).max())
