"""A carrier by somebody else: the planner finds as many tones as it needs, and the rule is none the wiser."""

from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("mylab_carrier.py").read_text(encoding="utf-8")
CONFIG = """
version: 1
extends: [iris.yaml]
name: carrier
learning:
  error: {current: 1 µA, carrier: each, least: 100 nA}
  epochs: 1
acquisition: {window: 40 ms, band: [200 Hz, 4 kHz]}
"""


@pytest.mark.more
def test_a_tone_of_its_own_for_every_output(laboratory):
    laboratory.install("mylab_carrier", SOURCE, {"labrig.carriers": "each = mylab_carrier:ToneEach"})
    laboratory.write("carrier.yaml", CONFIG)
    (plan,) = laboratory.labrig("plan", "carrier.yaml")
    assert len(plan["frequencies_hz"]) == 3
    (certificate,) = laboratory.labrig("certify", "carrier.yaml", "--set", "simulation.preset=ideal")
    assert certificate["relative_error_adjoint"] < 1e-6
    finished = laboratory.labrig("run", "carrier.yaml", "--no-plots")[-1]
    assert finished["metrics"]["test_accuracy"] >= 0.9
