"""a and b from a stored window: phases of the acquisition, late channels and parts of a period do not matter."""

from dataclasses import replace

import numpy as np
import pytest

from labrig.runs.report.blocks import Missing
from labrig.runs.report.parts.coefficients import _coefficients, _noise
from labrig.runs.spectrum import Window

RATE, COUNT = 50_000.0, 1000


def window(nodes: dict[str, tuple[float, dict[float, float]]], skew: np.ndarray, phases: dict[float, float]) -> Window:
    """A window of nodes with a mean and signed tones, sampled late by `skew`."""
    t = np.arange(COUNT) / RATE
    columns = [
        np.full(COUNT, mean) + sum(a * np.cos(2 * np.pi * f * (t + late) + phases[f]) for f, a in tones.items())
        for (mean, tones), late in zip(nodes.values(), skew, strict=True)
    ]
    return Window(np.stack(columns, axis=1), tuple(nodes), RATE, tuple(phases))


@pytest.mark.parametrize("skew", [np.zeros(3), np.array([0.0, 4e-6, 8e-6])])
def test_dc_activation_with_two_error_tones(skew):
    nodes = {"in0": (0.8, {}), "out0": (0.3, {1000.0: 2e-3, 1500.0: -5e-3}), "pilot": (0, {1000.0: 0.5, 1500.0: 0.5})}
    made = window(nodes, skew, {1000.0: 2.1, 1500.0: -0.4})
    read = _coefficients(made, [("in0", "out0"), ("out0", "ground")], False, skew)
    assert read.a == pytest.approx([0.5, 0.3])
    assert read.b == pytest.approx([3e-3, -3e-3])


def test_sine_activation():
    nodes = {"in0": (0, {500.0: 0.8}), "out0": (0.1, {500.0: -0.2, 1000.0: 4e-3}), "pilot": (0, {500.0: 1, 1000.0: 1})}
    made = window(nodes, np.zeros(3), {500.0: 0.3, 1000.0: 1.2})
    read = _coefficients(made, [("in0", "out0")], True)
    assert read.a == pytest.approx([1.0])
    assert read.b == pytest.approx([-4e-3])


def test_a_tone_need_not_have_whole_periods_in_the_window():
    nodes = {"in0": (0.8, {}), "out0": (0.3, {1013.0: -3e-3}), "pilot": (0, {1013.0: 0.5})}
    made = window(nodes, np.zeros(3), {1013.0: 2.1})
    read = _coefficients(made, [("out0", "ground")], False)
    assert read.a == pytest.approx([0.3])
    assert read.b == pytest.approx([-3e-3])


def test_samples_that_are_means_over_an_aperture():
    aperture = 300e-6
    nodes = {"out0": (0.3, {1000.0: 2e-3}), "pilot": (0, {1000.0: 0.5})}
    made = window(nodes, np.zeros(2), {1000.0: 0.3})
    smaller = np.sinc(1000 * aperture)
    made = replace(made, volts=made.volts.mean(axis=0) + smaller * (made.volts - made.volts.mean(axis=0)))
    read = _coefficients(made, [("out0", "ground")], False, None, aperture)
    assert read.b == pytest.approx([2e-3])


def test_standard_errors_are_those_of_the_noise():
    nodes = {"in0": (0.8, {}), "out0": (0.3, {1000.0: 2e-3, 1500.0: 1e-3}), "pilot": (0, {1000.0: 0.5, 1500.0: 0.5})}
    clean = window(nodes, np.zeros(3), {1000.0: 2.1, 1500.0: 0.2})
    rng = np.random.default_rng(3)
    noisy = [replace(clean, volts=clean.volts + 1e-4 * rng.normal(size=clean.volts.shape)) for _ in range(200)]
    read = [_coefficients(each, [("in0", "out0")], False) for each in noisy]
    for values, errors in (([r.a for r in read], [r.u_a for r in read]), ([r.b for r in read], [r.u_b for r in read])):
        assert np.std(values) == pytest.approx(np.mean(errors), rel=0.15)


def test_without_a_pilot_signs_mean_nothing():
    made = window({"out0": (0.3, {1000.0: 2e-3}), "pilot": (0, {1000.0: 0.0})}, np.zeros(2), {1000.0: 0.3})
    with pytest.raises(Missing, match="pilot is too weak"):
        _coefficients(made, [("out0", "ground")], False)


def test_rounding_is_stated_where_the_noise_does_not_average_it():
    made = window(
        {"in0": (0.8, {}), "out0": (0.3, {1000.0: 2e-3}), "pilot": (0, {1000.0: 0.5})}, np.zeros(3), {1000: 2.1}
    )
    rng = np.random.default_rng(3)
    noisy = replace(made, volts=made.volts + 1e-4 * rng.normal(size=made.volts.shape))
    read = _coefficients(noisy, [("in0", "out0")], False)
    assert "off by up to half a step, 1.221 mV" in _noise(read, False, 10 / 2**12, COUNT)
    assert "standard error due to noise is 4." in _noise(read, False, 10 / 2**16, COUNT)
    assert "standard error due to noise is 4." in _noise(read, False, 0.0, COUNT)
