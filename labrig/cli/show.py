"""show: what a run did, from its folder; with --plot its PNGs."""

from __future__ import annotations

import argparse
import json

from labrig.cli.options import folder_named


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", type=folder_named, help="folder of a run")
    parser.add_argument("--plot", action="store_true", help="write the PNGs again")


def execute(arguments: argparse.Namespace) -> int:
    from labrig.runs.folder import RunFolder
    from labrig.runs.summary import summarize

    folder = RunFolder(arguments.run)
    summary = summarize(folder)
    if arguments.plot:
        from labrig.cli.plots import write_plots

        summary["plots"] = [str(path) for path in write_plots(folder)[0]]
    if arguments.json:
        print(json.dumps({"event": "run", **summary}))
        return 0
    print(f"{summary['run']}: {summary['state']} after {summary['steps']} steps")
    if summary["reason"]:
        print(f"  {summary['reason']}")
    for title, values in (("measured", summary["metrics"]), ("comparability card", folder.meta()["card"])):
        print(f" {title}")
        for name, value in values.items():
            print(f"  {name:<22} {format(value, '.6g') if isinstance(value, float) else value}")
    for path in summary.get("plots", ()):
        print(f"  {path}")
    return 0
