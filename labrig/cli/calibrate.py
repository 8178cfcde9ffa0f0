"""calibrate: measure gain, offset, delay and crosstalk of all channels and the levels of every part; write a record."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labrig.cli.options import add_config, file_named, overrides, positive, print_warnings
from labrig.errors import ConfigError, UsageError
from labrig.json_text import json_text

if TYPE_CHECKING:
    from labrig.assembly import Assembly
    from labrig.calibration.fixture import Fixture
    from labrig.calibration.record import CalibrationRecord
    from labrig.procedures.calibrate import Standards
    from labrig.rig.rig import Rig

FOLDER = Path("calibration")
"""Folder of new records."""

REFERENCE_ERROR, STANDARD_ERROR = "20 ppm", "100 ppm"
"""Largest errors of the standards of a simulated or virtual bench."""

LARGEST_ERROR = 0.1
"""Largest error of a standard that can be stated, relative to its value."""

MOST_DAYS = 36500
"""Longest time for which a record may be valid (days)."""

MOST_UNLIKE = 30.0
"""Largest ratio of the standard resistance to that in the middle of the range of the parts, or the other way round."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_config(parser)
    parser.add_argument(
        "--out", type=file_named, metavar="FILE", help="header of the record (default: calibration/NAME-DATE.json)"
    )
    parser.add_argument("--yes", action="store_true", help="on hardware: do not ask whether connections are made")
    parser.add_argument("--reference", metavar="VOLTAGE", help="voltage of the reference, e.g. 1.8V")
    parser.add_argument("--reference-error", metavar="RATIO", help="largest error of the reference, e.g. 20ppm")
    parser.add_argument("--standard", metavar="RESISTANCE", help="resistors to compare the parts with, e.g. 20kohm")
    parser.add_argument("--standard-error", metavar="RATIO", help="largest error of these resistors, e.g. 100ppm")
    parser.add_argument("--no-levels", action="store_true", help="do not sweep the levels of programmable parts")
    parser.add_argument("--temperature", metavar="TEMPERATURE", help="temperature of the instruments, e.g. '23 °C'")
    parser.add_argument(
        "--valid", type=positive, default=365, metavar="DAYS", help="days for which the record is valid (default: 365)"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Calibrate the bench and write the record; returns the exit code."""
    from labrig.assembly import assemble
    from labrig.calibration.record import require_writable, write_record
    from labrig.cli.opened import opened
    from labrig.interrupts import Interrupts
    from labrig.procedures.calibrate import Guide, calibrate

    # The record that the configuration names may be the one to replace, so it is not read.
    assembly = assemble(Path(arguments.config), [*overrides(arguments), "calibration=null"])
    print_warnings(assembly)
    if arguments.valid > MOST_DAYS:
        raise UsageError(f"--valid {arguments.valid}: expected at most {MOST_DAYS} days")
    file = _file(arguments.out, assembly.name)
    require_writable(file)
    standards = _standards(arguments, assembly)
    temperature = _value("--temperature", arguments.temperature, "temperature", "23 °C")
    with Interrupts(immediate=True) as interrupts:

        def opening(rig: Rig) -> AbstractContextManager[Rig]:
            return opened(rig, interrupts)

        guide = Guide(assembly, standards, _connecting(assembly.header.bench, arguments.yes), opening)
        record = calibrate(
            guide,
            valid=timedelta(days=arguments.valid),
            temperature_c=temperature,
            with_levels=not arguments.no_levels,
        )
    digest = write_record(file, record)
    line = _line(record, file, digest)
    print(json_text(line) if arguments.json else _text(line))
    return 0


def _file(given: Path | None, name: str) -> Path:
    """Return the path of the new record, where no file exists yet."""
    if given is not None:
        if given.suffix != ".json":
            raise UsageError(f"--out {given}: a record needs a name that ends in .json")
        if given.exists():
            raise UsageError(f"--out {given} exists", remedy="name a new file")
        return given
    stem = f"{name}-{datetime.now(UTC):%Y%m%d}"
    for ending in ("", *(f"-{number}" for number in range(2, 1000))):
        file = FOLDER / f"{stem}{ending}.json"
        if not file.exists():
            return file
    raise UsageError(f"{FOLDER} already has too many records from today", remedy="name a file with --out")


def _standards(arguments: argparse.Namespace, assembly: Assembly) -> Standards:
    """Return the standards; on hardware, the user must give every standard in use."""
    from labrig.procedures.calibrate import Standards
    from labrig.quantities import format_quantity

    needed = ["reference", *([] if arguments.no_levels else ["standard"])]
    missing = [f"--{name}" for name in needed if getattr(arguments, name) is None]
    missing += [f"--{name}-error" for name in needed if getattr(arguments, f"{name}_error") is None]
    if assembly.header.bench == "hardware" and missing:
        raise UsageError(
            f"{', '.join(missing)}: on hardware, give these values of the standards, from a certificate or data sheet"
        )
    hookup = assembly.board.hookup
    full_scale_v, node_v = assembly.devices[hookup.digitizer].digitizer.full_scale_v, assembly.limits.node_v
    volts = _value("--reference", arguments.reference, "voltage", "1.8V")
    volts = 0.9 * min(full_scale_v, node_v) if volts is None else volts
    if not 0.1 * full_scale_v <= volts < full_scale_v:
        raise UsageError(
            f"--reference: {volts:g} V does not fit {hookup.digitizer}; use a reference of at least "
            f"{0.1 * full_scale_v:g} V, a tenth of its range, and below {full_scale_v:g} V"
        )
    if volts > node_v:
        raise UsageError(
            f"--reference: {volts:g} V is above limits.node, {node_v:g} V, which also applies during a calibration; "
            f"use a smaller reference, or --set 'limits.node={volts:g} V' for this calibration"
        )
    low, high = assembly.network.programmable.range
    ohm = _value("--standard", arguments.standard, "resistance", "20kohm")
    ohm = float(f"{1 / math.sqrt(low * high):.1g}") if ohm is None else ohm
    if ohm <= 0:
        raise UsageError(f"--standard {arguments.standard}: a resistance must be positive")
    if not arguments.no_levels and not 1 / MOST_UNLIKE <= ohm * math.sqrt(low * high) <= MOST_UNLIKE:
        raise UsageError(
            f"--standard {arguments.standard}: too {'small' if ohm * low < 1 else 'large'} to compare with parts of "
            f"{format_quantity(1 / high, 'resistance')} to {format_quantity(1 / low, 'resistance')}",
            remedy=f"use about {format_quantity(1 / math.sqrt(low * high), 'resistance')}",
        )
    u_volts = _u_of_standard("--reference-error", arguments.reference_error, REFERENCE_ERROR)
    u_ohm = _u_of_standard("--standard-error", arguments.standard_error, STANDARD_ERROR)
    return Standards(volts, u_volts, ohm, u_ohm)


def _u_of_standard(option: str, written: str | None, default: str) -> float:
    """Return the relative standard uncertainty of a standard from its largest error."""
    error = _value(option, written or default, "ratio", default)
    if error is None or not 0 <= error <= LARGEST_ERROR:
        raise UsageError(f"{option} {written}: expected 0 to {LARGEST_ERROR:.0%}, e.g. {default}")
    return error / math.sqrt(3)


def _value(option: str, written: str | None, dimension: str, example: str) -> float | None:
    """Return the value of an option with a unit; None if it is not given."""
    from labrig.quantities import parse_quantity, with_article

    if written is None:
        return None
    try:
        quantity = parse_quantity(written, dimension)
    except ValueError as error:
        raise UsageError(f"{option} {written!r}: {error}", remedy=f"write e.g. {option} '{example}'") from error
    if quantity.dimension != dimension:
        message = f"{written!r} is {with_article(quantity.dimension)}, expected {with_article(dimension)}"
        raise UsageError(f"{option}: {message}, e.g. {example}")
    return quantity.value


def _connecting(bench: str, yes: bool) -> Callable[[Fixture], None]:
    """Return the function that waits for a fixture: on hardware it asks the user to connect it."""
    number = 0

    def connect(fixture: Fixture) -> None:
        nonlocal number
        number += 1
        print(f"{number}. {fixture.name}", file=sys.stderr)
        if bench != "hardware":
            return
        for sentence in fixture.instructions:
            print(f"   {sentence}", file=sys.stderr)
        if yes:
            return
        if not sys.stdin.isatty():
            raise UsageError("connections can only be confirmed on a terminal", remedy="use a terminal, or --yes")
        print("   Press Enter when this is connected, or Ctrl-C to stop: ", end="", file=sys.stderr, flush=True)
        if not sys.stdin.readline():
            raise ConfigError("the connections were not confirmed", remedy="repeat the calibration")

    return connect


def _line(record: CalibrationRecord, file: Path, digest: str) -> dict[str, Any]:
    """Return the result as plain values."""
    inputs, outputs = record.of_inputs, record.of_outputs
    return {
        "event": "calibrated",
        "record": str(file),
        "sha256": digest,
        "valid_until": record.valid_until,
        "inputs": [
            {
                "channel": label,
                "gain": inputs.gain[k],
                "u_gain": inputs.u_gain[k],
                "offset_v": inputs.offset_v[k],
                "u_offset_v": inputs.u_offset_v[k],
                "delay_s": inputs.delay_s[k],
                "u_delay_s": inputs.u_delay_s[k],
                "noise_v_per_root_hz": inputs.noise_density[k],
            }
            for k, label in enumerate(record.inputs)
        ],
        "outputs": [
            {
                "channel": label,
                "gain": outputs.gain[k],
                "tone_gain": outputs.tone_gain[k],
                "u_tone_gain": outputs.u_tone_gain[k],
                "offset_v": outputs.offset_v[k],
                "delay_s": outputs.delay_s[k],
                "u_delay_s": outputs.u_delay_s[k],
                "largest_crosstalk": abs(outputs.crosstalk[0, k]).max(),
            }
            for k, label in enumerate(record.outputs)
        ],
        "parts": len(record.levels),
        "largest_tolerance": max((each.tolerance for each in record.levels.values()), default=None),
        "findings": list(record.findings),
    }


def _text(line: dict[str, Any]) -> str:
    from labrig.cli.tables import table

    inputs = [
        (
            each["channel"],
            f"{each['gain']:.6f}",
            f"{1e6 * each['u_gain']:.0f} ppm",
            f"{1e6 * each['offset_v']:+.0f}",
            f"{1e6 * each['u_offset_v']:.0f}",
            f"{1e9 * each['delay_s']:+.1f}",
            f"{1e9 * each['u_delay_s']:.1f}",
            f"{1e6 * each['noise_v_per_root_hz']:.2g}" if math.isfinite(each["noise_v_per_root_hz"]) else "–",
        )
        for each in line["inputs"]
    ]
    outputs = [
        (
            each["channel"],
            f"{each['gain']:.5f}",
            f"{each['tone_gain']:.5f}",
            f"{1e6 * each['u_tone_gain']:.0f} ppm",
            f"{1e3 * each['offset_v']:+.2f}",
            f"{1e9 * each['delay_s']:+.0f}",
            f"{1e6 * each['largest_crosstalk']:.0f} ppm",
        )
        for each in line["outputs"]
    ]
    head = ("input", "gain", "±", "offset (µV)", "±", "delay (ns)", "±", "noise (µV/√Hz)")
    lines = [table(head, inputs), ""]
    lines += [table(("output", "gain", "of tones", "±", "offset (mV)", "delay (ns)", "crosstalk"), outputs), ""]
    if line["parts"]:
        lines.append(f"levels of {line['parts']} parts, known to {100 * line['largest_tolerance']:.2g} %")
    lines += [f"found: {each}" for each in line["findings"]]
    lines.append(f"record     {line['record']}, valid until {line['valid_until']}")
    lines.append(f"sha256     {line['sha256']}")
    return "\n".join(lines)
