"""A recorded run without a command line: what it returns, reports, records, and prints, which is nothing."""

from __future__ import annotations

import signal
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from training.test_reproducibility import dump
from unit.rig.benches import Wrapper, assembled, bench_with

import labrig
from labrig.cli.main import main
from labrig.errors import ConfigError, Overrange
from labrig.procedures.train import train
from labrig.runs.folder import RunFolder
from labrig.runs.journal import Evaluation, Step, read_journal
from labrig.runs.summary import summarize
from labrig.simulation.bench import SimulatedBench

SHORT = {"learning.epochs": 3}


def test_it_does_what_the_command_does_and_prints_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = labrig.train("xor.yaml", seed=4, settings=SHORT, run_dir=tmp_path / "called")
    assert capsys.readouterr() == ("", "")
    command = ["run", "xor.yaml", "--seed", "4", "--set", "learning.epochs=3", "--run-dir", str(tmp_path / "typed")]
    assert main(command) == 0
    called, typed = (dump(tmp_path / name / "run.db") for name in ("called", "typed"))
    assert len(called["steps"]) == 3
    for table in ("steps", "evaluations"):
        assert called[table] == typed[table]
    files = [sorted(path.name for path in (tmp_path / name).iterdir()) for name in ("called", "typed")]
    assert files[0] == files[1]
    assert (result.path, result.state, result.steps) == (tmp_path / "called", "finished", 3)
    assert [path.name for path in result.plots or ()] == ["learning.png", "conductances.png", "spectrum.png"]
    assert result.metrics == summarize(RunFolder(result.path))["metrics"]
    assert (result.acquisitions, result.evaluation_acquisitions) == (24, 9)


def test_every_run_has_a_new_folder(tmp_path: Path) -> None:
    runs = [labrig.train("divider.yaml", settings=SHORT, runs_dir=tmp_path, plots=False) for _ in range(2)]
    assert runs[0].path != runs[1].path
    assert {run.path.parent for run in runs} == {tmp_path}
    assert runs[0].plots is None
    with pytest.raises(ConfigError, match="exists already"):
        labrig.train("divider.yaml", run_dir=runs[0].path)


def test_what_is_reported_is_recorded_already(tmp_path: Path) -> None:
    reported: list[Step | Evaluation] = []

    def report(what: Step | Evaluation) -> None:
        reported.append(what)
        record = read_journal(tmp_path / "run" / "run.db")
        assert len(record.step) + len(record.evaluations) == len(reported)

    labrig.train("xor.yaml", settings=SHORT, run_dir=tmp_path / "run", plots=False, report=report)
    assert [type(what) for what in reported] == [Evaluation, Step, Step, Step, Evaluation]
    np.testing.assert_array_equal(
        [what.gradient for what in reported if isinstance(what, Step)],
        read_journal(tmp_path / "run" / "run.db").gradient,
    )


def test_goals_that_are_missed(tmp_path: Path) -> None:
    settings = {**SHORT, "task.target": {"rms": "1 nV"}}
    result = labrig.train("divider.yaml", settings=settings, run_dir=tmp_path / "run", plots=False)
    (missed,) = result.missed
    assert missed.startswith("rms_v is ")
    assert summarize(result.folder)["state"] == "missed"


def test_a_run_that_is_told_to_stop(tmp_path: Path) -> None:
    steps: list[Step] = []
    result = labrig.train(
        "xor.yaml",
        run_dir=tmp_path / "run",
        report=lambda what: steps.append(what) if isinstance(what, Step) else None,
        stop=lambda: len(steps) == 2,
    )
    assert (result.state, result.steps, result.plots, result.missed) == ("interrupted", 2, None, ())
    assert result.evaluated_at_step == 0
    assert summarize(result.folder)["state"] == "interrupted"


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_in_a_notebook_ends_the_run_and_then_the_cell(tmp_path: Path, times: int) -> None:
    benches: list[SimulatedBench] = []

    class Bench(SimulatedBench):
        def __init__(self, *arguments, **more) -> None:
            super().__init__(*arguments, **more)
            benches.append(self)

    def strike(what: Step | Evaluation) -> None:
        if isinstance(what, Step) and what.index == 2:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with (
        patch("labrig.assembly.benches.simulated.SimulatedBench", Bench),
        pytest.raises(KeyboardInterrupt, match="2 steps"),
    ):
        labrig.train("xor.yaml", run_dir=tmp_path / "run", report=strike)
    assert signal.getsignal(signal.SIGINT) is before
    assert set(benches[0].world.playing(np.inf).values()) == {None}
    summary = summarize(RunFolder(tmp_path / "run"))
    assert (summary["state"], summary["steps"]) == ("interrupted", 2)


class ClipsAfter(Wrapper):
    """A digitizer that clips after so many reads."""

    def __init__(self, inner, reads: int) -> None:
        super().__init__(inner)
        self.left = reads

    def read(self, timeout_s: float):
        self.left -= 1
        if self.left < 0:
            raise Overrange("clipped", device="daq")
        return self.inner.read(timeout_s)


def test_a_run_that_fails_says_so_in_its_journal(tmp_path: Path) -> None:
    bench = bench_with({"daq": lambda daq: ClipsAfter(daq, 4 + 8 + 3)})
    with patch("labrig.assembly.benches.simulated.SimulatedBench", bench), pytest.raises(Overrange, match="clipped"):
        labrig.train("xor.yaml", run_dir=tmp_path / "run")
    summary = summarize(RunFolder(tmp_path / "run"))
    assert (summary["state"], summary["steps"], summary["reason"]) == ("failed", 1, "daq: clipped")


def test_what_fails_after_training_is_named_in_the_result(tmp_path: Path) -> None:
    bench = bench_with({"daq": lambda daq: ClipsAfter(daq, 4 + 3 * 8 + 4)})
    with patch("labrig.assembly.benches.simulated.SimulatedBench", bench):
        result = train(assembled("xor", "learning.epochs=3"), run_dir=tmp_path / "run")
    assert result.state == "finished"
    assert result.left_out == {"spectrum.png": "daq: clipped"}
    assert [path.name for path in result.plots or ()] == ["learning.png", "conductances.png"]
