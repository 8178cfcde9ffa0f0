"""Central differences: slopes by hand, settings at the ends of a range, and what their uncertainty covers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from trials import quick
from unit.rig.benches import assembled

from labrig.instruments.data import Continuous, LevelTable
from labrig.procedures.certify.differences import central_differences, neighbours, three_point_weights

VALUES = st.floats(-10.0, 10.0)
STEPS = st.floats(0.1, 5.0) | st.floats(-5.0, -0.1)


@given(VALUES, VALUES, VALUES, STEPS, STEPS)
def test_a_parabola_has_its_slope_exactly_at_any_two_steps(a, b, c, first, second):
    assume(abs(first - second) > 0.05)

    def parabola(x: float) -> float:
        return a * x**2 + b * x + c

    found = np.dot(three_point_weights(first, second), (parabola(first), parabola(0.0), parabola(second)))
    assert found == pytest.approx(b, abs=1e-8)


def test_a_part_with_two_levels_has_a_slope():
    table = LevelTable(np.array([1, 0]), np.array([1.0, 2.0]))
    for here in (1.0, 2.0):
        (_, first), (_, second) = neighbours(table, here, 0.1)
        assert first == second != here
        assert np.dot(three_point_weights(first - here, second - here), (3 * first, 3 * here, 3 * second)) == 3.0


@pytest.mark.parametrize("step", [0.1, 0.3])
def test_neighbours_stand_around_and_at_an_end_on_one_side(step):
    table = LevelTable(np.arange(50)[::-1], np.linspace(1.0, 50.0, 50))
    inside = [siemens for _, siemens in neighbours(table, 20.0, step)]
    assert inside[0] < 20.0 < inside[1]
    assert all(abs(siemens - 20.0) >= 1.0 for siemens in inside)
    assert neighbours(table, 49.0, step)[1][1] == 50.0
    for end in (1.0, 50.0):
        steps = [siemens - end for _, siemens in neighbours(table, end, step)]
        assert steps[0] * steps[1] > 0
        assert steps[0] != steps[1]
    channel = Continuous(10.0, 100.0)
    for here, signs in ((50.0, [-1, 1]), (10.0, [1, 1]), (100.0, [-1, -1])):
        steps = [siemens - here for _, siemens in neighbours(channel, here, 1e-3)]
        assert np.sign(steps).tolist() == signs
        assert all(10.0 <= siemens <= 100.0 for _, siemens in neighbours(channel, here, 1e-3))


@pytest.mark.parametrize("bits", quick(1, [12, 16]))
def test_noise_rounding_and_truncation_cover_the_error_where_parts_have_their_nominal_size(bits):
    assembly = assembled("xor", "simulation.part_tolerance=false", f"instruments.daq.bits={bits}")
    setup = assembly.setup()
    with setup.rig as rig:
        update = assembly.update(rig)
        rig.program(update.settings())
        loss, target = assembly.loss, assembly.task.target[1]
        exact = setup.bench.truth.gradient(assembly.task.activation[1], lambda v: loss.gradient(v, target))
        (found,) = central_differences(assembly.probe(rig, update), update, [1])
    z = (found.value - exact) / np.sqrt(found.noise**2 + (2 * found.truncation) ** 2)
    # Offsets scale all edges alike: the loss is measured with them.
    assert np.mean(np.abs(z) < 2.5) > 0.8
    np.testing.assert_allclose(found.tolerance, 0.2 / np.sqrt(3) * np.abs(found.value))


def test_cells_written_by_pulses_are_judged_by_the_steps_that_were_read():
    """A write lands within 2 %, and relaxes: a step of 0.1 % that was only asked for would say nothing."""
    assembly = assembled("iris_memristor")
    setup = assembly.setup()
    with setup.rig as rig:
        update = assembly.update(rig)
        rig.program(update.settings())
        (found,) = central_differences(assembly.probe(rig, update), update, [1])
        target, loss = assembly.task.target[1], assembly.loss
        exact = setup.bench.truth.gradient(assembly.task.activation[1], lambda v: loss.gradient(v, target))
    assert np.all(np.abs(found.value - exact) <= 2 * found.truncation + np.sqrt(3) * found.tolerance + 3 * found.noise)
    assert np.linalg.norm(found.uncertainty) < 0.4 * np.linalg.norm(exact)


def test_wide_steps_stay_in_a_narrow_range():
    channel = Continuous(118.0, 182.0)
    for here in (118.0, 130.0, 150.0, 182.0):
        assert all(118.0 <= siemens <= 182.0 for _, siemens in neighbours(channel, here, 0.3))
