"""safe: switch off the outputs of every instrument in use on this machine; needs no configuration."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from labrig.json_text import json_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labrig.procedures.safe import SafeReport

NOT_REACHED = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="name or address of an instrument (default: all that are in use)"
    )
    parser.add_argument(
        "--forget", action="store_true", help="only delete the record of NAME, which was switched off by hand"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Make the instruments safe and print the result; returns 4 if one is not safe or is still in use, else 0."""
    from labrig.instruments.records import read_all
    from labrig.procedures.safe import forget, make_safe

    if arguments.forget:
        forgotten = [record.name for record in forget(arguments.names)]
        print(json_text({"event": "safe", "forgotten": forgotten}) if arguments.json else f"forgot {_list(forgotten)}")
        return 0
    _, damaged = read_all()
    reports = make_safe(arguments.names)
    if arguments.json:
        line = {"event": "safe", "instruments": [report.to_json() for report in reports], "damaged": damaged}
        print(json_text(line))
    else:
        print("\n".join([*lines(reports), *(f"damaged: {printable(text)}" for text in damaged)]))
    unsafe = any(report.state == "not safe" or report.alive for report in reports)
    return NOT_REACHED if damaged or unsafe else 0


def lines(reports: Sequence[SafeReport]) -> list[str]:
    """Return the reports as text."""
    from labrig.cli.tables import table

    if not reports:
        return ["labrig uses no instrument on this machine"]
    rows = [
        (report.name, report.driver, report.address, "made safe" if report.state == "safe" else report.state)
        for report in reports
    ]
    text = printable(table(("instrument", "driver", "address", "state"), rows)).splitlines()
    for report in reports:
        if report.detail:
            text.append(printable(f"{report.name}: {report.detail} → {report.remedy}"))
    for owner in dict.fromkeys(report.owner for report in reports if report.stopped):
        text.append(printable(f"stopped on request: {owner}"))
    for owner in dict.fromkeys(report.owner for report in reports if not report.alive and not report.stopped):
        text.append(printable(f"left behind by {owner}"))
    for owner, pid in dict.fromkeys((report.owner, report.pid) for report in reports if report.alive):
        text.append(
            printable(f"still in use by {owner}, which was asked to stop and has not stopped yet: labrig abort {pid}")
        )
    return text


def printable(text: str) -> str:
    """Return a text with all control characters except line ends replaced by '?'; another user may have written it."""
    return "".join(character if character.isprintable() or character == "\n" else "?" for character in text)


def _list(names: Sequence[str]) -> str:
    return printable(", ".join(names))
