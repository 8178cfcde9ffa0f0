"""`labrig init driver` writes a package that is listed, checked, and passes its own tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from extension.conftest import Laboratory

SUFFIXES = (".py", ".md", ".toml", ".yaml")


def installed(laboratory: Laboratory) -> Path:
    """The package of a new driver, as pip would install it."""
    laboratory.labrig("init", "driver", "acme.gen4", "--out", "new")
    laboratory.install("acme", "", {"labrig.drivers": "acme_gen4 = acme_gen4:DRIVERS"})
    folder = laboratory.folder / "new"
    (laboratory.packages / "acme_gen4").symlink_to(folder / "acme_gen4")
    return folder


def test_a_new_driver_is_listed_and_its_bench_is_checked(laboratory: Laboratory) -> None:
    folder = installed(laboratory)
    (listed,) = laboratory.labrig("drivers")
    (mine,) = [driver for driver in listed["drivers"] if driver["driver"] == "acme.gen4"]
    assert mine["models"] == {"Gen4": "never run on hardware"}
    assert mine["virtual"] == "acme.gen4"
    laboratory.labrig("check", str(folder / "bench.yaml"))
    finished = laboratory.labrig("run", str(folder / "bench.yaml"), "--bench", "simulated", "--no-plots")[-1]
    assert finished["metrics"]["loss"] < finished["metrics"]["initial_loss"]
    texts = [path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.suffix in SUFFIXES]
    assert not any("$$" in text or "$package" in text for text in texts)


@pytest.mark.more
def test_a_new_driver_passes_its_own_tests(laboratory: Laboratory) -> None:
    """Its commands, labrig's contract suite on the wire, and a board trained through it."""
    folder = installed(laboratory)
    environment = {**os.environ, "PYTHONPATH": f"{laboratory.packages}{os.pathsep}{folder}"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
