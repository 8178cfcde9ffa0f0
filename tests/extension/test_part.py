"""A part that a laboratory brings in one file: eight fixed resistors and a switch, and another that is continuous."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from extension.conftest import Laboratory

from labrig.assembly import assemble
from labrig.assembly.assembly import Assembly
from labrig.config.problems import ConfigProblems
from labrig.instruments.data import Continuous, Level, LevelTable
from labrig.runs.journal import read_journal

PARTS = '''
"""Parts of a laboratory."""

from copy import copy

import numpy as np

from labrig.instruments.data import Continuous, Level, LevelTable, Target
from labrig.instruments.parts import Part


class Ladder(Part):
    """Thirty-two resistors behind a switch, 10 % each; the switch has 20 Ω."""

    supply_span_v = (3.0, 6.0)
    resistors_ohm = tuple(1 / g for g in np.linspace(8e-6, 120e-6, 32))

    def levels(self):
        codes = np.arange(32)
        return LevelTable(codes, np.array([self.conductance(Level(int(code))) for code in codes]))

    @property
    def power_up(self):
        return Level(15)

    def conductance(self, setting):
        return 1 / (20.0 + self.resistors_ohm[setting.code])

    def drawn(self, generator):
        specimen = copy(self)
        specimen.resistors_ohm = tuple(r * (1 + 0.1 * generator.uniform(-1, 1)) for r in self.resistors_ohm)
        return specimen


class Film(Part):
    """Any conductance in a range, but for a gain of its own."""

    name = "FILM-1"  # of any supply
    gain = 1.0

    def levels(self):
        return Continuous(5e-6, 150e-6)

    @property
    def power_up(self):
        return Target(50e-6)

    def conductance(self, setting):
        return self.gain * setting.siemens

    def drawn(self, generator):
        specimen = copy(self)
        specimen.gain = 1 + 0.05 * generator.uniform(-1, 1)
        return specimen


class Unfinished(Part):
    supply_span_v = (3.0, 6.0)
'''


def config(laboratory: Laboratory, part: str, preset: str = "typical") -> Path:
    laboratory.write("lab_parts.py", PARTS)
    return laboratory.write(
        "ladder.yaml",
        f"version: 1\nextends: [xor.yaml]\nname: ladder\nsimulation: {{preset: {preset}}}\n"
        f"instruments: {{pots: {{part: lab_parts:{part}}}}}\n",
    )


def siemens(assembly: Assembly, codes: list[int]) -> np.ndarray:
    """(n, E) actual conductances after each of these codes was written into every edge."""
    setup = assembly.setup()
    assert setup.bench.truth is not None
    found = []
    with setup.rig as rig:
        for code in codes:
            rig.program({edge: Level(code) for edge in range(len(rig.edges))})
            found.append(setup.bench.truth.conductances())
    return np.array(found)


def test_its_levels_are_what_the_board_has(laboratory: Laboratory) -> None:
    codes = [0, 7, 31]
    nominal = np.array([1 / (20 + 1 / (8e-6 + code * 112e-6 / 31)) for code in codes])
    converters = "simulation={preset: ideal, converters: true}"
    exact = siemens(assemble(config(laboratory, "Ladder"), [converters]), codes)
    np.testing.assert_allclose(exact, np.broadcast_to(nominal[:, np.newaxis], exact.shape), rtol=1e-12)


def test_its_tolerance_is_its_own(laboratory: Laboratory) -> None:
    off = siemens(assemble(config(laboratory, "Ladder")), [31])[0] / (1 / (20 + 1 / 120e-6)) - 1
    assert 0.08 < np.abs(off).max() <= 0.112
    assert off.std() == pytest.approx(0.2 / np.sqrt(12), rel=0.3)
    again = siemens(assemble(config(laboratory, "Ladder")), [31])[0] / (1 / (20 + 1 / 120e-6)) - 1
    np.testing.assert_array_equal(again, off)


@pytest.mark.parametrize(("part", "levels"), [("Ladder", LevelTable), ("Film", Continuous)])
def test_it_passes_check_and_a_run_trains_with_it(laboratory: Laboratory, part: str, levels: type) -> None:
    path = config(laboratory, part)
    laboratory.labrig("check", "ladder.yaml")
    fewer = ("--set", "learning.epochs=60", "--set", "task.target.rms=1 V")
    laboratory.labrig("run", "ladder.yaml", "--no-plots", "--run-dir", "run", *fewer)
    evaluations = read_journal(laboratory.folder / "run" / "run.db").evaluations
    before, after = (evaluations[k].metrics["rms_v"] for k in (0, -1))
    assert after < 0.5 * before
    with assemble(path).open_rig() as rig:
        assert all(isinstance(each, levels) for each in rig.levels)


@pytest.mark.parametrize(
    ("override", "place", "says"),
    [
        ("instruments.pots.supply=[-5 V, 5 V]", "instruments.pots.supply", "Ladder needs 3 V to 6 V between its rails"),
        ("network.programmable.range=[1 µS, 100 µS]", "network.programmable.range", "Ladder of pots covers 7.99"),
        ("instruments.pots.part=lab_parts:Lader", "instruments.pots.part", "lab_parts has no 'Lader'; did you mean"),
        ("instruments.pots.part=lab_parts:Unfinished", "instruments.pots.part", "lab_parts:Unfinished cannot be used"),
    ],
)
def test_mistakes_are_one_error_each(laboratory: Laboratory, override: str, place: str, says: str) -> None:
    with pytest.raises(ConfigProblems) as raised:
        assemble(config(laboratory, "Ladder"), [override])
    problem = raised.value.problems[0]
    assert problem.path == place
    assert says in problem.message
