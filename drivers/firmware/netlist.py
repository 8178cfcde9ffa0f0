"""The circuit of a one-board bench as a KiCad netlist, and its parts list.

    python netlist.py INPUTS HIDDEN OUTPUTS > board.net          the netlist of a layered network
    python netlist.py INPUTS HIDDEN OUTPUTS --parts              the parts to buy

Nodes, outputs and inputs of the converters, and edges are numbered as under `wiring:` in configs/board.yaml and
board_xor.yaml: edges input-major, first those from inputs, then those from hidden nodes.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

Pin = tuple[str, str]

MCU_PINS = {
    **{f"D{k}": str(k + 3) for k in range(2, 13)},
    "D13": "16",
    "A0": "19",
    "A1": "20",
    "A2": "21",
    "5V": "27",
    "GND": "29",
}
"""Pins of an Arduino Nano by their labels, numbered as KiCad's symbol Arduino_Nano_v3.x does."""

DECODER_OUT = ("15", "14", "13", "12", "11", "10", "9", "7")
"""Pins Y0 to Y7 of a 74HC138."""

AMPLIFIER = (("3", "2", "1"), ("5", "6", "7"), ("10", "9", "8"), ("12", "13", "14"))
"""Pins +, − and output of the four amplifiers of an MCP6004."""

POT = (("9", "10"), ("6", "5"))
"""Pins W and B of the two rheostats of an MCP4251."""

PRICES = {
    "Arduino Nano (ATmega328P)": 6.00,
    "MCP4251-104E/P": 1.30,
    "MCP4922-E/P": 2.90,
    "MCP3208-CI/P": 3.20,
    "74HC138": 0.45,
    "MCP6004-I/P": 0.55,
    "LM4040-2.0 (2.048 V)": 0.90,
    "BAT54S": 0.10,
    "R": 0.02,
    "C 100n": 0.05,
    "C 10u": 0.15,
    "stripboard, sockets, wire": 5.00,
}
"""Price per piece in small quantities (€, with tax): rough figures for 2024, from memory."""


@dataclass
class Circuit:
    """Parts by reference, and nets by name."""

    parts: dict[str, str] = field(default_factory=dict[str, str])
    nets: dict[str, list[Pin]] = field(default_factory=lambda: defaultdict(list))

    def add(self, kind: str, value: str, **pins: str) -> str:
        """Add a part; `pins` are p<number> = net. Returns its reference."""
        number = 1 + sum(reference.rstrip("0123456789") == kind for reference in self.parts)
        reference = f"{kind}{number}"
        self.parts[reference] = value
        for pin, net in pins.items():
            self.nets[net].append((reference, pin.removeprefix("p")))
        return reference

    def text(self) -> str:
        """The netlist as KiCad reads it."""
        components = "".join(f'    (comp (ref "{ref}") (value "{value}"))\n' for ref, value in self.parts.items())
        nets = "".join(
            f'    (net (code "{code}") (name "{name}")'
            + "".join(f'\n      (node (ref "{ref}") (pin "{pin}"))' for ref, pin in pins)
            + ")\n"
            for code, (name, pins) in enumerate(self.nets.items(), start=1)
        )
        return f'(export (version "E")\n  (components\n{components}  )\n  (nets\n{nets}  )\n)\n'


def circuit(inputs: int, hidden: int, outputs: int) -> Circuit:
    """The circuit for a layered network; without hidden nodes, inputs are connected to outputs."""
    made = Circuit()
    nodes = [f"in{k}" for k in range(inputs)], [f"hid{k}" for k in range(hidden)], [f"out{k}" for k in range(outputs)]
    layers = [layer for layer in nodes if layer]
    edges = [(a, b) for first, second in pairwise(layers) for a in first for b in second]
    pins = {f"p{pin}": label for label, pin in MCU_PINS.items()}
    made.add("A", "Arduino Nano (ATmega328P)", **pins)
    _reference(made)
    _sources(made, inputs, outputs)
    _senses(made, [*nodes[0], *nodes[1], *nodes[2], "pilot"], driven=inputs)
    _potentiometers(made, edges)
    for node in nodes[1]:
        made.add("D", "BAT54S", p1="MID", p2="MID", p3=node)  # two diodes in series, the node between them
    made.add("C", "C 10u", p1="5V", p2="GND")
    return made


def _reference(made: Circuit) -> None:
    """Add the reference of all converters, 2.048 V, and the divider for the mid-rail, half of it."""
    made.add("R", "1k", p1="5V", p2="REF")
    made.add("U", "LM4040-2.0 (2.048 V)", p1="REF", p2="GND")
    made.add("C", "C 10u", p1="REF", p2="GND")
    made.add("R", "10k 0.1%", p1="REF", p2="HALF")
    made.add("R", "10k 0.1%", p1="HALF", p2="GND")


