"""Records survive writing and reading; whatever was changed, or does not fit, is refused by name with a remedy."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from labrig.assembly import assemble, packaged_configs
from labrig.calibration.calibrated import CalibratedProgrammer
from labrig.calibration.record import (
    CalibrationRecord,
    DigitizerCalibration,
    SourceCalibration,
    read_record,
    require_writable,
    utc_text,
    write_record,
)
from labrig.config.problems import ConfigProblems
from labrig.errors import ConfigError, StorageError
from labrig.instruments.data import Identity, LevelTable
from labrig.instruments.parts.potentiometer import MCP4251_104
from labrig.json_text import json_text
from labrig.learning.measurement import Excitation

CHANNELS = 14
INPUTS = tuple(f"daq/{k}" for k in range(CHANNELS))
OUTPUTS = tuple(f"awg/{k}" for k in range(CHANNELS))


def record(**changes) -> CalibrationRecord:
    """A record of the instruments of `iris` in which nothing is off, except what `changes` say."""
    one, zero, hz = np.ones(CHANNELS), np.zeros(CHANNELS), np.array([200.0, 2000.0])
    now = datetime.now(UTC)
    values = {
        "created": utc_text(now),
        "valid_until": utc_text(now + timedelta(days=1)),
        "digitizer": "daq",
        "inputs": INPUTS,
        "outputs": OUTPUTS,
        "pilot": "awg/13",
        "identities": {name: Identity("generic", f"simulated-{name}") for name in ("awg", "daq", "pots")},
        "conditions": {"bench": "simulated", "simulation_seed": 0, "full_scale_v": 2.0},
        "of_inputs": DigitizerCalibration(
            one.copy(),
            zero,
            zero.copy(),
            zero,
            zero,
            zero,
            hz,
            np.ones((2, CHANNELS), complex),
            np.zeros((2, CHANNELS)),
            zero,
        ),
        "of_outputs": SourceCalibration(
            one, zero, one, zero, zero, zero, zero, zero, np.zeros((2, CHANNELS, CHANNELS), complex), np.zeros((14, 14))
        ),
        "levels": {"pots/0": LevelTable(np.array([250, 125]), np.array([1e-5, 2e-5]), 1e-3)},
    }
    return CalibrationRecord(**{**values, **changes})


NOMINAL = MCP4251_104().levels()
TENFOLD = {"pots/0": LevelTable(NOMINAL.codes, 10 * NOMINAL.siemens, 1e-3)}
OTHER_CODES = {"pots/0": LevelTable(np.array([1023, 0]), np.array([1e-5, 1e-2]), 1e-3)}


def configured(folder: Path, *overrides: str) -> list[str]:
    return [f"calibration.record={json_text(str(folder / 'r.json'))}", "simulation.preset=ideal", *overrides]


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    digest = write_record(tmp_path / "r.json", record())
    read = read_record(tmp_path / "r.json")
    assert read.sha256 == digest
    assert read.identities == record().identities
    assert read.of_inputs.gain.tolist() == [1.0] * CHANNELS
    assert read.levels["pots/0"].by_code == {250: 1e-5, 125: 2e-5}


DEEP = "[" * 100_000


def _header(folder: Path) -> None:
    header = json.loads((folder / "r.json").read_text())
    header["valid_until"] = "2999-01-01T00:00:00+00:00"
    (folder / "r.json").write_text(json.dumps(header))


def _arrays(folder: Path) -> None:
    content = bytearray((folder / "r.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "r.npz").write_bytes(content)


@pytest.mark.parametrize(
    "tamper",
    [_header, _arrays, *(lambda folder, text=text: (folder / "r.json").write_text(text) for text in ("[1]", DEEP))],
)
def test_a_changed_record_is_refused(tmp_path: Path, tamper: Callable[[Path], object]) -> None:
    write_record(tmp_path / "r.json", record())
    tamper(tmp_path)
    with pytest.raises(ConfigError, match=r"r\.(json|npz) .*(changed|not a calibration record).*labrig calibrate"):
        read_record(tmp_path / "r.json")
    with pytest.raises(ConfigProblems, match=r"calibration\.record: .*labrig calibrate"):
        assemble(packaged_configs() / "iris.yaml", configured(tmp_path))


def test_arrays_that_cannot_be_opened_are_named(tmp_path: Path) -> None:
    write_record(tmp_path / "r.json", record())
    (tmp_path / "r.npz").unlink()
    (tmp_path / "r.npz").mkdir()
    with pytest.raises(ConfigError, match=r"cannot read .*r\.npz: Is a directory"):
        read_record(tmp_path / "r.json")


@pytest.mark.parametrize(
    ("changes", "overrides", "why"),
    [
        ({"valid_until": "2020-01-01T00:00:00+00:00"}, [], "expired at 2020-01-01"),
        ({}, ["simulation.seed=4"], "instruments of seed 0, but simulation.seed is 4"),
        ({}, ["instruments.daq.serial=X77"], "daq with serial simulated-daq, but instruments.daq has serial X77"),
        ({}, ["instruments.daq.full_scale=4 V"], "the ±2 V range of daq, not for ±4 V"),
        ({"pilot": "awg/12"}, [], "pilot at awg/12, but it is wired to awg/13"),
        ({"inputs": INPUTS[1:]}, [], "does not contain daq/0"),
        ({"levels": TENFOLD}, [], "levels in the record for pots/0 are not those of MCP4251-104"),
        ({"levels": OTHER_CODES}, [], "levels in the record for pots/0 are not those of MCP4251-104"),
        ({"unusable": {"pots/4": "is open"}}, [], r"pots/4 \(in1-out1\) is open: replace it"),
        ({"conditions": {"bench": "hardware"}}, [], "was made on 'bench: hardware', but this is 'bench: simulated'"),
    ],
)
def test_a_record_that_does_not_fit_is_refused(tmp_path: Path, changes, overrides, why: str) -> None:
    write_record(tmp_path / "r.json", record(**changes))
    with pytest.raises(ConfigProblems, match=rf"calibration\.record: .*{why}.*"):
        assemble(packaged_configs() / "iris.yaml", configured(tmp_path, *overrides))


def test_another_instrument_that_answers_is_refused(tmp_path: Path) -> None:
    others = {**record().identities, "awg": Identity("generic", "another")}
    write_record(tmp_path / "r.json", record(identities=others))
    rig = assemble(packaged_configs() / "iris.yaml", configured(tmp_path)).open_rig()
    with pytest.raises(
        ConfigError, match="awg: is generic simulated-awg, but the calibration record belongs to generic anot"
    ):
        rig.__enter__()


def test_the_levels_of_a_part_are_those_of_the_record() -> None:
    class Bank:
        def levels(self):
            nominal = LevelTable(np.array([1, 0]), np.array([1.0, 2.0]))
            return {"0": nominal, "1": nominal}

    levels = CalibratedProgrammer("pots", Bank(), record()).levels()  # type: ignore[arg-type]
    assert levels["0"].tolerance == 1e-3
    assert levels["1"].tolerance == 0


def test_gain_offset_delay_and_crosstalk_are_corrected(tmp_path: Path) -> None:
    """What a record says of ideal instruments appears in readings with the opposite sign."""
    plain = record(levels={})
    inputs, outputs = plain.of_inputs, plain.of_outputs
    inputs.gain[3], inputs.offset_v[3] = 1.25, 0.1
    outputs.gain[0] = 0.5
    outputs.crosstalk[0, 13, 5] = 1e-3
    outputs.u_crosstalk[13, 5] = 2e-4
    write_record(tmp_path / "r.json", plain)
    rows = {}
    for name, overrides in (("calibrated", configured(tmp_path)), ("plain", ["simulation.preset=ideal"])):
        assembly = assemble(packaged_configs() / "iris.yaml", [*overrides, "limits.misread=200 %"])
        with assembly.open_rig() as rig:
            rig.program(assembly.update(rig).settings())
            rows[name] = rig.measure(Excitation(np.full(10, 0.4))).demodulated
    read, bare = rows["calibrated"], rows["plain"]
    assert read.dc[0] == pytest.approx(0.8, rel=0.02)  # played twice as large, because the source is said to halve it
    assert read.dc[3] == pytest.approx((bare.dc[3] - 0.1) / 1.25, abs=2e-3)
    assert read.channel_in_phase[0, 5] == pytest.approx(bare.channel_in_phase[0, 5] - 1e-3, abs=1e-9)
    assert read.systematic_channel[0, 5] == pytest.approx(2e-4)
    edge = 5 * 3  # in5-out0
    assert read.systematic_edge[0, edge] == pytest.approx(2e-4)


def test_the_packaged_record_fits_its_configuration() -> None:
    assembly = assemble(packaged_configs() / "iris_wire.yaml", ["calibration.record=iris_wire.json"])
    assert assembly.calibration is not None
    assert len(assembly.calibration.levels) == 30


def test_a_place_that_cannot_be_written_is_named_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"cannot write .*file.record\.json"):
        require_writable(tmp_path / "file" / "record.json")
    require_writable(tmp_path / "new" / "record.json")
    assert list((tmp_path / "new").iterdir()) == []


def test_the_largest_error_current_is_what_a_weak_source_can_be_asked_for(tmp_path: Path) -> None:
    """A source whose gain is low is sent more than it is asked for, and may not be sent more than its full scale."""
    outputs = replace(record().of_outputs, tone_gain=np.full(CHANNELS, 0.99))
    write_record(tmp_path / "r.json", record(of_outputs=outputs, levels={}))
    assembly = assemble(packaged_configs() / "iris.yaml", configured(tmp_path, "limits.node=5 V"))
    with assembly.open_rig() as rig:
        rig.program(assembly.update(rig).settings())
        assert rig.largest_error_a == pytest.approx(0.99 * 5.0 / 100e3)
        rig.measure(Excitation(np.zeros(10), error=np.full((1, 3), rig.largest_error_a)))
