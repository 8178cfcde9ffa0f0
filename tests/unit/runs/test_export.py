"""A run in the formats of other programs: every number is in every format, and a failed export leaves nothing."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import xarray as xr
from crash.full import largest_file

import labrig
from labrig.cli.main import main
from labrig.errors import StorageError, UsageError
from labrig.files import format_bytes
from labrig.runs.export import FORMATS, mat
from labrig.runs.export.exporting import expected_bytes, export
from labrig.runs.folder import RunFolder
from labrig.runs.load import LoadedRun
from labrig.runs.samples import Samples

OLD = Path(__file__).parent / "written_by_schema_4"


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(Path(shutil.copytree(OLD, tmp_path / "runs" / "old")))


@pytest.fixture
def loaded(run: RunFolder) -> LoadedRun:
    return labrig.load(run.path)


def test_netcdf(run: RunFolder, loaded: LoadedRun) -> None:
    path = export(run, "nc")
    assert path == run.path.parent / "old.nc"
    with xr.open_dataset(path, engine="h5netcdf") as written, xr.open_dataset(run.path) as here:
        for name in here.variables:
            assert written[name].dims == here[name].dims
            assert np.array_equal(written[name], here[name], equal_nan=here[name].dtype.kind == "f"), name
        assert written.sel(edge="in0-hid1").conductances[0] == loaded["conductances"][0, 1]
        assert written.conductances.attrs["units"] == "S"
        assert json.loads(written.attrs["card"]) == loaded.card


def test_hdf5(run: RunFolder, loaded: LoadedRun) -> None:
    with h5py.File(export(run, "h5")) as file:
        assert np.array_equal(file["gradient"], loaded["gradient"])
        assert file["outputs"].attrs["units"] == "V"
        assert [dim.label for dim in file["outputs"].dims] == ["evaluation", "example", "node"]
        assert file["outputs"].dims[2][0].asstr()[:].tolist() == ["out0", "out1"]
        assert json.loads(file.attrs["card"]) == loaded.card


def test_matlab(run: RunFolder, loaded: LoadedRun) -> None:
    file = scipy.io.loadmat(export(run, "mat"), simplify_cells=True)
    assert np.array_equal(file["conductances"], loaded["conductances"])
    assert file["edge"].tolist() == loaded["edge"].tolist()
    assert file["units"]["gradient"] == "1/S"
    assert file["dimensions"]["outputs"] == "evaluation, example, node"
    assert json.loads(file["attributes"]["card"]) == loaded.card


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> LoadedRun:
    """A short run with its samples."""
    path = tmp_path_factory.mktemp("sampled") / "run"
    settings = {"storage.raw": True, "learning.epochs": 1, "acquisition.window": "5 ms", "acquisition.settle": "1 ms"}
    labrig.train("divider.yaml", settings=settings, run_dir=path, plots=False)
    return labrig.load(path)


def _volts(loaded: LoadedRun, acquisition: int) -> np.ndarray:
    return np.concatenate([block.volts() for block in loaded.raw.blocks(acquisition)])


@pytest.mark.more
def test_samples_are_exported_on_request(sampled: LoadedRun) -> None:
    first, *_, last = sampled.raw.acquisitions
    nodes = sampled.dataset.channel.values.tolist()
    assert len(nodes) == _volts(sampled, first).shape[1] > 1

    with xr.open_dataset(sampled.export("nc", samples=True), engine="h5netcdf") as written:
        xr.testing.assert_identical(written.samples.load(), sampled.dataset.samples.load())
        assert written.conductances.dims == ("step", "edge")
    with h5py.File(sampled.export("h5", samples=True)) as file:
        assert np.array_equal(file["samples"][-1], _volts(sampled, last))
        assert file["samples"].dims[2][0].asstr()[:].tolist() == nodes
        assert file["samples"].attrs["units"] == "V"
    matlab = scipy.io.loadmat(sampled.export("mat", samples=True), simplify_cells=True)
    assert np.array_equal(matlab["samples"][-1], _volts(sampled, last))
    assert matlab["channel"].tolist() == nodes
    with open(sampled.export("csv", samples=True) / "acquisition-sample-channel.csv", newline="") as table:
        rows = list(csv.DictReader(table))
    read = [float(row["samples"]) for row in rows if row["acquisition"] == str(last)]
    assert read == _volts(sampled, last).ravel().tolist()
    assert [row["channel"] for row in rows[: len(nodes)]] == nodes


def test_samples_that_are_not_there_or_too_many_are_refused(
    run: RunFolder, sampled: LoadedRun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(run.path), "--h5", "--samples"]) == 2
    assert "stored no samples" in capsys.readouterr().err
    monkeypatch.setattr("labrig.runs.export.mat.LARGEST_BYTES", 1000)
    with pytest.raises(UsageError, match=r"2 GB.*--h5"):
        mat.write(sampled.contents, run.path.parent / "run.mat", Samples(RunFolder(sampled.path)))


def test_csv_is_long_and_has_every_number(run: RunFolder, loaded: LoadedRun) -> None:
    folder = export(run, "csv")
    tables = {}
    for path in folder.iterdir():
        with open(path, newline="", encoding="utf-8") as file:
            tables[path.stem] = list(csv.DictReader(file))
    assert max(len(rows[0]) for rows in tables.values() if rows) <= 12
    of_edges = tables["step-edge"]
    assert len(of_edges) == 6 * 48
    assert (of_edges[49]["step"], of_edges[49]["edge"]) == ("2", "in0-hid1")
    for name in ("conductances", "shadow", "gradient"):
        assert [float(row[name]) for row in of_edges] == loaded[name].ravel().tolist()
    read = [float(row["outputs"]) for row in tables["evaluation-example-node"]]
    assert read == loaded["outputs"].ravel().tolist()
    assert [float(row["loss"]) for row in tables["step"]] == loaded["loss"].tolist()
    units = {row["name"]: row["units"] for row in tables["variables"]}
    assert (units["shadow"], units["outputs"]) == ("S", "V")
    assert json.loads({row["name"]: row["value"] for row in tables["attributes"]}["card"]) == loaded.card


def test_the_command_says_where_and_replaces_an_earlier_export(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    out = run.path.parent / "elsewhere.mat"
    for _ in range(2):
        assert main(["export", str(run.path), "--mat", "--out", str(out), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["path"] == str(out)
    assert scipy.io.loadmat(out)["step"].tolist() == [[k] for k in range(1, 7)]


def test_the_expected_size_of_samples_is_printed_before_they_are_written(
    sampled: LoadedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder(sampled.path)
    assert main(["export", str(folder.path), "--csv", "--samples", "--out", str(tmp_path / "t")]) == 0
    written = (tmp_path / "t" / "acquisition-sample-channel.csv").stat().st_size
    assert expected_bytes(folder, "csv") == pytest.approx(written, rel=0.1)
    assert f"the samples take about {format_bytes(expected_bytes(folder, 'csv'))}" in capsys.readouterr().err
    assert expected_bytes(folder, "mat") == 8 * sampled.dataset.samples.size


@pytest.mark.parametrize("kind", [pytest.param("nc", marks=pytest.mark.more), "h5", "csv"])
def test_a_full_disk_is_named_with_its_remedy(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    # Other libraries, such as HDF5, may also print something when the process ends.
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, sys\natexit.register(lambda: print('\\nanother note', file=sys.stderr))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with largest_file(0):
        code = main(["export", str(run.path), f"--{kind}"])
    assert code == 6
    said = capsys.readouterr().err.strip()
    path = run.path.parent / ("old-csv" if kind == "csv" else f"old.{kind}")
    assert said.startswith(f"labrig: cannot write {path}: File too large (remedy: check whether the disk is full")
    assert len(said.splitlines()) == 1
    assert list(run.path.parent.iterdir()) == [run.path]


def test_a_format_that_does_not_exist_is_named(run: RunFolder) -> None:
    with pytest.raises(UsageError, match="there is no format 'xls'"):
        labrig.load(run.path).export("xls")


def test_a_damaged_run_is_what_cannot_be_read(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    run.journal.write_bytes(run.journal.read_bytes()[:9000])
    assert main(["export", str(run.path), "--csv"]) == 6
    assert capsys.readouterr().err.startswith(f"labrig: cannot read {run.journal}: ")


def test_every_format_has_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    text = capsys.readouterr().out
    assert all(f"--{kind}" in text for kind in FORMATS)


def test_what_is_no_export_is_not_replaced(run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"notes\.txt"):
        export(run, "h5", tmp_path / "notes.txt")
    with pytest.raises(UsageError, match="only CSV files"):
        export(run, "csv", tmp_path)
    with pytest.raises(UsageError, match="no folder"):
        export(run, "nc", tmp_path / "none" / "run.nc")
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_failed_export_leaves_nothing_and_says_why(run: RunFolder, tmp_path: Path) -> None:
    before = sorted(path.name for path in run.path.parent.iterdir())
    with pytest.raises(StorageError, match="did not end"):
        export(run, "nc", deadline_s=0.01)
    (run.path / "meta.json").write_text("{")
    with pytest.raises(StorageError, match=r"meta\.json.*not JSON"):
        export(run, "nc")
    assert sorted(path.name for path in run.path.parent.iterdir()) == before


@pytest.mark.parametrize("kind", ["nc", "h5"])
def test_a_library_that_crashes_does_not_take_the_process_with_it(
    run: RunFolder, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As HDF5 does on a full disk."""
    (tmp_path / "h5py.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(StorageError, match="signal 11"):
        export(run, kind)


def test_a_library_that_is_missing_is_named(run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "h5py.py").write_text("raise ImportError('no h5py', name='h5py')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"h5py is not installed.*labrig\[analysis\]"):
        export(run, "h5")
