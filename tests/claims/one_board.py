"""The one-board bench: training on the wire, its firmware on an AVR, all its boards alike, and what its parts cost."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from common import CONFIGS, ROOT, Figure, at_least, at_most, in_parallel, seeds

sys.path.insert(0, str(ROOT / "tests"))  # before drivers/, which has a folder firmware too

SCANS_S = 53.2e-3
"""Window and settling of board.yaml (s)."""


def measure(short: bool) -> list[Figure]:
    figures = [*_training(short), *_parts()]
    try:
        with tempfile.TemporaryDirectory() as build:
            return figures + _firmware(Path(build), short)
    except pytest.skip.Exception as missing:
        return [*figures, Figure("firmware of the one-board bench", "not measured", str(missing), False)]


def _training(short: bool) -> list[Figure]:
    """Regression and XOR over the wire, through pyserial, in real time."""
    with tempfile.TemporaryDirectory() as folder:
        board = _run("board.yaml", folder, f"learning.epochs={3 if short else 30}")
        xor = None if short else _run("board_xor.yaml", folder)
    metrics = board["metrics"]
    most_v = 0.05 if short else 5e-3
    took_s = board["bench_s"] / (board["acquisitions"] + board["evaluation_acquisitions"])
    figures = [
        at_most(
            f"board.yaml over the wire, {board['steps']} steps, rms error in test (V)", metrics["test_rms_v"], most_v
        ),
        Figure(
            "steps per second, of 4 examples with 2 acquisitions each",
            f"{board['steps'] / board['bench_s']:.2f}",
            f"stated; {100 * SCANS_S / took_s:.0f} % of the time is sampling, the rest requests and computing",
            True,
        ),
    ]
    if xor is not None:
        figures.append(
            at_least("board_xor.yaml over the wire, patterns right", xor["metrics"]["patterns_right"], 4, "d")
        )
    return figures


def _run(config: str, folder: str, *overrides: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "labrig", "run", str(CONFIGS / config), "--json", "--no-plots"]
    command += ["--runs-dir", folder, *(part for override in overrides for part in ("--set", override))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{config}: {done.stderr}"
    return json.loads(done.stdout.splitlines()[-1])


def _parts() -> list[Figure]:
    """Sums of the parts lists."""
    from firmware.netlist import netlist_program

    netlist = netlist_program()
    totals = {
        what: sum(euros for *_, euros in netlist.parts_list(netlist.circuit(*size)))
        for what, size in {"regression": (5, 0, 2), "XOR": (6, 4, 2)}.items()
    }
    return [at_most(f"parts of the board for {what} (€)", total, 60, ".2f") for what, total in totals.items()]


def _firmware(build: Path, short: bool) -> list[Figure]:
    from firmware.avr_one_board import AvrOneBoard  # skips where there is no simulator
    from firmware.builds import arm_size, avr_program, fuzz, has_arm_compiler, testbed_library
    from firmware.one_board import converse
    from firmware.one_board_in_lock_step import unevenness

    conversations, frames, fuzzed = (2, 300, 5_000) if short else (20, 5000, 1_000_000)
    *chosen, fuzz_seed = seeds("one_board", conversations + 1)
    channels = [(1, 4, 64, 127, 128)[k % 5] for k in range(conversations)]
    conversation = partial(converse, testbed_library(build, BOARD=1), frames=frames)
    avr = AvrOneBoard(avr_program(build, 32, BOARD=1), 32)
    uneven = max(unevenness(avr, inputs, 100, inputs) for inputs in ((8,) if short else (1, 8, 13, 16)))
    size = arm_size(build, 32, BOARD=1) if has_arm_compiler() else None
    arm = [] if size is None else [at_most("flash of the Arm program, one-board bench (bytes)", size, 49_152, "d")]
    return [
        *arm,
        at_most("largest change of the period of the outputs at the highest rates, on an AVR (cycles)", uneven, 1, "g"),
        at_least(
            "random frames that Python and native boards answered alike, with all scans",
            sum(in_parallel(partial(_passed, frames, conversation), chosen, channels)),
            conversations * frames,
            "d",
        ),
        at_least(
            "fuzzed frames under ASan and UBSan without a finding",
            _passed(fuzzed, partial(fuzz, BOARD=1), build, fuzzed, fuzz_seed),
            fuzzed,
            "d",
        ),
    ]


def _passed(frames: int, check: Any, *arguments: Any) -> int:
    """How many of the frames: all, or none and the reason on stderr."""
    try:
        check(*arguments)
    except AssertionError as failure:
        print(failure, file=sys.stderr)
        return 0
    return frames
