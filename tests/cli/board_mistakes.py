"""Mistakes in network and instruments, one each, and what the one error must say."""

from __future__ import annotations

from cli.config_texts import HIDDEN, ISLANDS, Edit
from cli.mistakes import Mistake, one_edit

BOARD_MISTAKES = [
    one_edit(
        "unknown key of an instrument",
        "bits: 16, full_scale: 5 V",
        "▲bit: 16, full_scale: 5 V",
        "instruments.awg.bit",
        "did you mean 'bits'?",
    ),
    one_edit(
        "range the wrong way round",
        "range: [10 µS, 100 µS]",
        "range: ▲[100 µS, 10 µS]",
        "network.programmable.range",
        "the first conductance must be smaller than the second",
    ),
    one_edit(
        "initial outside range",
        "initial: [30 µS, 80 µS]",
        "initial: ▲[30 µS, 200 µS]",
        "network.programmable.initial",
        "must lie within range",
        "10 µS to 100 µS",
    ),
    one_edit(
        "two builders",
        "  programmable:",
        "  ▲grid: {rows: 2, columns: 2}\n  programmable:",
        "network.grid",
        "exactly one of layered, grid, edges",
        "layered and grid",
    ),
    one_edit(
        "no builder",
        "network:\n  layered: {inputs: 6, outputs: 3}\n",
        "▲network:\n",
        "network",
        "exactly one of layered, grid, edges",
    ),
    one_edit(
        "a write that takes longer than a step",
        "channels: 2, supply: [-2.5 V, 2.5 V]",
        "channels: 2, supply: [-2.5 V, 2.5 V], write: ▲3 s",
        "instruments.pots.write",
        "a training step of 2 acquisitions and a write takes 3.0",
        "(3 s of them to write), but limits.step allows only 2 s",
        base=ISLANDS,
    ),
    Mistake(
        "settling that no memory holds",
        (
            Edit("window: 20 ms,", "window: 20 ms, settle: ▲1e6 s,"),
            Edit("acquisition:", "limits: {step: 1e9 s}\nacquisition:"),
        ),
        "acquisition.settle",
        ("settling of 5e+10 samples on each of 3 channels is too long for the memory",),
        base=ISLANDS,
    ),
    one_edit(
        "a resistor that leads nowhere",
        "  programmable: {range",
        "  resistors: [{from: ▲a, to: b, value: 1 kΩ}]\n  programmable: {range",
        "network.resistors[0].from",
        "node 'a' leads nowhere: no other element and no row of the wiring names it",
        base=ISLANDS,
    ),
    *(
        one_edit(
            f"a {kind} to {name}",
            "  programmable: {range",
            f"  {kind}s: [{{from: out0, to: ▲{written}, {value}}}]\n  programmable: {{range",
            f"network.{kind}s[0].to",
            f"nothing is wired to node '{name}'; ground is called 'ground'",
            base=ISLANDS,
        )
        for kind, value in (("resistor", "value: 1 kΩ"), ("diode", "part: BAT54"))
        for name, written in (("GND", "GND"), ("gnd", "gnd"), ("0", "'0'"))
    ),
    one_edit(
        "an edge twice but for its blanks",
        "edges: [in0-out0]",
        "edges: [in0-out0, ▲in0 - out0]",
        "network.edges[1]",
        "edge 'in0-out0' appears twice",
        base=ISLANDS,
    ),
    one_edit(
        "resistor to nowhere",
        "  programmable:",
        "  resistors: [{from: in0, to: ▲int1, value: 1 kΩ}]\n  programmable:",
        "network.resistors[0].to",
        "no node 'int1'",
        "did you mean 'in1'?",
    ),
    one_edit(
        "edge twice",
        "edges: [in0-out0]",
        "edges: [in0-out0, ▲in0-out0]",
        "network.edges[1]",
        "appears twice",
        base=ISLANDS,
    ),
    one_edit("no edge at all", "edges: [in0-out0]", "edges: ▲[]", "network.edges", "at least 1 item", base=ISLANDS),
    one_edit(
        "node called pilot",
        "edges: [in0-out0]",
        "edges: [in0-out0, pilot-out0]",
        "network",
        "a node cannot be called 'pilot'",
        base=ISLANDS,
        at="network:",
    ),
    one_edit(
        "edge of one node", "edges: [in0-out0]", "edges: [▲in0]", "network.edges[0]", "write it 'a-b'", base=ISLANDS
    ),
    one_edit(
        "range outside the part",
        "range: [10 µS, 100 µS]",
        "range: ▲[5 µS, 100 µS]",
        "network.programmable.range",
        "MCP4251-104 of pots covers 9.9925 µS to 13.333 mS",
    ),
    one_edit(
        "range without levels",
        "range: [10 µS, 100 µS], initial: [30 µS, 80 µS]",
        "range: ▲[5 mS, 5.1 mS]",
        "network.programmable.range",
        "level",
    ),
    one_edit(
        "supply the part cannot take",
        "supply: [-2.5 V, 2.5 V]",
        "supply: ▲[-5 V, 5 V]",
        "instruments.pots.supply",
        "1.8 V to 5.5 V",
        "not 10 V",
    ),
    Mistake(
        "unknown diode",
        (Edit(HIDDEN.old, HIDDEN.new.replace("BAT54", "▲BAT45")),),
        "network.layered.hidden[0].shunt.diodes",
        ("'BAT45' is not a known diode", "did you mean 'BAT54'?"),
    ),
    one_edit(
        "unknown part",
        "part: MCP4251-104",
        "part: ▲MCP4251-105",
        "instruments.pots.part",
        "'MCP4251-105' is not one of 'MCP4251-104', 'MCP4251-103', 'AD5293-100'; did you mean 'MCP4251-104'?",
    ),
    one_edit(
        "unknown driver",
        "driver: generic.source",
        "driver: ▲generic.sauce",
        "instruments.awg.driver",
        "no driver 'generic.sauce'",
        "did you mean 'generic.source'?",
    ),
    one_edit(
        "instrument without driver",
        "awg:  {driver: generic.source, ",
        "▲awg:  {",
        "instruments.awg.driver",
        "missing required key 'driver'",
    ),
    one_edit(
        "Howland source too weak for the error",
        "6..8, through: 100 kΩ",
        "6..8, through: {howland: 100 nA/V, output_resistance: 5 MΩ, compliance: 3 V}",
        "learning.error.current",
        "1 µA through a Howland source of 100 nA/V into out0 needs 10 V",
        "at most 500 nA",
        at="1 µA",
    ),
    one_edit(
        "instrument that is no map",
        "  awg:  {driver: generic.source, channels: 10, bits: 16, full_scale: 5 V}",
        "  awg: ▲generic.source",
        "instruments.awg",
        "expected a map",
    ),
]
