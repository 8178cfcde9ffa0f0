"""selftest: find wrong wires and parts of a board from its readings."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from labrig.cli.options import add_config, assembled
from labrig.json_text import json_text

if TYPE_CHECKING:
    from labrig.assembly.wired import Miswiring
    from labrig.procedures.selftest import Finding, SelfTest

WRONG = 7


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_config(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print the faults; returns 0 if there are none, else 7."""
    from labrig.cli.opened import opened
    from labrig.interrupts import Interrupts
    from labrig.procedures.selftest import selftest

    assembly = assembled(arguments)
    with Interrupts(immediate=True) as interrupts, opened(assembly.open_rig(), interrupts) as rig:
        found = selftest(assembly, rig)
    print(json_text(_record(found)) if arguments.json else _text(found))
    return 0 if found.verdict == "healthy" else WRONG


def _record(found: SelfTest) -> dict[str, Any]:
    return {
        "event": "selftest",
        "verdict": found.verdict,
        "faults": [
            {**_plain(each.fault), "remedy": each.remedy, "alike": [_plain(other) for other in each.alike]}
            for each in found.findings
        ],
        "misfit": found.misfit,
        "left": found.left,
        "worst": [{"node": node, "residual": size} for node, size in found.worst],
        "acquisitions": found.acquisitions,
    }


def _plain(fault: Miswiring) -> dict[str, Any]:
    return {"kind": fault.key, "at": list(fault.names)}


def _text(found: SelfTest) -> str:
    made = f"{found.acquisitions} acquisitions"
    if found.verdict == "healthy":
        return f"healthy: the board answers as configured ({made}, misfit {found.misfit:.2g})"
    if found.verdict == "unexplained":
        nodes = ", ".join(node for node, _ in found.worst)
        return (
            f"WRONG: the board does not answer as configured, and no known fault explains this ({made})\n"
            f"  largest deviations at {nodes}; compare the cables with labrig plan --wiring"
        )
    lines = [f"WRONG: {len(found.findings)} fault{'s' if len(found.findings) > 1 else ''} found ({made})"]
    return "\n".join([*lines, *(line for each in found.findings for line in _lines(each))])


def _lines(finding: Finding) -> list[str]:
    lines = [f"  {finding.fault!r}", f"    {finding.remedy}"]
    if finding.alike:
        lines.append(f"    these readings cannot distinguish it from: {'; '.join(map(repr, finding.alike))}")
    return lines
