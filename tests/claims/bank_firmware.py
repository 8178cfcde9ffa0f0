"""The firmware of the potentiometer bank: how fast it is on an AVR, and that all boards behave alike whatever comes.

The short form also states the size of the Arm program; the long one runs it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from common import ROOT, Figure, at_least, at_most, in_parallel, seeds

sys.path.insert(0, str(ROOT / "tests"))  # before drivers/, which has a folder firmware too


def measure(short: bool) -> list[Figure]:
    try:
        with tempfile.TemporaryDirectory() as build:
            return _measure(Path(build), short)
    except pytest.skip.Exception as missing:
        return [Figure("firmware of the potentiometer bank", "not measured", str(missing), False)]


def _measure(build: Path, short: bool) -> list[Figure]:
    from firmware.avr_board import AVR_BOARDS  # skips where there is no simulator
    from firmware.builds import arm_size, avr_program, fuzz, has_arm_compiler, testbed_library
    from firmware.chips import OTHERS, Built
    from firmware.in_lock_step import converse_in_lock_step, time_of_a_step_ms
    from firmware.same_replies import BANKS

    conversations, frames, fuzzed = (2, 250, 20_000) if short else (20, 5000, 1_000_000)
    fewer = 125 if short else 500
    *chosen, fuzz_seed = seeds("bank_firmware", conversations + 1)
    channels = [BANKS[k % len(BANKS)] for k in range(conversations)]
    programs = [avr_program(build, each) for each in channels]
    others = [OTHERS[(chosen[0] + k) % len(OTHERS)] for k in range(2)] if short else OTHERS
    conversation = partial(converse_in_lock_step, testbed_library(build), frames=frames, board=AVR_BOARDS["mcp4251"])

    def with_another(built: Built) -> int:
        count = 4 if short else built.most_channels // 2
        program = avr_program(build, count, CHIP=built.name)
        library = testbed_library(build / built.name, CHIP=built.name)
        own = partial(converse_in_lock_step, frames=fewer, board=AVR_BOARDS[built.name], built=built)
        return _passed(fewer, own, library, program, chosen[0], count)

    def time_with(built: Built) -> Figure:
        count = built.most_channels
        took_ms = time_of_a_step_ms(
            AVR_BOARDS[built.name](avr_program(build, count, CHIP=built.name), count), count, count
        )
        return at_most(f"the same, {count} rheostats of {built.part}", took_ms, 110 if built.name == "mcp4651" else 15)

    return [
        at_most(
            "64 of 64 wipers changed, written and verified by the AVR program at 500 kbaud (ms, simulated)",
            time_of_a_step_ms(AVR_BOARDS["mcp4251"](avr_program(build, 64), 64), 64, 64),
            15,
        ),
        *([] if short else map(time_with, OTHERS)),
        *([_flash(arm_size(build, 64))] if has_arm_compiler() else []),
        *([] if short else _on_arm(build, fewer, chosen[0])),
        at_least(
            "random frames that Python, native and AVR boards answered alike",
            sum(in_parallel(partial(_passed, frames, conversation), programs, chosen, channels)),
            conversations * frames,
            "d",
        ),
        at_least(
            f"the same with {', '.join(built.part for built in others)}",
            sum(map(with_another, others)),
            len(others) * fewer,
            "d",
        ),
        at_least(
            "fuzzed frames under ASan and UBSan without a finding",
            _passed(fuzzed, fuzz, build, fuzzed, fuzz_seed),
            fuzzed,
            "d",
        ),
    ]


def _flash(size: int) -> Figure:
    return at_most("flash of the Arm program, bank of 64 (bytes)", size, 49_152, "d")


def _on_arm(build: Path, fewer: int, seed: int) -> list[Figure]:
    from firmware.arm_board import ArmBoard  # skips where there is no simulator
    from firmware.builds import arm_program, testbed_library
    from firmware.in_lock_step import converse_in_lock_step, time_of_a_step_ms

    converse = partial(converse_in_lock_step, testbed_library(build), frames=fewer, board=ArmBoard)
    return [
        at_most(
            "64 of 64 wipers changed, written and verified by the Arm program at 500 kbaud (ms, simulated)",
            time_of_a_step_ms(ArmBoard(arm_program(build, 64), 64), 64, 64),
            15,
        ),
        at_least(
            "random frames that Python, native and Arm boards answered alike",
            _passed(fewer, converse, arm_program(build, 4), seed, 4),
            fewer,
            "d",
        ),
    ]


def _passed(frames: int, check: Callable[..., Any], *arguments: Any) -> int:
    """How many of the frames: all, or none and the reason on stderr."""
    try:
        check(*arguments)
    except AssertionError as failure:
        print(failure, file=sys.stderr)
        return 0
    return frames
