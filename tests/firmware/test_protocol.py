"""What the specification promises, on both boards."""

from __future__ import annotations

import struct

import pytest
from firmware.boards import FirmwareBoard
from firmware.wire import (
    ARM,
    BAD_OP,
    BAD_VERSION,
    COMMIT,
    HELLO,
    MALFORMED,
    NOT_ARMED,
    OK,
    OUT_OF_RANGE,
    READ,
    SAFE,
    STAGE,
    STAGE_COMMIT,
    STATUS,
    TABLE_MISMATCH,
    VERIFY_FAILED,
    Host,
    cobs,
    pairs,
    replies,
    request,
    run,
    sealed,
    table_crc,
)

IN_SAFE, ARMED, TRIPPED = 0, 1, 2
EXTERNAL, POWER_ON = 2, 1
MTU = 272
LONGEST = cobs.decode(request(SAFE, 1, b"\x11" * (MTU - 6))[1:-1])
LONG_WITH_A_GOOD_BEGINNING = b"\0" + cobs.encode(LONGEST + b"\x11") + b"\0"


@pytest.fixture
def bank(board):
    return board(8, 41)


@pytest.fixture
def host(bank):
    return Host(bank, sequence=0xFFFD)  # the sequence number wraps in most tests


def opened(bank) -> bool:
    return set(bank.codes().values()) == {None}


def test_hello_says_who_answers(bank, host):
    reply = host(HELLO)
    assert (reply.status, reply.boot_id) == (OK, 41)
    fields = struct.unpack("<BBBBBHHB", reply.body[:10])
    assert fields == (1, 1, 2, POWER_ON, 8, 256, 272, 11)
    assert reply.body[10:] == b"MCP4251-104"


def test_terminals_are_open_until_armed(bank, host):
    assert opened(bank)
    assert host.arm().status == OK
    assert bank.codes() == dict.fromkeys(range(8), 128)
    assert host(SAFE).status == OK
    assert opened(bank)


def test_staging_touches_nothing(bank, host):
    host.arm()
    assert host(STAGE, run(0, range(8))).body == b"\x08"
    assert bank.codes() == dict.fromkeys(range(8), 128)
    assert host(COMMIT, table_crc(range(8))).body == b"\x08\x00"
    assert bank.codes() == {c: c for c in range(8)}


def test_runs_and_pairs_in_one_frame_with_the_commit(bank, host):
    host.arm()
    assert host(STAGE_COMMIT, table_crc([128] * 5 + [0, 256, 1]) + run(5, [0, 256, 1])).body == b"\x03\x00"
    assert host(STAGE_COMMIT, table_crc([9] + [128] * 4 + [0, 7, 1]) + pairs({6: 7, 0: 9})).body == b"\x02\x00"
    assert host.read(0, 8) == [9, 128, 128, 128, 128, 0, 7, 1]


@pytest.mark.parametrize(
    ("setpoints", "offender"),
    [
        (run(0, [1, 2, 257]), (2, 257)),
        (run(6, [1, 2, 3]), (8, 3)),
        (run(200, [1]), (200, 1)),
        (pairs({0: 1, 8: 5}), (8, 5)),
        (pairs({0: 1, 7: 65535}), (7, 65535)),
    ],
)
def test_one_bad_entry_refuses_the_whole_list(host, setpoints, offender):
    host.arm()
    before = host.status()["table"]
    for op, prefix in ((STAGE, b""), (STAGE_COMMIT, b"\0\0")):
        reply = host(op, prefix + setpoints)
        assert reply.status == OUT_OF_RANGE
        assert struct.unpack("<BH", reply.body) == offender
    assert host.status()["table"] == before


def test_no_commit_unless_both_sides_agree_on_every_channel(bank, host):
    host.arm()
    host(STAGE, run(0, range(8)))
    reply = host(COMMIT, b"\0\0")
    assert reply.status == TABLE_MISMATCH
    assert reply.body == table_crc(range(8))
    assert bank.codes() == dict.fromkeys(range(8), 128)


@pytest.mark.parametrize("reach", ["power-on", "safe", "tripped"])
def test_commits_are_refused_until_armed(bank, host, reach):
    state = IN_SAFE
    if reach == "safe":
        host.arm()
        host(SAFE)
    if reach == "tripped":
        host.arm(50)
        bank.wait_ms(51)
        state = TRIPPED
    table = [5] + [128] * 7
    for op, payload in ((STAGE_COMMIT, table_crc(table) + pairs({0: 5})), (COMMIT, table_crc([128] * 8))):
        reply = host(op, payload)
        assert (reply.status, reply.body) == (NOT_ARMED, bytes([state]))
    assert host.status()["table"] == struct.unpack("<H", table_crc([128] * 8))[0]


