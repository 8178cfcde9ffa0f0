"""What a run does about faults is what its configuration says, and the ledger has every fault."""

from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from unit.rig.benches import bench_with

from labrig.assembly import assemble
from labrig.cli.main import main
from labrig.errors import ChannelFault, Overrange
from labrig.instruments.data import ProgramReport
from labrig.procedures.replay import replay
from labrig.procedures.resume import Resumable
from labrig.procedures.train import train
from labrig.runs.folder import RunFolder
from labrig.runs.journal import Record, read_journal

CLIPS = "simulation.faults=[{acquisition: 30, what: over_range, where: daq/3, for: COUNT}]"
SHORT = ("learning.epochs=1", "learning.batch=10", "storage.raw=true")


def trained(path: Path, *overrides: str) -> Record:
    train(assemble(Path("iris.yaml"), (*SHORT, *overrides)), run_dir=path, plots=False)
    return read_journal(path / "run.db")


def faults(record: Record) -> list[tuple[int, str, str]]:
    return [(e.step, e.detail["kind"], e.detail["action"]) for e in record.events if e.event == "fault"]


def clipping(count: int) -> str:
    return CLIPS.replace("COUNT", str(count)).replace("30", "160")


def test_by_default_it_stops(tmp_path):
    with pytest.raises(Overrange, match="clipped at in3"):
        trained(tmp_path / "run", clipping(1))


def test_a_measurement_is_made_again_and_training_is_as_without_the_fault(tmp_path, capsys):
    record = trained(tmp_path / "run", clipping(1), "faults.overrange=retry")
    assert faults(record) == [(0, "Overrange", "retry")]
    (event,) = (e for e in record.events if e.event == "fault")
    assert event.detail["cost"]["acquisitions"] > 0
    assert len(record.step) == 9
    assert replay(RunFolder(tmp_path / "run")).differs == ""
    assert main(["show", str(tmp_path / "run")]) == 0
    assert "fault after step 0: daq: clipped at in3; measured again (" in capsys.readouterr().out


def test_the_attempts_are_bounded(tmp_path):
    with pytest.raises(Overrange):
        trained(tmp_path / "run", clipping(100), "faults.overrange=retry", "faults.attempts=4")
    assert faults(read_journal(tmp_path / "run" / "run.db")) == [(0, "Overrange", "retry")] * 3


def test_a_batch_is_left_out(tmp_path):
    record = trained(tmp_path / "run", clipping(1), "faults.overrange=skip")
    assert faults(record) == [(0, "Overrange", "skip")]
    assert np.isnan(record.loss[0])
    assert not np.isnan(record.loss[1:]).any()
    assert (record.skipped[0], record.written[0]) == (10, 0)
    assert replay(RunFolder(tmp_path / "run")).differs == ""


class StuckChannel:
    """A programmer with a channel that does not take anything else than what it has."""

    def __init__(self, programmer, channel: str) -> None:
        self._programmer = programmer
        self._channel = channel
        self._calls = 0

    def __getattr__(self, name):
        return getattr(self._programmer, name)

    def program(self, settings):
        self._calls += 1
        if self._calls == 1:  # it broke later
            return self._programmer.program(settings)
        rest = {channel: setting for channel, setting in settings.items() if channel != self._channel}
        report = self._programmer.program(rest)
        faulty = tuple(settings.keys() - rest.keys())
        return ProgramReport(report.written, report.verified, faulty, report.read_back, report.interrupted)


