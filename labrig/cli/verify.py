"""verify: check that a run's folder is not damaged; --replay repeats learning from the samples and compares results."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from labrig.cli.options import add_run
from labrig.json_text import json_text

if TYPE_CHECKING:
    from labrig.runs.folder import RunFolder

VERDICT_FAILED = 7
DAMAGED = 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_run(parser)
    parser.add_argument(
        "--replay", action="store_true", help="also repeat demodulation and learning from the stored samples"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Print damage and differences; returns 0, 6 if the run is damaged, or 7 if the replay differs."""
    from labrig.runs.folder import find_run
    from labrig.runs.integrity import damages

    folder = find_run(arguments.run, arguments.runs_dir)
    damaged = damages(folder, samples=True)
    line: dict[str, Any] = {"event": "verified", "run": str(folder.path), "damaged": damaged}
    code = DAMAGED if damaged else 0
    if arguments.replay and not damaged:
        line["replay"] = _replayed(folder)
        code = VERDICT_FAILED if line["replay"]["differs"] else 0
    print(json_text(line) if arguments.json else _text(line))
    return code


def _replayed(folder: RunFolder) -> dict[str, Any]:
    import time
    from dataclasses import asdict

    from labrig.procedures.replay import replay

    began = time.monotonic()
    return {**asdict(replay(folder)), "wall_s": round(time.monotonic() - began, 3)}


def _text(line: dict[str, Any]) -> str:
    if line["damaged"]:
        return "\n".join([f"{line['run']} is damaged:", *(f"  {each}" for each in line["damaged"])])
    lines = [f"{line['run']}: every row and every file is unchanged"]
    if "replay" in line:
        from labrig.runs.units import counted

        found = line["replay"]
        steps, evaluations = counted(found["steps"], "step"), counted(found["evaluations"], "evaluation")
        same = f"{steps} and {evaluations} are the same, bit by bit"
        lines.append(f"  replayed in {found['wall_s']:.1f} s: {same}")
        if found["differs"]:
            lines.append(f"  the first difference is in {found['differs']}")
    return "\n".join(lines)
