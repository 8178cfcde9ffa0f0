"""The one-board bench: its converters on the Python board, in the firmware's core, and on the simulated ATmega328P."""

from __future__ import annotations

import random
import re
import struct
from itertools import pairwise

import pytest
from firmware.builds import SOURCES as FOLDER
from firmware.builds import avr_program, fuzz, make
from firmware.one_board import (
    EVERYTHING,
    HALT,
    INPUTS,
    LAST,
    LATE,
    MIDDLE,
    OUTPUTS,
    REST,
    SAMPLE,
    SOURCES,
    FirmwareOneBoard,
    PythonOneBoard,
    converse,
    cosine,
    outputs,
    played,
    reading,
    sample,
    scans,
)
from firmware.one_board_in_lock_step import tries_until_safe, unevenness
from firmware.wire import (
    COMMIT,
    HELLO,
    MALFORMED,
    OK,
    OUT_OF_RANGE,
    READ,
    SAFE,
    STAGE,
    Host,
    replies,
    request,
    run,
    table_crc,
)
from labrig_drivers.one_board.outputs import COSINE
from trials import trials

from labrig.virtual_instruments.one_board.sampler import COSINE as VIRTUAL

LEVELS = [MIDDLE + 10 * source for source in range(SOURCES)]
TONES = [(6, 16, 0, 800), (7, 16, 128, 800), (8, 16, 0, 4000), (8, 5, 77, -1000)]


@pytest.fixture(params=["python", "firmware"])
def board(request):
    if request.param == "python":
        return PythonOneBoard(8)
    return FirmwareOneBoard(request.getfixturevalue("board_core"), 8)


@pytest.fixture
def host(board):
    return Host(board)


def collected(board, inputs: int, wait_ms: int) -> list[list[int]]:
    """The codes of all scans that come within so much time; they must be numbered from 0 on, and the last says so."""
    board.wait_ms(wait_ms)
    blocks = [scans(reply, inputs) for reply in replies(board.take())]
    for before, after in pairwise(blocks):
        assert after.first == before.first + len(before.codes)
    assert blocks[0].first == 0
    assert [block.flags for block in blocks] == [0] * (len(blocks) - 1) + [LAST]
    return [row for block in blocks for row in block.codes]


def test_what_it_says_of_its_converters(host):
    hello = host(HELLO).body
    assert hello[10 + hello[9] :] == bytes([SOURCES, INPUTS, 16])
    assert host(98).status == 2  # no such op


def test_levels_appear_at_once_and_rest_is_the_middle(board, host):
    assert board.outputs() == [MIDDLE] * SOURCES
    assert struct.unpack("<H", host(OUTPUTS, outputs(LEVELS, TONES)).body) == (1,)
    assert board.outputs() == LEVELS
    host(REST)
    assert board.outputs() == [MIDDLE] * SOURCES
    host(OUTPUTS, outputs(LEVELS))
    host(SAFE)
    assert board.outputs() == [MIDDLE] * SOURCES


def test_the_watchdog_brings_the_outputs_to_rest(board, host):
    host.arm(100)
    host(OUTPUTS, outputs(LEVELS))
    board.wait_ms(101)
    assert board.outputs() == [MIDDLE] * SOURCES


@pytest.mark.parametrize("inputs", [1, 3, 8, 13, 16])
def test_scans_read_the_outputs_of_their_own_time(board, host, inputs):
    """Every scan of every input, against the definition of the tones; the outputs hold their levels afterwards."""
    host(OUTPUTS, outputs(LEVELS, TONES))
    chosen = random.Random(inputs).sample(range(INPUTS), inputs)
    assert host(SAMPLE, sample(16000, 300, chosen)).status == OK
    rows = collected(board, inputs, 301)
    assert rows == [[reading(each, played(LEVELS, TONES, scan)) for each in chosen] for scan in range(300)]
    assert board.outputs() == LEVELS


def test_a_scan_takes_a_period(board, host):
    host(SAMPLE, sample(32000, 10, [0]))
    board.wait_ms(19)
    assert board.take() == b""
    board.wait_ms(1)
    assert len(replies(board.take())) == 1


def test_a_late_scan_marks_its_block(board_core):
    board = FirmwareOneBoard(board_core, 8)
    Host(board)(SAMPLE, sample(16000, 192, [0]))
    board.wait_ms(100)
    board.let_scans_be_late(True)
    board.wait_ms(1)
    board.let_scans_be_late(False)
    board.wait_ms(100)
    assert [scans(reply, 1).flags for reply in replies(board.take())] == [0, LATE, LAST]


def test_a_request_ends_the_sampling_and_is_executed(board, host):
    host.arm()
    host(STAGE, run(0, range(8)))
    for op, payload in ((COMMIT, table_crc(range(8))), (READ, b"\0\1"), (OUTPUTS, outputs(LEVELS)), (HALT, b"")):
        host(SAMPLE, sample(16000, 1000, [0, 1]))
        board.wait_ms(10)
        assert host(op, payload).status == OK
        assert struct.unpack("<H", host(HALT).body) == (10,)
        board.wait_ms(100)
        assert board.take() == b""


@pytest.mark.parametrize("noise", [b"\0", b"\x55", b"\0\x55", b"\x55\0", b"\0\0"])
def test_any_byte_ends_the_sampling(board, host, noise):
    host(OUTPUTS, outputs(LEVELS, TONES))
    host(SAMPLE, sample(16000, 1000, [0]))
    board.wait_ms(10)
    assert board.receive(noise) == b""
    assert board.outputs() == LEVELS
    board.receive(request(SAMPLE, 700, sample(16000, 1000, [0])) + noise)
    board.wait_ms(100)
    assert board.take() == b""
    assert board.outputs() == LEVELS