@pytest.mark.more
def test_an_edge_whose_channel_is_stuck_is_masked_and_stays_so(tmp_path):
    bench = bench_with({"pots": lambda pots: StuckChannel(pots, "4")})
    with patch("labrig.assembly.benches.simulated.SimulatedBench", bench):
        with pytest.raises(ChannelFault, match=r"pots/4 did not keep.*faults\.channel=mask"):
            trained(tmp_path / "stops")
        assembly = assemble(Path("iris.yaml"), (*SHORT, "learning.epochs=2", "faults.channel=mask"))
        path = tmp_path / "run"
        train(assembly, run_dir=path, plots=False, stop=lambda: _steps(path) > 12)
    record = read_journal(path / "run.db")
    assert len(record.step) == 13
    masked = [row for row in record.masked if row]
    assert set(masked) == {(4,)}
    first = record.masked.index((4,))
    assert len(set(record.shadow[first:, 4])) == 1
    assert faults(record) == [(first, "ChannelFault", "mask")]
    assert replay(RunFolder(path)).differs == ""
    with patch("labrig.assembly.benches.simulated.SimulatedBench", bench):
        assert Resumable(RunFolder(path)).resume(plots=False).steps == 18
    assert set(read_journal(path / "run.db").masked[first:]) == {(4,)}


def _steps(path: Path) -> int:
    return len(read_journal(path / "run.db").step) if (path / "run.db").exists() else 0


PULSES = ("learning.epochs=1", "learning.batch=10", "faults.channel=mask")


def test_a_run_whose_every_edge_is_masked_stops_and_can_be_resumed_once_the_cause_is_gone(tmp_path):
    bench = bench_with({"cells": lambda cells: _NothingIsKept(cells)})
    path = tmp_path / "run"
    message = r"every edge is masked \(30 of 30\).*last good: step 0; remedy: check"
    with (
        patch("labrig.assembly.benches.simulated.SimulatedBench", bench),
        pytest.raises(ChannelFault, match=message),
    ):
        train(assemble(Path("iris_memristor.yaml"), PULSES), run_dir=path, plots=False)
    record = read_journal(path / "run.db")
    assert (len(record.step), len(record.evaluations)) == (0, 1)
    assert faults(record) == [(0, "ChannelFault", "mask")]
    result = Resumable(RunFolder(path)).resume(plots=False)
    assert (result.steps, result.edges_masked, result.edges) == (9, 0, 30)


class _NothingIsKept:
    """A programmer whose supply fails after the first write."""

    def __init__(self, programmer) -> None:
        self._programmer = programmer
        self._calls = 0

    def __getattr__(self, name):
        return getattr(self._programmer, name)

    def program(self, settings):
        self._calls += 1
        if self._calls == 1 or not settings:
            return self._programmer.program(settings)
        return ProgramReport((), (), tuple(settings))


def test_too_few_pulses_for_every_edge_stop_a_run(tmp_path, capsys):
    few = [f"--set={each}" for each in (PULSES[0], PULSES[2], "instruments.cells.pulses=3")]
    run = tmp_path / "run"
    assert main(["run", "iris_memristor.yaml", "--no-plots", "--run-dir", str(run), *few]) == 5
    assert "every edge is masked (30 of 30)" in capsys.readouterr().err
    assert main(["show", str(run)]) == 0
    out = capsys.readouterr().out
    assert "\n  25 of 30 edges masked after step 0: cells/0, " in out
    assert "\n  29 of 30 edges masked (4 more) after step 1: cells/9, " in out


@pytest.mark.more
def test_the_last_line_says_what_faults_cost(tmp_path, capsys):
    bench = bench_with({"pots": lambda pots: StuckChannel(pots, "4")})
    run, settings = tmp_path / "run", (*SHORT[:2], "faults.channel=mask", clipping(1), "faults.overrange=skip")
    command = ["run", "iris.yaml", "--no-plots", *(f"--set={each}" for each in settings)]
    with patch("labrig.assembly.benches.simulated.SimulatedBench", bench):
        assert main([*command, "--run-dir", str(run)]) == 0
        assert f"\n  1 of 30 edges masked; 1 batch left out: labrig show {run}\n" in capsys.readouterr().out
        assert main([*command, "--run-dir", str(tmp_path / "again"), "--json"]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["edges"], last["edges_masked"], last["batches_left_out"]) == (30, 1, 1)
    assert main(["resume", str(run), "--no-plots", "--epochs", "2"]) == 0
    out = capsys.readouterr().out
    assert "1 of 30 edges masked; 1 batch left out" in out
    assert " s in this session; " in out
