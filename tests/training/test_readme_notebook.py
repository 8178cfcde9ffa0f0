"""The notebook of labrig/README.md: Iris trained, scored on a second board, opened with the tools that people have."""

from __future__ import annotations

import re
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.io
import xarray as xr

README = (Path(__file__).resolve().parents[2] / "labrig" / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
(NOTEBOOK,) = [block for block in BLOCKS if "labrig.load" in block]
(LOOP,) = [block for block in BLOCKS if "rig.program" in block]


def test_the_loop_of_the_readme_goes_downhill() -> None:
    cells: dict = {}
    exec(compile(LOOP, "labrig/README.md", "exec"), cells)
    assert len(cells["losses"]) == 20
    assert cells["losses"][-1] < 0.5 * cells["losses"][0]


@pytest.mark.more
def test_the_notebook_of_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cells: dict = {}
    exec(compile(NOTEBOOK, "labrig/README.md", "exec"), cells)
    run, second = cells["run"], cells["second"]
    assert run.evaluations["epoch"].tolist() == [0, 5, 10, 15, 20]
    assert run.evaluations["test_accuracy"].iloc[-1] >= 0.93
    assert len(run.steps) == 20 * 90
    drift = run.conductances["in2-out0"].to_numpy() - run["initial_conductances"][run["edge"] == "in2-out0"]
    np.testing.assert_array_equal(cells["drift"], drift)
    assert cells["errors"].shape == (60, 3)
    assert second.steps == 0
    assert second.metrics["test_accuracy"] >= 0.9
    assert second.metrics["loss"] != run.evaluations["loss"].iloc[-1]
    last = run["conductances"][-1]
    with xr.open_dataset("runs/second") as other:  # the levels that were written are the same
        np.testing.assert_allclose(other.initial_conductances, last, rtol=1e-12)
    with xr.open_dataset("runs/first.nc", engine="h5netcdf") as written:
        np.testing.assert_array_equal(written.conductances[-1], last)
    with h5py.File("runs/first.h5") as file:
        np.testing.assert_array_equal(file["conductances"][-1], last)
    np.testing.assert_array_equal(scipy.io.loadmat("runs/first.mat")["conductances"][-1], last)
    table = pd.read_csv("runs/first-csv/step-edge.csv")
    of_last = table["conductances"][table["step"] == len(run.steps)]
    np.testing.assert_allclose(of_last, last, rtol=1e-15)  # older versions of pandas read the last digit differently
