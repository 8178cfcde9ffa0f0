"""Fuzz in process: replies and frames of instruments, and the files that labrig reads, changed at random.

python tests/crash/fuzz.py [--replies N] [--files N] [--seconds S] [--seed S] [--json]

Drivers get mutated replies, virtual instruments mutated messages (fuzz_replies.py); configurations, data files,
journals and metadata are mutated before they are read (fuzz_files.py). Nothing but a LabrigError may come out of
labrig, nothing may hang, and nothing may be written outside the folder of the case.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from labrig.errors import LabrigError, leaves

DEADLINE_S = 20.0
MEMORY_BYTES = 4 << 30
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CHANGES = frozenset({"os.mkdir", "os.rmdir", "os.remove", "os.truncate", "os.link", "os.symlink", "os.rename"})


class Target(Protocol):
    """Something that takes mutated input; `made` counts the inputs."""

    made: int

    def case(self, rng: random.Random) -> None:
        """Try once, with one input or more. Raises what labrig raises."""
        ...


class Hung(BaseException):
    """A case took longer than its deadline."""


class NotAnError(Exception):
    """A target found something wrong that raised nothing."""


@dataclass
class Tally:
    """What came of all cases; `where` has the first of each kind of failure."""

    counts: Counter[str] = field(default_factory=Counter)
    cases: int = 0
    refused: int = 0
    tracebacks: int = 0
    hangs: int = 0
    outside: int = 0
    slowest_s: float = 0.0
    where: dict[str, str] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether nothing but errors by name came out."""
        return bool(self.cases) and not (self.tracebacks or self.hangs or self.outside)


class Writes:
    """Notes what this process writes outside a folder."""

    def __init__(self, allowed: Path) -> None:
        self.outside: list[str] = []
        self._allowed = f"{allowed}{os.sep}"
        self._on = True
        sys.addaudithook(self._hook)

    def stop(self) -> None:
        """Look no longer; a hook cannot be taken out."""
        self._on = False

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._on:
            return
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITES:
                self._look(event, path)
        elif event in _CHANGES:
            for path in arguments[: 2 if event in ("os.rename", "os.link", "os.symlink") else 1]:
                self._look(event, path)
        elif event == "sqlite3.connect":
            path = os.fsdecode(arguments[0])
            if path != ":memory:" and "mode=ro" not in path:
                self._look(event, path)

    def _look(self, event: str, path: Any) -> None:
        if isinstance(path, int) or path == os.devnull:
            return
        whole = os.path.abspath(os.fsdecode(path))
        if "__pycache__" in whole:  # Python's own, of a module that is imported for the first time
            return
        if not f"{whole}{os.sep}".startswith(self._allowed):
            self.outside.append(f"{event} {whole}")


def fuzz(targets: Mapping[str, Target], count: int, seed: int, folder: Path, seconds: float = float("inf")) -> Tally:
    """Try targets in turn until so many inputs were mutated, or for so many seconds."""
    tally, began = Tally(), time.monotonic()
    writes = Writes(folder)
    try:
        while targets and sum(tally.counts.values()) < count and time.monotonic() - began < seconds:
            name = list(targets)[tally.cases % len(targets)]
            _one(name, targets[name], f"{seed}/{name}/{tally.cases}", tally)
            tally.cases += 1
            if writes.outside:
                tally.outside += 1
                tally.where.setdefault(f"outside: {writes.outside[0]}", f"{seed}/{name}/{tally.cases - 1}")
                writes.outside.clear()
    finally:
        writes.stop()
    return tally


def _one(name: str, target: Target, key: str, tally: Tally, again: bool = False) -> None:
    began, before = time.monotonic(), target.made
    try:
        with _deadline():
            target.case(random.Random(key))
    except LabrigError:
        tally.refused += 1
    except Hung:
        if not again:  # a busy machine may take so long once
            target.made = before
            _one(name, target, key, tally, again=True)
            return
        tally.hangs += 1
        tally.where.setdefault(f"{name} hangs: {_place()}", key)
    except Exception as error:
        strangers = [each for each in leaves(error) if not isinstance(each, LabrigError)]
        if strangers:
            tally.tracebacks += 1
            tally.where.setdefault(f"{name}: {strangers[0]!r:.200} {_place()}", key)
        else:
            tally.refused += 1
    tally.counts[name] += target.made - before
    tally.slowest_s = max(tally.slowest_s, round(time.monotonic() - began, 2))


def _place() -> str:
    """Where the exception that is being handled was raised."""
    _, _, trace = sys.exc_info()
    frames = [each for each in traceback.extract_tb(trace) if "labrig" in each.filename] or traceback.extract_tb(trace)
    return " < ".join(f"{Path(each.filename).name}:{each.lineno}" for each in frames[:-4:-1])


@contextmanager
def _deadline() -> Iterator[None]:
    def strike(number: int, frame: Any) -> None:
        raise Hung

    before = signal.signal(signal.SIGALRM, strike)
    signal.setitimer(signal.ITIMER_REAL, DEADLINE_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def work_folder() -> Iterator[Path]:
    """A folder for everything, temporary files included; the working directory of this process."""
    here, temporary = Path.cwd(), tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="labrig-fuzz-") as name:
        folder = Path(name).resolve()
        (folder / "tmp").mkdir()
        tempfile.tempdir = str(folder / "tmp")
        os.chdir(folder)
        try:
            yield folder
        finally:
            os.chdir(here)
            tempfile.tempdir = temporary


def main() -> int:
    from crash.fuzz_files import file_targets
    from crash.fuzz_replies import reply_targets

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--replies", type=int, default=20_000)
    parser.add_argument("--files", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="at most so long for each of the two")
    parser.add_argument("--only", help="targets whose name contains this")
    parser.add_argument("--case", help="make one case again, by its key SEED/TARGET/NUMBER, with its traceback")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    _limit_memory()
    good = True
    with work_folder() as folder:
        for name, count, targets in (
            ("replies", arguments.replies, reply_targets()),
            ("files", arguments.files, file_targets(folder)),
        ):
            chosen = {key: each for key, each in targets.items() if (arguments.only or "") in key}
            if arguments.case:
                target = targets.get(arguments.case.split("/")[1])
                if target is not None:
                    target.case(random.Random(arguments.case))
                continue
            if not chosen or not count:
                continue
            began = time.monotonic()
            found = fuzz(chosen, count, arguments.seed, folder, arguments.seconds)
            line = {"what": name, **vars(found), "seconds": round(time.monotonic() - began, 1)}
            print(json.dumps(line) if arguments.json else line, flush=True)
            good = good and found.holds
    return int(not good)


def _limit_memory() -> None:
    """Let what asks for the memory of the whole machine fail by itself."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, resource.RLIM_INFINITY))


if __name__ == "__main__":
    sys.exit(main())
