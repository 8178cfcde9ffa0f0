"""The output of `measure`: a table of one acquisition with the expected readings, and the matrix of a scan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labrig.cli.tables import table
from labrig.procedures.measure.comparison import DEVIATIONS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from labrig.lockin.demodulated import Demodulated
    from labrig.procedures.measure import Measurement, Meter, Scan
    from labrig.procedures.measure.scan import Answer
    from labrig.rig.rig import Rig

MARKS = {"answers": "●", "silent": "·", "missing": "○", "wrong": "!", "unexpected": "×", "unknown": "?"}

LEGEND = "● answers as expected  · silent as expected  ○ should answer  ! wrong size or sign  × should not answer"

IN_WORDS = {
    "missing": "should answer and does not",
    "wrong": "answers with the wrong size or sign",
    "unexpected": "answers and should not",
}

BAND = (
    f"within: {DEVIATIONS:g} standard deviations from noise and from the tolerances of zeros, gains, parts and sources",
    "quadratures are not compared, because this comparison leaves out capacitances",
)

NAMED = 6
"""Largest number of nodes that are named in the line about nodes that are off."""

LISTED = 20
"""Largest number of answers that are listed with their figures."""


def units_of(rig: Rig) -> list[str]:
    """Return the unit of each sensed node, which is V for the pilot."""
    hookup, medium = rig.hookup, rig.limits.medium
    second = {node for edge in hookup.edges for node, _ in edge.second}
    own = {hookup.pilot.node: "V", **{node: medium.unit("second_state") for node in second}}
    return [own.get(wire.node, medium.unit("state")) for wire in hookup.senses]


def measured_record(rig: Rig, meter: Meter, found: Measurement) -> dict[str, Any]:
    """Return an acquisition as a JSON object; expected readings are null if conductances are unknown."""
    read, compared, units = found.read, found.comparison, units_of(rig)
    nodes: list[dict[str, Any]] = []
    for column, wire in enumerate(rig.hookup.senses):
        node: dict[str, Any] = {
            "node": wire.node,
            "unit": units[column],
            "dc_v": read.dc[column],
            "u_dc_v": read.u_dc[column],
            "in_phase_v": read.channel_in_phase[:, column].tolist(),
            "quadrature_v": read.channel_quadrature[:, column].tolist(),
            "u_v": read.u_channel[:, column].tolist(),
        }
        if compared is None:
            unknown = {"expected_dc_v": None, "within_dc_v": None, "expected_in_phase_v": None, "within_v": None}
            nodes.append(node | unknown | {"off": None})
            continue
        nodes.append(node | {
            "expected_dc_v": compared.expected.dc[column],
            "within_dc_v": compared.within.dc[column],
            "expected_in_phase_v": compared.expected.in_phase[:, column].tolist(),
            "within_v": compared.within.in_phase[:, column].tolist(),
            "off": _off(found, column),
        })  # fmt: skip
    flags = sorted(flag.value for flag in read.flags)
    line = {"event": "measured", "tones_hz": list(read.frequencies_hz), "nodes": nodes, "flags": flags}
    off = None if compared is None else [each["node"] for each in nodes if each["off"]]
    return line | {"band_deviations": DEVIATIONS, "off": off, "unknown_edges": list(meter.unknown)}


def measured_text(rig: Rig, meter: Meter, found: Measurement) -> str:
    """Return an acquisition as a table, followed by the nodes that do not read as expected and the tolerance used."""
    read, compared, units = found.read, found.comparison, units_of(rig)
    u_dc, u_tones = _uncertainty(rig, read)
    alike = set(units) == {"V"}
    unit = " (V)" if alike else ""
    beside = [] if compared is None else ["expected", "within"]
    header = ["node", *([] if alike else ["unit"]), f"DC{unit}", "±", *beside]
    for frequency in read.frequencies_hz:
        header += [f"in phase, {frequency:g} Hz{unit}", "±", *beside, f"quadrature{unit}"]
    rows: list[list[str]] = []
    for column, wire in enumerate(rig.hookup.senses):
        level = "+.6f" if alike else "+.6g"
        row = [wire.node, *([] if alike else [units[column]])]
        row += [format(read.dc[column], level), f"{u_dc[column]:.1e}"]
        if compared is not None:
            row += [format(compared.expected.dc[column], level), f"{compared.within.dc[column]:.1e}"]
        for tone in range(len(read.frequencies_hz)):
            row += [f"{read.channel_in_phase[tone, column]:+.3e}", f"{u_tones[tone, column]:.1e}"]
            if compared is not None:
                row += [f"{compared.expected.in_phase[tone, column]:+.3e}"]
                row += [f"{compared.within.in_phase[tone, column]:.1e}"]
            row.append(f"{read.channel_quadrature[tone, column]:+.3e}")
        if compared is not None:
            off = _off(found, column)
            row.append(f"OFF: {', '.join(off)}" if off else "")
        rows.append(row)
    header += [] if compared is None else [""]
    return "\n".join([table(header, rows), *_verdict(meter, found)])


def _uncertainty(rig: Rig, read: Demodulated) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the (C,) and (F, C) uncertainties from noise and rounding, without the errors of gain and zero."""
    import numpy as np

    per_volt = 1.0 if rig.hookup.per_volt is None else np.abs(rig.hookup.per_volt)
    dc, tones = read.without_stated(rig.plan.u_offset_v * per_volt, rig.plan.u_gain)
    return np.hypot(read.u_dc, dc), np.hypot(read.u_channel, tones)


