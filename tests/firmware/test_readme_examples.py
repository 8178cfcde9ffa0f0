"""The conversation printed in the protocol's specification is what the boards say, byte by byte."""

from __future__ import annotations

import re

import pytest
from firmware.builds import SOURCES
from firmware.one_board import HALT, OUTPUTS, REST, SAMPLE, FirmwareOneBoard, PythonOneBoard
from firmware.wire import HELLO, cobs, crc16

BANK, BOARD = (SOURCES / "README.md").read_text("utf-8").split("\n# The one-board bench\n")


def conversation(text: str = BANK) -> list[tuple[bytes, bytes]]:
    return [
        (bytes.fromhex(asked), bytes.fromhex(answered))
        for asked, answered in re.findall(r"^-> ([0-9A-F ]+)\n<- ([0-9A-F ]+)$", text, re.MULTILINE)
    ]


def test_every_op_has_an_example():
    assert {asked[3] for asked, _ in conversation()} == set(range(1, 9))
    assert {asked[3] for asked, _ in conversation(BOARD)} == {HELLO, OUTPUTS, SAMPLE, HALT, REST}


@pytest.mark.parametrize(
    "frame", [frame for part in (BANK, BOARD) for exchange in conversation(part) for frame in exchange]
)
def test_examples_are_well_formed(frame):
    assert frame[0] == frame[-1] == 0
    assert crc16(cobs.decode(frame[1:-1])) == 0


def test_boards_say_what_is_printed(board):
    bank = board(4, 7)
    for number, (asked, answered) in enumerate(conversation(), start=1):
        bank.wait_ms(10)
        if number == 9:
            bank.stick(1, 77)
        assert bank.receive(asked) == answered, f"example {number}"


def test_boards_with_converters_say_what_is_printed(board_core):
    (block,) = re.findall(r"^\.\. ([0-9A-F ]+)$", BOARD, re.MULTILINE)
    for bank in (PythonOneBoard(4, 7), FirmwareOneBoard(board_core, 4, 7)):
        bank.wait_ms(10)
        for asked, answered in conversation(BOARD):
            assert bank.receive(asked) == answered
            bank.wait_ms(3)
            assert bank.take() == (bytes.fromhex(block) if asked[3] == SAMPLE else b"")


def test_check_value_of_the_crc():
    assert crc16(b"123456789") == 0x29B1
