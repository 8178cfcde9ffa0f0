"""What the command line needs before it knows what is wanted: little."""

from __future__ import annotations

import subprocess
import sys

import pytest

from labrig import __version__

HEAVY = ("numpy", "scipy", "pydantic", "rich", "numba", "matplotlib", "yaml")


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, encoding="utf-8")


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_imports_nothing_heavy(option: str) -> None:
    imported = {
        line.rpartition("|")[2].strip().partition(".")[0]
        for line in python("-X", "importtime", "-m", "labrig", option).stderr.splitlines()
    }
    assert "labrig" in imported
    assert imported.isdisjoint(HEAVY)


def test_help_names_every_command_and_exit_code() -> None:
    text = python("-m", "labrig", "--help").stdout
    for name in ("run", "check", "plan", "measure", "certify", "show", "ls"):
        assert f"\n    {name} " in text
    assert "3 configuration" in text
    assert "130" in text


def test_version() -> None:
    assert python("-m", "labrig", "--version").stdout == f"labrig {__version__}\n"
