"""The program for the STM32F446 in QEMU, where no chip answers: the same replies as from the core, where none does."""

from __future__ import annotations

import random
import re
import struct
import time
from collections import Counter
from itertools import pairwise

import pytest
from firmware.arm_qemu import TIMER_MS, QemuBoard, without_chips
from firmware.builds import arm_program
from firmware.one_board import (
    LAST,
    OUTPUTS,
    REST,
    SAMPLE,
    SOURCES,
    FirmwareOneBoard,
    OneBoardGenerator,
    Scans,
    outputs,
    sample,
    scans,
)
from firmware.same_replies import Generator, without_uptime
from firmware.wire import (
    HELLO,
    OK,
    READ,
    SAFE,
    STAGE_COMMIT,
    VERIFY_FAILED,
    Host,
    Reply,
    replies,
    request,
    run,
    table_crc,
)
from trials import trials

pytestmark = pytest.mark.more

FRAMES = re.compile(rb"[^\0]*\0|[^\0]+")
"""A board that takes time gets one frame at a time, as the protocol asks of hosts."""


def test_no_chip_is_named_for_one_that_does_not_answer(build):
    with QemuBoard(arm_program(build, 4)) as board:
        host = Host(board)
        hello = host(HELLO)
        assert hello.body[3:7] == struct.pack("<BBH", 0, 4, 256)
        assert hello.body[10:] == b"MCP4251-104"
        armed = host.arm()
        assert (armed.status, armed.body) == (VERIFY_FAILED, b"\4\0\1\2\3")
        changed = host(STAGE_COMMIT, table_crc([1, 2, 3, 4]) + run(0, [1, 2, 3, 4]))
        assert (changed.status, changed.body) == (VERIFY_FAILED, b"\4\4\0\1\2\3")
        assert host.read(0, 4) == [0xFFFF] * 4
        status = host.status()
        assert (status["state"], status["overruns"], status["dropped"]) == (1, 0, 0)
        assert struct.pack("<H", status["table"]) == table_crc([1, 2, 3, 4])


def test_no_two_boots_in_a_row_have_the_same_id(build):
    with QemuBoard(arm_program(build, 4)) as board:
        ids = []
        for _ in range(4):
            ids.append(Host(board)(HELLO).boot_id)
            board.reset()
        assert [later - earlier for earlier, later in pairwise(ids)] == [1, 1, 1]


def test_the_watchdog_trips_by_itself(build):
    with QemuBoard(arm_program(build, 4)) as board:
        host = Host(board)
        host.arm(60_000)
        assert host.status()["trips"] == 0
        time.sleep(60_000 * TIMER_MS / 1000 + 0.2)
        status = host.status()
        assert (status["trips"], status["state"]) == (1, 2)


@pytest.mark.parametrize(("channels", "more"), [(4, 1500), (64, 200)])
def test_same_replies_to_random_and_damaged_frames(build, testbed, channels, more):
    rng = random.Random(channels)
    generator = Generator(rng, channels, (0,))
    met: Counter[int] = Counter()
    with QemuBoard(arm_program(build, channels)) as board:
        native = without_chips(testbed, channels, Host(board)(HELLO).boot_id)
        assert Host(native)(HELLO).status == OK
        for number in range(trials(more, more, 10 * more)):
            data = generator.wire()
            for part in FRAMES.findall(data):
                answer = native.receive(part)
                said = board.receive(part, expected=answer.count(0) // 2)
                assert without_uptime(said) == without_uptime(answer), f"frame {number}: {data.hex(' ')}"
                met.update(generator.heard(answer))
        assert board.is_silent(), "a reply too many"
    assert set(met) == set(range(8))


@pytest.fixture
def bench(build):
    with QemuBoard(arm_program(build, 10, BOARD=1), counted=True) as board:
        yield board


@pytest.mark.parametrize(("period", "inputs"), [(4000, 1), (16000, 8), (32000, 16)])
def test_every_scan_is_streamed(bench, period, inputs):
    host = Host(bench)
    host(OUTPUTS, outputs([2048] * SOURCES, [(6, 16, 0, 800)]))
    assert host(SAMPLE, sample(period, 250, range(inputs))).status == OK
    blocks = streamed(bench, host.sequence, inputs, 250)
    assert [block.codes for block in blocks] == [[[0] * inputs] * len(block.codes) for block in blocks]
    assert blocks[0].first == 0
    for before, after in pairwise(blocks):
        assert after.first == before.first + len(before.codes)
    assert sum(len(block.codes) for block in blocks) == 250
    assert struct.unpack("<H", host(REST).body) == (250,)


def streamed(bench: QemuBoard, sequence: int, inputs: int, wanted: int) -> list[Scans]:
    """All blocks of an acquisition, of which each must have the header of one."""
    found = replies(bench.collected(-(-wanted // (64 // inputs))))
    assert {(block.op, block.sequence, block.status) for block in found} == {(13, sequence, OK)}
    blocks = [scans(block, inputs) for block in found]
    assert [block.flags & LAST for block in blocks] == [0] * (len(blocks) - 1) + [LAST]
    return blocks


def test_any_request_ends_the_scans(bench):
    host = Host(bench)
    for op in (SAFE, REST, READ):
        assert host(SAMPLE, sample(60_000, 65_535, [0])).status == OK
        time.sleep(0.02)
        stopped = request(op, host.sequence + 1, b"\0\1" if op == READ else b"")
        host.sequence += 1
        said = bench.receive(stopped)
        while replies(said)[-1].op != op:  # blocks before it
            said += bench.collected(1)
        assert replies(said)[-1].sequence == host.sequence
        assert bench.is_silent()


class ShortAcquisitions(OneBoardGenerator):
    """As it is, but with acquisitions that one can wait for."""

    def sample(self) -> bytes:
        payload = super().sample()
        return payload[:2] + struct.pack("<H", self.rng.randrange(100)) + payload[4:]


def test_same_replies_of_the_bench_to_random_and_damaged_frames(bench, board_core):
    """Acquisitions are heard to their end; codes of inputs are those of missing converters."""
    channels = 10
    generator = ShortAcquisitions(random.Random(1), channels, (0,))
    native = without_chips(board_core, channels, Host(bench)(HELLO).boot_id, FirmwareOneBoard)
    assert Host(native)(HELLO).status == OK
    for number in range(trials(300, 300, 5000)):
        data = generator.wire()
        for part in FRAMES.findall(data):
            answer = native.receive(part)
            said = bench.receive(part, expected=answer.count(0) // 2)
            assert without_uptime(said) == without_uptime(answer), f"frame {number}: {data.hex(' ')}"
            generator.heard(answer)
            if any(reply.op == SAMPLE and reply.status == OK for reply in replies(answer)):
                wanted = heard_to_the_end(native)
                assert heads(replies(bench.collected(len(wanted)))) == heads(wanted)
    assert bench.is_silent(), "a frame too many"


def heard_to_the_end(native: FirmwareOneBoard) -> list[Reply]:
    """Blocks of the acquisition that has begun, if one has."""
    found: list[Reply] = []
    for _ in range(3):
        native.wait_ms(200)
        found += replies(native.take())
    return found


def heads(blocks: list[Reply]) -> list[tuple[int, ...]]:
    """Without codes and flags: a scan in QEMU may be late."""
    return [
        (block.op, block.sequence, block.status, len(block.body), *struct.unpack_from("<HB", block.body))
        for block in blocks
    ]
