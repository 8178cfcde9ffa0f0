"""A resistor in series with the wipers: `part: MCP4251-103 + 4.7 kΩ`."""

import numpy as np
import pytest

from labrig.extensions import UnknownExtension
from labrig.instruments.data import Level, LevelTable
from labrig.instruments.parts import find_part


@pytest.mark.parametrize(
    ("chip", "least_ohm", "codes"), [("MCP4251-103", 75, 257), ("AD5293-100", 60 + 1e5 / 1024, 1024)]
)
def test_every_level_has_it(chip: str, least_ohm: float, codes: int) -> None:
    plain, part = find_part(chip), find_part(f"{chip} + 4.7 kΩ")
    levels, without = part.levels(), plain.levels()
    assert isinstance(levels, LevelTable)
    assert isinstance(without, LevelTable)
    assert len(levels.siemens) == codes
    np.testing.assert_allclose(1 / levels.siemens, 1 / without.siemens + 4700, rtol=1e-12)
    assert 1 / levels.siemens.max() == pytest.approx(least_ohm + 4700)
    assert (part.name, part.chip_name, plain.chip_name) == (f"{chip} + 4.7 kΩ", chip, chip)
    assert part != plain
    assert part == find_part(f"{chip} + 4.7 kΩ")


def test_specimens_stay_within_the_tolerance_that_the_levels_state() -> None:
    part = find_part("MCP4251-103 + 4.7 kΩ")
    levels = part.levels()
    assert isinstance(levels, LevelTable)
    assert levels.tolerance == pytest.approx(0.2 * 10e3 / 14775)
    generator = np.random.default_rng(4)
    ratios = [
        specimen.conductance(Level(code)) / part.conductance(Level(code))
        for specimen in (part.drawn(generator) for _ in range(200))
        for code in (0, 100, 256)
    ]
    off = np.abs(1 / np.array(ratios) - 1)
    assert 0.9 * levels.tolerance < off.max() <= levels.tolerance


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("MCP4251-103 + 4.7", "write the unit, e.g. '4.7 kΩ'"),
        ("MCP4251-103 + 3 V", "is a voltage, expected a resistance"),
        ("MCP4251-103 + 0 Ω", "must be positive, got '0 Ω'"),
        ("RERAM + 1 kΩ", "only potentiometers can"),
        ("MCP4251-105 + 1 kΩ", "'MCP4251-105' is not"),
    ],
)
def test_what_cannot_be_in_series(name: str, says: str) -> None:
    with pytest.raises(UnknownExtension, match=says):
        find_part(name)
