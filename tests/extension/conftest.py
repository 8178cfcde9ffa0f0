"""A laboratory with things of its own: one Python file and one configuration, in a folder of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Lab:
    """Parameters
    ----------
    folder : Path
        Where its files stand.
    """

    folder: Path

    def write(self, name: str, text: str) -> Path:
        """One file of the laboratory."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def labrig(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`labrig WORDS …` in a process of its own, as somebody types it."""
        command = [sys.executable, "-m", "labrig", *words]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """An empty laboratory, whose modules are forgotten afterwards."""
    paths, modules = list(sys.path), set(sys.modules)
    yield Lab(tmp_path)
    sys.path[:] = paths
    for name in set(sys.modules) - modules:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
