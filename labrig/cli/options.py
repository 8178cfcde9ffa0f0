"""Options that several commands share, and the assembly they lead to."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labrig.assembly import Assembly


def add_config(parser: argparse.ArgumentParser, bench: str | None = None) -> None:
    """CONFIG and what changes it. bench: the only one that the command is about."""
    parser.add_argument(
        "config", type=named, metavar="CONFIG", help="YAML file, or the name of one that comes with labrig"
    )
    parser.add_argument("--seed", type=_seed, metavar="N", help="the run's seed")
    if bench is None:
        benches = ("simulated", "wire", "hardware")
        parser.add_argument("--bench", choices=benches, help="where the instruments come from")
    else:
        parser.set_defaults(bench=bench)
    parser.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE", help="e.g. learning.rate=0.1"
    )


def overrides(arguments: argparse.Namespace) -> list[str]:
    """Everything that replaces a value of the file, in order."""
    given = list(arguments.overrides)
    if arguments.seed is not None:
        given.append(f"seed={arguments.seed}")
    if arguments.bench is not None:
        given.append(f"bench={arguments.bench}")
    return given


def assembled(arguments: argparse.Namespace) -> Assembly:
    """The assembly of CONFIG with its overrides."""
    from labrig.assembly import assemble

    return assemble(Path(arguments.config), overrides(arguments))


def add_runs_dir(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--runs-dir", type=folder_named, default=Path("runs"), metavar="DIR", help="folder of runs (default: runs)"
    )


def named(text: str) -> str:
    """The name of a file or folder, which is not empty."""
    if not text:
        raise argparse.ArgumentTypeError("the name is empty")
    return text


def folder_named(text: str) -> Path:
    return Path(named(text))


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number ≥ 0")
    return int(text)
