"""simulate: solve a SPICE netlist, and write its node voltages."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from labrig.cli.options import file_named
from labrig.json_text import json_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("netlist", type=file_named, metavar="FILE.cir", help="netlist with a .tran or else an .op line")
    parser.add_argument("--out", type=file_named, metavar="FILE.npz", help="write `time` and `v(NODE)` there")
    parser.add_argument("--at", type=file_named, metavar="TIMES.npy", help="times (s) to use instead of those of .tran")


def execute(arguments: argparse.Namespace) -> int:
    """Print the voltages at the last time, and write those at all times."""
    from labrig.interrupts import Interrupts
    from labrig.procedures.simulate import read_times, simulate

    times = None if arguments.at is None else read_times(arguments.at)
    with Interrupts(immediate=True):
        found = simulate(arguments.netlist, times)
    if arguments.out is not None:
        found.write(arguments.out)
    for note in found.notes:
        print(f"labrig: {note}", file=sys.stderr)
    last = dict(zip(found.nodes, found.voltages[-1].tolist(), strict=True))
    line = {"event": "simulated", "netlist": str(arguments.netlist), "analysis": found.analysis}
    line |= {"times": len(found.time), "last_s": float(found.time[-1]), "voltages_v": last, "notes": found.notes}
    out = None if arguments.out is None else str(arguments.out)
    print(json_text(line | {"path": out}) if arguments.json else _text(line, out))
    return 0


def _text(line: dict[str, Any], out: str | None) -> str:
    from labrig.cli.tables import table
    from labrig.quantities import format_quantity

    when = "operating point"
    if line["analysis"] == "tran":
        when = f"{line['times']} times, the last at {format_quantity(line['last_s'], 'time')}"
    rows = [[f"v({node})", f"{volts:.9g} V"] for node, volts in line["voltages_v"].items()]
    shown = rows if len(rows) <= 20 else rows[:20]
    lines = [f"{line['netlist']}: {when}", table(["node", "voltage"], shown)]
    if len(rows) > len(shown):
        lines.append(f"and {len(rows) - len(shown)} more nodes")
    if out is not None:
        lines.append(f"written: {out}")
    return "\n".join(lines)
