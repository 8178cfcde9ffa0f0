"""The text of a first configuration."""

from __future__ import annotations

from collections.abc import Sequence

from labrig.config.wiring import in_words
from labrig.errors import UsageError
from labrig.procedures.init.board import BoardPlan, Learned
from labrig.procedures.init.instruments import DRIVE_OHM, InstrumentPlan
from labrig.quantities import format_quantity


def configuration(name: str, board: BoardPlan, learned: Learned, instruments: InstrumentPlan) -> str:
    """Return a commented configuration that passes `labrig check`.

    Parameters
    ----------
    name : str
        Name of the configuration.
    board, learned, instruments
        The board and instruments on the bench, and what the board learns.

    Raises
    ------
    UsageError
        If the instruments have too few channels for the board.
    """
    driven, outputs = board.count("drive"), board.count("error")
    _require("outputs", len(instruments.source), driven + outputs + 1, "inputs, error sources and the pilot")
    _require("inputs", len(instruments.digitizer), board.nodes + 1, "nodes and the pilot")
    _require("rheostats", len(instruments.programmer), board.edges, "edges")
    low, high = (format_quantity(value, "conductance") for value in (instruments.low_s, instruments.high_s))
    error_ohm = format_quantity(float(f"{1 / instruments.low_s:.1g}"), "resistance")
    temperature = ("  temperature: auto",) if learned.loss == "softmax_cross_entropy" else ()
    simulated, rate = instruments.bench == "simulated", instruments.sample_rate
    lines = [
        f"# {name}: {board.words}; learns {learned.words}. Written by labrig init.",
        f"# Next: labrig plan {name}.yaml, labrig plan {name}.yaml --wiring, labrig run {name}.yaml",
        "# All keys: configs/README.md, or labrig schema --keys",
        "version: 1",
        f"name: {name}",
        "seed: 0                # seeds everything random",
        f"bench: {instruments.bench}"
        + ("       # hardware: the same on real instruments, with their drivers below" * simulated),
        "network:",
        *(f"  {line}" for line in board.network),
        f"  programmable: {{edges: all, range: [{low}, {high}]}}   # edges begin in its middle 60 %",
        "task:",
        *(f"  {line}" for line in learned.task),
        "learning:",
        "  rule: frequency_propagation",
        "  activation: dc",
        "  error: {current: auto}   # auto: chosen from the first gradients, printed and kept with the run",
        f"  loss: {learned.loss}",
        *temperature,
        "  rate: auto",
        "  batch: 1",
        f"  epochs: {learned.epochs}",
        f"  evaluate: {{every: {max(1, learned.epochs // 4)}}}",
        "instruments:",
        *(f"  {line}" for line in instruments.entries),
        "wiring:                # a row for each node; the same number of channels on the right as nodes on the left",
        *(f"  {line}" for line in _wiring(board, instruments, error_ohm)),
        "acquisition:",
        f"  {{sample_rate: {rate}, window: 20 ms, settle: auto, tones: auto, band: [200 Hz, 2 kHz]}}",
        *instruments.sections,
    ]
    return "\n".join(lines) + "\n"


def _require(what: str, there: int, needed: int, words: str) -> None:
    if there < needed:
        raise UsageError(
            f"the instruments have {there} {what}, but {needed} are needed for {words}", remedy="plan a smaller board"
        )


def _wiring(board: BoardPlan, instruments: InstrumentPlan, error_ohm: str) -> list[str]:
    source, digitizer = list(instruments.source), list(instruments.digitizer)
    through = f", through: {format_quantity(DRIVE_OHM, 'resistance')}" if instruments.through else ""
    rows: list[str] = []
    for group in board.groups:
        role, _, pattern = group.role.partition(" on a ")
        parts = []
        if role == "drive":
            parts.append(f"drive: {_taken(source, group.count)}{through}")
        elif role == "error":
            parts.append(f"error: {_taken(source, group.count)}, through: {error_ohm}")
        row, _, place = group.row.partition("|")
        sensed = "" if pattern else _taken(digitizer, group.count)
        if place:
            rows.append(f"{row}: " + (f"daq/{{{place}}}" if instruments.bench == "simulated" else sensed))
            continue
        parts += [f"sense: {sensed}"] if sensed else []
        rows.append(f"{row}: {{{', '.join(parts)}}}")
    rows.append(
        f"pilot: {{drive: {_taken(source, 1)}, sense: {_taken(digitizer, 1)}}}   # all phases are relative to it"
    )
    rows.append(
        f"edges: {_listed(instruments.programmer[: board.edges])}   # in the order of the edges: labrig plan --wiring"
    )
    return rows


def _taken(channels: list[str], count: int) -> str:
    """Remove channels from the front of a list, and return them as written in the wiring."""
    taken, channels[:] = channels[:count], channels[count:]
    return _listed(taken)


def _listed(channels: Sequence[str]) -> str:
    runs = in_words(channels).split(", ") if channels else []
    ranges = []
    for run in runs:
        first, to, last = run.partition(" to ")
        ranges.append(f"{first}..{last.rpartition('/')[2]}" if to else first)
    return ranges[0] if len(ranges) == 1 else f"[{', '.join(ranges)}]"
