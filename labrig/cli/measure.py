"""measure: make one acquisition and print DC and phasors of every node; the first thing to try on a new board."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labrig.cli.options import add_config, assembled, file_named
from labrig.json_text import json_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from labrig.assembly import Assembly
    from labrig.learning.measurement import Excitation
    from labrig.procedures.measure import Measurement, Meter
    from labrig.rig.hookup import SourceWire
    from labrig.rig.limits import Limits
    from labrig.rig.rig import Rig

PAUSE_S = 0.5
"""Shortest time between two acquisitions of --watch (s)."""

_DECIMAL_COMMA = re.compile(r"=\s*[+-]?\d+,(?=\d)")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_config(parser)
    parser.add_argument(
        "--drive", action="append", default=[], metavar="NODE=VOLTAGE", help="e.g. in3=0.5V; other inputs are at 0 V"
    )
    parser.add_argument(
        "--error", action="append", default=[], metavar="NODE=CURRENT", help="e.g. out1=1uA, flowing into the node"
    )
    parser.add_argument(
        "--initial", action="store_true", help="first write the initial conductances (default: keep the board as it is)"
    )
    parser.add_argument("--watch", action="store_true", help="measure repeatedly until Ctrl-C")
    parser.add_argument(
        "--scan", action="store_true", help="drive every channel in turn, and print the nodes that answer to it"
    )
    parser.add_argument("--save", type=file_named, metavar="FILE.npz", help="save the samples and the readings")
    parser.add_argument("--plot", type=file_named, metavar="FILE.png", help="draw the time trace and the spectrum")


def execute(arguments: argparse.Namespace) -> int:
    """Print DC and phasors of every node; returns the exit code."""
    from labrig.cli.opened import opened
    from labrig.interrupts import Interrupts
    from labrig.procedures.measure import Meter
    from labrig.procedures.measure.excitations import excitation

    _check_options(arguments)
    assembly = assembled(arguments)
    hookup = assembly.board.hookup
    medium = assembly.network.physics.medium
    drives = [medium.flow if wire.actuator and wire.actuator.makes_flow else medium.state for wire in hookup.inputs]
    errors = [medium.second_flow if wire.reads else medium.flow for wire in hookup.outputs]
    activation = _values(arguments.drive, "--drive", hookup.inputs, drives)
    error = _values(arguments.error, "--error", hookup.outputs, errors)
    _check_errors(hookup.outputs, error, assembly.limits)
    with Interrupts(immediate=True) as interrupts, opened(assembly.open_rig(), interrupts) as rig:
        if arguments.initial:
            rig.program(assembly.update(rig).settings())
        meter = Meter(assembly, rig)
        if arguments.scan:
            _print_scan(arguments, assembly, rig, meter)
            return 0
        played = excitation(assembly, rig, activation, error)
        if arguments.watch:
            _watch(arguments, rig, meter, played)
        _print_one(arguments, assembly, rig, meter, played)
    return 0


def _check_options(arguments: argparse.Namespace) -> None:
    from labrig.errors import UsageError

    kept = [name for name in ("--save", "--plot") if getattr(arguments, name[2:]) is not None]
    if arguments.watch and (kept or arguments.scan):
        raise UsageError(f"--watch cannot be combined with {' '.join([*kept, *(['--scan'] * arguments.scan)])}")
    if arguments.scan and (kept or arguments.drive or arguments.error):
        given = [*kept, *(f"--{name}" for name in ("drive", "error") if getattr(arguments, name))]
        raise UsageError(f"--scan drives every channel itself, so it cannot be combined with {' '.join(given)}")


def _print_scan(arguments: argparse.Namespace, assembly: Assembly, rig: Rig, meter: Meter) -> None:
    from labrig.cli.measure_output import scan_record, scan_text
    from labrig.procedures.measure import scan

    found = scan(assembly, rig, meter)
    print(json_text(scan_record(rig, meter, found)) if arguments.json else scan_text(rig, meter, found))


def _print_one(arguments: argparse.Namespace, assembly: Assembly, rig: Rig, meter: Meter, played: Excitation) -> None:
    """Print and store one acquisition; then raise the error if readings contradict what the sources play."""
    found, contradiction = _measured(rig, meter, played)
    print(_text(arguments, rig, meter, found), flush=True)
    for path, content in (
        (arguments.save, _npz(rig, found) if arguments.save else b""),
        (arguments.plot, _png(assembly, rig, found) if arguments.plot else b""),
    ):
        if path is not None:
            _write(path, content)
    if contradiction is not None:
        raise contradiction


def _measured(rig: Rig, meter: Meter, played: Excitation) -> tuple[Measurement, Exception | None]:
    """Return an acquisition, and the error if its readings contradict what the sources play."""
    from labrig.errors import SenseMisfit

    try:
        return meter.measure(played), None
    except SenseMisfit as error:
        rig.wiring_trusted = False
        try:
            return meter.measure(played), error
        finally:
            rig.wiring_trusted = True


def _watch(arguments: argparse.Namespace, rig: Rig, meter: Meter, played: Excitation) -> None:
    """Print acquisitions until Ctrl-C: in place on a terminal, one after the other elsewhere."""
    rig.wiring_trusted = False
    show: Callable[[str], None] = lambda text: print(text, flush=True)  # noqa: E731
    stop: Callable[[], None] = lambda: None  # noqa: E731
    if sys.stdout.isatty() and not arguments.json:
        show, stop = _in_place()
    began = time.monotonic()
    try:
        for number in range(1, sys.maxsize):
            found = meter.measure(played)
            text = _text(arguments, rig, meter, found)
            if not arguments.json:
                text = f"acquisition {number}, {time.monotonic() - began:.1f} s; press Ctrl-C to stop\n{text}"
            show(text)
            time.sleep(PAUSE_S)
    finally:
        stop()


def _in_place() -> tuple[Callable[[str], None], Callable[[], None]]:
    """Return a function that shows a text in place of the previous one, and a function that ends this display."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from labrig.cli.streams import Unfiltered

    console: Any = Console(file=Unfiltered(sys.stdout))  # type: ignore[arg-type]
    live = Live(console=console, auto_refresh=False, vertical_overflow="crop")
    live.start()
    return (lambda text: live.update(Text(text, no_wrap=True), refresh=True)), live.stop


