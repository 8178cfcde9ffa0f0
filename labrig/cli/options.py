"""Options common to several commands, and the assembly built from them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from labrig.cli.completion import completed, configurations, runs

if TYPE_CHECKING:
    from labrig.assembly import Assembly
    from labrig.runs.folder import RunFolder


DEFAULT_RUNS_DIR = Path("runs")


def add_config(
    parser: argparse.ArgumentParser, bench: str | None = None, *, several_seeds: bool = False, runs: bool = False
) -> None:
    """Add CONFIG and the options that override its values.

    A command with a fixed `bench` has no --bench. With `several_seeds`, --seed may be A..B, and its value is always a
    range. With `runs`, CONFIG may also be a run.
    """
    what = "YAML file, or the name of a configuration that comes with labrig"
    more = "; or a run, for its trained conductances" if runs else ""
    config = parser.add_argument("config", type=named, metavar="CONFIG", help=what + more)
    completed(config, configurations)
    add_overrides(parser, bench, several_seeds=several_seeds)


def add_overrides(parser: argparse.ArgumentParser, bench: str | None = None, *, several_seeds: bool = False) -> None:
    """Add the options that override values of a configuration; `bench` and `several_seeds` as in `add_config`."""
    if several_seeds:
        parser.add_argument("--seed", type=seeds, metavar="N | A..B", help="seed of the run; A..B: one run per seed")
    else:
        parser.add_argument("--seed", type=count, metavar="N", help="seed of the run")
    if bench is None:
        benches = ("simulated", "wire", "hardware")
        parser.add_argument("--bench", choices=benches, help="where the instruments come from")
    else:
        parser.set_defaults(bench=bench)
    parser.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE", help="e.g. learning.rate=0.1"
    )


def overrides(arguments: argparse.Namespace) -> list[str]:
    """Return every override of a value in the file as KEY=VALUE, in order."""
    given = list(arguments.overrides)
    if arguments.seed is not None:
        given.append(f"seed={arguments.seed}")
    if arguments.bench is not None:
        given.append(f"bench={arguments.bench}")
    return given


def assembled(arguments: argparse.Namespace, *, warn: bool = True) -> Assembly:
    """Assemble CONFIG with its overrides, and print its warnings on stderr."""
    from labrig.assembly import assemble

    assembly = assemble(Path(arguments.config), overrides(arguments))
    if warn:
        print_warnings(assembly)
    return assembly


def print_warnings(assembly: Assembly, *, of_run: bool = False) -> None:
    """Print the warnings of a configuration on stderr.

    `of_run`: leave out the warnings about the run's own configuration, which were printed when the run began.
    """
    from labrig.runs.folder import CONFIG

    for warning in assembly.document.warnings:
        kept = warning.mark is not None and Path(warning.mark.file).name == CONFIG
        if not (of_run and kept):
            print(f"labrig: warning: {warning}", file=sys.stderr)


def print_damaged_lines(folder: RunFolder) -> None:
    """Print on stderr which notes and certificates of a run are damaged, and therefore not shown."""
    from labrig.runs.integrity import damaged_lines

    for damage in damaged_lines(folder):
        print(f"labrig: warning: {folder.path}: {damage}, and is left out", file=sys.stderr)


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add RUN and --runs-dir."""
    run = parser.add_argument(
        "run", metavar="RUN", type=folder_named, help="folder of a run, or its name in --runs-dir"
    )
    completed(run, runs)
    add_runs_dir(parser)


def add_runs_dir(parser: argparse._ActionsContainer) -> None:
    """Add --runs-dir."""
    parser.add_argument(
        "--runs-dir", type=folder_named, default=DEFAULT_RUNS_DIR, metavar="DIR", help="folder of runs (default: runs)"
    )


def named(text: str) -> str:
    """Return a file or folder name; refuses an empty one."""
    if not text:
        raise argparse.ArgumentTypeError("the name is empty")
    return text


def folder_named(text: str) -> Path:
    """Return a folder name as a path; refuses an empty one."""
    return Path(named(text))


def file_named(text: str) -> Path:
    """Return a file name as a path; refuses an empty one."""
    return Path(named(text))


def count(text: str) -> int:
    """Return a whole number ≥ 0; refuses anything else."""
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number ≥ 0")
    return int(text)


def positive(text: str) -> int:
    """Return a whole number ≥ 1; refuses anything else."""
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number ≥ 1")
    return int(text)


def seeds(text: str) -> range:
    """Return the seeds written as N or A..B (including B); refuses anything else."""
    first, dots, last = text.partition("..")
    found = range(count(first), count(last if dots else first) + 1)
    if not found:
        raise argparse.ArgumentTypeError(f"the range {text!r} is empty; write A..B with A ≤ B")
    return found
