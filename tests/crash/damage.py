"""Flip single bits in the files of a run, and look whether what is read is right or the damage is named.

python tests/crash/damage.py --flips N [--json] [--seed S]: N flips in each file of two runs, one that finished and one
that was killed (so that most of its steps are in the write-ahead log).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from crash.forks import forked, outcome, run_to_the_end

from labrig.errors import LabrigError
from labrig.runs.folder import RunFolder
from labrig.runs.integrity import damages
from labrig.runs.journal import read_journal
from labrig.runs.summary import summarize

OVERRIDES = ("learning.epochs=6", "learning.evaluate.every=2")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flips", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    silent = 0
    for line in flips(arguments.flips, arguments.seed):
        silent += line["read wrong, unsaid"] + line["tracebacks"]
        print(json.dumps(line) if arguments.json else line)
    return int(silent > 0)


def flips(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Count, for each file, what came of its flips."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        for name, run in (
            ("finished", _run(Path(folder) / "finished", None)),
            ("killed", _run(Path(folder) / "killed", 4)),
        ):
            expected = read(run)
            files = sorted(
                path for path in run.iterdir() if path.suffix not in (".lock", ".png") and path.stat().st_size
            )
            for file in (path for path in files if not path.name.endswith("-shm")):
                yield {"run": name, "file": file.name, **_flipped(run, file, expected, count, rng)}


def _run(path: Path, killed_after: int | None) -> Path:
    """A run, killed after so many steps or finished."""

    def stop(what: Any) -> None:
        if killed_after is not None and getattr(what, "index", 0) >= killed_after:
            os.kill(os.getpid(), signal.SIGKILL)

    process, pipe = forked(lambda report: run_to_the_end(path, "xor.yaml", OVERRIDES, stop))
    os.waitpid(process, 0)
    os.close(pipe)
    return path


def read(run: Path) -> Any:
    """All that a journal says."""
    record = read_journal(run / "run.db")
    finished = any(event.event == "finished" for event in record.events)
    return (
        outcome(record)
        if finished
        else [dict(record.steps)["loss"].tobytes(), record.shadow.tobytes(), len(record.step)]
    )


def _flipped(run: Path, file: Path, expected: Any, count: int, rng: random.Random) -> dict[str, int]:
    found = {"named": 0, "read right": 0, "read wrong, unsaid": 0, "tracebacks": 0}
    content = file.read_bytes()
    copy = run.with_name("copy")
    for _ in range(count):
        shutil.copytree(run, copy)
        changed, bit = bytearray(content), rng.randrange(8 * len(content))
        changed[bit // 8] ^= 1 << bit % 8
        (copy / file.name).write_bytes(changed)
        before = {path.name: path.read_bytes() for path in copy.iterdir()}
        try:
            named = damages(RunFolder(copy))
            summarize(RunFolder(copy))
        except LabrigError:
            named = ["refused"]
        except Exception as error:
            print(f"{file.name}, bit {bit}: {type(error).__name__}: {error}", file=sys.stderr)
            found["tracebacks"] += 1
            named = ["traceback"]
        if named:
            found["named"] += 1
        else:
            right = read(copy) == expected
            found["read right" if right else "read wrong, unsaid"] += 1
            if not right:
                print(f"{file.name}, bit {bit} is read wrong", file=sys.stderr)
        assert {name: (copy / name).read_bytes() for name in before} == before, "reading changed a file"
        shutil.rmtree(copy)
    return found


if __name__ == "__main__":
    sys.exit(main())