@pytest.mark.parametrize("stop", [SAFE, REST, HALT])
def test_sampling_can_be_stopped(board, host, stop):
    host(OUTPUTS, outputs(LEVELS, TONES))
    host(SAMPLE, sample(16000, 1000, range(16)))
    board.wait_ms(100)
    board.take()
    host(stop)
    assert board.outputs() == (LEVELS if stop == HALT else [MIDDLE] * SOURCES)
    board.wait_ms(100)
    assert board.take() == b""


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        (outputs(LEVELS)[:-1], MALFORMED),
        (outputs(LEVELS) + b"\0", MALFORMED),
        (outputs(LEVELS, [(0, 1, 0, 1)] * 17), MALFORMED),
        (outputs(LEVELS, [(SOURCES, 1, 0, 1)]), MALFORMED),
        (outputs(LEVELS, [(1, 1, 0, 1), (0, 1, 0, 1)]), MALFORMED),
        (outputs([*LEVELS[:-1], 4096]), OUT_OF_RANGE),
        (outputs([MIDDLE] * SOURCES, [(3, 1, 0, 4 * 2047 + 1)]), OUT_OF_RANGE),
        (outputs([MIDDLE] * SOURCES, [(3, 1, 0, 5000), (3, 2, 0, -5000)]), OUT_OF_RANGE),
        (outputs([MIDDLE] * SOURCES, [(3, 1, 0, 4 * 2047), (4, 1, 0, -4 * 2047)]), OK),
    ],
)
def test_programs_beyond_the_range_are_refused(board, host, payload, status):
    before = board.outputs()
    assert host(OUTPUTS, payload).status == status
    if status != OK:
        assert board.outputs() == before


@pytest.mark.parametrize(
    ("payload", "status", "body"),
    [
        (sample(1000, 1, []), MALFORMED, b""),
        (sample(16000, 0, [0]), MALFORMED, b""),
        (sample(65535, 1, [0] * 17), MALFORMED, b""),
        (sample(16000, 1, [0, 16]), OUT_OF_RANGE, struct.pack("<BH", 16, 0)),
        (sample(999, 1, [0]), OUT_OF_RANGE, struct.pack("<BH", 0xFF, 1000)),
        (sample(8499, 1, range(16)), OUT_OF_RANGE, struct.pack("<BH", 0xFF, 8500)),
        (sample(8500, 1, range(16)), OK, b""),
    ],
)
def test_scans_that_it_cannot_take_are_refused(host, payload, status, body):
    reply = host(SAMPLE, payload)
    assert (reply.status, reply.body) == (status, body)


def test_a_repeated_request_does_not_begin_anew(board):
    frame = request(SAMPLE, 500, sample(16000, 64, [0]))
    first = board.receive(frame)
    board.wait_ms(64)
    assert len(replies(board.take())) == 1
    assert board.receive(frame) == first
    board.wait_ms(64)
    assert board.take() == b""


def test_one_period_of_the_cosine():
    """The table in flash, which the Python board and the driver compute."""
    table = re.search(r"STORED = \{(.*?)\}", (FOLDER / "cosine.h").read_text("utf-8"), re.DOTALL)
    assert table is not None
    wanted = [cosine(at) for at in range(256)]
    assert [int(each) for each in table[1].split(",") if each.strip()] == wanted
    assert COSINE.tolist() == VIRTUAL.tolist() == wanted


@pytest.mark.parametrize("seed", range(trials(3, 10, 20)))
def test_same_replies(board_core, seed):
    met = converse(board_core, seed, (1, 4, 64, 127, 128)[seed % 5], trials(600, 1000, 5000))
    assert set(met) == EVERYTHING


def test_hostile_frames_under_sanitizers(build):
    fuzz(build / "one_board", trials(20_000, 20_000, 1_000_000), seed=1, BOARD=1)


@pytest.mark.parametrize("channels", [10, 64])
def test_fits_an_atmega328p(build, channels):
    printed = make("avr", build / f"one_board{channels}", BOARD=1, CHANNELS=channels)
    flash, ram, left = (int(each) for each in re.findall(r"flash (\d+) of .* RAM (\d+) of .* (\d+) left", printed)[0])
    assert flash < 16_000
    assert ram + left == 2048
    assert left >= 400


@pytest.fixture(scope="module")
def avr(build):
    from firmware.avr_one_board import AvrOneBoard

    return AvrOneBoard(avr_program(build, 32, BOARD=1), 32)


@pytest.mark.parametrize("inputs", [1, 8, 16])
def test_the_avr_takes_every_scan_at_the_shortest_period(avr, inputs):
    assert unevenness(avr, inputs, scans_wanted=80, seed=inputs) <= 1


def test_the_avr_has_the_bank_beside_its_converters(avr):
    rng = random.Random(6)
    hosts = [Host(avr), Host(PythonOneBoard(32, 0))]
    table = [rng.randrange(257) for _ in range(32)]
    for op, payload in (
        (HELLO, b""),
        (SAFE, b""),
        (STAGE, run(0, table)),
        (7, b"\0\0"),
        (COMMIT, table_crc(table)),
        (READ, bytes([0, 32])),
    ):
        avr_reply, python_reply = (host(op, payload) for host in hosts)
        assert avr_reply == python_reply
    assert list(avr.codes().values()) == table


@pytest.mark.parametrize("inputs", [8, 16])
def test_the_avr_obeys_safe_within_two_tries_at_the_shortest_period(avr, inputs):
    assert max(tries_until_safe(avr, inputs, attempts=10, seed=inputs)) <= 2
