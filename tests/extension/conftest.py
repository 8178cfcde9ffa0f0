"""A package of one file by somebody else, installed beside labrig for one test, and labrig's commands with it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from labrig import extensions
from labrig.assembly import assemble
from labrig.cli.main import main
from labrig.config.problems import ConfigProblems, Problem

LIMIT_S = 300


@dataclass(frozen=True)
class Laboratory:
    """A folder with installed packages and configurations. folder: the working directory of `labrig`."""

    folder: Path

    @property
    def packages(self) -> Path:
        """Where packages are installed: first on the search path of every `labrig` that is run here."""
        return self.folder / "site-packages"

    def install(self, name: str, source: str, entry_points: Mapping[str, str]) -> None:
        """Install a package that consists of one file.

        Parameters
        ----------
        name : str
            Of the package and its module.
        source : str
            The text of the module.
        entry_points : Mapping[str, str]
            Group of entry points ("labrig.drivers") to the entry point's line ("mylab = mylab:DRIVERS").
        """
        described = self.packages / f"{name}-1.0.dist-info"
        described.mkdir(parents=True)
        (self.packages / f"{name}.py").write_text(source, encoding="utf-8")
        (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
        lines = [line for group, entry in entry_points.items() for line in (f"[{group}]", entry, "")]
        (described / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")

    def write(self, name: str, text: str) -> Path:
        """Write a file, such as a configuration, into the folder."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def typed(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`labrig WORDS …` in a process of its own, as somebody types it."""
        command = [sys.executable, "-m", "labrig", *words]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=LIMIT_S, check=False)

    def labrig(self, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
        """Run `labrig` with `--json` in this process; the lines that it printed.

        Fails the test if its exit code is not `code`.
        """
        extensions.installed.cache_clear()
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
            ended = main([*arguments, "--json"])
        assert ended == code, f"labrig {' '.join(arguments)}: exit {ended}\n{err.getvalue()}"
        return [json.loads(line) for line in out.getvalue().splitlines()]

    def problems(self, name: str, *overrides: str) -> list[Problem]:
        """What `labrig check` finds wrong with a configuration."""
        extensions.installed.cache_clear()
        try:
            assemble(self.folder / name, overrides)
        except ConfigProblems as error:
            return list(error.problems)
        return []


@pytest.fixture
def laboratory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Laboratory]:
    """An empty laboratory as working directory; modules of it that a test imported are forgotten afterwards."""
    paths, modules = list(sys.path), set(sys.modules)
    laboratory = Laboratory(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(laboratory.packages))  # of the processes that are started here
    sys.path.insert(0, str(laboratory.packages))
    yield laboratory
    sys.path[:] = paths
    extensions.installed.cache_clear()
    for name in set(sys.modules) - modules:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
