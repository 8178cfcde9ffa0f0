"""plan: show what a run will do, how much it stores and how long it takes, without writing files or using hardware."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from labrig.cli.budget import print_budget
from labrig.cli.options import add_config, add_runs_dir, assembled, folder_named
from labrig.json_text import json_text

if TYPE_CHECKING:
    from labrig.assembly import Assembly
    from labrig.errors import LimitExceeded
    from labrig.procedures.plan import Plan
    from labrig.procedures.wiring_sheet import Connection, WiringSheet

MOST_TERMINALS = 24
"""Largest number of inputs, and of outputs, that the plan lists."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_config(parser)
    parser.add_argument("--wiring", action="store_true", help="instead, print the connections to solder")
    parser.add_argument("--budget", action="store_true", help="instead, print what limits the gradient of every edge")
    parser.add_argument(
        "--run", type=folder_named, metavar="RUN", help="the budget, with what this run of CONFIG measured beside it"
    )
    add_runs_dir(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print the plan, the noise budget or the wiring sheet; returns the exit code."""
    from dataclasses import asdict

    from labrig.assembly.terminals import terminals
    from labrig.cli.opened import opened
    from labrig.cli.promises import promise_lines
    from labrig.errors import LimitExceeded
    from labrig.interrupts import Interrupts
    from labrig.procedures.plan import plan_run
    from labrig.procedures.promises import not_promised

    assembly = assembled(arguments)
    if arguments.budget or arguments.run is not None:
        return print_budget(assembly, arguments)
    if arguments.wiring:
        return _print_wiring(assembly, arguments.json)
    limits = not_promised(assembly)
    virtual = assembly.header.bench == "hardware"
    if virtual:
        served = all(device.driver.virtual for device in assembly.devices.values())
        arguments.bench = "wire" if served else "simulated"
        assembly = assembled(arguments, warn=False)
    try:
        with Interrupts(immediate=True) as interrupts, opened(assembly.open_rig(), interrupts) as rig:
            plan = plan_run(assembly, rig)
    except LimitExceeded as error:
        _report_at_limit(assembly, error)
        raise
    if arguments.json:
        ghost = {} if assembly.ghost is None else {"ghost": asdict(assembly.ghost)}
        line = {"event": "plan", "config": str(assembly.document.path), **asdict(plan), **ghost}
        if limits:
            line["not_promised"] = [asdict(each) for each in limits]
        line["terminals"] = [asdict(terminal) for terminal in terminals(assembly)]
        print(json_text({**line, "solver": _solver(assembly)}))
    else:
        print(_text(assembly, plan))
        print("".join(f"{line}\n" for line in promise_lines(limits)), end="")
        if virtual:
            print("Measured on virtual instruments; the time that real instruments take per command is not included.")
    return 0


def _solver(assembly: Assembly) -> str | None:
    """Return the solver of the simulated board; None on hardware, or if the network's physics does not name it."""
    from labrig.network.physics import NamesItsMethod

    if assembly.header.bench == "hardware":
        return None
    solver = assembly.board.network.equilibrium()
    return solver.method if isinstance(solver, NamesItsMethod) else None


def _report_at_limit(assembly: Assembly, error: LimitExceeded) -> None:
    """Raise ConfigProblems at the key of the limit that would stop a run; do nothing if the limit has no key."""
    if error.config_path is None:
        return
    remedy = f"{error.remedy}, or raise the limit if the board allows it"
    message = f"a run would be stopped: {error.message}, but the limit is {error.limit}; {remedy}"
    assembly.document.report(error.config_path, message)
    assembly.document.problems.raise_if_any()


def _text(assembly: Assembly, plan: Plan) -> str:
    from labrig.assembly.terminals import terminals
    from labrig.medium import ELECTRICAL
    from labrig.quantities import format_quantity
    from labrig.runs.units import counted

    def seconds(value: float) -> str:
        return format_quantity(value, "time") if value < 120 else f"{value / 60:.1f} min"

    hookup, counts = assembly.board.hookup, plan.counts
    low, high = assembly.network.programmable.range
    tones = ", ".join(f"{frequency:g} Hz" for frequency in plan.frequencies_hz)
    medium, gap = assembly.network.physics.medium, plan.largest_level_gap or 0.0
    if medium == ELECTRICAL:
        limits, largest = f"{1e6 * low:.4g} to {1e6 * high:.4g} µS", f"{1e6 * gap:.3g} µS"
    else:
        limits = f"{medium.text('parameter', low)} to {medium.text('parameter', high)}"
        largest = medium.text("parameter", gap)
    levels = "continuous" if plan.levels is None else f"{plan.levels} levels, largest gap {largest}"
    rate = format_quantity(plan.sample_rate_hz, "sample_rate")
    board = ", ".join(
        counted(len(several), thing)
        for several, thing in (
            (hookup.senses, "sensed node"),
            (hookup.edges, "edge"),
            (hookup.inputs, "input"),
            (hookup.outputs, "output"),
        )
    )
    by_pulses = any(device.writes_by_pulses for device in assembly.devices.values())
    pulses = " without the pulses and readings of cells" if by_pulses else ""
    samples = f"{plan.settle_samples} settle + {plan.window_samples} window samples at {rate}"
    acquisitions = f"{counts.training} acquisitions for training, {counts.evaluation} for evaluation"
    rows = [
        ("board", board),
        ("activation", assembly.learning.activation),
        ("tones", f"{tones}; common period {plan.period_samples} samples"),
        ("acquisition", f"{samples}: {seconds(plan.acquisition_s)}"),
        ("accuracy", _accuracy(plan)),
        *([("multiplexer", str(assembly.ghost))] if assembly.ghost is not None else []),
        ("conductances" if medium == ELECTRICAL else "range of the edges", f"{limits}, {levels}"),
        *([("solver", solver)] if (solver := _solver(assembly)) is not None else []),
        ("run", f"{counts.updates} updates; {acquisitions}"),
        ("memory", f"{plan.window_bytes / 1e6:.3g} MB per window, {plan.journal_bytes / 1e6:.3g} MB on the disk"),
        ("time", f"{seconds(plan.bench_s)} on the bench{pulses}, {seconds(plan.wall_s)} on this computer"),
    ]
    lines = [f"{name:<13} {text}" for name, text in rows]
    for side in ("input", "output"):
        here = [terminal for terminal in terminals(assembly) if terminal.side == side]
        for terminal in here[:MOST_TERMINALS]:
            name = f"{side}s" if terminal.place == 0 else ""
            lines.append(f"{name:<13} {terminal.node:<6} {terminal.text}")
        if len(here) > MOST_TERMINALS:
            lines.append(f"{'':<13} and {len(here) - MOST_TERMINALS} more, see --wiring or --json")
    return "\n".join(lines)


def _accuracy(plan: Plan) -> str:
    if not (plan.u_gain or plan.u_offset_v):
        return "the digitizer states no error of gain or zero, so uncertainties contain only noise"
    return f"gain {100 * plan.u_gain:.3g} %, zero {1e6 * plan.u_offset_v:.3g} µV (standard uncertainties)"


def _print_wiring(assembly: Assembly, as_json: bool) -> int:
    from dataclasses import asdict

    sheet = _wiring(assembly)
    if as_json:
        line = {"event": "wiring", "config": str(assembly.document.path), **asdict(sheet)}
        print(json_text(line))
    else:
        print(_wiring_text(sheet))
    return 0


def _wiring(assembly: Assembly) -> WiringSheet:
    from labrig.assembly.terminals import terminals
    from labrig.instruments.drivers import DigitizerCapabilities, ProgrammerCapabilities, SourceCapabilities
    from labrig.procedures.wiring_sheet import InstrumentFacts, wiring_sheet

    facts = {}
    for name, device in assembly.devices.items():
        capabilities = device.capabilities
        if isinstance(capabilities, ProgrammerCapabilities):
            facts[name] = InstrumentFacts(
                capabilities.part.name, chip=capabilities.part.chip if capabilities.on_chips else ()
            )
        else:
            ohm = capabilities.output_resistance_ohm if isinstance(capabilities, SourceCapabilities) else 0.0
            output = capabilities.clock_output if isinstance(capabilities, DigitizerCapabilities) else None
            model = device.options.model or device.driver.name
            facts[name] = InstrumentFacts(model, ohm, clock_output=(output or "{name}").format(name=name))
    carries = {terminal.channel: terminal.text for terminal in terminals(assembly)}
    board = assembly.board
    return wiring_sheet(board.hookup, board.network, facts, assembly.synchronization, carries, assembly.judge)


def _wiring_text(sheet: WiringSheet) -> str:
    from labrig.cli.fans import edge_rows
    from labrig.cli.tables import table

    def channel(row: Connection) -> tuple[str, str, str]:
        return row.instrument, row.model, row.channel

    nodes = [(row.node, row.what, *channel(row), _through(row), row.carries) for row in sheet.nodes]
    instruments = dict.fromkeys(row.instrument for row in (*sheet.nodes, *sheet.edges))
    parts = [
        table(("node", "what", "instrument", "model", "channel", "through", "carries"), nodes),
        table(("edge", "from", "to", "instrument", "part", "channel", "pins"), edge_rows(sheet.edges)),
    ]
    if sheet.fixed:
        fixed = [(row.what, row.model, row.node, row.to, row.pin) for row in sheet.fixed]
        parts.append(table(("fixed part", "value", "from", "to", "pins"), fixed))
    if sheet.lines:
        parts.append(table(("line", "from", "to"), [(row.what, row.source, row.to) for row in sheet.lines]))
    if any(row.pin for row in sheet.edges):
        parts.append(
            "Pins: W to the edge's first node, B to its second, A not connected. "
            "Supply, SPI and select lines of the chips: drivers/firmware/README.md"
        )
    parts.append(f"Ground: join the grounds of {', '.join(instruments)} and of the board at one point.")
    return "\n\n".join(parts)


def _through(row: Connection) -> str:
    from labrig.procedures.wiring_sheet import nearest_e96
    from labrig.quantities import format_quantity

    if row.howland is not None:
        siemens = format_quantity(row.howland.transconductance_s, "transconductance")
        compliance = format_quantity(row.howland.compliance_v, "voltage")
        return f"Howland {siemens}, {format_quantity(row.howland_ohm or 0.0, 'resistance')}, ± {compliance}"
    if row.through_ohm is None:
        return ""
    own = row.through_ohm - (row.resistor_ohm or 0.0)
    if not row.resistor_ohm:
        return f"nothing ({format_quantity(own, 'resistance')} internal)"
    exact, standard = (format_quantity(ohm, "resistance") for ohm in (row.resistor_ohm, nearest_e96(row.resistor_ohm)))
    advice = exact if exact == standard else f"{exact}, nearest E96 value {standard}"
    return f"solder {advice} ({format_quantity(own, 'resistance')} internal)"
