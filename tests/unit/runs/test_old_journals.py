"""Journals of earlier schemas, and of a later one; journals in places that may only be read.

written_by_schema_N/ is a short run of configs/xor.yaml with a fault, as a labrig of that schema left it.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from unit.runs.test_journal import step

from labrig.cli.main import main
from labrig.errors import StorageError
from labrig.runs.journal import Evaluation, Journal, NewerJournal, read_journal, read_overview, repair
from labrig.runs.journal.migrations import MIGRATIONS, upgrade
from labrig.runs.journal.schema import TABLES, VERSION

HERE = Path(__file__).parent
OLD = sorted(HERE.glob("written_by_schema_*"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def columns(db: sqlite3.Connection) -> dict[str, set[tuple[str, str]]]:
    return {
        table.name: {(name, kind) for _, name, kind, *_ in db.execute(f"PRAGMA table_info({table.name})")}
        for table in TABLES
    }


@pytest.fixture(params=OLD, ids=lambda path: path.name)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of an old run's folder."""
    return Path(shutil.copytree(request.param, tmp_path / "runs" / "old"))


def test_there_is_one_step_from_every_version_and_one_run_of_it() -> None:
    assert sorted(MIGRATIONS) == list(range(1, VERSION))
    assert [path.name for path in OLD] == [f"written_by_schema_{version}" for version in range(1, VERSION)]


def test_an_old_journal_has_todays_columns_after_its_steps(old: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(old / "run.db", isolation_level=None)) as db:
        (version,) = db.execute("SELECT version FROM schema").fetchone()
        upgrade(db, version)
        assert db.execute("SELECT version FROM schema").fetchone() == (VERSION,)
        upgraded = columns(db)
    Journal(tmp_path / "run.db").close()
    with closing(sqlite3.connect(tmp_path / "run.db")) as db:
        assert columns(db) == upgraded


def test_what_an_old_journal_kept_is_read_and_nothing_is_written(old: Path) -> None:
    before = contents(old)
    record = read_journal(old / "run.db")
    assert contents(old) == before
    np.testing.assert_array_equal(record.step, np.arange(1, 7))
    np.testing.assert_array_equal(record.acquisitions, [8, 24, 32, 40, 48, 56])  # step 2 was repeated
    assert record.gradient.shape == record.conductances.shape == (6, 48)
    assert 0 < record.loss[-1] < 0.01
    assert [evaluation.step for evaluation in record.evaluations] == [0, 3, 6]
    assert record.evaluations[-1].metrics["patterns_right"] == 3
    assert [event for _, event, *_ in record.events] == ["repeated", "finished"]


def test_what_schema_1_did_not_keep_is_missing() -> None:
    record = read_journal(HERE / "written_by_schema_1" / "run.db")
    assert np.isnan(record.bench_acquisitions).all()
    assert np.isnan(record.bench_clock_s).all()
    assert {evaluation.bench_acquisitions for evaluation in record.evaluations} == {None}


@pytest.mark.parametrize("folder", OLD[:3], ids=lambda path: path.name)
def test_what_no_schema_before_4_kept_is_missing(folder: Path) -> None:
    evaluations = read_journal(folder / "run.db").evaluations
    assert {(evaluation.examples, evaluation.outputs) for evaluation in evaluations} == {(None, None)}


