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


def calibrated(
    *overrides: str, levels: bool = False, config: str = "iris.yaml"
) -> tuple[CalibrationRecord, Imperfections, list[Fixture]]:
    assembly = assemble(packaged_configs() / config, overrides)
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
    # Its own crosstalk cannot be told from the pilot's signal.
    assert inputs.gain[13] == pytest.approx((one - zero)[0, 13], abs=2 * inputs.u_gain[13])
    assert inputs.u_gain[13] < 2e-4
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


@pytest.mark.parametrize("seed", [201, 202])
def test_rounding_of_crosstalk_is_in_the_uncertainty_of_tones(seed: int) -> None:
    """Twelve bits and little noise: crosstalk is less than a step, and is subtracted from the tones of the sources."""
    found, wrong, _ = calibrated(
        *WRONG, "simulation.converters=true", "simulation.noise=50 µV", "instruments.daq.bits=12", f"seed={seed}"
    )
    outputs = found.of_outputs
    tone_gain = np.array([wrong.source_gain(label) for label in found.outputs])
    off = np.abs(outputs.tone_gain / tone_gain - 1)
    assert np.mean(off <= 2 * outputs.u_tone_gain) >= 0.9
    assert outputs.u_tone_gain.max() < 2e-3
    coupling = wrong.coupling("daq", 14, found.outputs)
    assert coupling is not None
    off = np.abs(outputs.crosstalk[0].real - coupling / tone_gain[:, np.newaxis])[:, :13]
    assert np.mean(off <= 2 * outputs.u_crosstalk[:, :13]) >= 0.9


def error_and_tolerance(found: CalibrationRecord, wrong: Imperfections) -> tuple[float, float]:
    """The rms relative error of the levels of the only part within its range, and their stated tolerance."""
    (part,) = wrong.specimens("pots", MCP4251_104(), 1)
    table = found.levels["pots/0"]
    true = np.array([part.conductance(Level(code)) for code in table.by_code])
    far = np.array(list(table.by_code.values())) / true - 1
    return float(np.sqrt(np.mean(far[true < 100e-6] ** 2))), table.tolerance


@pytest.mark.more
def test_rounding_of_twelve_bits_is_in_the_uncertainties_and_makes_no_part_look_broken() -> None:
    found, wrong, _ = calibrated(
        "simulation.preset=typical",
        "instruments.awg.bits=12",
        "instruments.daq.bits=12",
        levels=True,
        config="divider.yaml",
    )
    assert not [each for each in found.findings if "monotonic" in each]
    step_v = 2 * 2.0 / 2**12
    assert found.of_inputs.u_offset_v[0] > 0.2 * step_v  # 1/√12 without noise
    off, tolerance = error_and_tolerance(found, wrong)
    assert off < tolerance < 1e-2


def test_what_a_multiplexer_leaves_of_the_channel_before_is_in_the_tolerance_of_levels() -> None:
    """The part is scanned after the drive, whose tone is larger."""
    found, wrong, _ = calibrated(
        "simulation.preset=typical",
        "instruments.daq.convert_interval=60 µs",
        "acquisition.sample_rate=5 kS/s",
        levels=True,
        config="divider.yaml",
    )
    off, tolerance = error_and_tolerance(found, wrong)
    assert 1e-3 < off < tolerance


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


@pytest.mark.parametrize("bench", ["simulated", pytest.param("wire", marks=pytest.mark.long)])
def test_a_board_with_few_tones_from_a_table_is_calibrated(bench: str) -> None:
    """The one-board bench plays 16 tones in all, each from a table of 256 samples."""
    assembly = assemble(packaged_configs() / "board.yaml", [f"bench={bench}"])
    fixtures: list[Fixture] = []
    found = calibrate(Guide(assembly, Standards(0.8, 0.0, 30e3, 0.0), fixtures.append, opened), with_levels=False)
    assert all(abs(gain - 1) < 0.01 for gain in (*found.of_inputs.gain, *found.of_outputs.tone_gain))
    batches = [each for each in fixtures if each.name == "each source at an input"]
    assert [len(each.drives) - 1 for each in batches] == [3, 3, 1]


def test_a_spare_input_keeps_the_drive_out_of_the_first_part_of_a_multiplexed_scan() -> None:
    found, wrong, fixtures = calibrated(
        "simulation.preset=typical", "instruments.daq.convert_interval=25 µs", "acquisition.sample_rate=2.5 kS/s",
        "acquisition.window=20 ms", levels=True,
    )  # fmt: skip
    swept = [each for each in fixtures if each.parts]
    assert all(list(each.senses)[2:4] == ["daq/1", "daq/2"] for each in swept)
    assert all(each.senses["daq/1"] == each.senses["daq/2"] for each in swept)
    assert all("Connect daq/1 to daq/2 as well." in each.instructions for each in swept)
    parts = wrong.specimens("pots", MCP4251_104(), len(found.levels))
    firsts = [next(iter(each.parts)) for each in swept]
    assert len(firsts) == 3
    assert max(found.levels[label].tolerance for label in firsts) < 1e-2  # 9e-2 after the drive
    for number, (label, table) in enumerate(found.levels.items()):
        true = np.array([parts[number].conductance(Level(code)) for code in table.by_code])
        off = np.array(list(table.by_code.values())) / true - 1
        assert np.abs(off[true < 100e-6]).max() < table.tolerance, label


def test_parts_without_levels_are_not_swept() -> None:
    found, *_ = calibrated("simulation.preset=ideal", levels=True, config="divider.yaml")
    assert found.levels == {}


def test_that_cells_without_levels_are_not_swept_is_said() -> None:
    found, *_ = calibrated("simulation.preset=ideal", levels=True, config="iris_memristor.yaml")
    assert found.findings == ("cells: not swept, because its parts have no levels",)


def test_uncertainties_are_true_far_from_the_tones_of_the_calibration() -> None:
    """At a low sample rate the tone of the levels is above all other tones."""
    low = ("acquisition.sample_rate=2.5 kS/s", "acquisition.window=20 ms", "seed=3")
    found, wrong, _ = calibrated("simulation.preset=typical", *low, levels=True)
    parts = wrong.specimens("pots", MCP4251_104(), len(found.levels))
    for part, table in zip(parts, found.levels.values(), strict=True):
        true = np.array([part.conductance(Level(code)) for code in table.by_code])
        off = (np.array(list(table.by_code.values())) / true - 1)[true < 100e-6]
        assert abs(off.mean()) < table.tolerance / 2
    inputs = found.of_inputs
    z = np.delete((inputs.response - 1) / inputs.u_response, 13, axis=1)  # the inputs are flat; the last is the pilot's
    assert 0.7 < np.sqrt(np.mean(np.abs(z) ** 2) / 2) < 1.2


@pytest.mark.parametrize("config", ["iris.yaml", "xor_wire.yaml", "iris_wire.yaml", "board.yaml"])
def test_tones_throughout_the_band_fit_every_table_that_other_tones_fit(config: str) -> None:
    guide = Guide(assemble(packaged_configs() / config), STANDARDS, lambda fixture: None, opened)
    others, tones = guide.tones(8), guide.tones_throughout(3)
    assert others.period_samples % tones.period_samples == 0
    assert tones.frequencies_hz[-1] > 2 * tones.frequencies_hz[0]
