"""export: write a run in the format of another program: NetCDF, HDF5, MATLAB, CSV."""

from __future__ import annotations

import argparse
import sys

from labrig.cli.options import add_run, folder_named
from labrig.files import format_bytes
from labrig.json_text import json_text
from labrig.runs.export import FORMATS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_run(parser)
    kinds = parser.add_mutually_exclusive_group(required=True)
    for kind, words in FORMATS.items():
        kinds.add_argument(f"--{kind}", dest="kind", action="store_const", const=kind, help=words)
    parser.add_argument("--samples", action="store_true", help="write the stored samples as well (storage.raw)")
    parser.add_argument("--out", type=folder_named, metavar="PATH", help="where to write (default: next to the run)")


def execute(arguments: argparse.Namespace) -> int:
    """Write the export and print its path."""
    from labrig.runs.export.exporting import expected_bytes, export
    from labrig.runs.folder import find_run

    folder = find_run(arguments.run, arguments.runs_dir)
    if arguments.samples and (expected := expected_bytes(folder, arguments.kind)):
        most = "about" if arguments.kind == "csv" else "at most"
        print(f"labrig: the samples take {most} {format_bytes(expected)}", file=sys.stderr, flush=True)
    path = export(folder, arguments.kind, arguments.out, samples=arguments.samples)
    line = {"event": "exported", "run": str(folder.path), "format": arguments.kind, "path": str(path)}
    print(json_text(line) if arguments.json else f"written: {path}")
    return 0
