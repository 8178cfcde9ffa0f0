"""doctor: show connected hardware, missing software, and which instruments of a configuration answer."""

from __future__ import annotations

import argparse
import warnings
from typing import TYPE_CHECKING

from labrig.cli.options import add_runs_dir, assembled, named
from labrig.json_text import json_text

if TYPE_CHECKING:
    from labrig.assembly import Assembly
    from labrig.instruments.contracts import Bench, Instrument
    from labrig.instruments.findings import Finding
    from labrig.interrupts import Interrupts
    from labrig.procedures.doctor import InstrumentReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "config", nargs="?", type=named, metavar="CONFIG", help="also identify every instrument of this file"
    )
    parser.add_argument("--bench", choices=("simulated", "wire", "hardware"), help="where the instruments come from")
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="e.g. instruments.daq.serial=1",
    )
    parser.set_defaults(seed=None)
    add_runs_dir(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print the findings and the instruments; returns the exit code."""
    from dataclasses import asdict

    from labrig.errors import UsageError
    from labrig.interrupts import Interrupts
    from labrig.procedures.doctor import examine, exit_code, machine_probes
    from labrig.procedures.missing import of_concern

    if arguments.config is None and (arguments.bench or arguments.overrides):
        raise UsageError("--bench and --set need a CONFIG", remedy="name a configuration, or leave them out")
    assembly = None if arguments.config is None else assembled(arguments)
    with Interrupts(immediate=True) as interrupts:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about missing libraries, which the findings report
            findings = examine(machine_probes(arguments.runs_dir))
        reports = [] if assembly is None else _visit(assembly, interrupts)
    if assembly is not None:
        findings = of_concern(findings, reports)
    if arguments.json:
        line = {"event": "doctor", "findings": list(map(asdict, findings)), "instruments": list(map(asdict, reports))}
        print(json_text(line))
    else:
        print(_text(findings, reports))
    return exit_code(reports)


def _visit(assembly: Assembly, interrupts: Interrupts) -> list[InstrumentReport]:
    """Identify every instrument of the configuration, wired or not; the bench is closed in every case."""
    from importlib import import_module

    from labrig.assembly.assembly import BENCHES
    from labrig.instruments.data import Identity
    from labrig.procedures.doctor import roll_call

    bench: Bench = import_module(BENCHES[assembly.header.bench]).build(assembly)
    try:
        instruments, failed = _connect(bench, assembly)
        expected = {
            name: Identity(device.options.model or "", device.options.serial or "")
            for name, device in assembly.devices.items()
        }
        reports = {report.name: report for report in (*roll_call(instruments, expected), *failed)}
    finally:
        interrupts.shield()
        bench.close()
    return [reports[name] for name in assembly.devices]


def _connect(bench: Bench, assembly: Assembly) -> tuple[dict[str, tuple[str, Instrument]], list[InstrumentReport]]:
    """Return the unopened instruments, sources first, and a report for each that could not be created."""
    from labrig.errors import LabrigError
    from labrig.procedures.doctor import unreachable

    instruments, failed = {}, []
    broken: LabrigError | None = None
    for name, device in sorted(assembly.devices.items(), key=lambda item: item[1].driver.kind != "source"):
        driver = device.driver
        try:
            if broken is not None:
                raise broken
            instruments[name] = driver.name, assembly.connected(bench, name, device.options)
        except LabrigError as error:
            # If the bench itself failed to start, trying again for every instrument would take minutes.
            broken = None if error.device == name else error
            failed.append(unreachable(name, driver.name, error))
    return instruments, failed


def _text(findings: list[Finding], reports: list[InstrumentReport]) -> str:
    from labrig.cli.tables import table

    lines = []
    for finding in findings:
        lines.append(f"{finding.state:<8} {finding.what}: {finding.detail}")
        if finding.remedy:
            lines.append(f"{'':<8} → {finding.remedy}")
    if not reports:
        return "\n".join(lines)
    rows = [(row.name, row.driver, row.state, row.model, row.serial, row.firmware) for row in reports]
    lines += ["", table(("instrument", "driver", "state", "model", "serial", "firmware"), rows)]
    for row in reports:
        if row.detail:
            lines.append(f"{row.name}: {row.detail}{f' → {row.remedy}' if row.remedy else ''}")
    answering = sum(row.state == "answers" for row in reports)
    lines.append(f"{answering} of {len(reports)} instruments answer as configured")
    return "\n".join(lines)
