"""A second physics by somebody else: certified against differences and its own adjoint, and trained."""

from pathlib import Path

SOURCE = Path(__file__).with_name("mylab_physics.py").read_text(encoding="utf-8")


def whole(laboratory):
    laboratory.write("mylab_physics.py", SOURCE)
    return laboratory.write(
        "coupled.yaml",
        """
version: 1
name: coupled
network:
  physics: mylab_physics:Coupled
  hardening: 20e-6
  programmable: {range: [10 µS, 100 µS], initial: [30 µS, 30 µS]}
task: {allostery: {inputs: [1 V], targets: [600 mV]}, target: {rms: 2 mV}}
learning: {error: {current: 300 nA}, loss: squared_error, rate: 2, epochs: 60}
instruments:
  awg:  {driver: generic.source, channels: 3, bits: 16, full_scale: 5 V}
  daq:  {driver: generic.digitizer, channels: 3, bits: 16, full_scale: 2 V, max_sample_rate: 250 kS/s}
  pots: {driver: generic.programmer, part: MCP4251-104, channels: 1, supply: [-2.5 V, 2.5 V]}
wiring:
  driven: {drive: awg/0, through: 50 Ω, sense: daq/0}
  free:   {error: awg/1, through: 100 kΩ, sense: daq/1}
  pilot:  {drive: awg/2, sense: daq/2}
  edges:  pots/0
acquisition: {sample_rate: 50 kS/s, window: 20 ms, band: [200 Hz, 2 kHz]}
simulation: {preset: ideal}
""",
    )


def test_two_coupled_nodes_are_certified_and_trained(laboratory):
    whole(laboratory)
    (certificate,) = laboratory.labrig("certify", "coupled.yaml")
    assert certificate["relative_error_adjoint"] < 1e-4
    assert certificate["relative_error_difference"] < 1e-3
    finished = laboratory.labrig("run", "coupled.yaml")[-1]
    assert finished["metrics"]["rms_v"] < 2e-3
    assert finished["metrics"]["initial_loss"] > 100 * finished["metrics"]["loss"]


def test_its_own_keys_are_validated(laboratory):
    path = whole(laboratory)
    path.write_text(path.read_text(encoding="utf-8").replace("hardening: 20e-6", "hardening: -1.0"), encoding="utf-8")
    (problem,) = laboratory.problems("coupled.yaml")
    assert problem.mark is not None
    assert (problem.path, problem.mark.line) == ("network.hardening", 6)
    path.write_text(path.read_text(encoding="utf-8").replace("hardening: -1.0", "grid: {rows: 2, columns: 2}"), "utf-8")
    assert {problem.path for problem in laboratory.problems("coupled.yaml")} == {"network.grid", "network.hardening"}
