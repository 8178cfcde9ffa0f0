"""init: write a first configuration, a lab's workflow (init ci), or the skeleton of a driver (init driver NAME)."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from labrig.cli.options import file_named, named, positive
from labrig.json_text import json_text

if TYPE_CHECKING:
    from labrig.procedures.init.board import BoardPlan, Learned
    from labrig.procedures.init.instruments import InstrumentPlan

Read = TypeVar("Read")

RIGS = ("layered", "grid", "table", "hardware")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("what", nargs="?", choices=("ci", "driver"), help="what to write instead of a configuration")
    parser.add_argument("name", nargs="?", metavar="NAME", help="name of the driver: FAMILY.MODEL, e.g. acme.gen4")
    parser.add_argument("--out", type=file_named, metavar="FILE", help="file to write (driver: folder); must be new")
    board = parser.add_argument_group("a configuration; without --rig, questions are asked on a terminal")
    board.add_argument(
        "--rig", choices=RIGS, help="layers, a grid, a CSV table of edges, or the instruments that labrig doctor finds"
    )
    board.add_argument("--data", type=file_named, metavar="FILE.csv", help="examples to learn")
    board.add_argument("--label", type=named, metavar="COLUMN", help="column of --data with the class")
    board.add_argument("--targets", type=names, metavar="COLUMN,…", help="columns of --data to learn from the others")
    board.add_argument(
        "--features", type=names, metavar="COLUMN,…", help="columns of --data to learn from (default: all others)"
    )
    board.add_argument("--hidden", type=counts, default=(), metavar="N,…", help="nodes of each hidden layer")
    board.add_argument(
        "--diodes", type=named, default="BAT54", metavar="PART", help="diodes of hidden nodes, or none (default: BAT54)"
    )
    board.add_argument("--size", type=size, default=(5, 5), metavar="RxC", help="size of a grid (default: 5x5)")
    board.add_argument("--outputs", type=names, metavar="NODE,…", help="output nodes (table), or their number (grid)")
    board.add_argument("--inputs", type=names, metavar="NODE,…", help="driven nodes (table)")
    board.add_argument("--edges", type=file_named, metavar="FILE.csv", help="table of edges, with the columns a and b")
    board.add_argument("--part", type=named, default="MCP4251-104", metavar="PART", help="part on every edge")
    board.add_argument("--bits", type=positive, default=16, metavar="N", help="bits of simulated converters (16)")
    ci = parser.add_argument_group("init ci")
    ci.add_argument("--config", type=named, metavar="FILE.yaml", help="the configuration to test")
    ci.add_argument("--runner", type=named, metavar="LABEL", help="label of the self-hosted runner at the rig")
    ci.add_argument("--install", type=named, default="labrig[test]", metavar="WHAT", help="what pip installs")


def execute(arguments: argparse.Namespace) -> int:
    """Write the files, and say what to do next; returns the exit code."""
    from labrig.errors import UsageError

    if arguments.what == "ci":
        return _ci(arguments)
    if arguments.what == "driver":
        return _driver(arguments)
    if arguments.rig is None:
        if not (sys.stdin.isatty() and sys.stdout.isatty()) or arguments.json:
            raise UsageError("init asks questions only on a terminal", remedy=f"give --rig {' or '.join(RIGS)}")
        ask(arguments, input)
    out: Path = arguments.out or Path(f"{arguments.rig}.yaml")
    text = _configuration(arguments, out)
    _write(out, text)
    try:
        _check(out)
        _choose_targets(out, text)
    except BaseException:
        out.unlink()  # a configuration with problems is of no use
        raise
    done = {"event": "written", "files": [str(out)]}
    print(
        json_text(done) if arguments.json else f"{out}: passes labrig check; next: labrig plan {out}, labrig run {out}"
    )
    return 0


def ask(arguments: argparse.Namespace, answer: Callable[[str], str]) -> None:
    """Ask for the arguments of a configuration that no flag gives; an empty answer means the default in brackets."""
    arguments.rig = _asked(answer, f"rig: {', '.join(RIGS)}", "layered", lambda text: _one_of(text, RIGS))
    if arguments.rig == "table":
        question = "CSV file with the columns a and b, and a row for each edge"
        arguments.edges = arguments.edges or _asked(answer, question, "", _existing)
        arguments.inputs = arguments.inputs or _asked(answer, "driven nodes, separated by commas", "", names)
        arguments.outputs = arguments.outputs or _asked(answer, "output nodes, separated by commas", "", names)
    if arguments.rig == "grid":
        arguments.size = _asked(answer, "rows x columns", "5x5", size)
        question = "number of outputs that learn a voltage"
        arguments.outputs = arguments.outputs or _asked(answer, question, "3", names)
    else:
        if arguments.data is None:
            needed = arguments.rig != "table"
            question = "CSV file of examples" + ("" if needed else " (none: constant inputs)")
            arguments.data = _asked(answer, question, "", lambda text: _examples(text) if text or needed else None)
        if arguments.data is not None:
            _ask_columns(arguments, answer)
    if arguments.rig in ("layered", "hardware") and not arguments.hidden:
        arguments.hidden = _asked(answer, "nodes in each hidden layer, separated by commas (none)", "", counts)
    arguments.part = _asked(answer, "part on every edge", arguments.part, _part)
    if arguments.rig != "hardware":
        arguments.bits = _asked(answer, "bits of the converters", "16", positive)
    arguments.out = arguments.out or _asked(answer, "file to write", f"{arguments.rig}.yaml", _new)


def _ask_columns(arguments: argparse.Namespace, answer: Callable[[str], str]) -> None:
    """Ask for the columns of the examples that no flag names."""

    def columns(text: str) -> tuple[str, ...]:
        return tuple(_column(arguments.data, each) for each in names(text))

    if arguments.label is None and arguments.targets is None:
        question = "column of the class (none: learn numbers)"
        arguments.label = _asked(answer, question, "", lambda text: _column(arguments.data, text) if text else None)
    if arguments.label is None and arguments.targets is None:
        arguments.targets = _asked(answer, "columns to learn, separated by commas", "", columns)
    if arguments.features is None:
        question = "columns to learn from, separated by commas (none: all others)"
        arguments.features = _asked(answer, question, "", lambda text: columns(text) if text else None)


def _asked(answer: Callable[[str], str], question: str, default: str, read: Callable[[str], Read]) -> Read:
    """Ask until the answer can be read."""
    while True:
        given = answer(f"{question}{f' [{default}]' if default else ''}: ").strip() or default
        try:
            return read(given)
        except argparse.ArgumentTypeError as error:
            print(f"  {error}")


def _configuration(arguments: argparse.Namespace, out: Path) -> str:
    from labrig.procedures.init.configuration import configuration
    from labrig.procedures.init.instruments import generic, plugged_in

    board, learned = _board(arguments, out)
    sources = board.count("drive") + board.count("error") + 1
    if arguments.rig == "hardware":
        from labrig.procedures.doctor import examine, machine_probes

        findings = examine(machine_probes(Path("runs")))
        instruments: InstrumentPlan = plugged_in(findings, arguments.part, -(-board.edges // 2))
    else:
        instruments = generic(arguments.part, arguments.bits, sources, board.nodes + 1, board.edges)
    return configuration(out.stem, board, learned, instruments)


def _board(arguments: argparse.Namespace, out: Path) -> tuple[BoardPlan, Learned]:
    from labrig.errors import UsageError
    from labrig.procedures.init import board as boards

    if arguments.rig == "grid":
        outputs = arguments.outputs or ("3",)
        if len(outputs) != 1 or not outputs[0].isdigit():
            raise UsageError("for a grid, --outputs is the number of nodes that learn", remedy="write e.g. --outputs 3")
        rows, columns = arguments.size
        return boards.grid(rows, columns, int(outputs[0]))
    if arguments.rig == "table":
        if arguments.edges is None:
            raise UsageError(
                "--rig table needs --edges FILE.csv",
                remedy="give a CSV file with the columns a and b and one row for each edge",
            )
        plan = boards.table(arguments.edges, arguments.inputs or (), arguments.outputs or ())
        if arguments.data is None:
            return plan, boards.constant(plan.count("drive"), plan.count("error"))
        learned = _learned(arguments, out, plan.count("drive"))
        if learned.outputs != plan.count("error"):
            raise UsageError(
                f"the task has {learned.outputs} outputs, but --outputs names {plan.count('error')}",
                remedy="name one node for each class or column that is learnt",
            )
        return plan, learned
    if arguments.data is None:
        raise UsageError(f"--rig {arguments.rig} needs --data FILE.csv and --label COLUMN or --targets COLUMN,…")
    learned = _learned(arguments, out, None)
    return boards.layered(learned, arguments.hidden, arguments.diodes), learned


def _learned(arguments: argparse.Namespace, out: Path, inputs: int | None) -> Learned:
    from labrig.errors import UsageError
    from labrig.procedures.init import board as boards

    if (arguments.label is None) == (arguments.targets is None):
        raise UsageError("--data needs either --label COLUMN, for classes, or --targets COLUMN,…, for numbers")
    file = Path(os.path.relpath(arguments.data.absolute(), out.absolute().parent)).as_posix()
    if arguments.label is not None:
        return boards.classes(arguments.data, file, arguments.label, arguments.features, inputs)
    return boards.numbers(arguments.data, file, arguments.targets, arguments.features, inputs)


def _check(out: Path) -> None:
    """Raise ConfigProblems if the file does not pass `labrig check`; the problems say what to correct."""
    from labrig.assembly import assemble

    assemble(out)


def _choose_targets(out: Path, text: str) -> None:
    """Replace random targets, which hardly any board can reach, by ones that this board can reach."""
    from labrig.assembly import assemble
    from labrig.procedures.init.board import RANDOM_TARGETS
    from labrig.procedures.init.targets import reachable

    if RANDOM_TARGETS in text:
        volts = ", ".join(f"{1e3 * volt:.0f} mV" for volt in reachable(assemble(out)))
        out.write_text(text.replace(RANDOM_TARGETS, f"targets: [{volts}]"), encoding="utf-8")


def _ci(arguments: argparse.Namespace) -> int:
    from labrig.errors import UsageError
    from labrig.procedures.init.workflow import workflow

    if arguments.config is None:
        raise UsageError("init ci needs --config FILE.yaml", remedy="name the configuration of your rig")
    _check(Path(arguments.config))
    out: Path = arguments.out or Path(".github/workflows/rig.yml")
    _write(out, workflow(arguments.config, arguments.runner, arguments.install))
    _say(
        arguments,
        [out],
        "commit this file; with --runner LABEL it also tests the rig every night" * (arguments.runner is None),
    )
    return 0


def _driver(arguments: argparse.Namespace) -> int:
    from labrig.procedures.init.driver import driver_files

    files = driver_files(arguments.name)
    out: Path = arguments.out or Path(arguments.name.replace(".", "-"))
    for name, text in files.items():
        _write(out / name, text)
    _say(arguments, [out / name for name in files], f"next: pip install -e {out} and pytest {out}")
    return 0


def _say(arguments: argparse.Namespace, files: Sequence[Path], more: str) -> None:
    written = list(map(str, files))
    if arguments.json:
        print(json_text({"event": "written", "files": written}))
        return
    print("\n".join([*(f"wrote {name}" for name in written), *([more] if more else [])]))


def _write(path: Path, text: str) -> None:
    """Write a new file. Raises UsageError if there is one already, StorageError if it cannot be written."""
    from labrig.errors import StorageError, UsageError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(f"{path} exists", remedy="choose another --out, or remove that file") from error
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}", remedy="choose another --out") from error


def _existing(text: str) -> Path:
    """Return the name of a file that exists; refuses any other."""
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text!r}" if text else "name a file")
    return Path(text)


def _examples(text: str) -> Path:
    """Return the name of a CSV file that can be read; refuses any other."""
    from labrig.config.csv_table import TableError, read_csv

    path = _existing(text)
    try:
        read_csv(path)
    except (TableError, OSError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return path


def _column(data: Path, name: str) -> str:
    """Return the name of a column of the examples; refuses any other."""
    from labrig.config.csv_table import TableError, read_csv

    try:
        read_csv(data).position(name)
    except (TableError, OSError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return name


def _part(text: str) -> str:
    """Return the name of a part that labrig or an installed package describes; refuses any other."""
    from labrig.extensions import UnknownExtension
    from labrig.instruments.parts import find_part

    try:
        find_part(text)
    except UnknownExtension as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _new(text: str) -> Path:
    """Return the name of a file that does not exist yet; refuses any other."""
    if Path(text).exists():
        raise argparse.ArgumentTypeError(f"{text} exists; choose another name")
    return file_named(text)


def names(text: str) -> tuple[str, ...]:
    """Parse names separated by commas; refuses empty names."""
    found = tuple(part.strip() for part in text.split(","))
    if not all(found):
        raise argparse.ArgumentTypeError(f"{text!r} has an empty name")
    return found


def counts(text: str) -> tuple[int, ...]:
    """Parse counts separated by commas; an empty text gives an empty tuple."""
    return tuple(positive(part.strip()) for part in text.split(",")) if text.strip() else ()


def size(text: str) -> tuple[int, int]:
    """Parse numbers of rows and columns, 'RxC'; refuses numbers below 2."""
    rows, x, columns = text.lower().replace("×", "x").partition("x")
    if not x or positive(rows.strip()) < 2 or positive(columns.strip()) < 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size of at least 2x2; write ROWSxCOLUMNS")
    return positive(rows.strip()), positive(columns.strip())


def _one_of(text: str, choices: Sequence[str]) -> str:
    if text not in choices:
        raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(choices)}")
    return text
