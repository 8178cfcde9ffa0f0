"""The program for the ATmega328P on a simulated one, with simulated chips on its SPI pins."""

from __future__ import annotations

import random
import struct

import pytest
from firmware.avr_board import AvrBoard
from firmware.boards import FIRST_BOOT, PythonBoard
from firmware.chips import EVERY_STATUS
from firmware.in_lock_step import converse_in_lock_step, time_of_a_step_ms
from firmware.same_replies import BANKS
from firmware.test_readme_examples import conversation
from firmware.wire import (
    HELLO,
    READ,
    SAFE,
    STAGE,
    STAGE_COMMIT,
    STATUS,
    VERIFY_FAILED,
    Host,
    pairs,
    request,
    run,
    table_crc,
)
from trials import trials


def test_the_specification_conversation(elf):
    """Up to the stuck wiper, with another boot id and clock than printed: so against the Python board."""
    avr, python = AvrBoard(elf(4), 4), PythonBoard(4, FIRST_BOOT)
    for asked, _ in conversation()[:8]:
        if asked[3] != STATUS:
            assert avr.receive(asked) == python.receive(asked)
            assert avr.codes() == python.codes()


@pytest.mark.parametrize("divider", [4, 8, 16, 32, 64])
def test_the_clock_of_the_chips_is_as_slow_as_the_isolators_need(elf, divider):
    avr, python = AvrBoard(elf(4, SPI_DIVIDER=divider), 4), PythonBoard(4, FIRST_BOOT)
    for asked, _ in conversation()[:6]:
        if asked[3] != STATUS:
            assert avr.receive(asked) == python.receive(asked)
    assert avr.codes() == python.codes()
    assert abs(avr.bus.shortest_period - divider) <= 2  # cycles; the simulated SPI is that exact


def test_same_replies_as_the_python_board(elf):
    """Every chip behind its decoder, every op, in a conversation of random tables."""
    rng = random.Random(3)
    avr, python = AvrBoard(elf(128), 128), PythonBoard(128, FIRST_BOOT)
    hosts = [Host(avr), Host(python)]
    table = [128] * 128

    def both(op: int, payload: bytes = b"") -> None:
        replies = [host(op, payload) for host in hosts]
        assert replies[0] == replies[1]
        assert avr.codes() == python.codes()

    both(HELLO)
    both(STAGE_COMMIT, table_crc(table) + pairs({}))
    assert hosts[0].arm() == hosts[1].arm()
    for _ in range(3):
        table = [rng.randrange(257) for _ in table]
        both(STAGE_COMMIT, table_crc(table) + run(0, table))
        both(READ, bytes([0, 128]))
    both(STAGE, pairs({127: 257}))
    both(99)
    both(SAFE)
    faults = hosts[0].status()
    assert (faults["overruns"], faults["dropped"], faults["terminal_faults"]) == (0, 0, 0)


@pytest.mark.parametrize("seed", range(trials(1, 3, 20)))
def test_same_replies_to_random_frames(testbed, elf, seed):
    channels = BANKS[seed % len(BANKS)]
    met = converse_in_lock_step(testbed, elf(channels), seed, channels, trials(400, 400, 5000), AvrBoard)
    assert set(met) == EVERY_STATUS


def test_a_missing_chip_is_named(elf):
    host = Host(AvrBoard(elf(4), 4, chips=1))
    reply = host.arm()
    assert (reply.status, reply.body) == (VERIFY_FAILED, b"\x02\x02\x03")
    assert host.read(0, 4) == [128, 128, 0xFFFF, 0xFFFF]


def test_the_watchdog_opens_the_terminals(elf):
    avr = AvrBoard(elf(4), 4)
    host = Host(avr)
    host.arm(100)
    avr.wait_ms(95)
    assert set(avr.codes().values()) == {128}
    avr.wait_ms(10)
    assert set(avr.codes().values()) == {None}
    avr.wait_ms(600)  # beyond the microcontroller's own watchdog, which must not bite
    assert host.status()["trips"] == 1


@pytest.mark.parametrize("divider", [4, 64])
def test_no_byte_is_lost_while_terminals_are_opened_again(elf, divider):
    avr = AvrBoard(elf(128, SPI_DIVIDER=divider), 128)
    for channel in range(0, 128, 2):
        avr.silence(channel)
    avr.reset()
    avr.wait_ms(30)  # it listens only after it has tried to open all terminals
    host = Host(avr)
    for code in range(40):  # longest requests
        assert host(STAGE, run(0, [code] * 128)).body == bytes([128])
    status = host.status()
    assert (status["overruns"], status["dropped"]) == (0, 0)


def test_a_reset_changes_the_boot_id_and_opens_the_terminals(elf):
    avr, python = AvrBoard(elf(4), 4), PythonBoard(4, FIRST_BOOT)
    for board in (avr, python):
        host = Host(board)
        host.arm()
        host(STAGE_COMMIT, table_crc([1, 2, 3, 4]) + run(0, [1, 2, 3, 4]))
        board.reset()
        assert set(board.codes().values()) == {None}
        assert host(HELLO).boot_id == FIRST_BOOT + 1
        assert host.read(0, 4) == [1, 2, 3, 4]
    assert Host(avr)(HELLO) == Host(python)(HELLO)


def test_a_reset_within_a_commit_stages_what_the_chips_hold(elf):
    avr = AvrBoard(elf(128), 128)
    host = Host(avr)
    host.arm()
    avr.receive(request(STAGE_COMMIT, 1000, table_crc([7] * 128) + run(0, [7] * 128)), expected=0)
    avr.wait_ms(6)
    avr.reset()
    assert set(avr.codes().values()) == {None}
    held = host.read(0, 128)
    assert set(held) == {7, 128}
    assert host.status()["table"] == struct.unpack("<H", table_crc(held))[0]
    assert host(HELLO).boot_id == FIRST_BOOT + 1


def test_uptime_is_in_ms(elf):
    avr = AvrBoard(elf(4), 4)
    host = Host(avr)
    earlier = host.status()["uptime"]
    avr.wait_ms(1000)
    assert 1000 <= host.status()["uptime"] - earlier <= 1005


@pytest.mark.parametrize(("channels", "changed", "most_ms"), [(64, 64, 15), (128, 64, 15), (128, 128, 20)])
def test_time_of_a_step(elf, channels, changed, most_ms):
    """64 edges changed and verified at 500 kbaud take at most 15 ms of simulated time."""
    assert time_of_a_step_ms(AvrBoard(elf(channels), channels), channels, changed) < most_ms
