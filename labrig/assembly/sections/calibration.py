"""The `calibration` section: the record that is applied to the instruments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from labrig.assembly.board import Board
from labrig.assembly.sections.header import Header
from labrig.assembly.sections.instruments import Device
from labrig.assembly.sections.simulation import SimulationChoice
from labrig.calibration.record import AGAIN, CalibrationRecord, read_record
from labrig.config.document import Document
from labrig.config.section import Section
from labrig.config.validation import validate
from labrig.errors import ConfigError
from labrig.instruments.data import Continuous, Identity, LevelTable
from labrig.quantities import as_written, escape_hint

PATH = ("calibration", "record")

OFF = 2.0
"""Median ratio of measured to nominal conductances, or its inverse, from which the record must be of another part;
tolerances of parts are 30 % at most."""


class Calibration(Section):
    """record: the file; a relative path is also looked up among the records that come with labrig."""

    record: str


@dataclass(frozen=True)
class CalibrationChoice:
    """The calibration record; None if there is none."""

    record: CalibrationRecord | None


def read_calibration(
    document: Document,
    header: Header,
    devices: Mapping[str, Device],
    simulation: SimulationChoice,
    board: Board | None = None,
) -> CalibrationChoice | None:
    """Read the record, and check that it is valid and of these instruments; return None if there are problems."""
    if header.calibration is None:
        return CalibrationChoice(None)
    section = validate(document, ("calibration",), Calibration)
    if section is None:
        return None
    file = _located(document, section.record)
    if file is None:
        where = document.searched(document.get(PATH))
        hint = escape_hint(section.record)
        document.report(PATH, f"there is no file {as_written(section.record)} {where}{hint}; {AGAIN}")
        return None
    try:
        record = read_record(file)
    except ConfigError as error:
        document.report(PATH, f"{error.message}; {error.remedy}")
        return None
    seed = simulation.section.seed if simulation.section.seed is not None else header.seed
    problem = _problem(record, header.bench, seed, devices, board)
    if problem:
        document.report(PATH, problem)
        return None
    return CalibrationChoice(record)


def _located(document: Document, name: str) -> Path | None:
    """Return the file of a record, next to the file that names it or among the packaged ones."""
    found = document.locate(name, document.get(PATH))
    if found is None and document.packaged is not None and not Path(name).is_absolute():
        packaged = document.packaged.parent / "calibration" / name
        return packaged if packaged.is_file() else None
    return found


def _problem(
    record: CalibrationRecord, bench: str, seed: int, devices: Mapping[str, Device], board: Board | None
) -> str:
    """Return why a record cannot be used; empty if it can."""
    if record.expired(datetime.now(UTC)):
        return f"the record of {record.created} expired at {record.valid_until}; {AGAIN}"
    real = bench == "hardware"
    if real != (record.conditions["bench"] == "hardware"):
        return f"the record was made on 'bench: {record.conditions['bench']}', but this is 'bench: {bench}'; {AGAIN}"
    if not real and record.conditions["simulation_seed"] != seed:
        known = record.conditions["simulation_seed"]
        return (
            f"the record belongs to the simulated instruments of seed {known}, but simulation.seed is {seed}; "
            f"use 'simulation: {{seed: {known}}}', or {AGAIN}"
        )
    for name, device in devices.items():
        known, given = record.identities.get(name), device.options
        for what in () if known is None else Identity(given.model or "", given.serial or "").differing(known):
            return (
                f"the record belongs to {name} with {what} {getattr(known, what)}, but instruments.{name} has {what} "
                f"{getattr(given, what)}; name the record of this instrument, or {AGAIN}"
            )
    return "" if board is None else _problem_of_wiring(record, devices, board)


def _problem_of_wiring(record: CalibrationRecord, devices: Mapping[str, Device], board: Board) -> str:
    """Return why a record does not fit the wired channels; empty if it fits."""
    hookup = board.hookup
    full_scale_v = devices[hookup.digitizer].digitizer.full_scale_v
    if record.digitizer == hookup.digitizer and record.conditions["full_scale_v"] != full_scale_v:
        known = record.conditions["full_scale_v"]
        return f"the record is for the ±{known:g} V range of {hookup.digitizer}, not for ±{full_scale_v:g} V; {AGAIN}"
    if hookup.pilot.label != record.pilot:
        return f"the record was made with the pilot at {record.pilot}, but it is wired to {hookup.pilot.label}; {AGAIN}"
    inputs = [f"{hookup.digitizer}/{wire.channel}" for wire in hookup.senses]
    outputs = [wire.label for wire in (*hookup.inputs, *hookup.outputs, hookup.pilot)]
    for label, known in (*((each, record.inputs) for each in inputs), *((each, record.outputs) for each in outputs)):
        if label not in known:
            return f"the record does not contain {label}; {AGAIN}"
    for edge in hookup.edges:
        defect = record.unusable.get(f"{edge.device}/{edge.channel}")
        if defect:
            return f"the record says that {edge.device}/{edge.channel} ({edge.name}) {defect}: replace it, then {AGAIN}"
        part, levels = devices[edge.device].programmer.part, record.levels.get(f"{edge.device}/{edge.channel}")
        if levels is not None and not _are_of_part(levels, part.levels()):
            return f"the levels in the record for {edge.device}/{edge.channel} are not those of {part.name}; {AGAIN}"
    return ""


def _are_of_part(measured: LevelTable, nominal: LevelTable | Continuous) -> bool:
    """Return whether measured levels may belong to a part: they have its codes, and its conductances within OFF."""
    if not isinstance(nominal, LevelTable):
        return False
    by_code = nominal.by_code
    if not set(measured.codes.tolist()) <= by_code.keys():
        return False
    off = float(np.median([siemens / by_code[code] for code, siemens in measured.by_code.items()]))
    return 1 / OFF < off < OFF
