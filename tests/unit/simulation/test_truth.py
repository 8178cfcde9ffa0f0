"""The exact gradient of a simulated board, against differences of its own outputs."""

from __future__ import annotations

import numpy as np
import pytest
from unit.rig.benches import assembled

from labrig.instruments.data import Target


@pytest.mark.parametrize("tone", [False, True], ids=["dc", "tone"])
@pytest.mark.parametrize("name", ["xor", "regression"])
def test_the_gradient_is_that_of_the_outputs(name, tone):
    assembly = assembled(name, "simulation.preset=ideal")
    setup = assembly.setup()
    truth, loss, target = setup.bench.truth, assembly.loss, assembly.task.target[1]
    activation = assembly.task.activation[1]
    with setup.rig as rig:
        home = assembly.update(rig).conductances
        rig.program({k: Target(float(g)) for k, g in enumerate(home)})
        exact = truth.gradient(activation, lambda v: loss.gradient(v, target), tone)

        def value(edge: int, factor: float) -> float:
            rig.program({edge: Target(float(home[edge] * factor))})
            return loss.value(truth.outputs(activation, tone), target)

        for edge in (0, 7, len(home) - 1):
            step = 1e-4
            slope = (value(edge, 1 + step) - value(edge, 1 - step)) / (2 * step * home[edge])
            value(edge, 1.0)
            assert slope == pytest.approx(exact[edge], rel=1e-6, abs=1e-7 * np.abs(exact).max())


def test_amplitudes_are_those_that_are_measured_also_where_diodes_bend_the_wave():
    assembly = assembled("xor", "simulation.preset=ideal", "learning.activation=sine")
    setup = assembly.setup()
    with setup.rig as rig:
        probe = assembly.probe(rig, assembly.update(rig))
        rig.program(assembly.update(rig).settings())
        measured = probe.measure_free(1).outputs
        amplitudes = setup.bench.truth.outputs(assembly.task.activation[1], tone=True)
        dc = setup.bench.truth.outputs(assembly.task.activation[1])
    np.testing.assert_allclose(measured, amplitudes, rtol=1e-6)
    assert np.abs(dc - amplitudes).max() > 1e-3 * np.abs(dc).max()


def test_on_a_linear_board_a_tone_has_the_gradient_of_dc():
    assembly = assembled("regression", "simulation.preset=ideal")
    setup = assembly.setup()
    target, loss = assembly.task.target[0], assembly.loss
    with setup.rig as rig:
        rig.program(assembly.update(rig).settings())
        by_dc, by_tone = (
            setup.bench.truth.gradient(assembly.task.activation[0], lambda v: loss.gradient(v, target), tone)
            for tone in (False, True)
        )
    np.testing.assert_allclose(by_tone, by_dc, rtol=1e-9)
