"""feasible: find out whether any conductances in range solve this task, from the exact gradient of the model."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from labrig.cli.options import add_config, assembled, positive
from labrig.cli.run_output import VERDICT_FAILED, emit, wall

if TYPE_CHECKING:
    from labrig.procedures.feasible.search import Feasibility, Start


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_config(parser)
    parser.add_argument(
        "--starts", type=positive, metavar="N", help="starting points to try before the answer is no (default: 20)"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Print yes or no with the evidence; returns 0 for yes, 7 for no."""
    from labrig.interrupts import Interrupts
    from labrig.procedures.feasible.search import STARTS, search

    assembly = assembled(arguments)
    starts = arguments.starts or STARTS

    def report(number: int, start: Start) -> None:
        if not arguments.json:
            print(f"start {number} of {starts}: loss {start.loss:.4g}", file=sys.stderr)

    with Interrupts(immediate=True):
        found = search(assembly, starts, report)
    line = {"event": "feasible", "config": str(assembly.document.path), **found.to_json()}
    emit(arguments, line | wall() if arguments.json else {"event": "feasible", "text": text(found)})
    return 0 if found.feasible else VERDICT_FAILED


def text(found: Feasibility) -> str:
    """Return the answer in words."""
    from labrig.cli.tables import figures

    asked = ", ".join(str(each) for each in found.criteria)
    if not found.criteria[0].configured:
        asked += " (write task.target to ask for something else)"
    if found.feasible:
        first = f"yes: start {len(found.starts)} reached conductances in range with {asked}"
    else:
        sure = (
            f"{found.alike} of {len(found.starts)} starts ended at the same lowest loss; with 95 % confidence, at most "
            f"{100 * found.overlooked:.0f} % of all possible starts lead to a solution"
        )
        first = f"no: none of {len(found.starts)} starts reached {asked}\n  {sure}"
    lines = [first, f"  best: {figures(found.metrics)}"]
    if found.rounded is not None:
        lost = "" if found.survives_rounding or not found.feasible else "; rounding loses the solution"
        lines.append(f"  rounded to realizable levels: {figures(found.rounded)}{lost}")
    return "\n".join([*lines, *(f"  {reason}" for reason in found.reasons)])
