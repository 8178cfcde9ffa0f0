"""Blocks in volts, plans in seconds, parts in siemens."""

from __future__ import annotations

import numpy as np
import pytest

from labrig.instruments.data import AcquisitionPlan, Block, Continuous, Identity, Level, Target
from labrig.instruments.parts import PARTS, find_part
from labrig.instruments.parts.potentiometer import FromA, Potentiometer

CODES = np.array([[-32768, 100], [0, -3], [32767, 7]], dtype=np.int16)


@pytest.mark.parametrize(
    "scale",
    [
        [[0.0, 1e-3, 0.0, 0.0]] * 2,
        [[0.5, 1e-3, 0.0, 0.0], [-0.1, 2e-3, 0.0, 0.0]],
        [[0.5, 1e-3, 1e-9, 0.0], [0.0, 2e-3, 0.0, 1e-13]],
    ],
    ids=["one slope", "a slope each", "polynomials"],
)
def test_volts_are_the_polynomial_of_the_codes(scale):
    block = Block(CODES, np.array(scale), 0, np.zeros(2, dtype=bool))
    x = CODES.astype(float)
    expected = sum(np.array(scale)[:, k] * x**k for k in range(4))
    np.testing.assert_allclose(block.volts(), expected, rtol=1e-14)


def test_a_plan_counts_settle_and_window():
    plan = AcquisitionPlan(1e3, 20, 80, ("0",), (1.0,), (0.0,))
    assert plan.total_samples == 100
    assert plan.duration_s == pytest.approx(0.1)


POTENTIOMETERS = [part for part in map(find_part, PARTS.own) if isinstance(part, Potentiometer)]


@pytest.mark.parametrize("part", POTENTIOMETERS, ids=lambda part: part.name)
def test_levels_of_a_part_increase_and_end_at_its_wiper(part):
    levels = part.levels()
    assert len(levels.codes) == part.highest_code + 1
    assert (np.diff(levels.siemens) > 0).all()
    last_step = part.steps - part.highest_code if isinstance(part, FromA) else 0  # its string ends beyond the last code
    assert levels.siemens[-1] == pytest.approx(1 / (part.wiper_ohm + part.end_to_end_ohm * last_step / part.steps))
    assert levels.codes[0 if isinstance(part, FromA) else -1] == 0
    assert [part.conductance(Level(int(code))) for code in levels.codes] == levels.siemens.tolist()


def test_a_servo_holds_any_command_in_its_range_but_for_a_gain_of_its_own():
    servo = find_part("SERVO")
    levels = servo.levels()
    assert isinstance(levels, Continuous)
    assert levels.minimum < servo.power_up.siemens < levels.maximum
    specimen = servo.drawn(np.random.default_rng(0))
    gain = specimen.conductance(Target(50e-6)) / 50e-6
    assert gain == pytest.approx(specimen.conductance(Target(20e-6)) / 20e-6)
    assert 0 < abs(gain - 1) <= levels.tolerance


def test_a_level_by_hand():
    assert find_part("MCP4251-104").conductance(Level(64)) == pytest.approx(1 / (75 + 25e3))


def test_specimens_are_uniform_within_the_tolerance_and_the_part_stays_nominal():
    part = find_part("MCP4251-104")
    generator = np.random.default_rng(1)
    ohm = np.array([1 / part.drawn(generator).conductance(Level(256)) - 75 for _ in range(2000)])
    assert ohm.min() == pytest.approx(80e3, rel=2e-3)
    assert ohm.max() == pytest.approx(120e3, rel=2e-3)
    assert ohm.std() == pytest.approx(40e3 / np.sqrt(12), rel=0.05)
    assert part == find_part("MCP4251-104") != part.drawn(generator)


@pytest.mark.parametrize(
    ("wanted", "found", "differing"),
    [
        (Identity("USB-6363"), Identity("USB-6363 (BNC)", "1"), ()),
        (Identity("USB-6281 (Mass Termination)"), Identity("USB-6281"), ()),
        (Identity("USB-6366"), Identity("USB-6366 (64 MS) (BNC)"), ()),
        (Identity("NI-9215"), Identity("NI 9215 (BNC)"), ()),
        (Identity("ni 9215"), Identity("NI 9215"), ()),
        (Identity("NI PXIe 6363"), Identity("PXIe-6363"), ()),
        (Identity("NI-PXIe-6363"), Identity("PXIe-6363"), ()),
        (Identity("NI 6363"), Identity("PXIe-6363"), ("model",)),
        (Identity("PXI-6361"), Identity("PXIe-6361"), ("model",)),
        (Identity("USB-6361"), Identity("USB-6363 (BNC)"), ("model",)),
        (Identity("", "1"), Identity("anything", "2"), ("serial",)),
        (Identity("A", "1"), Identity("B", "2"), ("model", "serial")),
        (Identity(""), Identity("anything", "2"), ()),
    ],
)
def test_models_are_compared_up_to_their_variant(wanted: Identity, found: Identity, differing: tuple[str, ...]) -> None:
    assert wanted.differing(found) == differing
