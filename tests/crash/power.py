"""Cut the power of a run at every acknowledged commit: what was not synced by then is lost. Resume, and compare.

python tests/crash/power.py [--cuts N] [--seed S] [--json]: at N commits only. Needs gcc, for power.c.

A shim records every change to a file or folder, and every sync. From this record the folder is made as a disk holds it
after a power failure: of each file what it contained at its last sync, under the names that were in its folder when
that was last synced. After such a cut, and after others at which a random part of the rest did reach the disk, no
acknowledged step may be missing, and the run must go on to the same end. That this can fail shows in runs with
`durability: process`, which must lose steps.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from crash.forks import CONFIGS, forked, outcome, resume_to_the_end, run_to_the_end

from labrig.errors import LabrigError
from labrig.runs.folder import CONFIG, META
from labrig.runs.journal import Evaluation, Step, read_journal

SHORT = ("learning.epochs=6", "learning.evaluate.every=2", "storage.raw=true")
OWN_LOSS = "loss: crash_loss:Distance"
MODULE = '''"""A loss next to the configuration, which the run keeps a copy of."""
from labrig.learning.losses.squared_error import SquaredError


class Distance(SquaredError):
    pass
'''


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cuts", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if "power.so" not in os.environ.get("LD_PRELOAD", ""):
        return _preloaded()
    found = {durability: cuts(durability, arguments.cuts, arguments.seed) for durability in ("power", "process")}
    print(json.dumps(found) if arguments.json else "\n".join(f"{name:<8} {each}" for name, each in found.items()))
    power, process = found["power"], found["process"]
    bad = power["lost"] or power["different"] or power["refused"] or not power["cuts"]
    return int(bool(bad) or not process["lost"])


def _preloaded() -> int:
    """Run this program again with the shim."""
    with tempfile.TemporaryDirectory() as folder:
        shim = Path(folder) / "power.so"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", shim, Path(__file__).with_suffix(".c")], check=True)
        return subprocess.run([sys.executable, *sys.argv], env={**os.environ, "LD_PRELOAD": str(shim)}).returncode


def cuts(durability: str, count: int, seed: int) -> dict[str, int]:
    """Count what came of the cuts: steps lost, runs that were refused or ended differently."""
    found = {"cuts": 0, "lost": 0, "refused": 0, "different": 0}
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        config = _config(folder)
        there = folder / "there"
        there.mkdir()
        overrides = (*SHORT, f"storage.durability={durability}")
        process, pipe = forked(lambda report: _recorded(folder / "log", there / "runs" / "run", config, overrides))
        _, status = os.waitpid(process, 0)
        os.close(pipe)
        assert status == 0, "an undisturbed run fails"
        expected = outcome(read_journal(there / "runs" / "run" / "run.db"))
        disk = Disk(there)
        marks = sum(what == "mark" for what, *_ in operations(folder / "log"))
        chosen = set(rng.sample(range(marks), min(count, marks)))
        number = -1
        for what, *more in operations(folder / "log"):
            if what != "mark":
                disk.change(what, *more)
                continue
            number += 1
            if number in chosen:
                for survives in (0.0, rng.random()):
                    after = folder / "after"
                    disk.write_to(after, survives, rng)
                    _check(after / "runs" / "run", int(more[0]), durability, expected, found)
                    shutil.rmtree(after)
    return found


def _config(folder: Path) -> Path:
    """A configuration with a module next to it."""
    (folder / "crash_loss.py").write_text(MODULE)
    text = (CONFIGS / "divider.yaml").read_text()
    (line,) = (line.strip() for line in text.splitlines() if line.strip().startswith("loss:"))
    config = folder / "own.yaml"
    config.write_text(text.replace(line, OWN_LOSS))
    return config


def _recorded(log: Path, path: Path, config: Path, overrides: tuple[str, ...]) -> None:
    """A run whose operations are recorded, with a mark after each step and evaluation that was acknowledged."""
    shim = ctypes.CDLL(None)
    shim.record(str(log).encode())
    run_to_the_end(path, config, overrides, lambda what: shim.mark(_acknowledged(what)))


def _acknowledged(what: Step | Evaluation) -> int:
    """Steps that were made, and acknowledged, when a step or an evaluation is reported."""
    return what.index if isinstance(what, Step) else what.step


def operations(log: Path) -> Iterator[tuple[Any, ...]]:
    """Every operation: what, then its inode and its names, or the data written."""
    with log.open("rb") as file:
        while line := file.readline():
            what, _, rest = line.decode().rstrip("\n").partition(" ")
            if what == "write":
                inode, offset, size = map(int, rest.split())
                yield what, inode, offset, file.read(size)
            elif what == "rename":
                yield what, *rest.split("\t")
            else:
                yield what, *rest.split(" ", 1)


@dataclass
class _File:
    """What a file contains, what it contained when it was last synced, and the changes since."""

    content: bytearray = field(default_factory=bytearray)
    synced: bytes = b""
    since: list[tuple[Any, ...]] = field(default_factory=list)

    def change(self, what: str, *more: Any) -> None:
        _apply(self.content, what, *more)
        self.since.append((what, *more))

    def sync(self) -> None:
        self.synced = bytes(self.content)
        self.since.clear()

    def surviving(self, count: int) -> bytes:
        """With the first `count` changes since it was synced."""
        content = bytearray(self.synced)
        for change in self.since[:count]:
            _apply(content, *change)
        return bytes(content)


def _apply(content: bytearray, what: str, *more: Any) -> None:
    if what == "write":
        offset, data = more
        content.extend(bytes(max(0, offset - len(content))))
        content[offset : offset + len(data)] = data
    else:
        (length,) = map(int, more)
        del content[length:]
        content.extend(bytes(length - len(content)))


@dataclass
class _Folder:
    """Names in a folder: now, when it was last synced, and the changes since."""

    names: dict[str, int] = field(default_factory=dict)
    synced: dict[str, int] = field(default_factory=dict)
    since: list[tuple[str, int | None]] = field(default_factory=list)

    def change(self, name: str, inode: int | None) -> None:
        self.since.append((name, inode))
        _enter(self.names, name, inode)

    def sync(self) -> None:
        self.synced = dict(self.names)
        self.since.clear()

    def surviving(self, count: int) -> dict[str, int]:
        names = dict(self.synced)
        for change in self.since[:count]:
            _enter(names, *change)
        return names


def _enter(names: dict[str, int], name: str, inode: int | None) -> None:
    names.pop(name, None)
    if inode is not None:
        names[name] = inode


class Disk:
    """What is below a folder, and how much of it survives a power failure."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: dict[int, _File] = {}
        self._folders: dict[int, _Folder] = {root.stat().st_ino: _Folder()}
        self._inodes = {root: root.stat().st_ino}

    def change(self, what: str, *more: Any) -> None:
        """Take account of an operation."""
        if what in ("create", "mkdir", "unlink"):
            inode, path = int(more[0]), Path(os.path.normpath(more[1]))
            if path.parent not in self._inodes:
                return
            self._folders[self._inodes[path.parent]].change(path.name, inode if what != "unlink" else None)
            if what == "mkdir":
                self._inodes[path], self._folders[inode] = inode, _Folder()
            elif what == "create":
                self._files[inode] = _File()
        elif what == "rename":
            old, new = (Path(os.path.normpath(each)) for each in more)
            if old.parent in self._inodes:
                names = self._folders[self._inodes[old.parent]]
                inode = names.names[old.name]
                names.change(new.name, inode)  # one change of the folder: never neither name
                names.change(old.name, None)
        elif int(more[0]) in self._files:
            inode, *rest = more
            if what == "sync":
                self._files[int(inode)].sync()
            else:
                self._files[int(inode)].change(what, *rest)
        elif what == "sync" and int(more[0]) in self._folders:
            self._folders[int(more[0])].sync()

    def write_to(self, path: Path, survives: float, rng: random.Random) -> None:
        """Make a folder as it is after a power failure; of what was not synced about this part survives."""
        self._write(self._inodes[self._root], path, survives, rng)

    def _write(self, folder: int, path: Path, survives: float, rng: random.Random) -> None:
        path.mkdir()

        def count(since: list[Any]) -> int:
            return sum(rng.random() < survives for _ in since)

        there = self._folders[folder]
        for name, inode in there.surviving(count(there.since)).items():
            if inode in self._folders:
                self._write(inode, path / name, survives, rng)
            elif not name.endswith("-shm"):  # is made again from the log
                file = self._files[inode]
                (path / name).write_bytes(file.surviving(count(file.since)))


def _check(path: Path, acknowledged: int, durability: str, expected: Any, found: dict[str, int]) -> None:
    """Nothing that was acknowledged is missing, and the run goes on to the same end."""
    found["cuts"] += 1
    try:
        steps = len(read_journal(path / "run.db").step)
    except LabrigError as error:
        steps = 0
        _say(durability, path, error)
    found["lost"] += max(0, acknowledged - steps)
    if durability == "process":
        return
    missing = [name for name in (CONFIG, META) if not (path / name).is_file()]
    if missing:
        _say(durability, path, f"{missing} missing")
    process, pipe = forked(lambda report: resume_to_the_end(path, report))
    _, status = os.waitpid(process, 0)
    os.close(pipe)
    if status:
        found["refused"] += 1
        return
    found["different"] += outcome(read_journal(path / "run.db")) != expected


def _say(durability: str, path: Path, what: object) -> None:
    if durability == "power":
        print(f"{sorted(each.name for each in path.parent.glob('run/*'))}: {what}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
