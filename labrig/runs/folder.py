"""The folder of a run: always new, self-describing, readable after any end.

run.db                  the journal
config.resolved.yaml    the configuration as it was used, loadable again
meta.json               versions, identities, seeds, the board, the comparability card
*.png, spectrum.npz     pictures of the run, and the samples behind the spectrum
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labrig.errors import ConfigError, StorageError

JOURNAL = "run.db"
CONFIG = "config.resolved.yaml"
META = "meta.json"
SPECTRUM = "spectrum.npz"


@dataclass(frozen=True)
class RunFolder:
    path: Path

    @property
    def journal(self) -> Path:
        return self.path / JOURNAL

    def write_text(self, name: str, text: str) -> None:
        try:
            (self.path / name).write_text(text, encoding="utf-8")
        except OSError as error:
            raise StorageError(f"cannot write {self.path / name}: {error.strerror}") from error

    def meta(self) -> dict[str, Any]:
        """meta.json. Raises StorageError where it is missing or damaged."""
        try:
            return json.loads((self.path / META).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise StorageError(f"{self.path} is not a run: {META} cannot be read ({error})") from error


def create_run_folder(runs_dir: Path, name: str, run_dir: Path | None) -> RunFolder:
    """RUNS_DIR/NAME-YYYYMMDD-HHMMSS[-n], or exactly `run_dir`, which must not exist yet.

    Raises ConfigError if it exists, StorageError if it cannot be made.
    """
    try:
        if run_dir is not None:
            if run_dir.exists():
                raise ConfigError(f"--run-dir {run_dir} exists already", remedy="a run is always a new folder")
            run_dir.mkdir(parents=True)
            return RunFolder(run_dir)
        runs_dir.mkdir(parents=True, exist_ok=True)
        stamp = f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
        for number in range(1, 10_000):
            path = runs_dir / (stamp if number == 1 else f"{stamp}-{number}")
            try:
                path.mkdir()
            except FileExistsError:
                continue
            return RunFolder(path)
    except OSError as error:
        raise StorageError(f"cannot create a run folder: {error}", remedy="choose another --runs-dir") from error
    raise StorageError(f"too many runs begin at {stamp}")


def list_runs(runs_dir: Path) -> Iterator[RunFolder]:
    """Runs under a folder, oldest first."""
    if runs_dir.is_dir():
        yield from (RunFolder(path) for path in sorted(runs_dir.iterdir()) if (path / META).is_file())
