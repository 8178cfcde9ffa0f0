"""Runs on memristors: what was reached is in the journal, a stopped run goes on, cells that fail are faults."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import labrig
from labrig.assembly import assemble
from labrig.cli.main import main
from labrig.errors import ChannelFault
from labrig.runs.journal import Event, Journal, read_journal

SHORT = ["learning.epochs=1", "learning.batch=30", "task.split={train_per_class: 30, test_per_class: 5}"]


def _run(path, *settings: str, code: int = 0) -> None:
    given = [word for setting in (*SHORT, *settings) for word in ("--set", setting)]
    assert main(["run", "iris_memristor.yaml", "--no-plots", "--run-dir", str(path), *given]) == code


def test_a_run_notes_what_every_cell_was_found_to_hold_and_after_how_many_pulses(tmp_path, capsys):
    _run(tmp_path / "run")
    run = labrig.load(tmp_path / "run")
    first = run.writings[run.writings.why == "program"]
    assert len(first) == 30
    assert first.converged.all()
    assert first.pulses.sum() > 30
    written = run["conductances"][-1]
    last = run.writings.groupby("edge", sort=False).siemens.last()[list(run.contents.coordinates["edge"].values)]
    assert np.abs(last.to_numpy() / written - 1).max() <= 0.02
    capsys.readouterr()
    assert main(["show", str(tmp_path / "run"), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["written_by_pulses"]
    assert shown["pulses"] == run.writings.pulses.sum()


def test_cells_that_drift_are_written_again_on_schedule(tmp_path):
    cells = ["instruments.cells.part=PCM", "network.programmable={edges: all, range: [3 µS, 22 µS]}"]
    assembly = assemble(Path("iris_memristor.yaml"), [*cells, "programmers.refresh=50 s"])
    setup = assembly.setup()
    with setup.rig as rig, Journal(tmp_path / "run.db") as journal:
        experiment = assembly.experiment(rig, journal)
        experiment.program()
        wanted, world, clock = experiment.update.conductances, setup.bench.world, rig.clock
        assert np.abs(world.conductances(clock.now()) / wanted - 1).max() <= 0.02

        # A cell that was right from the beginning is as old as the board, and has long ceased to drift.
        pulsed = sum(pulses > 0 for *_, pulses, _ in world.cells.state().values())
        assert pulsed > 25
        assert not experiment.writer.refresh(0).written
        clock.sleep(60.0)
        world.cells.drift(clock.now())
        assert np.abs(world.conductances(clock.now()) / wanted - 1).max() > 0.06  # 4**-0.049 is 0.93
        report = experiment.writer.refresh(0)
        assert (len(report.written), report.faulty) == (pulsed, ())
        assert (
            np.abs(world.conductances(clock.now()) / wanted - 1).max() <= 0.025
        )  # they drift while others are written
        assert not experiment.writer.refresh(0).written
        assert world.cells.touched_connected == 0
        journal.event(Event(0, "end", {}))
    writings = read_journal(tmp_path / "run.db").writings
    assert [(each.why, len(each.edges)) for each in writings] == [("program", 30), ("refresh", pulsed)]


@pytest.mark.more
def test_a_stopped_run_goes_on_bit_for_bit(tmp_path):
    settings = {"learning.epochs": 2, "learning.batch": 30, "programmers.refresh": "1 s", "learning.evaluate.every": 0}
    labrig.train("iris_memristor.yaml", settings=settings, run_dir=tmp_path / "whole", plots=False)
    steps: list[object] = []
    labrig.train(
        "iris_memristor.yaml",
        settings=settings,
        run_dir=tmp_path / "stopped",
        plots=False,
        report=steps.append,
        stop=lambda: len(steps) >= 3,
    )
    assert main(["resume", str(tmp_path / "stopped"), "--no-plots"]) == 0
    whole, stopped = labrig.load(tmp_path / "whole"), labrig.load(tmp_path / "stopped")
    for name in ("gradient", "conductances", "loss", "outputs"):
        assert np.array_equal(whole[name], stopped[name]), name
    after = whole.writings[(whole.writings.step > 2)].reset_index(drop=True)
    again = stopped.writings[(stopped.writings.step > 2)].reset_index(drop=True)
    assert after.equals(again)


@pytest.mark.parametrize("policy", ["stop", pytest.param("mask", marks=pytest.mark.more)])
def test_a_cell_that_does_not_converge_is_a_fault_of_its_channel(tmp_path, policy):
    settings = {"instruments.cells.pulses": 12, "faults.channel": policy, "learning.epochs": 1, "learning.batch": 30}
    if policy == "stop":
        with pytest.raises(ChannelFault, match="did not keep"):
            labrig.train("iris_memristor.yaml", settings=settings, run_dir=tmp_path / "run", plots=False)
        return
    labrig.train("iris_memristor.yaml", settings=settings, run_dir=tmp_path / "run", plots=False)
    run = labrig.load(tmp_path / "run")
    missed = run.writings[~run.writings.converged]
    assert (missed.pulses == 12).all()
    assert "fault" in set(run.events.event_kind)
    assert not set(missed.edge[missed.why == "program"]) & set(run.writings.edge[run.writings.why == "step"])
