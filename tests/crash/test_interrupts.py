"""Ctrl-C at any moment: exit code 130, one last line, a readable folder, and every source off.

How many runs it meets: tests/trials.py.
"""

from __future__ import annotations

import io
import json
import math
import random
import signal
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from unittest.mock import patch

import pytest
from crash.runs import OUTCOME, Child, check_folders, config
from trials import quick, trials

from labrig.cli.main import main
from labrig.experiment import GradientProbe
from labrig.interrupts import Interrupts
from labrig.rig.rig import Rig
from labrig.runs.journal import read_journal
from labrig.runs.plots.learning import learning_curves
from labrig.simulation.bench import SimulatedBench

PHASES = ("start-up", "training", "evaluation", "after")
RUNS = trials(2, 4, 32)


@pytest.mark.parametrize("number", range(RUNS))
def test_ctrl_c_in_a_process_of_its_own(tmp_path, number):
    phase, twice = PHASES[number % 4], (number // 4) % 2 == 1
    draw = random.Random(number)
    epochs, every = {"after": (1, 0), "training": (1000, 0)}.get(phase, (1000, 1))
    overrides = ["--set", f"learning.epochs={epochs}", "--set", f"learning.evaluate.every={every}"]
    child = Child(tmp_path, ["run", config("iris"), *overrides])
    child.wait_until(
        {
            "start-up": lambda: "ready" in child.err.read_text(),
            "training": lambda: '"evaluation"' in child.out.read_text(),
            "evaluation": lambda: child.out.read_text().count('"evaluation"') >= 2,
            "after": lambda: any(child.runs.glob("*/spectrum.npz")) if child.runs.is_dir() else False,
        }[phase]
    )
    time.sleep(draw.uniform(0.0, 0.3))
    child.process.send_signal(signal.SIGINT)
    if twice:
        time.sleep(draw.uniform(0.0, 0.02))
        child.process.send_signal(signal.SIGINT)
    code = child.finish()
    last = child.lines[-1] if child.lines else None
    assert child.sources_off
    assert "Traceback" not in child.said
    if last is not None and last["event"] == "finished":  # it was faster than the signal
        assert phase == "after"
        check_folders(child.runs, last, "finished")
        return
    assert code == 130
    if last is None:  # before the command had read its arguments
        assert phase == "start-up"
        assert not child.runs.is_dir()
        return
    assert last["event"] == "interrupted"
    if nothing_begun(last, child.runs):
        assert phase == "start-up"
        return
    assert set(last) >= OUTCOME
    described = check_folders(child.runs, last, "interrupted")
    assert phase == "start-up" or described == 1
    if phase in ("training", "evaluation"):
        assert last["metrics"]
        assert last["acquisitions"] >= 2 * last["steps"]


def nothing_begun(last: dict, runs: Path) -> bool:
    """Whether the last line says so; there is no folder then."""
    if "message" not in last:
        return False
    assert last["message"] == "the run had not started"
    assert not any(runs.glob("*/*"))
    return True


class Strike:
    """A profile function that sends signals when the n-th Python function is called, or as `leaving` returns."""

    def __init__(self, at: int, times: int, leaving: Callable | None = None) -> None:
        self.at, self.times, self.calls = at, times, 0
        self.leaving = leaving.__code__ if leaving else None

    def __call__(self, frame, event, argument) -> None:
        if frame.f_code.co_name == "gc_callback":  # hypothesis times collections; what is raised there Python drops
            return
        self.calls += event == "call"
        leaves = event == "return" and frame.f_code is self.leaving
        if leaves or (event == "call" and self.calls == self.at):
            sys.setprofile(None)
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)


def struck(
    folder: Path, at: int, times: int, leaving: Callable | None = None
) -> tuple[int, list[dict], list[SimulatedBench], int]:
    """A short run with Ctrl-C at the n-th call: exit code, lines, benches, calls."""
    benches: list[SimulatedBench] = []

    class Bench(SimulatedBench):
        def __init__(self, *arguments, **more) -> None:
            super().__init__(*arguments, **more)
            benches.append(self)

    arguments = ["run", config("divider"), "--json", "--no-plots", "--runs-dir", str(folder)]
    strike, out = Strike(at, times, leaving), io.StringIO()
    with patch("labrig.assembly.benches.simulated.SimulatedBench", Bench), redirect_stdout(out):
        sys.setprofile(strike)
        try:
            code = main([*arguments, "--set", "learning.epochs=3"])
        except KeyboardInterrupt:
            code = 130
        finally:
            sys.setprofile(None)
    return code, [json.loads(line) for line in out.getvalue().splitlines()], benches, strike.calls