def test_watchdog_opens_the_terminals_and_keeps_the_codes(bank, host):
    host.arm(100)
    host(STAGE_COMMIT, table_crc([3] * 8) + run(0, [3] * 8))
    bank.wait_ms(100)
    assert not opened(bank)
    bank.wait_ms(1)
    assert opened(bank)
    status = host.status()
    assert (status["state"], status["trips"], status["watchdog"]) == (TRIPPED, 1, 100)
    assert host.read(0, 8) == [3] * 8
    host.arm(0)
    bank.wait_ms(1_000_000)
    assert bank.codes() == dict.fromkeys(range(8), 3)


def test_every_good_frame_feeds_the_watchdog_and_bad_ones_do_not(bank, host):
    host.arm(100)
    again = request(STATUS, 500)
    for _ in range(5):
        bank.wait_ms(80)
        bank.receive(again)
    assert not opened(bank)
    for _ in range(2):
        bank.wait_ms(80)
        bank.receive(again[:-2] + b"\xff\0")
    assert opened(bank)


def test_its_own_replies_coming_back_do_not_feed_the_watchdog(bank, host):
    host.arm(100)
    echo = bank.receive(request(STATUS, 500))
    for _ in range(2):
        bank.wait_ms(80)
        assert bank.receive(echo) == b""
    assert opened(bank)
    assert host.status()["dropped"] == 2


@pytest.mark.parametrize("by", ["watchdog", "host"])
def test_terminals_that_did_not_open_are_opened_as_soon_as_their_chip_obeys(bank, host, by):
    host.arm(100)
    for channel in (2, 3):  # one chip
        bank.silence(channel)
    if by == "host":
        assert host(SAFE).body == b"\2\2\3"
    bank.wait_ms(101)
    bank.wait_ms(200)
    assert {channel for channel, code in bank.codes().items() if code is not None} == {2, 3}
    assert host.status()["terminal_faults"] == 2
    for channel in (2, 3):
        bank.heal(channel)
    assert not opened(bank)
    bank.wait_ms(8)  # one channel per ms
    assert opened(bank)
    bank.wait_ms(8)  # a whole round without a fault
    assert host.status()["terminal_faults"] == 0
    assert host.status()["trips"] == (by == "watchdog")


def test_a_repeated_request_is_answered_alike_and_not_executed(bank, host):
    host.arm()
    frame = request(STAGE_COMMIT, 1000, table_crc([4] * 8) + run(0, [4] * 8))
    first = bank.receive(frame)
    bank.stick(2, 99)
    assert bank.receive(frame) == first
    assert host.read(0, 3) == [4, 4, 99]
    assert host.status()["repeated"] == 1


def test_the_same_sequence_with_other_bytes_is_another_request(bank):
    bank.receive(request(ARM, 7, b"\0\0"))
    assert not opened(bank)
    bank.receive(request(SAFE, 7))
    assert opened(bank)


@pytest.mark.parametrize(
    "noise",
    [
        request(SAFE, 1)[:-3] + b"\x55\x55\0",
        request(SAFE, 1)[:4] + b"\0",
        b"\0\x01\0",
        b"\0\xff" + bytes(range(1, 100)) + b"\0",
        sealed(b"\x01\x06\x01"),
        sealed(b"\x01\x06\x01\x00" + b"\x11" * 267),
        LONG_WITH_A_GOOD_BEGINNING,
        b"\x22" * 5000 + b"\0",
    ],
    ids=["crc", "cut", "empty", "block too long", "short", "long", "good beginning", "endless"],
)
def test_bad_frames_are_dropped_without_a_word(bank, host, noise):
    host.arm()
    assert bank.receive(noise) == b""
    assert not opened(bank)
    assert host.status()["dropped"] == 1


def test_a_frame_ends_whatever_noise_came_before(bank):
    assert len(replies(bank.receive(b"\x07\x31noise" + request(HELLO, 1)))) == 1
    halves = request(HELLO, 2)
    assert bank.receive(halves[:5]) == b""
    assert len(replies(bank.receive(halves[5:]))) == 1


def test_the_longest_frame_is_a_whole_table_and_more(board):
    host = Host(board(128))
    host.arm()
    codes = [256 - c for c in range(128)]
    assert host(STAGE_COMMIT, table_crc(codes) + run(0, codes)).body == b"\x80\x00"
    assert host.read(0, 128) == codes
    assert host(STATUS, bytes(266)).status == MALFORMED  # exactly the MTU