def _off(found: Measurement, column: int) -> list[str]:
    """Return the readings of a node that are off: "DC" and the frequencies of tones."""
    compared = found.comparison
    if compared is None:
        return []
    tones = zip(found.read.frequencies_hz, compared.tone_off[:, column], strict=True)
    return [*(["DC"] if compared.dc_off[column] else []), *(f"{hz:g} Hz" for hz, off in tones if off)]


def _verdict(meter: Meter, found: Measurement) -> list[str]:
    if found.comparison is None:
        return [_unknown(meter)]
    total = len(found.comparison.off)
    off = {wire: words for wire in range(total) if (words := _off(found, wire))}
    if not off:
        return [f"all {total} nodes read as expected", *BAND]
    nodes = [f"{meter.nodes[column]} ({', '.join(words)})" for column, words in off.items()]
    named = ", ".join(nodes[:NAMED]) + (" …" if len(nodes) > NAMED else "")
    return [f"{len(off)} of {total} nodes off: {named}", *BAND, "to find the wrong wire or part: labrig selftest"]


def _unknown(meter: Meter) -> str:
    names = ", ".join(meter.unknown[:4]) + (" …" if len(meter.unknown) > 4 else "")
    return f"nothing to compare with: the conductance of {names} is unknown; --initial first writes the initial ones"


def scan_record(rig: Rig, meter: Meter, found: Scan) -> dict[str, Any]:
    """Return a scan as a JSON object."""
    rows = [
        {
            "driven": row.wire.node,
            "channel": row.wire.label,
            "drive": row.drive,
            "unit": _drive_unit(rig, row),
            "read_v": row.read.tolist(),
            "expected_v": row.expected.tolist(),
            "within_v": row.within.tolist(),
            "marks": [row.mark(column) for column in range(len(found.nodes))],
        }
        for row in found.answers
    ]
    off = [
        {"driven": row.wire.node, "node": found.nodes[column], "mark": row.mark(column)} for row, column in found.off
    ]
    line = {"event": "scanned", "nodes": list(found.nodes), "rows": rows, "off": off}
    return line | {"band_deviations": DEVIATIONS, "unknown_edges": list(meter.unknown)}


def scan_text(rig: Rig, meter: Meter, found: Scan) -> str:
    """Return a matrix of responses, a row per driven channel and a column per node, and the unexpected ones."""
    left = [(f"{row.wire.node} ({row.wire.label}, {_drive(rig, row)})") for row in found.answers]
    width = max(map(len, left))
    tall = max(map(len, found.nodes))
    lines = [
        " " * width + "  " + " ".join(node.rjust(tall)[place] for node in found.nodes).rstrip() for place in range(tall)
    ]
    for name, row in zip(left, found.answers, strict=True):
        marks = " ".join(MARKS[row.mark(column)] for column in range(len(found.nodes)))
        lines.append(f"{name.ljust(width)}  {marks}")
    if meter.unknown:
        return "\n".join([*lines, _unknown(meter)])
    lines.append(LEGEND)
    units = units_of(rig)
    for row, column in found.off[:LISTED]:
        read, expected, within = (float(each[column]) for each in (row.read, row.expected, row.within))
        says, node = IN_WORDS[row.mark(column)], found.nodes[column]
        numbers = f"{read:+.4g} {units[column]}, expected {expected:+.4g} ± {within:.1g} {units[column]}"
        lines.append(f"  {row.wire.node} driven: {node} {says}: {numbers}")
    if len(found.off) > LISTED:
        lines.append(f"  and {len(found.off) - LISTED} more, see --json")
    answers = len(found.nodes) * len(found.answers)
    if found.off:
        lines.append(f"{len(found.off)} of {answers} answers off; to find the wrong wire or part: labrig selftest")
    else:
        lines.append(f"all {answers} answers as expected")
    return "\n".join([*lines, BAND[0]])


def _drive_unit(rig: Rig, row: Answer) -> str:
    medium = rig.limits.medium
    if row.wire is rig.hookup.pilot:
        return "V"
    if not row.flows:
        return medium.unit("state")
    return medium.unit("second_flow" if row.wire.reads else "flow")


def _drive(rig: Rig, row: Answer) -> str:
    medium = rig.limits.medium
    if row.wire is rig.hookup.pilot:
        return f"{row.drive:.3g} V"
    if not row.flows:
        return medium.text("state", row.drive)
    return medium.text("second_flow" if row.wire.reads else "flow", row.drive)
