"""The circuit of a one-board bench is what the configurations and the firmware say."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from firmware.builds import SOURCES
from firmware.netlist import netlist_program

from labrig.assembly import assemble, packaged_configs

PROGRAM = netlist_program()
BOARDS = {"board": (5, 0, 2), "board_xor": (6, 4, 2)}
README = (SOURCES / "README.md").read_text("utf-8")


@pytest.fixture(params=BOARDS)
def board(request):
    """The pins of the circuit: (part, pin) → net; the values of its parts; and the wiring of the configuration."""
    made = PROGRAM.circuit(*BOARDS[request.param])
    pins = {pin: net for net, connected in made.nets.items() for pin in connected}
    assert len(pins) == sum(len(connected) for connected in made.nets.values()), "a pin is in two nets"
    hookup = assemble(packaged_configs() / f"{request.param}.yaml").board.hookup
    return pins, made.parts, hookup


def chips(parts: dict[str, str], value: str) -> list[str]:
    return [reference for reference, found in parts.items() if found == value]


def selected_by(pins, parts, line: str, number: int) -> str:
    """The net at output `number` of the decoder on a select line."""
    (decoder,) = [each for each in chips(parts, "74HC138") if pins[each, "4"] == line]
    assert [pins[decoder, pin] for pin in "123"] == ["A0", "A1", "A2"]
    return pins[decoder, PROGRAM.DECODER_OUT[number]]


def test_rheostats_are_the_edges(board):
    pins, parts, hookup = board
    for edge in hookup.edges:
        number = int(edge.channel)
        chip = chips(parts, "MCP4251-104E/P")[number // 2]
        wiper, end = PROGRAM.POT[number % 2]
        assert [pins[chip, wiper], pins[chip, end]] == edge.name.split("-")
        assert pins[chip, "1"] == selected_by(pins, parts, f"D{2 + number // 16}", number // 2 % 8)


def test_outputs_are_the_sources(board):
    pins, parts, hookup = board
    wires = {**{wire.channel: wire.node for wire in (*hookup.inputs, hookup.pilot)}}
    wires |= {wire.channel: wire.node.replace("out", "err") for wire in hookup.outputs}
    for channel, net in wires.items():
        chip = chips(parts, "MCP4922-E/P")[int(channel) // 2]
        assert pins[chip, ("14", "10")[int(channel) % 2]] == net
        assert pins[chip, "3"] == selected_by(pins, parts, "D6", int(channel) // 2)
        assert (pins[chip, "8"], pins[chip, "11"], pins[chip, "13"]) == ("D7", "REF", "REF")


def test_inputs_are_the_senses(board):
    pins, parts, hookup = board
    for wire in hookup.senses:
        number = int(wire.channel)
        chip = chips(parts, "MCP3208-CI/P")[number // 8]
        assert pins[chip, "10"] == f"D{8 + number // 8}"
        behind = f"{wire.node}_in" if wire.lead.buffer_ohm is not None else wire.node
        assert pins[chip, str(number % 8 + 1)] == behind


def test_every_net_goes_somewhere(board):
    pins, parts, _ = board
    ends = Counter(pins.values())
    loose = {net for net, count in ends.items() if count == 1}
    spare = r"D\d+(_Y\d)?|free\d+|MID"  # select lines, and the mid-rail without diodes: the ground of a voltmeter
    assert all(re.fullmatch(spare, net) for net in loose), loose
    assert all(value in PROGRAM.PRICES or reference.startswith("R") for reference, value in parts.items())


def test_the_file_and_the_sums_are_up_to_date():
    assert (SOURCES / "board.net").read_text("utf-8") == PROGRAM.circuit(*BOARDS["board"]).text()
    totals = [sum(euros for *_, euros in PROGRAM.parts_list(PROGRAM.circuit(*size))) for size in BOARDS.values()]
    assert f"| **total** | | **{totals[0]:.2f}** | | **{totals[1]:.2f}** |" in README
    assert max(totals) < 60
