"""show: print the summary of a run from its folder; --plot draws its PNGs, --netlist prints its board for SPICE."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from labrig.cli.options import add_run, count, folder_named, print_damaged_lines
from labrig.errors import UsageError
from labrig.json_text import json_text

if TYPE_CHECKING:
    from labrig.runs.folder import RunFolder

BEFORE = "measured before training"
CONTINUE = {
    "interrupted": "continue with",
    "killed": "continue with",
    "failed": "after correcting the cause, continue with",
}
"""Words before the command that continues a run, by the state of the run."""
PICTURES_LEFT_OUT = 6
"""Exit code if --plot could not draw or write a picture. The summary of the run is printed anyway."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_run(parser)
    parser.add_argument("--plot", action="store_true", help="draw the PNGs again")
    parser.add_argument("--out", type=folder_named, metavar="DIR", help="write the PNGs there; implies --plot")
    parser.add_argument("--netlist", action="store_true", help="print the board as a SPICE netlist instead")
    parser.add_argument("--step", type=count, metavar="N", help="with --netlist: the board after step N")


def execute(arguments: argparse.Namespace) -> int:
    """Print the summary of a run; returns 6 if a picture failed, else 0."""
    from dataclasses import asdict

    from labrig.runs.column_errors import column_errors
    from labrig.runs.confusion import confusions
    from labrig.runs.folder import find_run
    from labrig.runs.journal import read_journal
    from labrig.runs.summary import summarize
    from labrig.runs.writings import pulses_in_short

    folder = find_run(arguments.run, arguments.runs_dir)
    if arguments.netlist or arguments.step is not None:
        return _netlist(folder, arguments)
    summary = summarize(folder)
    print_damaged_lines(folder)
    record = read_journal(folder.journal)  # the summary does not read every row, but a damaged row is to be reported
    meta: dict[str, Any] = {"card": {}} if summary["name"] is None else folder.meta()
    summary["card"] = meta["card"]
    summary["terminals"] = [asdict(terminal) for terminal in record.terminals]
    found = confusions(record, meta.get("classes"), meta.get("readout"))
    summary["written_by_pulses"] = pulses_in_short(record.writings)
    summary["confusion"] = [each.to_json() for each in found]
    summary["columns"] = [each.to_json() for each in column_errors(record)]
    left_out = {}
    if arguments.plot or arguments.out is not None:
        summary["plots"] = []
        if summary["name"] is not None:
            from labrig.runs.plots import write_plots

            plots = write_plots(folder, into=arguments.out)
            left_out = plots.left_out
            summary["plots"] = [str(path) for path in plots.paths]
    print(json_text({"event": "run", **summary}) if arguments.json else _text(summary, not left_out))
    if left_out:
        from labrig.runs.plots import reasons

        print(f"labrig: pictures not drawn: {reasons(left_out)}", file=sys.stderr)
        return PICTURES_LEFT_OUT
    return 0


def _netlist(folder: RunFolder, arguments: argparse.Namespace) -> int:
    from labrig.procedures.board_netlist import board_netlist

    if not arguments.netlist or arguments.plot or arguments.out is not None:
        raise UsageError(
            "--step needs --netlist, and --netlist cannot be combined with --plot or --out", remedy="leave one out"
        )
    text = board_netlist(folder, arguments.step)
    line = {"event": "netlist", "run": str(folder.path), "netlist": text}
    print(json_text(line) if arguments.json else text, end="\n" if arguments.json else "")
    return 0


def _text(summary: dict[str, Any], drawn: bool) -> str:
    from labrig.cli.tables import confusion_table
    from labrig.runs.summary import event_text, state_text

    lines = [f"{summary['run']}: {state_text({**summary, 'reason': ''})}"]
    if summary["reason"]:
        lines.append(f"  {summary['reason']}")
    lines += [f"  {event_text(event)}" for event in summary["events"]]
    lines += [f"  note: {' '.join((note['text'], *(f'#{tag}' for tag in note['tags'])))}" for note in summary["notes"]]
    if summary["card"].get("measurement"):
        lines.append(f"  gradients: {summary['card']['measurement']}")
    measured = "measured"
    if summary["measured_after"] != summary["steps"]:
        measured = f"measured after step {summary['measured_after']}" if summary["measured_after"] else BEFORE
    judged = summary["judge"]
    if summary["score_differs"]:
        lines.append(f"  the score differs: {judged['message']}")
    of_judge = {} if judged is None else {f"judged by {judged['by']}": judged["metrics"]}
    for title, values in {measured: summary["metrics"], **of_judge}.items():
        lines += _rows(title, values)
    lines += _rows("cells written by pulses", summary["written_by_pulses"])
    for confusion in summary["confusion"]:
        lines += [f" confusion matrix, {confusion['part']}", *map("  {}".format, confusion_table(confusion))]
    lines += _rows("error of each column, rms", {each["column"]: _of_parts(each) for each in summary["columns"]})
    lines += _rows("inputs and outputs", {terminal["node"]: terminal["text"] for terminal in summary["terminals"]})
    lines += _rows("comparability card", summary["card"])
    if drawn and summary.get("plots") == []:
        lines.append(" nothing to plot: the run has no steps")
    lines += [f"  {path}" for path in summary.get("plots", ())]
    if (more := CONTINUE.get(summary["state"])) and summary["name"] is not None:
        lines.append(f" {more}: labrig resume {summary['run']}")
    return "\n".join(lines)


def _of_parts(error: dict[str, Any]) -> str:
    known = ((part, error[part]) for part in ("train", "test") if error[part] is not None)
    return ", ".join(f"{part} {value:.4g}" for part, value in known)


def _rows(title: str, values: dict[str, Any]) -> list[str]:
    """Return a title and a line for each value; no lines if there are no values."""
    from labrig.cli.tables import readable

    rows = readable(values)
    width = max((len(name) for name, _ in rows), default=0)
    return [f" {title}", *(f"  {name:<{width}}  {value}" for name, value in rows)] if rows else []
