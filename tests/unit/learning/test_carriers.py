"""Carriers on a rig: how many acquisitions an example takes, what is played, and the gradient against the exact one."""

from __future__ import annotations

import numpy as np
import pytest
from unit.rig.benches import assembled

from labrig.config.section import NoOptions
from labrig.errors import ConfigError
from labrig.learning.carriers.shared_tone import SharedTone
from labrig.learning.carriers.tone_per_output import TonePerOutput
from labrig.learning.measurement import Excitation
from labrig.learning.rules.frequency_propagation import FrequencyPropagation, product

PER_OUTPUT = "learning.error.carrier=tone_per_output"


def test_one_tone_per_output_plays_the_same_for_any_error():
    carrier = TonePerOutput(NoOptions(), 1e-6, 1e-3, 3)
    x = np.array([0.5, -0.5])
    for error in (np.zeros(3), np.array([1.0, -2.0, 0.1])):
        np.testing.assert_array_equal(carrier.excitation(x, error).error, -1e-6 * np.eye(3))
    np.testing.assert_array_equal(carrier.at_current(2e-6).excitation(x, np.zeros(3)).error, -2e-6 * np.eye(3))


def test_an_example_takes_one_acquisition_if_the_error_is_not_needed_first():
    rule = FrequencyPropagation(NoOptions())
    assert rule.acquisitions(30, SharedTone) == 2
    assert rule.acquisitions(30, TonePerOutput) == 1


@pytest.mark.parametrize("config", ["iris", "iris_hidden", "xor"])
def test_the_gradient_of_one_acquisition_is_the_exact_one(config: str):
    assembly = assembled(config, PER_OUTPUT, "simulation.preset=ideal")
    setup = assembly.setup()
    with setup.rig as rig:
        update = assembly.update(rig)
        rig.program(update.settings())
        probe = assembly.probe(rig, update)
        before = rig.acquisitions
        learned = probe.gradient(0)
        assert rig.acquisitions - before == probe.acquisitions == 1
        loss, target = assembly.loss, assembly.task.target[0]
        exact = setup.bench.truth.gradient(assembly.task.activation[0], lambda v: loss.gradient(v, target))
        assert learned.loss == pytest.approx(probe.measured_loss(0), rel=1e-3)
    assert np.linalg.norm(learned.gradient.value - exact) < 2e-5 * np.linalg.norm(exact)


def test_the_only_acquisition_prepares_the_next_example():
    assembly = assembled("iris", PER_OUTPUT)
    with assembly.open_rig() as rig:
        update = assembly.update(rig)
        rig.program(update.settings())
        probe, measure, followed = assembly.probe(rig, update), rig.measure, []

        def measured(excitation, following=None):
            followed.append(following)
            return measure(excitation, following)

        rig.measure = measured
        probe.gradient(0, following=1)
    (following,) = followed
    np.testing.assert_array_equal(following.activation, assembly.task.activation[1])
    np.testing.assert_array_equal(following.error, -1e-6 * np.eye(3))


def test_the_stated_error_of_one_acquisition_is_the_scatter():
    """a and b of one window: their errors are taken as uncorrelated."""
    assembly = assembled("iris", PER_OUTPUT)
    with assembly.open_rig() as rig:
        update = assembly.update(rig)
        rig.program(update.settings())
        probe = assembly.probe(rig, update)
        # One response's error weights them all, so that only a and b vary.
        outputs = probe.measure_free(0).outputs
        e = assembly.loss.gradient(outputs, assembly.task.target[0])
        asked = probe.carrier.excitation(assembly.task.activation[0], e)
        found = [product(r, r, e) for r in (rig.measure(asked) for _ in range(300))]
    scatter = np.std([each.value for each in found], axis=0, ddof=1)
    stated = np.mean([each.standard_error for each in found], axis=0)
    assert np.mean(scatter / stated) == pytest.approx(1.0, abs=0.05)


def test_tones_that_do_not_fit_are_reported_with_the_window_that_would_do():
    with pytest.raises(ConfigError, match=r"no 3 tones .* use a window of 0\.09 s, .*order: 2"):
        assembled("iris_wire", "bench=simulated", PER_OUTPUT, "acquisition.order=5")


AM = ("learning.activation=sine", "learning.error.carrier=amplitude_modulation", "acquisition.band=[200 Hz, 4 kHz]")


@pytest.mark.parametrize(
    "interval",
    [pytest.param("0 s", id="simultaneous"), pytest.param("1.2 µs", id="multiplexed", marks=pytest.mark.more)],
)
def test_amplitude_modulation_is_exact_where_two_tones_are_not(interval: str):
    errors = {}
    for carrier in ("amplitude_modulation", "shared_tone"):
        overrides = (*AM[:1], f"learning.error.carrier={carrier}", *AM[2:], "simulation.preset=ideal")
        assembly = assembled("xor", *overrides, f"instruments.daq.convert_interval={interval}")
        setup = assembly.setup()
        with setup.rig as rig:
            update = assembly.update(rig)
            rig.program(update.settings())
            measured = assembly.probe(rig, update).gradient(1).gradient
            loss, target = assembly.loss, assembly.task.target[1]
            exact = setup.bench.truth.gradient(
                assembly.task.activation[1], lambda v, c=loss, y=target: c.gradient(v, y), True
            )
        errors[carrier] = np.linalg.norm(measured.value - exact) / np.linalg.norm(exact)
    assert errors["amplitude_modulation"] < 1e-6
    assert errors["shared_tone"] > 1e-2


def test_gamma_of_a_modulation_is_the_peak_current_per_error():
    assembly = assembled("xor", *AM)
    with assembly.open_rig() as rig:
        update = assembly.update(rig)
        rig.program(update.settings())
        probe = assembly.probe(rig, update)
        e = assembly.loss.gradient(probe.measure_free(1).outputs, assembly.task.target[1])
        assert probe.gradient(1).gradient.gamma * np.abs(e).max() == pytest.approx(1e-6, rel=0.05)


def test_a_modulation_needs_a_tone_to_modulate():
    with pytest.raises(ConfigError, match=r"learning\.error\.carrier: .* write 'learning\.activation: sine'"):
        assembled("xor", "learning.error.carrier=amplitude_modulation")


def test_half_squares_of_a_linear_board_with_dc_are_the_product():
    assembly = assembled("iris", "simulation.preset=ideal")
    with assembly.open_rig() as rig:
        rig.program(assembly.update(rig).settings())
        asked = Excitation(assembly.task.activation[0], np.array([[1e-6, -0.5e-6, 0.2e-6]]), half_squares=True)
        found = rig.measure(asked)
    np.testing.assert_allclose(found.half_squares.value, found.a * found.b, rtol=1e-9, atol=1e-12)
