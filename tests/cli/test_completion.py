"""The shell completes commands, options, configurations and runs; a long name does not widen `labrig ls`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labrig.cli.ls import _fitted

pytest.importorskip("argcomplete")


def offered(line: str, folder: Path) -> list[str]:
    """What the shell would offer after this line, as argcomplete's own scripts ask for it."""
    answer = folder / "answer"
    asked = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    command = [sys.executable, "-m", "labrig"]
    subprocess.run(command, cwd=folder, env={**os.environ, **asked}, timeout=60, check=True)
    return [each.strip() for each in answer.read_text(encoding="utf-8").split("\n")]


def test_commands_options_files_and_runs_are_completed(tmp_path: Path) -> None:
    (tmp_path / "irritating.yaml").touch()
    (tmp_path / "iris.csv").touch()
    (tmp_path / "runs" / "iris-20260101-120000").mkdir(parents=True)
    assert {"measure"} == set(offered("labrig me", tmp_path))
    assert "--runs-dir" in offered("labrig run --r", tmp_path)
    found = offered("labrig check ir", tmp_path)
    assert {"irritating.yaml", "iris.yaml", "iris_hidden.yaml"} <= set(found)
    assert "iris.csv" not in found
    assert offered("labrig show iris-", tmp_path) == ["iris-20260101-120000"]


def test_a_list_of_runs_fits_the_terminal() -> None:
    figures = "; ".join(f"test_accuracy {k / 7:.6f}" for k in range(6))
    for name in ("iris-20260101-120000", "a_board_with_a_name_that_goes_on_and_on-20260101-120000"):
        text = _fitted([(name, "interrupted", "123456", figures)], 80)
        assert max(map(len, text.splitlines())) <= 80
        assert name in text
        assert "0.714286" in text
    assert len(_fitted([("x", "finished", "1", figures)], None).splitlines()) == 3