def _text(arguments: argparse.Namespace, rig: Rig, meter: Meter, found: Measurement) -> str:
    from labrig.cli.measure_output import measured_record, measured_text

    return json_text(measured_record(rig, meter, found)) if arguments.json else measured_text(rig, meter, found)


def _npz(rig: Rig, found: Measurement) -> bytes:
    """Return the samples, the readings and the expected readings, for numpy.load."""
    from io import BytesIO

    import numpy as np

    read, compared = found.read, found.comparison
    arrays: dict[str, Any] = {
        "samples": rig.window(),
        "nodes": np.array([wire.node for wire in rig.hookup.senses]),
        "sample_rate_hz": rig.plan.sample_rate_hz,
        "tones_hz": np.array(read.frequencies_hz),
        "activation": np.asarray(found.excitation.activation),
        "error_a": found.response.error,
        "dc_v": read.dc,
        "u_dc_v": read.u_dc,
        "phasor_v": read.channel_phasor,
        "u_phasor_v": read.u_channel,
    }
    if compared is not None:
        arrays |= {"expected_dc_v": compared.expected.dc, "within_dc_v": compared.within.dc}
        arrays |= {"expected_in_phase_v": compared.expected.in_phase, "within_v": compared.within.in_phase}
    content = BytesIO()
    np.savez_compressed(content, **arrays)
    return content.getvalue()


