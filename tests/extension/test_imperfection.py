"""An imperfection that a laboratory brings in one file: hum on every channel of a digitizer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from extension.conftest import Laboratory

from labrig.assembly import assemble
from labrig.config.problems import ConfigProblems
from labrig.learning.measurement import Excitation

HUM = '''
"""Hum of the mains on every channel of a digitizer."""

import numpy as np

from labrig.config.section import Section
from labrig.quantities import PositiveFrequency, PositiveVoltage
from labrig.random_streams import RandomStream
from labrig.simulation.imperfections import Imperfection


class Hum(Imperfection):
    """A sine of the same amplitude on every channel, each with a phase of its own."""

    class Options(Section):
        """amplitude: peak."""

        amplitude: PositiveVoltage
        frequency: PositiveFrequency = 50.0

    def addition(self, digitizer, channels):
        phases = RandomStream(self.seed, f"hum/{digitizer}").at(0).uniform(0.0, 2 * np.pi, channels)

        def hum(scans):
            angles = 2 * np.pi * self.value.frequency * scans.times_s
            return self.value.amplitude * np.sin(angles[:, np.newaxis] + phases[scans.columns])

        return hum
'''

SIMULATED = """
version: 1
extends: [divider.yaml]
name: hum
simulation:
  preset: ideal
  lab_hum:Hum: {amplitude: 2 mV, frequency: 25 Hz}
"""

WIRE = Path(__file__).parent.parent / "benchmarks" / "small_wire.yaml"

MEASUREMENTS = 40
AMPLITUDE_V = 2e-3


@pytest.fixture
def config(laboratory: Laboratory) -> Path:
    laboratory.write("lab_hum.py", HUM)
    return laboratory.write("hum.yaml", SIMULATED)


def scatter_v(config: Path, *overrides: str, measurements: int = MEASUREMENTS) -> float:
    """Standard deviation of the output, measured many times (V)."""
    with assemble(config, overrides).open_rig() as rig:
        excitation = Excitation(np.array([1.0]))
        return float(np.std([rig.measure(excitation).outputs[0] for _ in range(measurements)]))


def test_it_passes_check_and_a_run_trains_with_it(laboratory: Laboratory, config: Path) -> None:
    checked = laboratory.typed("check", "hum.yaml", "--show-resolved")
    assert checked.returncode == 0, checked.stderr
    assert "simulation.lab_hum:Hum.amplitude" in checked.stdout
    assert laboratory.labrig("run", "hum.yaml", "--no-plots", "--run-dir", "run")[-1]["event"] == "finished"
    kept = (laboratory.folder / "run" / "config.resolved.yaml").read_text(encoding="utf-8")
    assert "lab_hum:Hum:\n    amplitude: 2 mV\n    frequency: 25 Hz" in kept


def test_its_effect_is_what_it_should_be(config: Path) -> None:
    """A window of 20 ms is half a period, over which the mean of a sine is 2/π of the amplitude · cos(phase)."""
    expected = AMPLITUDE_V * 2 / np.pi / np.sqrt(2)
    assert scatter_v(config) == pytest.approx(expected, rel=0.25)
    quiet = "simulation={preset: ideal}"
    assert scatter_v(config, quiet) < 1e-9


def test_over_whole_periods_it_averages_out(config: Path) -> None:
    assert scatter_v(config, "simulation={preset: ideal, 'lab_hum:Hum': {amplitude: 2 mV}}") < 1e-9


@pytest.mark.more
def test_on_the_wire_it_is_the_same(laboratory: Laboratory) -> None:
    laboratory.write("lab_hum.py", HUM)
    text = SIMULATED.replace("divider.yaml", str(WIRE))
    wire = laboratory.write("hum_wire.yaml", text)
    expected = AMPLITUDE_V * 2 / np.pi / np.sqrt(2)
    assert scatter_v(wire) == pytest.approx(expected, rel=0.25)
    assert scatter_v(wire, "simulation={preset: ideal}", measurements=10) < 0.05 * expected


@pytest.mark.parametrize(
    ("written", "path", "says"),
    [
        ("{amplitud: 2 mV}", "lab_hum:Hum.amplitud", "unknown key 'amplitud'; did you mean 'amplitude'?"),
        ("{amplitude: 2 mA}", "lab_hum:Hum.amplitude", "'2 mA' is a current, expected a voltage"),
        ("2 mV", "lab_hum:Hum", "expected a map of amplitude, frequency, got '2 mV'"),
    ],
)
def test_its_keys_are_checked_by_its_own_model(
    laboratory: Laboratory, config: Path, written: str, path: str, says: str
) -> None:
    laboratory.write("hum.yaml", SIMULATED.replace("{amplitude: 2 mV, frequency: 25 Hz}", written))
    with pytest.raises(ConfigProblems) as raised:
        assemble(config)
    (problem,) = raised.value.problems
    assert problem.path == f"simulation.{path}"
    assert says in problem.message


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("lab_hum:Humm", "lab_hum has no 'Humm'; did you mean 'Hum'?"),
        ("lab_humm:Hum", "there is no module 'lab_humm'; install it, or put it next to the configuration"),
        ("lab_hum:np", "lab_hum:np is not an imperfection"),
        ("noice", "unknown key 'noice'; did you mean 'noise'?"),
    ],
)
def test_a_name_that_leads_nowhere_is_one_error(laboratory: Laboratory, config: Path, name: str, says: str) -> None:
    laboratory.write("hum.yaml", SIMULATED.replace("lab_hum:Hum", name))
    with pytest.raises(ConfigProblems) as raised:
        assemble(config)
    (problem,) = raised.value.problems
    assert problem.path == f"simulation.{name}"
    assert says in problem.message
