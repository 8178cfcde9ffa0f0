"""program: write the trained conductances of a run to its board or another one, and leave them there."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from labrig.cli.options import add_overrides, add_run, folder_named, overrides, print_warnings
from labrig.json_text import json_text

VERDICT_FAILED = 7


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_run(parser)
    parser.add_argument("--config", type=folder_named, metavar="OTHER", help="another board with the same network")
    add_overrides(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Write the conductances and print the result; returns 7 if a channel holds another value, else 0."""
    from labrig.cli.opened import opened
    from labrig.interrupts import Interrupts
    from labrig.procedures.program import program
    from labrig.procedures.trained_board import trained_board
    from labrig.runs.folder import find_run

    folder = find_run(arguments.run, arguments.runs_dir)
    assembly = trained_board(folder, arguments.config, overrides(arguments))
    print_warnings(assembly, of_run=True)
    with Interrupts(immediate=True) as interrupts, opened(assembly.open_rig(), interrupts) as rig:
        programmers = rig.hookup.programmers
        stay = [name for name in programmers if assembly.devices[name].programmer.stays_connected]
        found = program(rig, assembly.update(rig), stay)
    if assembly.header.bench != "hardware":
        print(
            "labrig: this board exists only while the command runs; use --bench hardware for a real one",
            file=sys.stderr,
        )
    assert assembly.trained is not None, "trained_board sets the run"
    step = assembly.trained.step
    line = {"event": "programmed", "run": str(folder.path), "step": step, "bench": assembly.header.bench, **found}
    print(json_text(line) if arguments.json else _text(line))
    return VERDICT_FAILED if found["differs"] else 0


def _text(line: dict[str, Any]) -> str:
    from labrig.runs.units import counted

    held = f"{counted(line['edges'], 'edge')} {'holds' if line['edges'] == 1 else 'hold'}"
    lines = [f"{held} the conductances of {line['run']} after step {line['step']}"]
    if line["differs"]:
        lines = [f"{len(line['differs'])} of {line['edges']} edges do not hold the value that was written:"]
        lines += [
            f"  {each['edge']}: {each['held_s']:.6g} instead of {each['written_s']:.6g} {line['unit']}"
            for each in line["differs"]
        ]
    elif line["bench"] != "hardware":
        return lines[0]
    elif line["connected"]:
        names = ", ".join(line["connected"])
        lines.append(f"{names} leaves the network connected until labrig opens it again or its supply fails")
    else:
        lines.append("the network was disconnected again, because its programmers cannot stay connected")
    return "\n".join(lines)
