"""A run as arrays, frames and an xarray dataset: finished, going on, old, damaged."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import labrig
from labrig.errors import StorageError, UsageError
from labrig.runs.contents import Contents, Variable
from labrig.runs.journal import read_journal

OLD = sorted(Path(__file__).parent.glob("written_by_schema_*"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """XOR, trained for three steps, with its samples."""
    folder = tmp_path_factory.mktemp("load") / "run"
    settings = {"learning.epochs": 3, "learning.evaluate.every": 2, "storage.raw": True}
    labrig.train("xor.yaml", settings=settings, run_dir=folder, plots=False)
    return folder


def test_frames_have_what_the_journal_has(run: Path) -> None:
    loaded, record = labrig.load(run), read_journal(run / "run.db")
    assert loaded.steps["loss"].tolist() == record.loss.tolist()
    assert list(loaded.conductances.columns[:2]) == ["in0-hid0", "in0-hid1"]
    assert np.array_equal(loaded.conductances.to_numpy(), record.conductances)
    assert np.array_equal(loaded.gradients.loc[2], record.gradient[1])
    assert loaded.evaluations["step"].tolist() == [0, 2, 3]
    assert loaded.evaluations["loss"].tolist() == [each.metrics["loss"] for each in record.evaluations]
    last = record.evaluations[-1]
    assert last.examples is not None
    assert last.outputs is not None
    for example, row in zip(last.examples, last.outputs, strict=True):
        assert loaded.outputs.loc[(2, example)].tolist() == row.tolist()
    assert loaded.examples["example_name"].tolist() == ["00", "01", "10", "11"]
    assert loaded.events["event_kind"].tolist() == ["finished"]
    assert loaded.card["task"]["kind"] == "xor"


def test_an_unknown_array_is_named_with_those_that_exist(run: Path) -> None:
    with pytest.raises(KeyError, match=r"no 'gradients'.*gradient, "):
        labrig.load(run)["gradients"]


def test_the_names_of_all_arrays(run: Path) -> None:
    loaded = labrig.load(run)
    assert {"gradient", "edge", "outputs"} <= set(loaded)
    assert "gradient" in loaded
    assert "gradients" not in loaded


def test_xarray_opens_a_folder_with_names_and_units(run: Path) -> None:
    record = read_journal(run / "run.db")
    with xr.open_dataset(run) as dataset:
        assert {"step", "edge", "evaluation", "example", "node"} <= set(dataset.sizes)
        edge = dataset.gradient.sel(edge="in0-hid1")
        assert edge.to_numpy().tolist() == record.gradient[:, 1].tolist()
        assert dataset.conductances.attrs["units"] == "S"
        assert dataset.outputs.sel(node="out0", evaluation=0).shape == (4,)
        assert '"kind": "xor"' in dataset.attrs["card"]
    with xr.open_dataset(run, drop_variables="gradient") as dataset:
        assert "gradient" not in dataset


def test_samples_are_read_from_the_disk_when_they_are_used(run: Path) -> None:
    blocks = labrig.load(run).raw.blocks(3)
    volts = np.concatenate([block.volts() for block in blocks])
    with xr.open_dataset(run) as dataset:
        assert dataset.samples.dims == ("acquisition", "sample", "channel")
        channel = dataset.get_index("channel").get_loc("out1")
        assert np.array_equal(dataset.samples.sel(acquisition=3, channel="out1"), volts[:, channel])
        assert np.array_equal(
            dataset.samples.sel(acquisition=[3])[0, 5:50:7, [0, channel]], volts[5:50:7, [0, channel]]
        )
    damaged = (run / "raw-00000.bin").read_bytes()
    with xr.open_dataset(run) as dataset:
        try:
            (run / "raw-00000.bin").write_bytes(bytes([damaged[0] ^ 1]) + damaged[1:])
            assert dataset.samples.sel(acquisition=3)[0].notnull().all()
            with pytest.raises(StorageError, match="acquisition 1"):
                dataset.samples[0].load()
        finally:
            (run / "raw-00000.bin").write_bytes(damaged)


def test_a_run_is_loaded_while_it_goes_on(tmp_path: Path) -> None:
    seen = []

    def look(what: object) -> None:
        loaded = labrig.load(tmp_path / "run")
        with xr.open_dataset(tmp_path / "run") as dataset:
            assert dataset.sizes["step"] == len(loaded.steps)
        seen.append((len(loaded.steps), len(loaded.evaluations)))

    settings = {"learning.epochs": 2}
    labrig.train("xor.yaml", settings=settings, run_dir=tmp_path / "run", plots=False, report=look)
    assert seen == [(0, 1), (1, 1), (2, 1), (2, 2)]


@pytest.mark.parametrize("old", OLD, ids=lambda path: path.name)
def test_runs_of_earlier_schemas_are_loaded(old: Path) -> None:
    assert labrig.load(old).conductances.shape == (6, 48)
    with xr.open_dataset(old) as dataset:
        assert dataset.sizes["step"] == 6


def test_a_damaged_row_is_named(run: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    for name in ("run.db", "meta.json"):
        (tmp_path / "copy" / name).write_bytes((run / name).read_bytes())
    with closing(sqlite3.connect(tmp_path / "copy" / "run.db")) as db, db:
        db.execute("UPDATE steps SET loss = 0 WHERE step = 2")
    with pytest.raises(StorageError, match=r"it is damaged: step 2 \(last good: step 1; remedy: restore it"):
        labrig.load(tmp_path / "copy")
    with pytest.raises(StorageError, match="step 2"):
        xr.open_dataset(tmp_path / "copy")


def test_there_is_no_such_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run"):
        labrig.load(tmp_path / "other")
    with pytest.raises(FileNotFoundError):
        xr.open_dataset(tmp_path, engine="labrig")


def test_complex_variables_become_two() -> None:
    contents = Contents({"a": Variable(("step",), np.array([1 + 2j]), "V", "phasor")}, {}, {}).real()
    assert {name: each.values.tolist() for name, each in contents.variables.items()} == {"a_re": [1.0], "a_im": [2.0]}
