"""A locale without UTF-8: commands print what they can, and files and pipes stay UTF-8."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PLAIN = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def labrig(folder: Path, *arguments: str | bytes) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "labrig", *arguments]
    return subprocess.run(command, cwd=folder, env=PLAIN, capture_output=True, timeout=120, check=False)


@pytest.mark.more
@pytest.mark.parametrize("config", ["divider.yaml", pytest.param("xor_wire.yaml", marks=pytest.mark.long)])
def test_a_run_keeps_its_configuration_in_utf8(tmp_path: Path, config: str) -> None:
    done = labrig(tmp_path, "run", config, "--no-plots", "--json", "--set", "learning.epochs=0")
    assert done.returncode in (0, 7), done.stderr  # 7: without training the target is missed
    finished = json.loads(done.stdout.splitlines()[-1])
    kept = (tmp_path / finished["run"] / "config.resolved.yaml").read_text(encoding="utf-8")
    assert "Ω" in kept
    assert labrig(tmp_path, "check", f"{finished['run']}/config.resolved.yaml").returncode == 0
    shown = labrig(tmp_path, "plan", config)
    assert shown.returncode == 0
    assert b"\\u03a9" in shown.stdout or b"\\xb5" in shown.stdout


def test_an_argument_the_locale_cannot_hold_is_named_as_that(tmp_path: Path) -> None:
    done = labrig(tmp_path, "check", "divider.yaml", "--set", "name=µ".encode())
    assert done.returncode == 3
    assert b"is UTF-8 text, but the locale's encoding is" in done.stderr
    assert b"C.UTF-8" in done.stderr
