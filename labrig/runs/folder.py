"""The folder of a run: always new, self-describing, and readable however the run ended.

run.db                  the journal
run.lock                locked by the process that writes the journal; deleted at the end
config.resolved.yaml    the configuration as used, with every default; can be loaded again
*.py                    modules next to the user's configuration that it names by dotted path
meta.json               versions, identities, seeds, the board, the comparability card
report.html             the report of the run
*.png, spectrum.npz     pictures of the run, and the samples behind the spectrum
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labrig.errors import ConfigError, StorageError, UsageError, reason
from labrig.files import content_of
from labrig.runs.journal import StoredFile
from labrig.runs.sync import make_folder, sync_folder

JOURNAL = "run.db"
CONFIG = "config.resolved.yaml"
META = "meta.json"
SPECTRUM = "spectrum.npz"
NEW = ".new"
"""Ending of the name of a file that is about to replace another one."""
NEEDED = ("name", "seed", "card", "board")
"""Keys of meta.json without which a run cannot be shown."""


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    @property
    def journal(self) -> Path:
        """Path of the journal."""
        return self.path / JOURNAL

    def write_text(self, name: str, text: str, note: Callable[[StoredFile], None] = lambda file: None) -> None:
        """Write or replace a text file of the run as `write` does."""
        self.write(name, text.encode(), note)

    def write(self, name: str, content: bytes, note: Callable[[StoredFile], None] = lambda file: None) -> None:
        """Write or replace a file of the run, completely or not at all; raises StorageError if that fails.

        `note` is called once the new content is on the disk next to the file, before it replaces the file. If the
        process is killed in between, `find` still finds the noted content.
        """
        new = self.path / f"{name}{NEW}"
        try:
            with open(new, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())  # so that a power failure cannot leave an empty file
            sync_folder(new.parent)
            note(stored(name, content))
            new.replace(self.path / name)
            sync_folder(new.parent)
        except OSError as error:
            raise StorageError(
                f"cannot write {self.path / name}: {error.strerror}; check permissions and free space"
            ) from error

    def find(self, file: StoredFile) -> Path | None:
        """Return the file with this content: the file itself or the one about to replace it; None if neither has it."""
        for path in (self.path / file.name, self.path / f"{file.name}{NEW}"):
            try:
                if stored(file.name, content_of(path)) == file:
                    return path
            except OSError:
                continue
        return None

    def has(self, name: str) -> bool:
        """Return whether the run has this file."""
        return (self.path / name).is_file()

    def stored(self, name: str) -> StoredFile:
        """Return size and hash of a file of the run; raises StorageError if it cannot be read."""
        try:
            return stored(name, content_of(self.path / name))
        except OSError as error:
            raise StorageError(
                f"cannot read {self.path / name}: {error.strerror}; check its permissions, or restore it from a copy"
            ) from error

    def discard(self) -> None:
        """Delete the folder of a run that could not start; never raises."""
        shutil.rmtree(self.path, ignore_errors=True)

    def keep_copy(self, original: Path) -> list[str]:
        """Copy a file or folder of modules into the run and return their names; raises StorageError on failure."""
        files = [original]
        if original.is_dir():
            files = [
                path
                for path in original.rglob("*")
                if path.is_file() and "__pycache__" not in path.relative_to(original).parts
            ]
        names: list[str] = []
        for file in sorted(files):
            copy = self.path / original.name / file.relative_to(original)
            names.append(copy.relative_to(self.path).as_posix())
            try:
                content = file.read_bytes()
                make_folder(copy.parent, exist_ok=True)
            except OSError as error:
                raise StorageError(
                    f"cannot copy {file} to {self.path}: {error}; check the permissions and the free space"
                ) from error
            self.write(names[-1], content)
        return names

    def meta(self) -> dict[str, Any]:
        """Read meta.json; raises StorageError if it is missing or damaged."""
        path = self.path / META
        try:
            meta = json.loads(content_of(path).decode())
        except FileNotFoundError as error:
            raise self.damaged(META, "it is missing") from error
        except OSError as error:
            raise self.damaged(META, error.strerror or "it cannot be opened") from error
        except (ValueError, RecursionError) as error:
            raise self.damaged(META, "it is truncated or not JSON") from error
        missing = [key for key in NEEDED if not isinstance(meta, dict) or key not in meta]
        if missing:
            raise self.damaged(META, f"it has no {', '.join(missing)}")
        return meta

    def damaged(self, name: str, why: str) -> StorageError:
        """Return the error for a missing or damaged file of the run."""
        again = self.path / CONFIG
        remedy = "restore it from a copy"
        if name == CONFIG:
            remedy += "; labrig evaluate and labrig program can be given another one with --config"
        elif again.is_file():
            remedy += f", or repeat the run: labrig run {again}"
        return StorageError(f"cannot read {self.path / name}: {why}", remedy=remedy)


def stored(name: str, content: bytes) -> StoredFile:
    """Return size and hash of a file's content."""
    return StoredFile(name, len(content), hashlib.sha256(content).hexdigest())


def create_run_folder(runs_dir: Path, name: str, run_dir: Path | None) -> RunFolder:
    """Create RUNS_DIR/NAME-YYYYMMDD-HHMMSS[-n], or exactly `run_dir`.

    Raises ConfigError if `run_dir` exists, and StorageError if the folder cannot be created.
    """
    try:
        if run_dir is not None:
            if run_dir.exists():
                raise ConfigError(f"--run-dir {run_dir} exists already", remedy="name a folder that does not exist yet")
            make_folder(run_dir)
            return RunFolder(run_dir)
        make_folder(runs_dir, exist_ok=True)
        stamp = f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
        for number in range(1, 10_000):
            path = runs_dir / (stamp if number == 1 else f"{stamp}-{number}")
            try:
                make_folder(path)
            except FileExistsError:
                continue
            return RunFolder(path)
    except OSError as error:
        link = next((path for path in (runs_dir, *runs_dir.parents) if path.is_symlink() and not path.exists()), None)
        why = f"{link} is a link to {link.readlink()}, which does not exist" if link is not None else reason(error)
        raise StorageError(f"cannot create a run folder: {why}", remedy="choose another --runs-dir") from error
    raise StorageError(f"too many runs are named {stamp}", remedy="choose another --runs-dir")


def list_runs(runs_dir: Path) -> list[RunFolder]:
    """Return the runs in a folder, including damaged ones, sorted by name."""
    if not runs_dir.is_dir():
        return []
    return [RunFolder(path) for path in sorted(runs_dir.iterdir()) if _is_run(path)]


def find_run(run: Path, runs_dir: Path) -> RunFolder:
    """Return the run in the folder `run`, or with this name in `runs_dir`; raises UsageError if there is none."""
    folder = run_at(run, runs_dir)
    if folder is not None:
        return folder
    raise UsageError(
        f"there is no run {str(run)!r} here or in {runs_dir}", remedy="`labrig ls` lists the runs in --runs-dir"
    )


def run_at(run: Path, runs_dir: Path) -> RunFolder | None:
    """Return the run in the folder `run`, or with this name in `runs_dir`; None if there is none."""
    return next((RunFolder(path) for path in (run, runs_dir / run) if _is_run(path)), None)


def _is_run(path: Path) -> bool:
    try:
        return (path / META).is_file() or (path / JOURNAL).is_file()
    except (OSError, ValueError):  # the name is too long or contains NUL, or the folder is not accessible
        return False