def test_an_old_run_is_shown_listed_and_drawn(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(old), "--plot"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{old}: finished after 6 steps\n")
    assert "patterns_right" in out
    assert "was repeated" in out
    assert sorted(path.name for path in old.glob("*.png")) == ["conductances.png", "learning.png", "spectrum.png"]
    assert main(["ls", "--runs-dir", str(old.parent), "--json"]) == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert (run["state"], run["steps"]) == ("finished", 6)


def test_a_newer_journal_is_refused_by_name_and_is_not_called_damaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Journal(tmp_path / "run.db") as journal:
        journal._db.execute("UPDATE schema SET version = 99")
    with pytest.raises(
        NewerJournal, match=f"newer labrig: its schema is 99, but this labrig reads up to {VERSION}"
    ) as caught:
        read_journal(tmp_path / "run.db")
    assert caught.value.exit_code == 6
    assert caught.value.remedy == "use a newer labrig to read it"
    assert main(["ls", "--runs-dir", str(tmp_path.parent), "--json"]) == 0
    runs = {Path(run["run"]): run for run in json.loads(capsys.readouterr().out)["runs"]}
    assert runs[tmp_path]["state"] == "newer"


@pytest.mark.parametrize("version", [0, -1, "'1'", 1.5])
def test_a_schema_that_there_never_was(tmp_path: Path, version: object) -> None:
    with Journal(tmp_path / "run.db") as journal:
        journal._db.execute("DROP TABLE schema")
        journal._db.execute("CREATE TABLE schema (version)")
        journal._db.execute(f"INSERT INTO schema VALUES ({version})")
    with pytest.raises(StorageError, match="which does not exist"):
        read_journal(tmp_path / "run.db")


def test_reading_a_finished_journal_writes_nothing(tmp_path: Path) -> None:
    with Journal(tmp_path / "run.db") as journal:
        journal.append(step(1))
    before = contents(tmp_path)
    assert len(read_journal(tmp_path / "run.db").step) == 1
    assert contents(tmp_path) == before


def killed(folder: Path, to: Path) -> Path:
    """A journal with two steps in its write-ahead log, as a killed writer leaves it."""
    with Journal(folder / "run.db") as journal:
        journal.append(step(1))
        journal.evaluated(Evaluation(1, 1, {"loss": 0.5}, 8, 0.1))
        journal.append(step(2))
        to.mkdir()
        for name in ("run.db", "run.db-wal"):
            shutil.copyfile(folder / name, to / name)
    return to / "run.db"


def test_the_journal_of_a_killed_run_keeps_its_write_ahead_log(tmp_path: Path) -> None:
    path = killed(tmp_path, tmp_path / "killed")
    before = contents(path.parent)
    for _ in range(2):
        assert len(read_journal(path).step) == 2
    after = contents(path.parent)
    assert {name: after[name] for name in before} == before


def test_the_log_of_a_killed_run_is_missing(tmp_path: Path) -> None:
    path = killed(tmp_path, tmp_path / "killed")
    path.with_name("run.db-wal").unlink()
    for read in (read_journal, read_overview):
        with pytest.raises(StorageError, match=r"its run\.db-wal is missing, and without it the journal is empty"):
            read(path)


def test_the_journal_of_a_killed_run_where_nothing_may_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite then cannot place the log's index beside it: here a folder stands in its way."""
    path = killed(tmp_path, tmp_path / "killed")
    (path.parent / "run.db-shm").mkdir()
    assert len(read_journal(path).step) == 2


@pytest.mark.parametrize("content", [b"", b"S"])
def test_an_empty_journal_is_read_from_its_log(tmp_path: Path, content: bytes) -> None:
    """SQLite would delete the log of an empty database, even if it may only read."""
    path = killed(tmp_path, tmp_path / "killed")
    path.write_bytes(content)
    before = contents(path.parent)
    for _ in range(2):
        assert len(read_journal(path).step) == 2
    assert contents(path.parent) == before
    assert repair(path)
    Journal.reopened(path).close()
    assert len(read_journal(path).step) == 2


def test_nothing_is_deleted_of_an_empty_journal_with_a_log_that_cannot_be_read(tmp_path: Path) -> None:
    path = killed(tmp_path, tmp_path / "killed")
    path.write_bytes(b"")
    path.with_name("run.db-wal").write_bytes(b"\0" * 5000)
    before = contents(path.parent)
    with pytest.raises(StorageError, match="it is empty"):
        read_journal(path)
    assert contents(path.parent) == before
