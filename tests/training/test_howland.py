"""Training with errors from current sources: the gradient is the exact one and descends as with a resistor."""

from __future__ import annotations

import numpy as np
import pytest
from training.controls import train
from unit.procedures.test_certify import certificate

from labrig.procedures.certify import Verdict, judge

THROUGH = "through={{howland: {g}, output_resistance: {ohm}, compliance: 3 V}}"
STIFF = THROUGH.format(g="10 µA/V", ohm="5 MΩ")
ON_XOR = [f"wiring.out{k}.{STIFF}" for k in range(2)]


def test_the_measured_gradient_is_the_exact_one():
    for name, overrides in (("divider", [f"wiring.out0.{STIFF}"]), ("xor", [*ON_XOR, "simulation.preset=ideal"])):
        found = certificate(name, *overrides, examples=(0,))
        figures = found.figures()
        assert judge(found).verdict is Verdict.RIGHT
        assert figures["relative_error_adjoint"] <= 1e-6
        assert figures["slope"] == pytest.approx(1.0, abs=1e-6)


def test_a_divider_reaches_a_target_near_its_source(tmp_path):
    """5 MΩ load the output so little that 990 mV of 1 V is a matter of 50 kΩ."""
    trained = train(
        tmp_path,
        "divider",
        f"wiring.out0.{STIFF}",
        "task.divider.target=990 mV",
        "learning.rate=2000",
    )
    assert trained.first["rms_v"] > 3e-3
    assert trained.last["rms_v"] < 1e-6


def test_a_current_source_of_equal_output_resistance_trains_as_a_resistor_does(tmp_path):
    """What is played is a quarter; currents, voltages and steps are the same."""
    through = THROUGH.format(g="40 µA/V", ohm="100 kΩ")
    (tmp_path / "plain").mkdir()
    plain = train(tmp_path / "plain", "divider", "learning.epochs=10").last
    howland = train(tmp_path, "divider", "learning.epochs=10", f"wiring.out0.{through}").last
    assert plain["rms_v"] > 1e-6
    np.testing.assert_allclose(howland["rms_v"], plain["rms_v"], rtol=1e-6)
