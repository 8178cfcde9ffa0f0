"""Faults of the configuration on the simulated bench: a named error or a repeated step, never a wrong update."""

from __future__ import annotations

import json
import math
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from crash.replay import largest_error
from crash.runs import config
from trials import quick

from labrig.assembly import assemble
from labrig.cli.main import main
from labrig.cli.tables import outcome_text
from labrig.runs.folder import RunFolder
from labrig.runs.journal import Record, read_journal
from labrig.runs.summary import summarize
from labrig.simulation.bench import SimulatedBench

QUIET = ("simulation.preset=ideal", "learning.epochs=6", "learning.evaluate.every=0")
FIRST = 5
"""Acquisition the first step begins with, after four of the evaluation; a step takes eight."""


def run(folder: Path, *faults: str) -> tuple[int, list[str], Record, SimulatedBench]:
    """Exit code, kinds of its errors, journal, bench."""
    benches: list[SimulatedBench] = []

    class Bench(SimulatedBench):
        def __init__(self, *arguments, **more) -> None:
            super().__init__(*arguments, **more)
            benches.append(self)

    overrides = [*QUIET, f"simulation.faults=[{', '.join(faults)}]"]
    sets = [word for override in overrides for word in ("--set", override)]
    with patch("labrig.assembly.benches.simulated.SimulatedBench", Bench):
        code = main(["run", config("xor"), "--json", "--no-plots", "--run-dir", str(folder), *sets])
    return code, overrides, read_journal(folder / "run.db"), benches[0]


def kinds(capsys: pytest.CaptureFixture[str]) -> list[str]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line["kind"] for line in lines if line["event"] == "error"]


def no_wrong_update(record: Record) -> None:
    # How the error grows with γ is 1e-3 here; half an example without its error tone would be more than 0.05.
    assert largest_error(assemble(Path(config("xor")), QUIET), record) < 0.02


@pytest.mark.parametrize(
    ("fault", "code", "named"),
    [
        # On an ideal bench what the channel reads is beyond the supply of the parts, which comes before its range.
        (f"{{what: over_range, where: daq/12, acquisition: {FIRST + 11}, for: 1}}", 5, "LimitExceeded"),
        (f"{{what: disconnect, where: daq, acquisition: {FIRST + 11}}}", 4, "ConnectionFailed"),
        (f"{{what: disconnect, where: pots, acquisition: {FIRST + 11}}}", 4, "ConnectionFailed"),
        (f"{{what: silent, where: daq, acquisition: {FIRST + 11}}}", 4, "DeadlineExceeded"),
        (f"{{what: silent, where: awg, acquisition: {FIRST + 11}}}", 4, "DeadlineExceeded"),
        (f"{{what: silent, where: pots, acquisition: {FIRST + 11}}}", 4, "DeadlineExceeded"),
    ],
)
def test_an_error_is_named_and_outputs_are_off(tmp_path, capsys, fault, code, named):
    ended, _, record, bench = run(tmp_path / "run", fault)
    assert (ended, kinds(capsys)[0]) == (code, named)
    assert set(bench.world.playing(math.inf).values()) == {None}
    assert len(record.step) == 1
    no_wrong_update(record)


def test_a_source_whose_cable_is_out_plays_on_and_the_error_says_so(tmp_path, capsys):
    """Nobody can switch it off: a run must not claim that it is safe."""
    fault = f"{{what: disconnect, where: awg, acquisition: {FIRST + 11}}}"
    ended, _, record, bench = run(tmp_path / "run", fault)
    err = capsys.readouterr().err
    assert ended == 4
    said = "awg: could not be made safe: the connection was lost (while: make safe; limit: tried 101 times in 10.0 s"
    assert f"{said}; remedy: switch" in err
    ((step, event, detail, *_),) = record.events
    assert (step, event, detail["kind"], detail["device"]) == (1, "failed", "ConnectionFailed", "awg")
    assert detail["message"].startswith("awg: the connection was lost (while: load")
    (not_made_safe,) = detail["not_made_safe"]
    assert not_made_safe["message"].startswith(said)
    reason = summarize(RunFolder(tmp_path / "run"))["reason"]
    assert reason == f"{detail['message']}; not made safe: awg"
    assert None not in bench.world.playing(math.inf).values()
    assert len(record.step) == 1
    no_wrong_update(record)


@pytest.mark.parametrize(
    "fault",
    [
        f"{{what: disconnect, where: awg, acquisition: {FIRST + 11}, for: 1 s}}",
        "{what: disconnect, where: daq, acquisition: 3, for: 1 s}",
        "{what: silent, where: pots, time: 200 ms, for: 3 s}",
        f"{{what: over_range, where: daq/2, acquisition: {FIRST + 11}, for: 1}}",
    ],
)
def test_a_fault_that_stopped_a_run_is_over_when_it_is_resumed(tmp_path, capsys, fault):
    ended, *_ = run(tmp_path / "run", fault)
    assert ended in {4, 5}
    assert main(["resume", str(tmp_path / "run"), "--no-plots"]) == 0
    no_wrong_update(read_journal(tmp_path / "run" / "run.db"))


def test_a_fault_without_end_stops_a_resumed_run_again(tmp_path, capsys):
    fault = f"{{what: disconnect, where: pots, acquisition: {FIRST + 11}}}"
    run(tmp_path / "run", fault)
    assert main(["resume", str(tmp_path / "run"), "--no-plots"]) == 4
    assert len(read_journal(tmp_path / "run" / "run.db").step) == 1


def test_a_cable_that_is_back_soon_leaves_the_outputs_off(tmp_path, capsys):
    ended, _, record, bench = run(
        tmp_path / "run", f"{{what: disconnect, where: awg, acquisition: {FIRST + 11}, for: 1 s}}"
    )
    assert ended == 4
    assert set(bench.world.playing(math.inf).values()) == {None}
    assert record.events[-1].detail["not_made_safe"] == []


@pytest.mark.parametrize("acquisition", quick(2, [FIRST + 3, FIRST + 48 + 2, 2, FIRST, FIRST + 8 + 7]))
def test_a_bank_that_was_reset_while_it_was_measured_is_measured_again(tmp_path, capsys, acquisition):
    _, _, whole, _ = run(tmp_path / "whole")
    ended, _, record, _ = run(tmp_path / "reset", f"{{what: reset, where: pots, acquisition: {acquisition}}}")
    assert ended == 0
    assert [event for _, event, *_ in record.events] == ["repeated", "finished"]
    undisturbed, outcome = whole.events[-1].detail, record.events[-1].detail
    assert (undisturbed["repetitions"], outcome["repetitions"]) == (0, 1)
    assert "1 measurement repeated after a fault: labrig show" in outcome_text(outcome)
    np.testing.assert_allclose(record.shadow, whole.shadow, rtol=1e-9)
    for here, there in zip(record.evaluations, whole.evaluations, strict=True):
        assert here.metrics == pytest.approx(there.metrics, rel=1e-9)
    no_wrong_update(record)


def test_a_reset_by_time_falls_into_a_window(tmp_path, capsys):
    ended, _, record, _ = run(tmp_path / "run", "{what: reset, where: pots, time: 200 ms}")
    assert ended == 0
    assert [event for _, event, *_ in record.events] == ["repeated", "finished"]
    no_wrong_update(record)


def test_a_cable_that_is_back_before_anybody_asks_changes_nothing(tmp_path, capsys):
    ended, _, record, _ = run(tmp_path / "run", "{what: disconnect, where: pots, acquisition: 9, for: 1 ms}")
    assert ended == 0
    assert [event for _, event, *_ in record.events] == ["finished"]
    no_wrong_update(record)
