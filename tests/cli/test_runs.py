"""ls, note, compare: runs side by side, whatever is in their folders."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from time import perf_counter

import pytest
from crash.full import largest_file
from unit.runs.test_journal import step
from unit.runs.test_summary import described, finished

from labrig.cli.main import main
from labrig.runs.folder import CONFIG, RunFolder
from labrig.runs.journal import Event, Journal
from labrig.runs.notes import read_notes
from labrig.runs.summary import summarize

OLD = Path(__file__).parents[1] / "unit" / "runs" / "written_by_schema_4"


def output(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict:
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def labrig(*arguments: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "labrig", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=60, check=False)


def test_notes_and_tags(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = finished(tmp_path / "one"), finished(tmp_path / "two")
    before = one.journal.read_bytes()
    output(capsys, "note", one.path, "the board was warm", "--tag", "warm", "--tag", "board-7")
    notes = output(capsys, "note", "one", "--runs-dir", tmp_path, "--tag", "warm")
    assert [note["text"] for note in notes["notes"]] == ["the board was warm", ""]
    assert notes["tags"] == ["warm", "board-7"]
    assert one.journal.read_bytes() == before
    runs = output(capsys, "ls", "--runs-dir", tmp_path, "--tag", "warm")["runs"]
    assert [run["run"] for run in runs] == [str(one.path)]
    assert output(capsys, "ls", "--runs-dir", tmp_path, "--tag", "cold")["runs"] == []
    output(capsys, "note", other.path, "cold", "--tag", "cold")
    assert main(["ls", "--runs-dir", str(tmp_path)]) == 0
    assert "#warm #board-7" in capsys.readouterr().out


def test_a_damaged_note_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = finished(tmp_path / "one")
    output(capsys, "note", run.path, "first")
    with open(run.path / "notes.jsonl", "ab") as file:
        file.write(b'[1]\n{"written": 1}\n{"written": "", "text": "", "tags": [2]}\n\xff\n' + b"[" * 100_000 + b"\n")
    output(capsys, "note", run.path, "last")
    assert [note.text for note in read_notes(run)] == ["first", "last"]
    damaged = [f"notes.jsonl: line {number} is damaged" for number in (2, 3, 4, 5, 6)]
    for command in ("note", "show"):
        capsys.readouterr()
        assert main([command, str(run.path)]) == 0
        printed = capsys.readouterr()
        assert "last" in printed.out
        assert printed.err.splitlines() == [f"labrig: warning: {run.path}: {each}, and is left out" for each in damaged]
    assert main(["verify", str(run.path)]) == 6
    assert capsys.readouterr().out.splitlines()[1:] == [f"  {each}" for each in damaged]


def test_a_note_that_does_not_fit_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = finished(tmp_path / "one")
    with largest_file(40):
        assert main(["note", str(run.path), "a note that is longer than the disk has room for"]) == 6
    assert "notes.jsonl: File too large (remedy: check the free space" in capsys.readouterr().err
    assert not (run.path / "notes.jsonl").exists()
    output(capsys, "note", run.path, "first")
    before = (run.path / "notes.jsonl").read_bytes()
    with largest_file(len(before) + 10):
        assert main(["note", str(run.path), "second"]) == 6
    assert (run.path / "notes.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    "detail",
    [
        {"missed": 5},
        {"missed": [{}]},
        {"not_made_safe": [1]},
        {"not_made_safe": [{"device": []}]},
        {"message": [1]},
        {"metrics": [1]},
        {"metrics": {"loss": "\x1b[31m"}},
        {"metrics": {"loss": [1]}},
    ],
    ids=json.dumps,
)
def test_odd_json_in_one_run_leaves_the_others(
    tmp_path: Path, detail: dict, capsys: pytest.CaptureFixture[str]
) -> None:
    finished(tmp_path / "a-good")
    odd = described(tmp_path / "b-odd")
    with Journal(odd.journal) as journal:
        journal.append(step(1))
        journal.event(Event(1, "finished", detail))
    assert main(["ls", "--runs-dir", str(tmp_path)]) == 0
    assert "finished" in capsys.readouterr().out
    runs = output(capsys, "ls", "--runs-dir", tmp_path)["runs"]
    assert {Path(run["run"]).name: run["state"] for run in runs} == {"a-good": "finished", "b-odd": "damaged"}


@pytest.mark.parametrize("meta", ['{"name": [], "seed": 0, "card": {}, "board": {}}', "[" * 100_000, "5", "\ud800"])
def test_odd_metadata_leaves_the_others(tmp_path: Path, meta: str, capsys: pytest.CaptureFixture[str]) -> None:
    finished(tmp_path / "a-good")
    odd = finished(tmp_path / "b-odd")
    (odd.path / "meta.json").write_text(meta, encoding="utf-8", errors="surrogatepass")
    runs = output(capsys, "ls", "--runs-dir", tmp_path)["runs"]
    assert {Path(run["run"]).name: run["state"] for run in runs} == {"a-good": "finished", "b-odd": "damaged"}


@pytest.mark.skipif(os.name == "nt", reason="such names are not allowed there")
def test_no_escape_sequence_reaches_the_terminal(tmp_path: Path) -> None:
    run = tmp_path / "run\x1b]0;owned\x07\x9b31m"
    shutil.copytree(OLD, run)
    meta = json.loads((run / "meta.json").read_text())
    meta["card"]["task"]["kind"] = "\x1b[2J\u202e"
    (run / "meta.json").write_text(json.dumps(meta))
    for arguments in (
        ("note", run, "\x1b[31mred"),
        ("ls", "--runs-dir", tmp_path),
        ("show", run),
        ("compare", run, run),
        ("export", run, "--mat"),
        ("show", tmp_path / "\x1b[1mnone"),
    ):
        done = labrig(*arguments)
        text = done.stdout.decode() + done.stderr.decode()
        assert "\\x1b" in text, arguments
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(text), arguments


def test_a_summary_takes_as_long_for_many_steps_as_for_few(tmp_path: Path) -> None:
    def seconds(folder: RunFolder) -> float:
        took = []
        for _ in range(7):
            began = perf_counter()
            summarize(folder)
            took.append(perf_counter() - began)
        return min(took)

    few, many = finished(tmp_path / "few", steps=1), finished(tmp_path / "many", steps=1)
    with closing(sqlite3.connect(many.journal)) as db, db:  # as many rows as a long run, without the time to write them
        names = [name for _, name, *_ in db.execute("PRAGMA table_info(steps)") if name != "step"]
        columns = ", ".join(names)
        numbers = "WITH RECURSIVE n(k) AS (SELECT 2 UNION ALL SELECT k + 1 FROM n WHERE k < 100000)"
        db.execute(f"INSERT INTO steps (step, {columns}) {numbers} SELECT k, {columns} FROM n, steps WHERE step = 1")
        db.execute("DELETE FROM checkpoint")
    assert summarize(many)["steps"] == 100_000
    assert seconds(many) < 3 * seconds(few) + 2e-3


def test_runs_with_the_same_card_may_be_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (RunFolder(Path(shutil.copytree(OLD, tmp_path / name))) for name in ("one", "two"))
    meta = other.meta()
    meta["seed"] = 7
    other.write_text("meta.json", json.dumps(meta))
    found = output(capsys, "compare", one.path, other.path)
    assert found["comparable"] is True
    assert found["seeds"] == [meta["seed"] - 7 + one.meta()["seed"], 7]
    assert found["figures"]["rms_v"][0] == found["figures"]["rms_v"][1] > 0
    meta["card"]["network"]["edges"] = 3
    other.write_text("meta.json", json.dumps(meta))
    found = output(capsys, "compare", one.path, other.path)
    assert found["comparable"] is False
    assert found["differs"] == {"network.edges": [48, 3]}
    other.journal.write_bytes(other.journal.read_bytes()[:9000])
    assert main(["compare", str(one.path), str(other.path)]) == 6
    assert f"cannot read {other.journal}: " in capsys.readouterr().err
    shutil.copy(one.journal, other.journal)
    assert main(["compare", str(one.path), str(other.path)]) == 0
    assert "NOT comparable" in capsys.readouterr().out


def test_runs_that_differ_only_in_how_they_learn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (RunFolder(Path(shutil.copytree(OLD, tmp_path / name))) for name in ("one", "two"))
    meta = other.meta()
    meta["card"]["rate"] *= 2
    other.write_text("meta.json", json.dumps(meta))
    found = output(capsys, "compare", one.path, other.path)
    assert (found["comparable"], found["learning_alone"], list(found["differs"])) == (False, True, ["rate"])
    assert main(["compare", str(one.path), str(other.path)]) == 0
    assert "show what these settings do" in capsys.readouterr().out
    meta["card"]["loss"] = "cross_entropy"
    other.write_text("meta.json", json.dumps(meta))
    assert output(capsys, "compare", one.path, other.path)["learning_alone"] is False


def test_a_comparison_says_why_networks_differ(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (RunFolder(Path(shutil.copytree(OLD, tmp_path / name))) for name in ("one", "two"))
    meta = other.meta()
    meta["card"]["network"]["sha256"] = "0" * 64
    other.write_text("meta.json", json.dumps(meta))
    assert main(["compare", str(one.path), str(other.path)]) == 0
    assert "the same, so a file named in them has changed" in capsys.readouterr().out
    other.write_text(CONFIG, (other.path / CONFIG).read_text().replace("pairs: 1", "pairs: 2"))
    found = output(capsys, "compare", one.path, other.path)
    assert found["networks"] == {"network.layered.hidden[0].shunt.pairs": [1, 2]}
    assert main(["compare", str(one.path), str(other.path)]) == 0
    said = capsys.readouterr().out
    assert "the networks differ because of these settings" in said
    assert "00000000000…" in said
    (other.path / CONFIG).write_bytes(b"\xff: [")
    assert set(output(capsys, "compare", one.path, other.path)["networks"]) > {"network.layered.outputs"}


def test_a_run_that_did_not_end_is_not_comparable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finished(tmp_path / "one")
    killed = described(tmp_path / "two")
    with Journal(killed.journal) as journal:
        journal.append(step(1))
    found = output(capsys, "compare", "one", "two", "--runs-dir", tmp_path)
    assert (found["comparable"], found["differs"]) == (False, {})
    assert main(["compare", str(tmp_path / "one")]) == 2


def test_a_folder_of_runs_that_does_not_exist_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", "--runs-dir", str(tmp_path / "nosuch")]) == 2
    assert "there is no folder" in capsys.readouterr().err
