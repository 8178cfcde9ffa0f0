"""A run that stored its samples is made again from them, bit by bit; what was changed is found."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from trials import quick

from labrig import files
from labrig.assembly import assemble
from labrig.cli.main import main
from labrig.errors import LabrigError, SourceMisfit, StorageError, SyncLost
from labrig.procedures.replay import replay
from labrig.procedures.resume import Resumable
from labrig.procedures.train import train
from labrig.runs.folder import RunFolder
from labrig.runs.journal import read_blocks, read_journal
from labrig.runs.journal.schema import STEPS
from labrig.runs.journal.tables import checksum
from labrig.runs.raw import RawBlocks
from labrig.simulation.faces.digitizer import SimulatedDigitizer
from labrig.simulation.faces.source import SimulatedSource

RAW = "storage.raw=true"


def recorded(path: Path, config: str, *overrides: str) -> RunFolder:
    train(assemble(Path(config), (RAW, *overrides)), run_dir=path, plots=False)
    return RunFolder(path)


@pytest.mark.parametrize(
    ("config", "overrides"),
    quick(
        3,
        [
            ("divider.yaml", ("learning.epochs=8", "acquisition.zero.every=3", "simulation.drift=3 mV")),
            ("xor.yaml", ("learning.epochs=2", "simulation.preset=ideal")),
            ("sine.yaml", ("learning.epochs=2", "storage.durability=power")),
            ("iris.yaml", ("learning.epochs=1", "learning.batch=9", "storage.gradients=4")),
            ("xor.yaml", ("learning.epochs=3", "simulation.faults=[{acquisition: 9, what: reset, where: pots}]")),
            ("elastic_allostery.yaml", ("learning.epochs=2", "learning.evaluate.every=0")),
            ("studies/elastic_rest_length.yaml", ("learning.epochs=2", "learning.evaluate.every=0")),
            ("studies/elastic_camera.yaml", ("learning.epochs=2", "learning.evaluate.every=0")),
        ],
    ),
)
def test_it_is_the_same_bit_by_bit(tmp_path, config, overrides):
    folder = recorded(tmp_path / "run", config, *overrides)
    record = read_journal(folder.journal)
    found = replay(folder)
    assert (found.steps, found.evaluations, found.differs) == (len(record.step), len(record.evaluations), "")


def test_so_is_one_that_was_interrupted_resumed_and_trained_further(tmp_path):
    asked = iter(range(7))
    path = tmp_path / "run"
    overrides = (RAW, "learning.epochs=9", "learning.evaluate.every=2", "acquisition.zero.every=4")
    train(assemble(Path("divider.yaml"), overrides), run_dir=path, plots=False, stop=lambda: next(asked, None) is None)
    folder = RunFolder(path)
    assert replay(folder).steps == len(read_journal(folder.journal).step) < 9
    Resumable(folder).resume(plots=False)
    assert Resumable(folder, epochs=13).resume(plots=False).steps == 13
    found = replay(folder)
    assert (found.steps, found.differs) == (13, "")


@pytest.mark.parametrize(
    ("place", "method", "error"),
    [
        (SimulatedDigitizer, "read", SyncLost("scans were lost")),
        (SimulatedSource, "confirm", SourceMisfit("it was reset")),
    ],
)
@pytest.mark.parametrize("call", [3, 7])
def test_so_is_one_in_which_scans_were_lost_or_a_source_did_not_confirm(
    tmp_path, monkeypatch, place, method, error, call
):
    calls, whole = iter(range(1, 10**6)), getattr(place, method)

    def failing(self, *arguments):
        if next(calls) == call:
            raise error
        return whole(self, *arguments)

    monkeypatch.setattr(place, method, failing)
    folder = recorded(tmp_path / "run", "divider.yaml", "learning.epochs=5", "faults.sync=retry")
    monkeypatch.undo()
    assert [event.event for event in read_journal(folder.journal).events] == ["fault", "finished"]
    found = replay(folder)
    assert (found.steps, found.differs) == (5, "")


def test_a_step_that_does_not_follow_from_its_samples_is_named(tmp_path, capsys):
    folder = recorded(tmp_path / "run", "divider.yaml", "learning.epochs=5")
    with closing(sqlite3.connect(folder.journal, isolation_level=None)) as db:
        row = list(db.execute(f"{STEPS.selection} WHERE step = 3").fetchone())
        row[STEPS.names.index("loss")] *= 1 + 1e-15
        row[-1] = checksum(row[:-1])
        db.execute(STEPS.replacement, row)
    assert main(["verify", str(folder.path), "--replay"]) == 7
    out = capsys.readouterr().out
    assert "2 steps and 1 evaluation are the same" in out
    assert "the first difference is in step 3: loss" in out


def test_damaged_samples_are_named_and_nothing_is_replayed(tmp_path, capsys):
    folder = recorded(tmp_path / "run", "divider.yaml", "learning.epochs=3")
    raw = folder.path / "raw-00000.bin"
    content = bytearray(raw.read_bytes())
    content[len(content) // 2] ^= 4
    raw.write_bytes(content)
    assert main(["verify", str(folder.path), "--replay"]) == 6
    assert "the samples of acquisition" in capsys.readouterr().out
    raw.unlink()
    assert main(["verify", str(folder.path)]) == 6


def test_a_run_without_samples(tmp_path):
    train(assemble(Path("divider.yaml"), ("learning.epochs=1",)), run_dir=tmp_path / "run", plots=False)
    with pytest.raises(StorageError, match=r"storage\.raw=true"):
        replay(RunFolder(tmp_path / "run"))


def test_the_samples_are_those_of_the_digitizer(tmp_path):
    folder = recorded(tmp_path / "run", "xor.yaml", "learning.epochs=1")
    raw = RawBlocks(folder.path, read_blocks(folder.journal))
    last = raw.acquisitions[-1]
    (block,) = raw.blocks(last)
    plan = folder.meta()["rig"]["plan"]
    assert block.codes.shape == (plan["settle_samples"] + plan["window_samples"], len(plan["channels"]))
    assert block.codes.dtype == "int16"
    assert abs(block.volts()).max() < plan["ranges_v"][0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the platform has no FIFOs")
@pytest.mark.parametrize("name", ["meta.json", "config.resolved.yaml", "raw-00000.bin", "run.db"])
def test_a_pipe_in_the_place_of_a_file_is_an_error_not_a_wait(tmp_path, name, monkeypatch):
    monkeypatch.setattr(files, "PIPE_S", 0.1)
    folder = recorded(tmp_path / "run", "divider.yaml", "learning.epochs=1")
    (folder.path / name).unlink()
    os.mkfifo(folder.path / name)
    with pytest.raises(LabrigError, match=name):
        replay(folder)
