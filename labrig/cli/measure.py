"""measure: make one acquisition and print DC and phasors of every node; the first thing to try on a new board."""

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
    from labrig.rig.limits import Limits
    from labrig.rig.rig import Rig


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


def execute(arguments: argparse.Namespace) -> int:
    """Print DC and phasors of every node; returns the exit code."""
    from labrig.cli.opened import opened
    from labrig.interrupts import Interrupts
    from labrig.learning.measurement import Excitation

    assembly = assembled(arguments)
    hookup = assembly.board.hookup
    medium = assembly.network.physics.medium
    drives = [medium.flow if wire.actuator and wire.actuator.makes_flow else medium.state for wire in hookup.inputs]
    errors = [medium.second_flow if wire.reads else medium.flow for wire in hookup.outputs]
    activation = _values(arguments.drive, "--drive", hookup.inputs, drives)
    error = _values(arguments.error, "--error", hookup.outputs, errors)
    _check_errors(hookup.outputs, error, assembly.limits)
    constant = hookup.has_second and error.any()
    with Interrupts(immediate=True) as interrupts, opened(assembly.open_rig(), interrupts) as rig:
        if arguments.initial:
            rig.program(assembly.update(rig).settings())
        tones = error[None] if error.any() and not constant else None
        response = rig.measure(Excitation(activation, error=tones, constant=error if constant else None))
        rig.confirm()
        print(_json(rig, response) if arguments.json else _text(rig, response))
    return 0


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
    for text in (part for item in given for part in item.split(",")):
        node, equals, written = (part.strip() for part in text.partition("="))
        if not equals or node not in nodes:
            raise UsageError(f"{option} {text!r}: write NODE=VALUE, where NODE is one of {', '.join(nodes)}")
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


def _json(rig: Rig, response: Response) -> str:
    read, units = response.demodulated, _units(rig)
    nodes = [
        {
            "node": wire.node,
            "unit": units[column],
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
    units = _units(rig)
    alike = set(units) == {"V"}
    unit = " (V)" if alike else ""
    header = ["node", *([] if alike else ["unit"]), f"DC{unit}", "±"]
    for frequency in read.frequencies_hz:
        header += [f"in phase, {frequency:g} Hz{unit}", "±", f"quadrature{unit}"]
    rows = []
    for column, wire in enumerate(rig.hookup.senses):
        level = f"{read.dc[column]:+.6f}" if alike else f"{read.dc[column]:+.6g}"
        row = [wire.node, *([] if alike else [units[column]]), level, f"{read.u_dc[column]:.1e}"]
        for tone in range(len(read.frequencies_hz)):
            row += [
                f"{read.channel_in_phase[tone, column]:+.3e}",
                f"{read.u_channel[tone, column]:.1e}",
                f"{read.channel_quadrature[tone, column]:+.3e}",
            ]
        rows.append(row)
    return table(header, rows)


def _units(rig: Rig) -> list[str]:
    """Return the unit of each sensed node; that of the pilot is V."""
    hookup, medium = rig.hookup, rig.limits.medium
    second = {node for edge in hookup.edges for node, _ in edge.second}
    own = {hookup.pilot.node: "V", **{node: medium.unit("second_state") for node in second}}
    return [own.get(wire.node, medium.unit("state")) for wire in hookup.senses]
