"""drivers: list the installed drivers, their models, and the evidence that each works."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from labrig.json_text import json_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: this command has no arguments of its own."""


def execute(arguments: argparse.Namespace) -> int:
    """Print the drivers; returns the exit code."""
    from labrig.cli.tables import table
    from labrig.instruments.drivers import broken_drivers, installed_drivers

    drivers, broken = installed_drivers(), broken_drivers()
    for place, why in broken.items():
        print(f"labrig: warning: the drivers of {place} cannot be imported: {why}", file=sys.stderr)
    if arguments.json:
        listed = [
            {
                "driver": name,
                "kind": info.kind,
                "models": dict(info.models),
                "virtual": info.virtual.name if info.virtual else None,
                "unverified": [asdict(assumption) for assumption in info.assumptions],
            }
            for name, info in sorted(drivers.items())
        ]
        print(json_text({"event": "drivers", "drivers": listed, "broken": broken}))
        return 0
    rows = [
        (name, info.kind, model, evidence)
        for name, info in sorted(drivers.items())
        for model, evidence in info.models.items()
    ]
    print(table(("driver", "kind", "model", "evidence"), rows))
    print("\nAssumptions that are not verified on hardware yet; please report what you see.")
    for name, info in sorted(drivers.items()):
        for assumption in info.assumptions:
            print(f"\n{name}: {assumption.statement}")
            print(f"  try        {assumption.command}")
            print(f"  holds if   {assumption.holds_if}")
    return 0