def _sources(made: Circuit, inputs: int, outputs: int) -> None:
    """Add the DACs. Their outputs are, in this order, the inputs, the errors (each through 100 kΩ) and the pilot."""
    nets = [f"in{k}" for k in range(inputs)] + [f"err{k}" for k in range(outputs)] + ["pilot"]
    for k in range(outputs):
        made.add("R", "100k 1%", p1=f"err{k}", p2=f"out{k}")
    decoder = _decoder(made, "D6")
    for chip in range((len(nets) + 1) // 2):
        pair = [*nets[2 * chip : 2 * chip + 2], f"free{chip}"][:2]
        made.add(
            "U",
            "MCP4922-E/P",
            p1="5V",
            p3=decoder[chip],
            p4="D13",
            p5="D11",
            p8="D7",
            p9="5V",
            p12="GND",
            p13="REF",
            p11="REF",
            p14=pair[0],
            p10=pair[1],
        )
        made.add("C", "C 100n", p1="5V", p2="GND")
    made.add("R", "10k", p1="D7", p2="5V")  # LDAC floats while the bootloader runs


def _senses(made: Circuit, nodes: list[str], driven: int) -> None:
    """Add the ADCs, one input per node. Nodes that no DAC drives are buffered by an amplifier, as is the mid-rail."""
    wanted = [("HALF", "MID")] + [(node, f"{node}_buf") for node in nodes[driven:-1]]
    for first in range(0, len(wanted), len(AMPLIFIER)):
        group = wanted[first : first + len(AMPLIFIER)]
        group += [("GND", f"idle{first + k}") for k in range(len(group), len(AMPLIFIER))]
        wires = {"p4": "5V", "p11": "GND"}
        for (plus, minus, out), (node, buffered) in zip(AMPLIFIER, group, strict=True):
            wires |= {f"p{plus}": node, f"p{minus}": buffered, f"p{out}": buffered}
        made.add("U", "MCP6004-I/P", **wires)
        made.add("C", "C 100n", p1="5V", p2="GND")
    reads = [*nodes[:driven], *(f"{node}_in" for node in nodes[driven:-1]), nodes[-1]]
    for node in nodes[driven:-1]:
        made.add("R", "100", p1=f"{node}_buf", p2=f"{node}_in")
    for chip in range((len(reads) + 7) // 8):
        group = reads[8 * chip : 8 * chip + 8]
        inputs = {f"p{k + 1}": (group[k] if k < len(group) else "GND") for k in range(8)}
        supply = {"p9": "GND", "p14": "GND", "p15": "REF", "p16": "5V"}
        made.add("U", "MCP3208-CI/P", **inputs, **supply, p10=f"D{8 + chip}", p11="D11", p12="D12", p13="D13")
        made.add("C", "C 100n", p1="5V", p2="GND")
        made.add("R", "10k", p1=f"D{8 + chip}", p2="5V")
    made.add("R", "10k", p1="D12", p2="GND")  # a missing chip is read as an error


def _potentiometers(made: Circuit, edges: list[tuple[str, str]]) -> None:
    """Add the potentiometers; rheostat k is edge k. Each select line, from D2 on, selects eight chips by a decoder."""
    decoder: list[str] = []
    for chip in range((len(edges) + 1) // 2):
        if chip % 8 == 0:
            decoder = _decoder(made, f"D{2 + chip // 8}")
        wires = {"p1": decoder[chip % 8], "p2": "D13", "p3": "D11", "p13": "D12"}
        wires |= {"p4": "GND", "p11": "GND", "p12": "5V", "p14": "5V"}
        for (wiper, end), (a, b) in zip(POT, edges[2 * chip : 2 * chip + 2], strict=False):
            wires |= {f"p{wiper}": a, f"p{end}": b}
        made.add("U", "MCP4251-104E/P", **wires)
        made.add("C", "C 100n", p1="5V", p2="GND")


def _decoder(made: Circuit, line: str) -> list[str]:
    """Add a 74HC138 that is enabled by a select line; return the nets of its outputs."""
    names = [f"{line}_Y{k}" for k in range(8)]
    outs = {f"p{pin}": name for pin, name in zip(DECODER_OUT, names, strict=True)}
    made.add("U", "74HC138", p1="A0", p2="A1", p3="A2", p4=line, p5="GND", p6="5V", p8="GND", p16="5V", **outs)
    made.add("C", "C 100n", p1="5V", p2="GND")
    made.add("R", "10k", p1=line, p2="5V")
    return names


def parts_list(made: Circuit) -> list[tuple[str, int, float]]:
    """Return (part, number, total price in euros) for each kind of part to buy."""
    counts: dict[str, int] = defaultdict(int)
    for reference, value in made.parts.items():
        counts["R" if reference.startswith("R") else value] += 1
    counts["stripboard, sockets, wire"] = 1
    return [(part, count, round(count * PRICES[part], 2)) for part, count in counts.items()]


def main() -> None:
    """Print the netlist or the parts list."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name in ("inputs", "hidden", "outputs"):
        parser.add_argument(name, type=int)
    parser.add_argument("--parts", action="store_true", help="print the parts list instead")
    asked = parser.parse_args()
    made = circuit(asked.inputs, asked.hidden, asked.outputs)
    if not asked.parts:
        print(made.text(), end="")
        return
    bought = parts_list(made)
    for part, count, euros in bought:
        print(f"{count:3} {part:28} {euros:6.2f}")
    print(f"    {'total':28} {sum(euros for *_, euros in bought):6.2f}")


if __name__ == "__main__":
    main()
