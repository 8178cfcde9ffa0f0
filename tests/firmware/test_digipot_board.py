"""What only the Python board has: a simulated world that listens, forced statuses, a TCP port."""

from __future__ import annotations

import time

import pytest
from firmware.test_builds import Port
from firmware.wire import HELLO, OK, STAGE_COMMIT, VERIFY_FAILED, Host, pairs, run, table_crc

from labrig.clock import SimulatedClock
from labrig.virtual_instruments.digipot.board import VirtualDigipotBoard, cobs_decode, cobs_encode
from labrig.virtual_instruments.serial_server import serve


@pytest.mark.parametrize("length", [0, 1, 5, 253, 254, 255, 507, 508, 509, 600])
def test_cobs_is_that_of_the_package(length):
    cobs = pytest.importorskip("cobs.cobs", reason="the `cobs` package is not installed")
    plain = bytes(1 + i % 255 for i in range(length))
    for data in (plain, plain + b"\0", b"\0" + plain, plain[: length // 2] + b"\0\0" + plain[length // 2 :]):
        assert cobs_encode(data) == cobs.encode(data)
        assert cobs_decode(cobs_encode(data)) == data


def test_the_world_hears_of_every_change_and_of_nothing_else():
    heard: list[dict[int, int | None]] = []
    clock = SimulatedClock()
    board = VirtualDigipotBoard(2, clock=clock, on_codes=lambda codes: heard.append(dict(codes)))
    host = Host(board)
    host(HELLO)
    host.arm(100)
    host(STAGE_COMMIT, table_crc([5, 6]) + run(0, [5, 6]))
    host(STAGE_COMMIT, table_crc([5, 6]) + pairs({1: 6}))
    board.stick(1, 99)
    clock.sleep(0.2)
    board.poll()
    assert heard == [{0: None, 1: None}, {0: 128, 1: 128}, {0: 5, 1: 6}, {0: 5, 1: 99}, {0: None, 1: None}]


def test_forced_statuses_answer_without_executing():
    board = VirtualDigipotBoard(2, clock=SimulatedClock())
    host = Host(board)
    board.forced.extend([VERIFY_FAILED, 77])
    assert [host.arm().status for _ in range(3)] == [VERIFY_FAILED, 77, OK]


def test_channel_numbers_are_checked():
    with pytest.raises(ValueError, match="1 to 128"):
        VirtualDigipotBoard(129)


def test_over_tcp_with_pyserial():
    board = VirtualDigipotBoard(4)
    with serve(board) as url:
        first = Port(url)
        host = Host(first)
        assert host(HELLO).status == OK
        host.arm(50)
        time.sleep(0.2)
        assert host.status()["trips"] == 1  # the server keeps the watchdog going
        second = Port(url)
        assert Host(second, sequence=100)(HELLO).status == OK
        first.close()
        second.close()
        third = Port(url)
        assert Host(third, sequence=200)(HELLO).status == OK
        third.close()
