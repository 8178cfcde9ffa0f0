"""A disk that fills up during a run: it stops before, at that step, and goes on when there is room again."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from labrig.assembly import assemble
from labrig.errors import StorageError
from labrig.procedures.resume import Resumable
from labrig.procedures.train import train
from labrig.runs import room
from labrig.runs.folder import RunFolder
from labrig.runs.journal import Step, read_journal

OVERRIDES = ("learning.epochs=12", "storage.raw=true")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A disk with as much room as its `free` says (bytes)."""
    found = SimpleNamespace(free=1 << 40)
    monkeypatch.setattr(room.shutil, "disk_usage", lambda path: found)
    return found


def test_it_stops_before_the_disk_is_full_and_goes_on_when_there_is_room(tmp_path: Path, disk: SimpleNamespace):
    path, whole = tmp_path / "run", tmp_path / "whole"
    train(assemble(Path("divider.yaml"), OVERRIDES), run_dir=whole, plots=False)

    def fill(what: object) -> None:
        if isinstance(what, Step) and what.index == 5:
            disk.free = room.RESERVE_BYTES - 1

    with pytest.raises(StorageError, match=f"labrig resume {path}") as caught:
        train(assemble(Path("divider.yaml"), OVERRIDES), run_dir=path, plots=False, report=fill)
    assert caught.value.exit_code == 6
    assert len(read_journal(path / "run.db").step) == 5
    assert read_journal(path / "run.db").events[-1].event == "failed"
    disk.free = 1 << 40
    Resumable(RunFolder(path)).resume(plots=False)
    np.testing.assert_array_equal(read_journal(path / "run.db").shadow, read_journal(whole / "run.db").shadow)


def test_a_run_that_needs_more_than_there_is_says_so_before(tmp_path: Path, disk: SimpleNamespace, caplog):
    disk.free = room.RESERVE_BYTES + 100_000
    train(assemble(Path("divider.yaml"), ("learning.epochs=1",)), run_dir=tmp_path / "small", plots=False)
    assert not caplog.records
    train(assemble(Path("divider.yaml"), OVERRIDES), run_dir=tmp_path / "large", plots=False)
    assert "the run will stop before the disk is full" in caplog.text


def test_the_disk_of_the_run_is_looked_at(tmp_path: Path):
    assert shutil.disk_usage(tmp_path).free > room.RESERVE_BYTES
    room.require_room(tmp_path)
