"""What goes over the bus to write a code, against words that others print. Sources: tests/wire/README.md."""

from __future__ import annotations

import pytest
from firmware.avr_board import AVR_BOARDS
from firmware.wire import STAGE_COMMIT, Host, run, table_crc

pytestmark = pytest.mark.more
READ_WITH_OUTPUT_OFF = [0x0800, 0x0000, 0x8001, 0x0000]


def words(elf, chip: str, codes: list[int]) -> list[int]:
    """What the first chip of a bank receives while these codes are set, in one commit."""
    board = AVR_BOARDS[chip](elf(len(codes), CHIP=chip), len(codes))
    host = Host(board)
    host.arm()
    received = board.bus.chips[0].words
    received.clear()
    assert host(STAGE_COMMIT, table_crc(codes) + run(0, codes)).body[1] == 0
    assert list(board.codes().values()) == codes
    return received


def test_an_ad5293_is_unlocked_written_and_read(elf):
    """0x1802, 0x0500, 0x0800, 0x0000: the example of its data sheet for the code 0x100."""
    written = [0x1802, 0x0500]
    assert words(elf, "ad5293", [0x100]) == [*READ_WITH_OUTPUT_OFF, *written, *READ_WITH_OUTPUT_OFF]


def test_an_ad5206_gets_the_number_of_the_rheostat_and_the_code(elf):
    """One byte with the channel, 0 to 5, one with the code, as in Arduino's example DigitalPotControl."""
    codes = [10, 20, 30, 40, 200, 255]
    assert words(elf, "ad5206", codes) == [channel << 8 | code for channel, code in enumerate(codes)]


@pytest.mark.parametrize("code", [1, 64, 127])
def test_an_ad5220_gets_as_many_pulses_as_steps(elf, code):
    """It stands at 0, where 128 pulses brought it from wherever it was: ARM sends them, too."""
    assert words(elf, "ad5220", [code]) == [True] * code


def test_an_mcp4651_gets_bytes_as_a_public_library_sends(elf):
    """0101 aaa x, AAAA CC DD, DDDD DDDD: full scale of wiper 0 (D8 alone) and 128 of wiper 1; each is read first."""
    read, again = [0x50, 0x0C, 0x51], [0x50, 0x1C, 0x51]
    written = [0x50, 0x01, 0x00]
    assert words(elf, "mcp4651", [256, 128]) == [*read, *written, *read, *again]
