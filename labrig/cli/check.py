"""check: validate a configuration and report every problem at once."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from labrig.cli.options import add_config, assembled
from labrig.json_text import json_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_config(parser)
    parser.add_argument("--show-resolved", action="store_true", help="print every value with its origin")


def execute(arguments: argparse.Namespace) -> int:
    """Print that the configuration is valid and, with --show-resolved, every value; returns the exit code."""
    from labrig.cli.promises import promise_lines
    from labrig.procedures.promises import not_promised

    assembly = assembled(arguments)
    values = []
    if arguments.show_resolved:
        from labrig.assembly.describe import resolved

        values = resolved(assembly)
    if arguments.json:
        line = {"event": "checked", "config": str(assembly.document.path), "faults": []}
        if assembly.ghost is not None:
            line["ghost"] = asdict(assembly.ghost)
        if assembly.document.warnings:
            line["warnings"] = [warning.to_json() for warning in assembly.document.warnings]
        if limits := not_promised(assembly):
            line["not_promised"] = [asdict(each) for each in limits]
        if arguments.show_resolved:
            line["resolved"] = [value._asdict() for value in values]
        print(json_text(line))
        return 0
    if values:
        from labrig.cli.tables import table

        print(table(("key", "value", "origin"), values))
    print(f"{assembly.document.path}: ok")
    if assembly.choice.target is not None:
        print(f"to test whether any conductances reach task.target: labrig feasible {assembly.document.path}")
    print("".join(f"{line}\n" for line in promise_lines(not_promised(assembly))), end="")
    return 0
