"""Errors injected by Howland current sources: the size of b by arithmetic, what is played, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from unit.rig.benches import assembled

from labrig.assembly import Assembly
from labrig.errors import LimitExceeded
from labrig.learning.measurement import Excitation

SOURCE_OHM, OHM = 50.0, 1 / 30e-6  # of the drive and, at first, of the edge


def howland(transconductance: str, output_resistance: str, compliance: str = "3 V") -> str:
    """The override that puts a current source before out0."""
    values = f"howland: {transconductance}, output_resistance: {output_resistance}, compliance: {compliance}"
    return f"wiring.out0.through={{{values}}}"


def divider(*overrides: str) -> Assembly:
    return assembled("divider", "simulation.source_amplitude=0", *overrides)


@pytest.mark.parametrize("error_a", [1e-6, -20e-6])
@pytest.mark.parametrize(("transconductance", "amperes_per_volt"), [("10 µA/V", 10e-6), ("250 µA/V", 250e-6)])
@pytest.mark.parametrize(("resistance", "load_ohm"), [("5 MΩ", 5e6), ("20 kΩ", 20e3)])
def test_divider_by_hand(
    error_a: float, transconductance: str, amperes_per_volt: float, resistance: str, load_ohm: float
):
    assembly = divider(howland(transconductance, resistance))
    setup = assembly.setup()
    with setup.rig as rig:
        rig.program(assembly.update(rig).settings())
        free = rig.measure(Excitation(np.array([1.0])))
        nudged = rig.measure(Excitation(np.array([1.0]), np.array([[error_a]])))
        played = setup.bench.world.playing(setup.bench.clock.now())["awg/1"]
    behind = SOURCE_OHM + OHM
    response_v = error_a / (1 / load_ohm + 1 / behind)
    assert free.outputs == pytest.approx([load_ohm / (behind + load_ohm)], rel=1e-9)
    assert nudged.b == pytest.approx(np.array([[-response_v * OHM / behind]]), rel=1e-9)
    assert nudged.error == pytest.approx(np.array([[error_a]]), rel=1e-9)
    assert played is not None
    assert played.tones[0].amplitude == pytest.approx(abs(error_a) / amperes_per_volt, rel=1e-9)


def test_the_largest_error_follows_from_the_transconductance_alone():
    for source in (howland("10 µA/V", "5 MΩ"), howland("10 µA/V", "20 kΩ")):
        with divider(source).open_rig() as rig:
            assert rig.largest_error_a == pytest.approx(5 * 10e-6)  # the generator's 5 V
            with pytest.raises(LimitExceeded):
                rig.measure(Excitation(np.array([0.0]), np.array([[50.1e-6]])))


@pytest.mark.parametrize(("volts", "error_a"), [(1.0, 0.0), (-1.0, 0.0), (0.5, 10e-6)])
def test_a_node_beyond_the_compliance_is_a_measurement_refused(volts: float, error_a: float):
    """0.993 V free, or 0.497 V and 0.331 V of error on top: beyond 800 mV each."""
    asked = Excitation(np.array([volts]), np.array([[error_a]]))
    for compliance, kept in (("1 V", True), ("800 mV", False)):
        assembly = divider(howland("10 µA/V", "5 MΩ", compliance))
        with assembly.open_rig() as rig:
            rig.program(assembly.update(rig).settings())
            if kept:
                assert rig.measure(asked).error[0, 0] == pytest.approx(error_a)
            else:
                with pytest.raises(LimitExceeded, match=r"out0 is at -?0\.\d+ V .*compliance of its current source"):
                    rig.measure(asked)


def test_the_narrower_of_supply_and_compliance_holds():
    for compliance, edge in (("3 V", 2.5), ("1 V", 1.0)):
        rails = {
            wire.node: (wire.low_v, wire.high_v)
            for wire in divider(howland("1 mA/V", "1 MΩ", compliance)).board.hookup.senses
        }
        assert rails["out0"] == (-edge, edge)
        assert rails["in0"] == (-2.5, 2.5)