# A KeyboardInterrupt in a finalizer is lost, as in every Python program; the run then ends after its step.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("times", [pytest.param(1, marks=pytest.mark.more), 2])
def test_ctrl_c_between_any_two_calls(tmp_path, times):
    struck(tmp_path / "warm", 0, 0)
    code, lines, _, calls = struck(tmp_path / "untouched", 0, 0)
    assert (code, lines[-1]["event"]) == (0, "finished")
    moments = random.Random(times).sample(range(1, calls), trials(5, 10, 200))
    for moment in moments:
        runs = tmp_path / str(moment)
        code, lines, benches, _ = struck(runs, moment, times)
        where = f"Ctrl-C {times} times at call {moment} of {calls}"
        for bench in benches:
            assert set(bench.world.playing(math.inf).values()) == {None}, where
        last = lines[-1] if lines else None
        if last is not None and last["event"] == "finished":
            assert moment > 0.8 * calls, where
            continue
        assert code == 130, where
        if last is not None:
            assert last["event"] == "interrupted", where
            if nothing_begun(last, runs):
                continue
            assert set(last) >= OUTCOME, where
            check_folders(runs, last, "interrupted")


@pytest.mark.parametrize(
    "leaving", quick(2, [Rig._open, Rig.measure, Rig.__enter__, Rig.idle]), ids=lambda f: f.__name__
)
def test_ctrl_c_on_the_threshold(tmp_path, leaving):
    code, lines, (bench,), _ = struck(tmp_path, 0, 2, leaving)
    assert set(bench.world.playing(math.inf).values()) == {None}
    assert (code, lines[-1]["event"]) == (130, "interrupted")


def test_ctrl_c_twice_before_anything_was_begun(tmp_path, monkeypatch, capsys):
    def twice(*_) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("labrig.assembly.assemble", twice)
    arguments = ["run", config("divider"), "--runs-dir", str(tmp_path / "runs")]
    assert main(arguments) == 130
    assert capsys.readouterr().out == "interrupted; the run had not started\n"
    assert main([*arguments, "--json"]) == 130
    last = json.loads(capsys.readouterr().out)
    assert (last["event"], last["message"]) == ("interrupted", "the run had not started")
    assert "run" not in last
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_while_plots_are_drawn_leaves_the_run_finished(tmp_path, monkeypatch, capsys, times):
    def struck_curves(*arguments):
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)
        return learning_curves(*arguments)

    monkeypatch.setattr("labrig.runs.plots.learning.learning_curves", struck_curves)
    run = tmp_path / "run"
    assert main(["run", config("divider"), "--run-dir", str(run), "--set", "learning.epochs=3"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"finished after {len(read_journal(run / 'run.db').step)} steps: {run}\n")
    assert f"plots skipped; draw them with `labrig show {run} --plot`" in out
    drawn = [path.name for path in run.glob("*.png")]
    assert drawn == ["learning.png"]
    assert f"  {run / 'learning.png'}\n" in out
    assert [event for _, event, *_ in read_journal(run / "run.db").events] == ["finished"]


def test_ctrl_c_leaves_an_evaluation_after_the_measurement_that_runs(tmp_path, monkeypatch):
    measure = GradientProbe.measure_free

    def struck_measure(probe, example):
        response = measure(probe, example)
        if probe.rig.acquisitions == 3:
            signal.raise_signal(signal.SIGINT)
        return response

    monkeypatch.setattr(GradientProbe, "measure_free", struck_measure)
    run, out = tmp_path / "run", io.StringIO()
    with redirect_stdout(out):
        assert main(["run", config("iris"), "--run-dir", str(run), "--json"]) == 130
    last = json.loads(out.getvalue().splitlines()[-1])
    assert (last["event"], last["metrics"], last["steps"]) == ("interrupted", {}, 0)
    assert (last["acquisitions"], last["evaluation_acquisitions"]) == (0, 3)
    assert read_journal(run / "run.db").evaluations == ()


def test_the_first_is_a_request_and_the_second_stops_once():
    before = signal.getsignal(signal.SIGINT)
    with Interrupts() as interrupts:
        interrupts.finish_steps()
        assert not interrupts.requested()
        signal.raise_signal(signal.SIGINT)
        assert interrupts.requested()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)  # what is being made safe is not interrupted again
    assert signal.getsignal(signal.SIGINT) is before


def test_before_anything_can_be_finished_the_first_stops():
    with Interrupts() as interrupts:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert interrupts.requested()


def test_immediate_stops_at_the_first():
    with Interrupts(immediate=True) as interrupts:
        assert not interrupts.requested()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert interrupts.requested()


def test_nothing_interrupts_behind_the_shield():
    with Interrupts() as interrupts:
        interrupts.shield()
        for _ in range(3):
            signal.raise_signal(signal.SIGINT)
        assert interrupts.requested()
