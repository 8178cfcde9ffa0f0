"""A physics in a medium of its own, in one file: coupled pendulums, driven and sensed through transducers."""

from pathlib import Path

SOURCE = Path(__file__).with_name("mylab_pendulums.py").read_text(encoding="utf-8")

CONFIG = """
version: 1
name: pendulums
network:
  physics: mylab_pendulums:Pendulums
  pendulums: 5
  weight: 2e-3
  programmable: {range: [2 mN·m/rad, 20 mN·m/rad], initial: [8 mN·m/rad, 12 mN·m/rad]}
task: {allostery: {inputs: [3 mN·m], targets: [60 mrad]}, target: {rms: 0.1 mrad}}
learning: {error: {torque: 20 µN·m}, loss: squared_error, rate: 0.02, decay: none, epochs: 60}
instruments:
  awg:    {driver: generic.source, channels: 3, bits: 16, full_scale: 5 V}
  daq:    {driver: generic.digitizer, channels: 6, bits: 16, full_scale: 10 V, max_sample_rate: 250 kS/s}
  servos: {driver: generic.programmer, part: SERVO, channels: 4, supply: [0 V, 5 V]}
wiring:
  p0:      {drive: {channel: awg/0, actuator: 1 mN·m/V}, sense: {channel: daq/0, sensor: 5 V/rad}}
  p1..p3:  {sense: {channel: daq/1..3, sensor: 5 V/rad}}
  p4:      {error: {channel: awg/1, actuator: 10 µN·m/V}, sense: {channel: daq/4, sensor: 5 V/rad}}
  pilot:   {drive: awg/2, sense: daq/5}
  edges:   {channels: servos/0..3, transducer: 0.2 mN·m/rad per µS}
acquisition: {sample_rate: 50 kS/s, window: 20 ms, band: [200 Hz, 2 kHz]}
limits: {node: 1.4 rad}
simulation: {preset: ideal}
"""


def test_coupled_pendulums_are_certified_and_trained(laboratory):
    laboratory.write("mylab_pendulums.py", SOURCE)
    laboratory.write("pendulums.yaml", CONFIG)
    (certificate,) = laboratory.labrig("certify", "pendulums.yaml")
    assert certificate["relative_error_adjoint"] < 1e-4
    assert certificate["relative_error_difference"] < 1e-3
    finished = laboratory.labrig("run", "pendulums.yaml")[-1]
    assert finished["metrics"]["rms_rad"] < 1e-4
    assert finished["metrics"]["initial_loss"] > 100 * finished["metrics"]["loss"]


def test_its_transducers_are_asked_for_in_its_own_units(laboratory):
    laboratory.write("mylab_pendulums.py", SOURCE)
    laboratory.write("pendulums.yaml", CONFIG.replace("sense: {channel: daq/4, sensor: 5 V/rad}", "sense: daq/4"))
    (problem,) = laboratory.problems("pendulums.yaml")
    assert problem.path == "wiring.p4.sense"
    assert "p4 carries an angle: name the transducer" in problem.message
    assert "sensor: 10 V per rad" in problem.message
