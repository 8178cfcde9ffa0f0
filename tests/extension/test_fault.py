"""A fault that a laboratory brings in one file: a channel of the digitizer that stays where it is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from extension.conftest import Laboratory

from labrig.assembly import assemble
from labrig.config.problems import ConfigProblems
from labrig.learning.measurement import Excitation
from labrig.runs.journal import read_journal

STUCK = '''
"""A channel of a digitizer that reads one voltage, whatever is at its input."""

import numpy as np

from labrig.config.section import Section
from labrig.quantities import Voltage
from labrig.simulation.faults import SampleFault


class Stuck(SampleFault):
    """Every sample is `at` a voltage."""

    class Options(Section):
        at: Voltage = 0.25

    def read(self, volts, full_scale_v):
        return np.full_like(volts, self.options.at)
'''

WIRE = Path(__file__).parent.parent / "benchmarks" / "small_wire.yaml"
AT_V = 0.25


def config(laboratory: Laboratory, base: str, where: str, more: str = "") -> Path:
    laboratory.write("lab_stuck.py", STUCK)
    fault = f"{{what: lab_stuck:Stuck, where: {where}, acquisition: 3, for: 2{more}}}"
    text = f"version: 1\nextends: [{base}]\nname: stuck\nsimulation: {{preset: ideal, faults: [{fault}]}}\n"
    return laboratory.write("stuck.yaml", text)


@pytest.mark.parametrize(
    ("base", "where"), [("divider.yaml", "daq/1"), (str(WIRE), "daq/ai1")], ids=["simulated", "wire"]
)
def test_the_channel_is_stuck_when_it_should_be(laboratory: Laboratory, base: str, where: str) -> None:
    with assemble(config(laboratory, base, where)).open_rig() as rig:
        outputs = np.array([rig.measure(Excitation(np.array([1.0]))).outputs[0] for _ in range(6)])
    code_v = 4.0 / 2**16
    stuck = np.abs(outputs - AT_V) < code_v
    assert stuck.tolist() == [False, False, True, True, False, False]
    np.testing.assert_allclose(outputs[~stuck], outputs[0], atol=code_v)
    assert outputs[0] > 2 * AT_V


def gradients(laboratory: Laboratory, name: str, *overrides: str) -> np.ndarray:
    """(S,) gradient of the one edge in every step of a run."""
    sets = [
        word for override in ("learning.epochs=5", "task.target.rms=1 V", *overrides) for word in ("--set", override)
    ]
    laboratory.labrig("run", "stuck.yaml", "--no-plots", "--run-dir", name, *sets)
    return read_journal(laboratory.folder / name / "run.db").gradient[:, 0]


def test_it_passes_check_and_a_run_feels_it(laboratory: Laboratory) -> None:
    config(laboratory, "divider.yaml", "daq/1")
    laboratory.labrig("check", "stuck.yaml")
    stuck, well = gradients(laboratory, "stuck"), gradients(laboratory, "well", "simulation.faults=[]")
    wrong = np.abs(stuck - well) > 0.1 * np.abs(well)
    assert wrong[0:2].sum() >= 1  # acquisitions 3 and 4 are in the first two steps
    assert len(stuck) == 5
    kept = (laboratory.folder / "stuck" / "config.resolved.yaml").read_text(encoding="utf-8")
    assert "at: 250 mV" in kept  # its own default is kept with the run


@pytest.mark.parametrize(
    ("where", "more", "key", "says"),
    [
        ("daq/1", ", at: 1 A", "at", "'1 A' is a current, expected a voltage"),
        ("daq/1", ", att: 1 V", "att", "unknown key 'att'; did you mean 'at'?"),
        ("pots", "", "where", "lab_stuck:Stuck acts on a digitizer, but pots is a programmer"),
        ("daq", "", "where", "lab_stuck:Stuck acts on one channel; write e.g. 'daq/0'"),
    ],
)
def test_mistakes_are_one_error_each(laboratory: Laboratory, where: str, more: str, key: str, says: str) -> None:
    with pytest.raises(ConfigProblems) as raised:
        assemble(config(laboratory, "divider.yaml", where, more))
    (problem,) = raised.value.problems
    assert problem.path == f"simulation.faults[0].{key}"
    assert says in problem.message


def test_a_module_that_is_not_there_is_said_to_be(laboratory: Laboratory) -> None:
    path = config(laboratory, "divider.yaml", "daq/1")
    path.write_text(path.read_text().replace("lab_stuck:", "lab_stack:"))
    with pytest.raises(ConfigProblems) as raised:
        assemble(path)
    (problem,) = raised.value.problems
    assert problem.path == "simulation.faults[0].what"
    assert "there is no module 'lab_stack'" in problem.message
