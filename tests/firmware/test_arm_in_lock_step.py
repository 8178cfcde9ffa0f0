"""The program for the STM32F446 on a simulated one, with simulated chips at the pins of a NUCLEO-F446RE."""

from __future__ import annotations

import pytest
from firmware import builds
from firmware.arm_board import Ad5206Board, Ad5293Board, ArmBoard, ArmOneBoard
from firmware.arm_processor import HSE, PLL
from firmware.boards import FIRST_BOOT, PythonBoard
from firmware.builds import arm_program, make
from firmware.chips import AD5206, AD5293
from firmware.in_lock_step import converse_in_lock_step, time_of_a_step_ms
from firmware.one_board_in_lock_step import tries_until_safe, unevenness
from firmware.same_replies import BANKS
from firmware.test_readme_examples import conversation
from firmware.wire import (
    HELLO,
    NOT_ARMED,
    OK,
    OUT_OF_RANGE,
    STAGE_COMMIT,
    STATUS,
    TABLE_MISMATCH,
    VERIFY_FAILED,
    Host,
    run,
    table_crc,
)
from trials import trials

pytestmark = pytest.mark.more

SLOTS = 8192
"""Boot ids in a sector of flash."""


@pytest.fixture
def board(build):
    return ArmBoard(arm_program(build, 4), 4)


@pytest.mark.parametrize("missing", [0, HSE, PLL, HSE | PLL])
def test_the_specification_conversation_on_every_clock(build, missing):
    arm, python = ArmBoard(arm_program(build, 4), 4, missing=missing), PythonBoard(4, FIRST_BOOT)
    for asked, _ in conversation()[:8]:
        if asked[3] != STATUS:
            assert arm.receive(asked) == python.receive(asked)
            assert arm.codes() == python.codes()
    assert arm.bus.shortest_bit == 4 * 8  # SPI_DIVIDER, in ticks of 128 MHz
    assert arm.processor.byte_ticks() == 10 * 128_000_000 / 500_000
    earlier = Host(arm, 5000).status()["uptime"]
    arm.wait_ms(1000)
    assert 1000 <= Host(arm, 6000).status()["uptime"] - earlier <= 1005


@pytest.mark.parametrize("divider", [8, 64])
def test_the_clock_of_the_chips_is_as_slow_as_the_isolators_need(build, divider):
    arm = ArmBoard(arm_program(build, 4, SPI_DIVIDER=divider), 4)
    assert Host(arm).arm().body == b"\0"
    assert arm.bus.shortest_bit == divider * 8


@pytest.mark.parametrize("seed", range(trials(1, 1, 20)))
def test_same_replies_to_random_frames(build, testbed, seed):
    channels = BANKS[1 + seed % (len(BANKS) - 1)]
    frames = trials(150, 150, 5000)
    met = converse_in_lock_step(testbed, arm_program(build, channels), seed, channels, frames, ArmBoard)
    assert set(met) >= {OK, OUT_OF_RANGE, NOT_ARMED, TABLE_MISMATCH, VERIFY_FAILED}


@pytest.mark.parametrize(("built", "board"), [(AD5293, Ad5293Board), (AD5206, Ad5206Board)])
def test_same_replies_with_other_chips(build, built, board):
    channels = built.banks[1]
    library = builds.testbed_library(build / built.name, CHIP=built.name)
    program = arm_program(build, channels, CHIP=built.name)
    met = converse_in_lock_step(library, program, 1, channels, trials(50, 50, 5000), board, built)
    assert set(met) <= built.statuses


def test_a_missing_chip_is_named(build):
    host = Host(ArmBoard(arm_program(build, 4), 4, chips=1))
    reply = host.arm()
    assert (reply.status, reply.body) == (VERIFY_FAILED, b"\x02\x02\x03")
    assert host.read(0, 4) == [128, 128, 0xFFFF, 0xFFFF]


@pytest.mark.parametrize("cause", [1, 2, 4, 8])
def test_a_reset_opens_the_terminals_and_is_named(board, cause):
    host = Host(board)
    host.arm()
    host(STAGE_COMMIT, table_crc([1, 2, 3, 4]) + run(0, [1, 2, 3, 4]))
    assert list(board.codes().values()) == [1, 2, 3, 4]
    board.reset(cause)
    assert set(board.codes().values()) == {None}
    hello = host(HELLO)
    assert (hello.boot_id, hello.body[3]) == (FIRST_BOOT + 1, cause)
    assert host.read(0, 4) == [1, 2, 3, 4]


@pytest.mark.parametrize("how", ["hang", "fault"])
def test_a_program_that_hangs_or_fails_begins_again(board, how):
    host = Host(board)
    host.arm()
    board.processor.go_to("forever" if how == "hang" else "fault")
    board.wait_ms(255 + board.boot_ms if how == "hang" else board.boot_ms)
    assert set(board.codes().values()) == {None}
    hello = host(HELLO)
    assert (hello.boot_id, hello.body[3]) == (FIRST_BOOT + 1, 8)


def test_boot_ids_go_on_when_the_sector_is_full(board):
    board.processor.flash.fill(SLOTS - 1)
    ids = []
    for _ in range(3):
        board.reset()
        ids.append(Host(board)(HELLO).boot_id)
    assert ids == [SLOTS - 1, SLOTS, SLOTS + 1]
    assert board.processor.flash.erased == 1
    board.must_be_sound()


@pytest.mark.parametrize("kept", [0, 1, 2, 5, 15])
def test_a_boot_that_lost_its_supply_within_the_id_leaves_another_one(board, kept):
    """Of the bits that would be cleared only the lowest have been."""
    for _ in range(5):
        board.reset()
    last = Host(board)(HELLO).boot_id
    board.processor.flash.tear(last + 1, kept)
    board.reset()
    assert Host(board)(HELLO).boot_id != last


@pytest.fixture(scope="module")
def bench(build):
    return ArmOneBoard(arm_program(build, 32, BOARD=1), 32)


@pytest.mark.parametrize("inputs", [1, 8, 16])
def test_the_bench_takes_every_scan_at_the_shortest_period(bench, inputs):
    """The interrupt of the line may delay the outputs: by less than a us."""
    assert unevenness(bench, inputs, scans_wanted=80, seed=inputs) < 16
    bench.must_be_sound()


@pytest.mark.parametrize("inputs", [8, 16])
def test_the_bench_obeys_safe_at_once(bench, inputs):
    assert max(tries_until_safe(bench, inputs, attempts=4, seed=inputs)) == 1
    bench.must_be_sound()


@pytest.mark.parametrize(("channels", "most_ms"), [(64, 10), (128, 15)])
def test_time_of_a_step(build, channels, most_ms):
    assert time_of_a_step_ms(ArmBoard(arm_program(build, channels), channels), channels, channels) < most_ms


@pytest.mark.parametrize(("channels", "variables", "most"), [(128, {}, 5500), (128, {"BOARD": 1}, 8500)])
def test_fits_its_flash(build, channels, variables, most):
    assert builds.arm_size(build, channels, **variables) < most
    with pytest.raises(AssertionError, match="does not fit"):
        make("arm", build / "small", ARM_FLASH_BYTES=4000)


def test_other_buses_are_refused(build):
    for chip in ("ad5220", "mcp4651"):
        with pytest.raises(AssertionError, match=f"CHIP={chip} needs the bus .* which the Arm port does not have"):
            make("arm", build / "refused", CHIP=chip)
