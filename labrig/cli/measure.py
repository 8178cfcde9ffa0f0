"""measure: make one acquisition and print DC and phasor of every node; the first thing to try on a new board."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from labrig.cli.options import add_config, assembled
from labrig.json_text import json_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from labrig.learning.measurement import Response
    from labrig.rig.hookup import SourceWire
    from labrig.rig.rig import Rig


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_config(parser)
    parser.add_argument(
        "--drive", action="append", default=[], metavar="NODE=VOLTAGE", help="e.g. in3=0.5V; all others are 0 V"
    )
    parser.add_argument(
        "--error", action="append", default=[], metavar="NODE=CURRENT", help="e.g. out1=1uA, flowing into the node"
    )
    parser.add_argument(
        "--initial", action="store_true", help="write the initial conductances first (default: the board as it is)"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Print the voltages of every node; returns the exit code."""
    from labrig.cli.opened import opened
    from labrig.interrupts import Interrupts
    from labrig.learning.measurement import Excitation

    assembly = assembled(arguments)
    hookup = assembly.board.hookup
    activation = _values(arguments.drive, "--drive", hookup.inputs, "voltage")
    error = _values(arguments.error, "--error", hookup.outputs, "current")
    _check_errors(hookup.outputs, error, assembly.limits.node_v)
    with Interrupts(immediate=True) as interrupts, opened(assembly.open_rig(), interrupts) as rig:
        if arguments.initial:
            rig.program(assembly.update(rig).settings())
        response = rig.measure(Excitation(activation, error=error[None] if error.any() else None))
        rig.confirm()
        print(_json(rig, response) if arguments.json else _text(rig, response))
    return 0


def _values(given: Sequence[str], option: str, wires: Sequence[SourceWire], dimension: str) -> NDArray[np.float64]:
    """Return one value per wire (V or A), 0 if not given; UsageError if malformed or given twice."""
    import numpy as np

    from labrig.errors import UsageError
    from labrig.quantities import parse_quantity

    nodes = [wire.node for wire in wires]
    values = np.zeros(len(nodes))
    seen: set[str] = set()
    for text in (part for item in given for part in item.split(",")):
        node, equals, written = (part.strip() for part in text.partition("="))
        if not equals or node not in nodes:
            raise UsageError(f"{option} {text!r}: write NODE=VALUE, where NODE is one of {', '.join(nodes)}")
        if node in seen:
            raise UsageError(f"{option} {text!r}: {node} is given twice")
        seen.add(node)
        example = {"voltage": "0.5V", "current": "1uA"}[dimension]
        try:
            quantity = parse_quantity(written, dimension)
        except ValueError as error:
            raise UsageError(f"{option} {text!r}: {error}", remedy=f"write e.g. {option} {node}={example}") from error
        if quantity.dimension != dimension:
            message = f"{written!r} is a {quantity.dimension}, expected a {dimension} such as {example}"
            raise UsageError(f"{option} {text!r}: {message}")
        values[nodes.index(node)] = quantity.value
    return values


def _check_errors(wires: Sequence[SourceWire], currents: NDArray[np.float64], limit_v: float) -> None:
    """Raise LimitExceeded if the source of an error would exceed limits.node; the message gives currents."""
    from labrig.errors import LimitExceeded
    from labrig.quantities import format_quantity

    for wire, current in zip(wires, currents, strict=True):
        volts = abs(current) * wire.volts_per_ampere
        if volts > limit_v:
            most = format_quantity(limit_v / wire.volts_per_ampere, "current")
            asked = format_quantity(float(current), "current")
            raise LimitExceeded(
                f"--error {wire.node}={asked} needs a source voltage of {format_quantity(volts, 'voltage')}",
                action="measure",
                limit=f"limits.node {limit_v:g} V",
                config_path=("limits", "node"),
                remedy=f"inject at most {most}, or raise limits.node if the board allows it",
            )


def _json(rig: Rig, response: Response) -> str:
    read = response.demodulated
    nodes = [
        {
            "node": wire.node,
            "dc_v": read.dc[column],
            "u_dc_v": read.u_dc[column],
            "in_phase_v": read.channel_in_phase[:, column].tolist(),
            "quadrature_v": read.channel_quadrature[:, column].tolist(),
            "u_v": read.u_channel[:, column].tolist(),
        }
        for column, wire in enumerate(rig.hookup.senses)
    ]
    flags = sorted(flag.value for flag in read.flags)
    return json_text({"event": "measured", "tones_hz": list(read.frequencies_hz), "nodes": nodes, "flags": flags})


def _text(rig: Rig, response: Response) -> str:
    from labrig.cli.tables import table

    read = response.demodulated
    header = ["node", "DC (V)", "±"]
    for frequency in read.frequencies_hz:
        header += [f"in phase, {frequency:g} Hz (V)", "±", "quadrature (V)"]
    rows = []
    for column, wire in enumerate(rig.hookup.senses):
        row = [wire.node, f"{read.dc[column]:+.6f}", f"{read.u_dc[column]:.1e}"]
        for tone in range(len(read.frequencies_hz)):
            row += [
                f"{read.channel_in_phase[tone, column]:+.3e}",
                f"{read.u_channel[tone, column]:.1e}",
                f"{read.channel_quadrature[tone, column]:+.3e}",
            ]
        rows.append(row)
    return table(header, rows)
