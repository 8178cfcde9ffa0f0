"""The errors of columns are those of the outputs, in the numbers of the table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import labrig
from labrig.cli.main import main
from labrig.runs.column_errors import column_errors
from labrig.runs.journal import read_journal


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("columns")
    x = np.random.default_rng(0).uniform(-1, 1, (20, 3))
    rows = [f"{a},{b},{c},{300 + 20 * a},{4 * b - 0.5 * c}" for a, b, c in x]
    (folder / "data.csv").write_text("\n".join(["a,b,c,mass (g),angle (°)", *rows, ""]), encoding="utf-8")
    columns = {"inputs": ["a", "b", "c"], "outputs": ["mass (g)", "angle (°)"], "full_scale": "100 mV"}
    settings = {
        "task.regression": {"data": {"file": str(folder / "data.csv"), **columns}},
        "task.split": {"train": 15, "test": 5},
        "learning.epochs": 2,
    }
    return labrig.train("regression.yaml", settings=settings, run_dir=folder / "run", plots=False).path


def test_every_column_has_its_error_in_its_own_unit(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = read_journal(run / "run.db")
    mass, angle = column_errors(record)
    assert (mass.node, mass.column, angle.node, angle.column) == ("out0", "mass (g)", "out1", "angle (°)")
    low_to_high = [terminal.high - terminal.low for terminal in record.terminals if terminal.side == "output"]
    metrics = record.evaluations[-1].metrics
    for part, name in (("train", "rms_v"), ("test", "test_rms_v")):
        errors = np.array([getattr(each, part) for each in (mass, angle)])
        volts = errors * 2 * 0.1 / np.array(low_to_high)
        assert np.sqrt(np.mean(volts**2)) == pytest.approx(metrics[name], rel=1e-9)
    assert main(["show", str(run)]) == 0
    assert f"  mass (g)   train {mass.train:.4g}, test {mass.test:.4g}\n" in capsys.readouterr().out
    assert main(["report", str(run)]) == 0
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "Errors of columns" in page
    assert f"{mass.test:.6g}" in page


def test_a_run_without_columns_has_none(tmp_path: Path) -> None:
    path = labrig.train("divider.yaml", settings={"learning.epochs": 1}, run_dir=tmp_path / "run", plots=False).path
    assert column_errors(read_journal(path / "run.db")) == []