def _png(assembly: Assembly, rig: Rig, found: Measurement) -> bytes:
    import numpy as np

    from labrig.cli.measure_output import units_of
    from labrig.procedures.measure.picture import chosen_nodes, window_picture
    from labrig.runs.spectrum import Window

    hookup = rig.hookup
    nodes = tuple(wire.node for wire in hookup.senses)
    played = found.excitation
    error = np.zeros(len(hookup.outputs)) if played.error is None else np.abs(played.error).sum(axis=0)
    driven = [wire.node for wire, level in zip(hookup.inputs, played.activation, strict=True) if level]
    driven += [wire.output for wire, current in zip(hookup.outputs, error, strict=True) if current]
    driven = [node for node in (*driven, *(wire.output for wire in hookup.outputs)) if node in nodes]
    window = Window(rig.window(), nodes, rig.plan.sample_rate_hz, found.read.frequencies_hz)
    shown = chosen_nodes(nodes, driven, hookup.pilot.node)
    units = sorted({units_of(rig)[nodes.index(node)] for node in shown})
    return window_picture(window, shown, f"{assembly.name}: one window", ", ".join(units))


def _write(path: Path, content: bytes) -> None:
    from labrig.errors import StorageError

    try:
        path.write_bytes(content)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}", remedy="choose another place") from error


def _values(
    given: Sequence[str], option: str, wires: Sequence[SourceWire], dimensions: Sequence[str]
) -> NDArray[np.float64]:
    """Return one value per wire, 0 if not given; raises UsageError for a malformed or repeated value or wrong unit."""
    import numpy as np

    from labrig.errors import UsageError
    from labrig.quantities import parse_quantity, si_unit, with_article

    nodes = [wire.node for wire in wires]
    dimension_of = dict(zip(nodes, dimensions, strict=True))
    values = np.zeros(len(nodes))
    seen: set[str] = set()
    for item in given:
        if decimal := _DECIMAL_COMMA.search(item):
            point = item[: decimal.end() - 1] + "." + item[decimal.end() :]
            raise UsageError(f"{option} {item!r}: decimals are written with a point: {point!r}")
    for text in (part for item in given for part in item.split(",")):
        node, equals, written = (part.strip() for part in text.partition("="))
        if not equals or node not in nodes:
            missing = "no source drives" if option == "--drive" else "there is no error source at"
            why = f"{missing} {node!r}; " if equals else ""
            raise UsageError(f"{option} {text!r}: {why}write NODE=VALUE (nodes: {', '.join(nodes)})")
        if node in seen:
            raise UsageError(f"{option} {text!r}: {node} is given twice; give it once")
        seen.add(node)
        dimension = dimension_of[node]
        example = {"voltage": "0.5V", "current": "1uA"}.get(dimension, f"0.5{si_unit(dimension)}")
        try:
            quantity = parse_quantity(written, dimension)
        except ValueError as error:
            raise UsageError(f"{option} {text!r}: {error}", remedy=f"write e.g. {option} {node}={example}") from error
        if quantity.dimension != dimension:
            message = (
                f"{written!r} is {with_article(quantity.dimension)}, expected {with_article(dimension)}, e.g. {example}"
            )
            raise UsageError(f"{option} {text!r}: {message}")
        values[nodes.index(node)] = quantity.value
    return values


def _check_errors(wires: Sequence[SourceWire], flows: NDArray[np.float64], limits: Limits) -> None:
    """Raise LimitExceeded if the source of an error would exceed limits.node; the message gives currents."""
    from labrig.errors import LimitExceeded
    from labrig.quantities import format_quantity

    for wire, flow in zip(wires, flows, strict=True):
        volts, limit_v = abs(flow * wire.volts_per_ampere), limits.source_v(wire)
        if volts > limit_v:
            most = limits.medium.text("flow", abs(limit_v / wire.volts_per_ampere))
            asked = limits.medium.text("flow", flow)
            raise LimitExceeded(
                f"--error {wire.node}={asked} needs a source voltage of {format_quantity(float(volts), 'voltage')}",
                action="measure",
                limit=f"limits.node {limit_v:g} V",
                config_path=("limits", "node"),
                remedy=f"inject at most {most}, or raise limits.node if the board allows it",
            )
