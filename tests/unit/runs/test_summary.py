"""What is said of a run, in every state a run can be left in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from unit.runs.test_journal import step

from labrig.errors import StorageError, UsageError
from labrig.runs.folder import RunFolder
from labrig.runs.journal import Evaluation, Event, Journal
from labrig.runs.lock import lock_path
from labrig.runs.summary import ENDS, STATES, event_text, state_text, summaries, summarize

FINISHED = {"metrics": {"loss": 1.0}}


def described(path: Path, began: str | None = None) -> RunFolder:
    path.mkdir()
    folder = RunFolder(path)
    meta = {"name": "xor", "seed": 3, "card": {}, "board": {}} | ({"began": began} if began else {})
    folder.write_text("meta.json", json.dumps(meta))
    return folder


def finished(path: Path, began: str | None = None, steps: int = 1) -> RunFolder:
    folder = described(path, began)
    with Journal(folder.journal) as journal:
        for index in range(1, steps + 1):
            journal.append(step(index))
        journal.event(Event(steps, "finished", FINISHED))
    return folder


def test_states_of_a_run(tmp_path):
    folder = described(tmp_path / "run", "2030-01-02T03:04:05+00:00")
    with Journal(folder.journal) as journal:
        assert summarize(folder)["state"] == "running"
        journal.evaluated(Evaluation(0, 0, {"loss": 2.0}, 4, 0.1))
        assert summarize(folder)["metrics"] == {"loss": 2.0}
        journal.event(Event(0, "finished", {"metrics": {"loss": 1.0}}))
        assert (summarize(folder)["state"], summarize(folder)["metrics"]) == ("finished", {"loss": 1.0})
        journal.event(Event(0, "interrupted", {"metrics": {}}))
    summary = summarize(folder)
    assert (summary["state"], summary["metrics"]) == ("interrupted", {"loss": 2.0})
    assert (summary["name"], summary["seed"], summary["steps"]) == ("xor", 3, 0)
    assert summary["began"] == "2030-01-02T03:04:05+00:00"


def test_a_run_that_missed_its_goal_says_so_and_keeps_its_figures(tmp_path):
    folder = described(tmp_path / "run")
    with Journal(folder.journal) as journal:
        journal.event(Event(0, "finished", {"metrics": {"rms_v": 0.2}, "missed": ["rms_v is 0.2, the target is 0.1"]}))
    summary = summarize(folder)
    assert (summary["state"], summary["reason"]) == ("missed", "rms_v is 0.2, the target is 0.1")
    assert summary["metrics"] == {"rms_v": 0.2}
    assert state_text(summary) == "finished, target missed, after 0 steps: rms_v is 0.2, the target is 0.1"


def test_every_state_has_words():
    assert set(ENDS) < set(STATES)
    for state in STATES:
        assert state_text({"state": state, "steps": 3, "reason": ""}).endswith(" after 3 steps")
    assert state_text({"state": "newer", "steps": None, "reason": "schema 9"}) == "written by a newer labrig: schema 9"


def test_a_run_that_was_killed_does_not_go_on(tmp_path):
    folder = described(tmp_path / "run")
    program = (
        "import os, sys; from pathlib import Path; from labrig.runs.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1])); print('begun', flush=True); sys.stdin.read(); os._exit(9)"
    )
    command = [sys.executable, "-c", program, str(folder.journal)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "begun\n"
        assert summarize(folder)["state"] == "running"
        assert summarize(folder)["state"] == "running"  # having looked changes nothing
        with pytest.raises(UsageError) as refused:
            Journal.reopened(folder.journal)
        assert str(refused.value) == (
            f"{folder.path} is being written by process {writer.pid} "
            f"(remedy: wait for it to end, or stop it: labrig abort {folder.path})"
        )
    assert writer.returncode == 9
    assert [path.name for path in sorted(folder.path.glob("run.lock*"))] == ["run.lock"]
    assert state_text(summarize(folder)) == "killed after 0 steps"


def test_a_run_that_ended_leaves_no_lock(tmp_path):
    assert not lock_path(finished(tmp_path / "run").journal).exists()


def test_runs_are_listed_oldest_first(tmp_path):
    finished(tmp_path / "a", "2030-01-02T03:04:05.7+00:00")
    finished(tmp_path / "b", "2030-01-02T05:04:05.5+02:00")
    old = finished(tmp_path / "z")  # a run that does not say when it began is as old as its description
    os.utime(old.path / "meta.json", (1e9, 1e9))
    assert [Path(run["run"]).name for run in summaries(tmp_path)] == ["z", "b", "a"]


DAMAGES = {
    "no journal": (lambda path: (path / "run.db").unlink(), r"run\.db: it is missing"),
    "empty journal": (lambda path: (path / "run.db").write_bytes(b""), r"run\.db: it is empty"),
    "cut journal": (lambda path: os.truncate(path / "run.db", 5000), r"run\.db: "),
    "no database": (lambda path: (path / "run.db").write_bytes(b"text" * 500), r"run\.db: .*not a database"),
    "no description": (lambda path: (path / "meta.json").unlink(), r"meta\.json: it is missing"),
    "cut description": (lambda path: (path / "meta.json").write_text("{"), r"meta\.json: it is truncated or not JSON"),
    "other description": (lambda path: (path / "meta.json").write_text("[1]"), r"meta\.json: it has no name"),
    "bytes": (lambda path: (path / "meta.json").write_bytes(b"\xff\xfe\x00"), r"meta\.json: it is truncated"),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_a_damaged_folder_says_what_is_wrong_and_hides_no_other_run(tmp_path, case):
    damage, message = DAMAGES[case]
    for name in ("a", "b", "c"):
        finished(tmp_path / name, steps=30)
    damage(tmp_path / "b")
    with pytest.raises(StorageError, match=rf"cannot read .*{message}.*remedy: restore it") as caught:
        summarize(RunFolder(tmp_path / "b"))
    assert "ls" not in caught.value.remedy
    runs = {Path(run["run"]).name: run for run in summaries(tmp_path)}
    assert {name: run["state"] for name, run in runs.items()} == {"a": "finished", "b": "damaged", "c": "finished"}
    assert runs["b"]["reason"] == caught.value.message


def test_a_run_that_failed_before_its_instruments_were_open_is_not_damaged(tmp_path):
    with Journal(tmp_path / "run.db") as journal:
        assert summarize(RunFolder(tmp_path))["state"] == "running"
        journal.event(Event(0, "failed", {"message": "awg: no answer"}))
    summary = summarize(RunFolder(tmp_path))
    assert (summary["state"], summary["reason"], summary["name"]) == ("failed", "awg: no answer", None)


def test_what_was_chosen_is_told(tmp_path):
    folder = described(tmp_path / "run")
    values = [
        {"key": "learning.rate", "value": 0.064, "why": "…"},
        {"key": "learning.error.current", "value": "21 µA", "why": "…"},
    ]
    with Journal(folder.journal) as journal:
        journal.event(Event(0, "chosen", {"values": values}))
    (event,) = summarize(folder)["events"]
    assert event_text(event) == "chosen: learning.rate 0.064, learning.error.current 21 µA"


def test_a_repeated_step_is_told_by_its_own_number(tmp_path):
    folder = described(tmp_path / "run")
    with Journal(folder.journal) as journal:
        journal.event(Event(28, "repeated", {"examples": [3]}))
        journal.event(Event(30, "repeated", {"evaluation": 2, "instrument": "pots", "reason": "boot id changed"}))
    first, second = summarize(folder)["events"]
    assert first == {
        "step": 29,
        "event": "repeated",
        "reason": "the potentiometers lost their settings",
        "examples": [3],
    }
    assert event_text(first) == "step 29 was repeated: the potentiometers lost their settings"
    assert event_text(second) == "the evaluation after step 30 was repeated: pots: boot id changed"
