"""Outputs are off within a second, whatever strikes a run on real drivers: Ctrl-C twice, no threads, calls that hang.

The run has `bench: hardware` and talks to `labrig virtual serve` in another process; a third party asks the generators
for their outputs all the time. LABRIG_LONG=1: 60 races, not 8; LABRIG_TRIALS_SEED: other moments.
"""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from crash.outputs import CONFIG, Ending, generators, hardware, race

RACES = ("second_ctrl_c", "no_thread", "hung_confirm", "hung_load")
COUNT = 60 if os.environ.get("LABRIG_LONG") else 8
SEED = os.environ.get("LABRIG_TRIALS_SEED", "")
WITHIN_S = 1.0
ENDS_WITHIN_S = 8.0
"""A call that hangs gets 2 s; the rest is Python's own start and end on a busy machine."""


@pytest.fixture(scope="module")
def resources() -> Iterator[dict[str, str]]:
    with generators() as served:
        yield served


def words_of(overrides: list[str]) -> list[str]:
    return [word for override in overrides for word in ("--set", override)]


def check(ending: Ending) -> None:
    where = f"exit {ending.code}, off after {ending.off_after_s:.2f} s: {ending.said[-2000:]}"
    assert not math.isnan(ending.struck_s), f"nothing was done to it: {where}"
    assert ending.off_after_s <= WITHIN_S, where
    assert ending.code is not None, where
    assert ending.ended_s - ending.struck_s < ENDS_WITHIN_S, where
    assert "Traceback" not in ending.said, where


@pytest.mark.parametrize("number", range(COUNT))
def test_outputs_are_off_within_a_second(tmp_path: Path, resources: dict[str, str], number: int) -> None:
    name = RACES[number % len(RACES)]
    words = ["run", str(CONFIG), "--no-plots", "--run-dir", str(tmp_path / "run"), *words_of(hardware(resources))]
    ending = race(tmp_path, resources, name, f"{SEED}/{number}", words)
    check(ending)
    if name != "no_thread":  # which may strike before anything is on
        assert ending.were_on
    if ending.code == 4:
        assert "by hand" in ending.said
    elif name != "no_thread":
        assert ending.code == 130, ending.said


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP], ids=lambda sent: sent.name)
def test_a_notebook_that_is_told_to_end_makes_safe_first(
    tmp_path: Path, resources: dict[str, str], sent: signal.Signals
) -> None:
    ending = race(tmp_path, resources, "none", "", ["open", str(CONFIG), *hardware(resources)], sent)
    check(ending)
    assert ending.were_on
    assert ending.code == -sent
