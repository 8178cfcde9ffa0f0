"""Folders of runs: always new, and readable in every state a run can be left in."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from labrig.errors import ConfigError, StorageError
from labrig.runs.folder import RunFolder, create_run_folder, list_runs
from labrig.runs.journal import Journal
from labrig.runs.spectrum import load_spectrum, save_spectrum


def begun(folder: RunFolder) -> Journal:
    folder.write_text("meta.json", json.dumps({"name": "xor", "seed": 3, "card": {}, "board": {}}))
    return Journal(folder.journal)


def test_every_run_has_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "strftime", lambda _: "20300102-030405")
    names = [create_run_folder(tmp_path / "runs", "xor", None).path.name for _ in range(3)]
    assert names == ["xor-20300102-030405", "xor-20300102-030405-2", "xor-20300102-030405-3"]


def test_an_exact_folder_must_not_exist(tmp_path):
    assert create_run_folder(tmp_path, "xor", tmp_path / "a" / "b").path.is_dir()
    with pytest.raises(ConfigError, match="exists already"):
        create_run_folder(tmp_path, "xor", tmp_path / "a" / "b")


def test_where_no_folder_can_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    for arguments in ((tmp_path / "file", "xor", None), (tmp_path, "xor", tmp_path / "file" / "run")):
        with pytest.raises(StorageError, match="cannot create a run folder") as caught:
            create_run_folder(*arguments)
        assert "\n" not in str(caught.value)


def test_only_runs_are_listed(tmp_path):
    assert list(list_runs(tmp_path / "nowhere")) == []
    for name in ("b", "a"):
        begun(create_run_folder(tmp_path, "", tmp_path / name)).close()
    (tmp_path / "c").mkdir()
    assert [folder.path.name for folder in list_runs(tmp_path)] == ["a", "b"]


def test_a_file_that_cannot_be_written(tmp_path):
    with pytest.raises(StorageError, match="cannot write"):
        RunFolder(tmp_path / "nowhere").write_text("meta.json", "{}")


def test_modules_of_a_run_are_kept_without_their_caches(tmp_path):
    package = tmp_path / "lab"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__pycache__" / "x.pyc").write_bytes(b"")
    (package / "__init__.py").write_text("A = 1\n")
    (tmp_path / "one.py").write_text("B = 2\n")
    folder = create_run_folder(tmp_path, "", tmp_path / "run")
    for original in (package, tmp_path / "one.py"):
        folder.keep_copy(original)
    kept = {path.relative_to(folder.path).as_posix() for path in folder.path.rglob("*") if path.is_file()}
    assert kept == {"lab/__init__.py", "one.py"}
    with pytest.raises(StorageError, match=r"cannot copy .*two\.py to .*run: "):
        folder.keep_copy(tmp_path / "two.py")


def test_a_description_that_cannot_be_opened_is_one_error(tmp_path):
    (tmp_path / "meta.json").mkdir()
    with pytest.raises(StorageError, match=r"cannot read .*meta\.json: Is a directory"):
        RunFolder(tmp_path).meta()


def test_a_spectrum_is_kept(tmp_path):
    folder = RunFolder(tmp_path)
    assert load_spectrum(folder) is None
    volts = np.random.default_rng(0).normal(size=(50, 2))
    save_spectrum(folder, volts, ["in0", "out0"], 50e3, [750.0])
    window = load_spectrum(folder)
    np.testing.assert_allclose(window.volts, volts, rtol=1e-6)
    assert (window.nodes, window.sample_rate_hz, window.tones_hz) == (("in0", "out0"), 50e3, (750.0,))
    with pytest.raises(StorageError, match="cannot write"):
        save_spectrum(RunFolder(tmp_path / "nowhere"), volts, ["a", "b"], 1.0, [])


@pytest.mark.parametrize(
    "damaged", [lambda kept: b"PK damaged", lambda kept: b"", lambda kept: kept[:200], lambda kept: b"\x93NUMPY" + kept]
)
def test_a_damaged_spectrum_is_one_error_with_its_remedy(tmp_path, damaged):
    folder = RunFolder(tmp_path)
    save_spectrum(folder, np.zeros((50, 2)), ["in0", "out0"], 50e3, [750.0])
    path = tmp_path / "spectrum.npz"
    path.write_bytes(damaged(path.read_bytes()))
    with pytest.raises(StorageError, match=r"cannot read .*spectrum\.npz: it is damaged .*remedy") as caught:
        load_spectrum(folder)
    assert "pickle" not in str(caught.value)
