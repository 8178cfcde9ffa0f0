"""The calibration finds what is wrong with simulated instruments, through their samples alone."""

from __future__ import annotations

from contextlib import contextmanager
from unittest.mock import patch

import numpy as np
import pytest
from typing_extensions import override

from labrig.assembly import assemble, packaged_configs
from labrig.calibration.fixture import Fixture, Standard
from labrig.calibration.record import CalibrationRecord
from labrig.instruments.data import Level
from labrig.instruments.parts.potentiometer import MCP4251_104
from labrig.procedures.calibrate import Guide, Standards, calibrate
from labrig.simulation.imperfections import Imperfections, imperfections
from labrig.simulation.imperfections.part_tolerance import PartTolerance

STANDARDS = Standards(1.8, 0.0, 30e3, 0.0)
WRONG = (
    "simulation.preset=ideal",
    "simulation.digitizer_gain=0.01",
    "simulation.digitizer_offset=2 mV",
    "simulation.scan_skew=1 µs",
    "simulation.source_amplitude=0.01",
    "simulation.source_offset=5 mV",
    "simulation.source_phase=1 µs",
    "simulation.pickup=1e-4",
)


@contextmanager
def opened(rig):
    with rig:
        yield rig


def calibrated(*overrides: str, levels: bool = False) -> tuple[CalibrationRecord, Imperfections, list[Fixture]]:
    assembly = assemble(packaged_configs() / "iris.yaml", overrides)
    fixtures: list[Fixture] = []
    found = calibrate(Guide(assembly, STANDARDS, fixtures.append, opened), with_levels=levels)
    return found, imperfections(assembly.simulation.imperfections, assembly.simulation_seed), fixtures


def test_every_imperfection_of_a_channel_is_found() -> None:
    found, wrong, fixtures = calibrated(*WRONG)
    inputs, outputs = found.of_inputs, found.of_outputs
    transfers = wrong.transfers("daq", 14)
    columns = np.arange(14)
    one, zero = np.ones((1, 14)), np.zeros((1, 14))
    for transfer in transfers:
        one, zero = transfer(one, columns), transfer(zero, columns)
    assert inputs.gain[:13] == pytest.approx((one - zero)[0, :13], abs=1e-8)
    assert inputs.offset_v[:13] == pytest.approx(zero[0, :13], abs=1e-8)
    delay = wrong.scan_delay_s("daq", 14)
    assert delay is not None
    assert inputs.delay_s == pytest.approx(delay - delay[13], abs=1e-10)
    gains = [wrong.source_gain(label) for label in found.outputs]
    assert outputs.gain[:13] == pytest.approx(gains[:13], abs=1e-7)
    assert outputs.tone_gain == pytest.approx(gains, abs=2e-4)  # the pilot's own crosstalk is not seen
    coupling = wrong.coupling("daq", 14, found.outputs)
    assert coupling is not None
    # The simulation couples the tone as asked for; the record relates it to the tone as played.
    per_volt = coupling / np.array(gains)[:, np.newaxis]
    assert outputs.crosstalk[0].real[:, :13] == pytest.approx(per_volt[:, :13], abs=3e-6)
    assert found.findings == ()
    assert [each.name for each in fixtures][:2] == ["inputs shorted", "common drive"]
    assert all(each.instructions for each in fixtures)


class Stuck(MCP4251_104):
    """A part that holds one conductance."""

    @override
    def conductance(self, setting):
        return 20e-6


class Open(MCP4251_104):
    """A part whose wiper has no contact."""

    @override
    def conductance(self, setting):
        return 1e-10


class Bump(MCP4251_104):
    """A part with a step in the wrong direction."""

    @override
    def conductance(self, setting):
        assert isinstance(setting, Level)
        return super().conductance(Level(setting.code + (20 if 100 <= setting.code < 110 else 0)))


@pytest.mark.more
def test_defective_parts_are_found_and_the_others_known() -> None:
    defects = {2: Stuck(), 5: Open(), 7: Bump()}
    whole = PartTolerance.specimens

    def specimens(self, programmer, parts):
        return [defects.get(number, part) for number, part in enumerate(whole(self, programmer, parts))]

    with patch.object(PartTolerance, "specimens", specimens):
        found, wrong, _ = calibrated("simulation.preset=typical", "acquisition.window=2 ms", levels=True)
        parts = wrong.specimens("pots", MCP4251_104(), 30)
    assert found.unusable == {"pots/2": "is stuck at 20 µS", "pots/5": "is open"}
    (bump,) = [each for each in found.findings if "pots/7" in each]
    assert "not monotonic at code 110" in bump
    table = found.levels["pots/12"]
    near = [abs(value / parts[12].conductance(Level(code)) - 1) for code, value in table.by_code.items() if code > 20]
    assert max(near) < 5e-3


def test_a_fixture_survives_the_way_to_another_process() -> None:
    fixture = Fixture(
        "f",
        ("a",),
        {"daq/0": "n"},
        {"awg/0": "n"},
        ("g",),
        {"pots/0": "n"},
        (Standard("a", "b", 1e3, 1e-4),),
        1.5,
        1e-5,
    )
    assert Fixture.from_text(fixture.to_text()) == fixture
