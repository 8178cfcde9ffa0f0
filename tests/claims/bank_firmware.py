"""The firmware of the potentiometer bank: how fast it is on an AVR, and that all boards behave alike whatever comes."""

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
    from firmware.avr_board import time_of_a_step_ms  # skips where there is no simulator
    from firmware.avr_in_lock_step import converse_with_avr
    from firmware.builds import avr_program, fuzz, testbed_library
    from firmware.same_replies import BANKS

    conversations, frames, fuzzed = (5, 400, 20_000) if short else (20, 5000, 1_000_000)
    *chosen, fuzz_seed = seeds("bank_firmware", conversations + 1)
    channels = [BANKS[k % len(BANKS)] for k in range(conversations)]
    programs = [avr_program(build, each) for each in channels]
    conversation = partial(converse_with_avr, testbed_library(build), frames=frames)
    return [
        at_most(
            "64 of 64 wipers changed, written and verified by the AVR program at 500 kbaud (ms, simulated)",
            time_of_a_step_ms(avr_program(build, 64), 64, 64),
            15,
        ),
        at_least(
            "random frames that Python, native and AVR boards answered alike",
            sum(in_parallel(partial(_passed, frames, conversation), programs, chosen, channels)),
            conversations * frames,
            "d",
        ),
        at_least(
            "fuzzed frames under ASan and UBSan without a finding",
            _passed(fuzzed, fuzz, build, fuzzed, fuzz_seed),
            fuzzed,
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
