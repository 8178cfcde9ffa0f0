"""A run whose folder cannot be locked does not begin, and one whose folder is deleted ends at that step."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pytest

from labrig.errors import StorageError
from labrig.procedures import recorded_run as procedure
from labrig.procedures.train import train
from labrig.runs.journal import Event, Journal
from labrig.runs.lock import lock_path


def test_a_file_system_without_locks_is_named(tmp_path) -> None:
    path = tmp_path / "run.db"
    with closing(sqlite3.connect(lock_path(path), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageError) as caught:
            Journal(path)
    assert "files cannot be locked on this file system" in str(caught.value)
    assert "local disk" in str(caught.value)
    assert "space" not in str(caught.value)


def test_a_run_that_cannot_begin_leaves_no_folder(tmp_path, monkeypatch) -> None:
    from labrig.assembly import assemble

    def no_journal(*_):
        raise StorageError("no locks")

    monkeypatch.setattr(procedure, "Journal", no_journal)
    with pytest.raises(StorageError, match="no locks"):
        train(assemble("divider.yaml"), run_dir=tmp_path / "run", plots=False)
    assert not (tmp_path / "run").exists()


def test_a_deleted_folder_is_noticed_at_the_next_write(tmp_path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with Journal(folder / "run.db") as journal:
        journal.event(Event(0, "began", {}))
        shutil.rmtree(folder)
        with pytest.raises(StorageError, match=r"run\.db was deleted or moved during the run"):
            journal.event(Event(0, "ended", {}))
