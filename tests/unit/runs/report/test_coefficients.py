"""a and b from a stored window: phases of the acquisition and of late channels do not matter."""

import numpy as np
import pytest

from labrig.runs.report.parts.coefficients import _coefficients
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
    a, b = _coefficients(made, [("in0", "out0"), ("out0", "ground")], False, skew)
    assert a == pytest.approx([0.5, 0.3])
    assert b == pytest.approx([3e-3, -3e-3])


def test_sine_activation():
    nodes = {"in0": (0, {500.0: 0.8}), "out0": (0.1, {500.0: -0.2, 1000.0: 4e-3}), "pilot": (0, {500.0: 1, 1000.0: 1})}
    made = window(nodes, np.zeros(3), {500.0: 0.3, 1000.0: 1.2})
    a, b = _coefficients(made, [("in0", "out0")], True, np.zeros(3))
    assert a == pytest.approx([1.0])
    assert b == pytest.approx([-4e-3])