@pytest.mark.parametrize(
    ("op", "payload"),
    [
        (STATUS, b"\0"),
        (STAGE, b""),
        (STAGE, b"\0"),
        (STAGE, b"\0\0\1"),
        (STAGE, b"\1\0\1"),
        (STAGE, b"\2\0\1\0"),
        (COMMIT, b"\0"),
        (COMMIT, b"\0\0\0"),
        (READ, b"\0"),
        (ARM, b"\0\0\0"),
        (STAGE_COMMIT, b"\0"),
        (STAGE_COMMIT, b"\0\0"),
    ],
)
def test_malformed_payloads(bank, host, op, payload):
    assert host(op, payload).status == MALFORMED
    assert host.status()["state"] == IN_SAFE


def test_empty_lists_are_allowed(bank, host):
    host.arm()
    assert host(STAGE, run(200, [])).body == b"\0"
    assert host(STAGE_COMMIT, table_crc([128] * 8) + pairs({})).body == b"\0\0"


@pytest.mark.parametrize(("first", "count", "offender"), [(0, 9, 8), (8, 1, 8), (200, 0, 200), (255, 255, 255)])
def test_reading_beyond_the_bank(host, first, count, offender):
    reply = host(READ, bytes([first, count]))
    assert reply.status == OUT_OF_RANGE
    assert struct.unpack("<BH", reply.body) == (offender, 0)


@pytest.mark.parametrize("op", [0, 9, 0x7F])
def test_unknown_ops(host, op):
    assert host(op).status == BAD_OP


def test_other_versions_get_hello_and_safe_only(bank, host):
    host.arm()
    for version in (0, 2, 255):
        reply = host(STATUS, version=version)
        assert (reply.status, reply.body) == (BAD_VERSION, b"\1\1")
        assert host(HELLO, b"from the future", version=version).status == OK
    assert host(SAFE, b"whatever", version=9).status == OK
    assert opened(bank)


def test_a_stuck_wiper_is_named_by_every_commit_until_it_works(bank, host):
    host.arm()
    bank.stick(3, 50)
    payload = table_crc([7] * 8) + run(0, [7] * 8)
    for written in (8, 1):
        reply = host(STAGE_COMMIT, payload)
        assert (reply.status, reply.body) == (VERIFY_FAILED, bytes([written, 1, 3]))
    assert host.read(2, 3) == [7, 50, 7]
    bank.heal(3)
    assert host(COMMIT, table_crc([7] * 8)).body == b"\x01\x00"
    assert bank.codes() == dict.fromkeys(range(8), 7)


@pytest.mark.parametrize(("lost", "body"), [(1, b"\x08\x00"), (2, b"\x08\x01\x06")])
def test_a_write_that_got_lost_is_repeated_once(testbed, lost, body):
    bank = FirmwareBoard(testbed, 8)
    bank.lose(6, lost)
    host = Host(bank)
    host.arm()
    assert host(STAGE_COMMIT, table_crc([7] * 8) + run(0, [7] * 8)).body == body


def test_a_bank_without_any_chip(board):
    bank = board(128)
    for channel in range(128):
        bank.silence(channel)
    host = Host(bank)
    assert host.read(0, 128) == [0xFFFF] * 128  # 256 bytes without a zero: the longest blocks of COBS
    assert host.arm().body == bytes([128, *range(128)])


def test_a_silent_chip_is_named_by_all_that_need_it(bank, host):
    host.arm()
    bank.silence(5)
    assert host.read(4, 2) == [128, 0xFFFF]
    assert host(COMMIT, table_crc([128] * 8)).body == b"\x01\x01\x05"
    reply = host(SAFE)
    assert (reply.status, reply.body) == (VERIFY_FAILED, b"\x01\x05")
    assert {c for c, code in bank.codes().items() if code is not None} == {5}
    assert host.status()["terminal_faults"] == 1
    assert host.arm().body == b"\x01\x05"
    assert host.status()["state"] == ARMED


def test_a_reset_forgets_everything_but_the_chips(bank, host):
    host.arm(1000)
    frame = request(STAGE_COMMIT, 1000, table_crc([4] * 8) + run(0, [4] * 8))
    bank.receive(frame)
    bank.receive(frame[:6])
    bank.reset(EXTERNAL)
    assert opened(bank)
    (reply,) = replies(bank.receive(frame))  # not a repetition: the memory of it is gone
    assert (reply.status, reply.boot_id) == (NOT_ARMED, 42)
    assert host(HELLO).body[3] == EXTERNAL
    status = host.status()
    assert (status["accepted"], status["watchdog"], status["state"]) == (3, 0, IN_SAFE)
    assert status["table"] == struct.unpack("<H", table_crc([4] * 8))[0]
    host.arm()
    assert host(COMMIT, table_crc([4] * 8)).body == b"\0\0"


def test_power_loss_puts_the_wipers_in_the_middle(bank, host):
    host.arm()
    host(STAGE_COMMIT, table_crc([4] * 8) + run(0, [4] * 8))
    bank.power_cycle()
    assert host.read(0, 8) == [128] * 8
    assert host(HELLO).body[3] == POWER_ON
