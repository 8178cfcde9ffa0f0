"""The conversation printed in the protocol's specification is what the boards say, byte by byte."""

from __future__ import annotations

import re

import pytest
from firmware.builds import SOURCES
from firmware.wire import cobs, crc16


def conversation() -> list[tuple[bytes, bytes]]:
    text = (SOURCES / "README.md").read_text("utf-8")
    return [
        (bytes.fromhex(asked), bytes.fromhex(answered))
        for asked, answered in re.findall(r"^-> ([0-9A-F ]+)\n<- ([0-9A-F ]+)$", text, re.MULTILINE)
    ]


def test_every_op_has_an_example():
    assert {asked[3] for asked, _ in conversation()} == set(range(1, 9))


@pytest.mark.parametrize("frame", [frame for exchange in conversation() for frame in exchange])
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


def test_check_value_of_the_crc():
    assert crc16(b"123456789") == 0x29B1
