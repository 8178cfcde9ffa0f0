"""Outputs are off within a second of any sudden end of a run: python tests/crash/signals.py --kills N --json

Every trial runs `labrig run` with `bench: hardware` on virtual instruments that another process serves, lets it play
for a random time, and ends it by one of WAYS. The simulated board says when the last output went off.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from crash.world import program, served_world, wait_until_playing

from labrig.assembly import packaged_configs

CONFIG = str(packaged_configs() / "iris_wire.yaml")
WITHIN_S = 1.0
WAIT_S = 10.0
NOT_FATAL = {"SIGCHLD", "SIGCLD", "SIGCONT", "SIGURG", "SIGWINCH", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU"}
HANDLED_BY_PYTHON = {"SIGPIPE", "SIGXFSZ"}
"""Signals that Python ignores."""

Strike = Callable[[subprocess.Popen[bytes]], None]


def fatal_signals() -> list[str]:
    """Names of all signals that end a Python process."""
    names = [name for name in dir(signal) if name.startswith("SIG") and not name.startswith("SIG_")]
    return sorted(set(names) - NOT_FATAL - HANDLED_BY_PYTHON - {"SIGIOT", "SIGPOLL"})


def sending(name: str) -> Strike:
    """Send a signal."""
    return lambda process: process.send_signal(getattr(signal, name))


def out_of_memory(process: subprocess.Popen[bytes]) -> None:
    """Allow no more memory; a process that goes on with what it has is killed after a while."""
    resource.prlimit(process.pid, resource.RLIMIT_AS, (1 << 20, 1 << 20))
    ends = time.monotonic() + 5.0
    while process.poll() is None and time.monotonic() < ends:
        time.sleep(1e-3)
    process.kill()


def out_of_handles(process: subprocess.Popen[bytes]) -> None:
    """Allow no more open files; likewise."""
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (3, 3))
    time.sleep(random.uniform(0.0, 1.0))
    process.kill()


def with_its_group(process: subprocess.Popen[bytes]) -> None:
    """Kill every process of its group."""
    os.killpg(process.pid, signal.SIGKILL)


WAYS: dict[str, Strike] = {
    **{name: sending(name) for name in fatal_signals()},
    "out of memory": out_of_memory,
    "out of handles": out_of_handles,
    "killed with its group": with_its_group,
}


def trial(way: str, draw: random.Random, folder: Path) -> dict[str, object]:
    """End one run; how long its outputs stayed on."""
    with served_world(CONFIG) as world:
        words = ["run", CONFIG, "--no-plots", "--run-dir", str(folder / "run"), *world.overrides()]
        words += ["--set", "learning.epochs=1000"]
        with program(folder, words, process_group=0) as process:
            wait_until_playing(world, process)
            time.sleep(draw.uniform(0.0, 2.0))
            were_on = len(world.on())
            struck_s = time.monotonic()
            WAYS[way](process)
            if way.startswith("out of"):  # until it notices, it is an ordinary run
                struck_s = time.monotonic()
            off_s = world.off_after(struck_s, WAIT_S)
    return {"way": way, "were_on": were_on, "off_after_s": round(off_s, 3), "ok": off_s <= WITHIN_S}


def main() -> int:
    """Make the trials; returns 0 if all outputs were off in time."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=len(WAYS), metavar="N", help="number of trials")
    parser.add_argument("--way", choices=list(WAYS), help="only this way")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one JSON line per trial, then the sum")
    arguments = parser.parse_args()
    ways = [arguments.way] if arguments.way else list(WAYS)
    draw = random.Random(arguments.seed)
    results = []
    for number in range(arguments.kills):
        with tempfile.TemporaryDirectory(prefix="labrig-signals-") as folder:
            results.append(trial(ways[number % len(ways)], draw, Path(folder)))
        print(json.dumps(results[-1]) if arguments.json else results[-1], flush=True)
    good = sum(bool(result["ok"]) for result in results)
    worst = max(float(str(result["off_after_s"])) for result in results)
    line = {"kills": len(results), "off_in_time": good, "worst_s": worst}
    print(json.dumps(line) if arguments.json else line)
    return 0 if good == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
