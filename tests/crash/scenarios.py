"""Random fault scenarios: one to three faults at a time, with random policies, on the simulated bench or over the wire.

python tests/crash/scenarios.py --scenarios N [--bench simulated|wire] [--seed S] [--json]

Every run must recover or stop safe with a named error, and every step that it recorded must follow from its samples.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from labrig.assembly import assemble
from labrig.errors import LabrigError, leaves
from labrig.procedures.replay import replay
from labrig.procedures.train import train
from labrig.runs.folder import RunFolder
from labrig.runs.journal import read_journal
from labrig.simulation.bench import SimulatedBench

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
LONGEST_S = {"simulated": 60.0, "wire": 120.0}
"""A run that takes longer hangs."""
KINDS = {
    "simulated": {
        "awg": ("disconnect", "silent"),
        "daq": ("disconnect", "silent", "over_range"),
        "pots": ("disconnect", "silent", "reset"),
    },
    "wire": {
        "awg": ("silent",),
        "daq": ("disconnect", "silent", "over_range", "late_replies"),
        "err1": ("disconnect", "silent", "reset", "late_replies"),
        "err2": ("disconnect", "silent", "reset", "late_replies"),
        "pots": ("disconnect", "silent", "reset", "dropped_bytes", "corrupt_bytes", "late_bytes", "nak"),
    },
}
"""Faults that each instrument may have, by bench."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenarios", type=int, default=20)
    parser.add_argument("--bench", choices=list(KINDS), default="simulated")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = scenarios(arguments.scenarios, arguments.bench, arguments.seed)
    print(json.dumps(found) if arguments.json else "\n".join(f"{key:<28} {value}" for key, value in found.items()))
    return int(any(found[key] for key in BAD))


BAD = ("unnamed errors", "outputs left on", "hangs", "wrong steps")


def scenarios(count: int, bench: str, seed: int) -> dict[str, Any]:
    """Count how so many scenarios ended."""
    rng, ends = random.Random(f"{bench} {seed}"), Counter[str]()
    found = dict.fromkeys(BAD, 0)
    for _ in range(count):
        overrides = _drawn(rng, bench)
        with tempfile.TemporaryDirectory() as folder:
            _one(Path(folder) / "run", bench, overrides, found, ends)
    return {"scenarios": count, **found, "ends": dict(ends.most_common())}


def _drawn(rng: random.Random, bench: str) -> list[str]:
    faults = [_fault(rng, bench) for _ in range(rng.randint(1, 3))]
    policies = [
        f"faults.overrange={rng.choice(['stop', 'retry', 'skip'])}",
        f"faults.sync={rng.choice(['stop', 'retry', 'skip'])}",
        f"faults.channel={rng.choice(['stop', 'mask'])}",
    ]
    return [f"simulation.faults=[{', '.join(faults)}]", *policies, "storage.raw=true", "learning.epochs=2"]


def _fault(rng: random.Random, bench: str) -> str:
    device = rng.choice(list(KINDS[bench]))
    what = rng.choice(KINDS[bench][device])
    keys = {"what": what, "where": device, "acquisition": rng.randint(1, 24)}
    if what == "over_range":
        keys["where"] = f"daq/{'ai' if bench == 'wire' else ''}{rng.randrange(9)}"
        keys["for"] = rng.choice(["1", "2", "9", "40 ms"])
    elif what == "late_replies":
        keys |= {"by": f"{rng.choice([5, 40, 400])} ms", "for": rng.choice(["3", "200 ms"])}
    elif what == "late_bytes":
        keys |= {"by": f"{rng.choice([5, 40, 400])} ms", "for": str(rng.randint(1, 4))}
    elif what != "reset" and rng.random() < 0.6:
        keys["for"] = rng.choice(["1", "3", "100 ms"]) if what.endswith("bytes") or what == "nak" else "100 ms"
    return "{" + ", ".join(f"{key}: {value}" for key, value in keys.items()) + "}"


def _one(path: Path, bench: str, overrides: list[str], found: dict[str, int], ends: Counter[str]) -> None:
    benches: list[SimulatedBench] = []
    construct = SimulatedBench.__init__

    def keep(self: SimulatedBench, *arguments: Any, **more: Any) -> None:
        construct(self, *arguments, **more)
        benches.append(self)

    began, cut = time.monotonic(), False
    config = "xor.yaml" if bench == "simulated" else "xor_wire.yaml"
    with patch.object(SimulatedBench, "__init__", keep):
        try:
            result = train(assemble(CONFIGS / config, overrides), run_dir=path, plots=False)
            ends[result.state] += 1
        except (LabrigError, ExceptionGroup) as error:
            for each in leaves(error):
                if not isinstance(each, LabrigError) or not each.message:
                    found["unnamed errors"] += 1
                    print(f"{overrides}: {each!r}", file=sys.stderr)
            first = leaves(error)[0]
            ends[type(first).__name__] += 1
            cut = any(isinstance(each, LabrigError) and "made safe" in str(each) for each in leaves(error))
        except Exception as error:
            found["unnamed errors"] += 1
            print(f"{overrides}: {error!r}", file=sys.stderr)
    if time.monotonic() - began > LONGEST_S[bench]:
        found["hangs"] += 1
    for each in benches:
        playing = [channel for channel, program in each.world.playing(math.inf).items() if program is not None]
        if playing and not cut:  # one that is cut off for good is named instead
            found["outputs left on"] += 1
            print(f"{overrides}: {playing}", file=sys.stderr)
    _check_steps(path, overrides, found)


def _check_steps(path: Path, overrides: list[str], found: dict[str, int]) -> None:
    """Every step that was recorded follows from the samples."""
    if not (path / "meta.json").is_file() or not len(read_journal(path / "run.db").step):
        return
    replayed = replay(RunFolder(path))
    if replayed.differs or replayed.steps != len(read_journal(path / "run.db").step):
        found["wrong steps"] += 1
        print(f"{overrides}: {replayed}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
