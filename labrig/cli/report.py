"""report: write a run as one HTML page with its figures, to read, to print, or to use in a paper."""

from __future__ import annotations

import argparse
import sys

from labrig.cli.options import add_run, file_named, folder_named
from labrig.json_text import json_text

INCOMPLETE = 6
"""Exit code if a part could not be made, or a part of the run could not be read. The page is written anyway."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_run(parser)
    parser.add_argument("--out", type=file_named, metavar="FILE", help="the page (default: report.html in RUN)")
    parser.add_argument("--figures", type=folder_named, metavar="DIR", help="also write every figure as SVG and PDF")


def execute(arguments: argparse.Namespace) -> int:
    """Write the report and print its path; returns 6 if the run is damaged or a figure is missing, else 0."""
    from labrig.runs.folder import find_run
    from labrig.runs.report.page import write_report

    folder = find_run(arguments.run, arguments.runs_dir)
    report = write_report(folder, arguments.out, arguments.figures)
    if arguments.json:
        line = {
            "event": "report", "run": str(folder.path), "path": str(report.path),
            "figures": [str(path) for path in report.figures], "left_out": report.left_out,
            "damage": list(report.damage),
        }  # fmt: skip
        print(json_text(line))
    else:
        print(f"written: {report.path}")
        if report.figures:
            print(f"written: {len(report.figures)} figures in {arguments.figures}")
    for each in (*report.damage, *(f"{name}: {why}" for name, why in report.left_out.items())):
        print(f"labrig: {each}", file=sys.stderr)
    return INCOMPLETE if report.damage or report.left_out else 0
