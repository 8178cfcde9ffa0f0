"""Outputs are off within a second, whatever strikes a run on real drivers: Ctrl-C twice, no threads, calls that hang.

The run has `bench: hardware` and talks to `labrig virtual serve` in another process; a third party asks the generators
for their outputs all the time. LABRIG_LONG=1: 60 races; LABRIG_TRIALS_SEED: other moments.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from busy import stretched
from crash.outputs import CONFIG, Ending, generators, hardware, watched
from trials import trials

RACES = ("second_ctrl_c", "no_thread", "hung_confirm", "hung_load")
COUNT = trials(1, 4, 60)
SEED = os.environ.get("LABRIG_TRIALS_SEED", "")
RACE = [sys.executable, str(Path(__file__).with_name("race.py"))]
WITHIN_S = 1.0
ENDS_WITHIN_S = 8.0
"""A call that hangs gets 2 s; the rest is Python's own start and end on a busy machine."""


@pytest.fixture
def resources() -> Iterator[dict[str, str]]:
    """Served for one race: a program that has to be killed leaves the digitizer's task reserved."""
    with generators() as served:
        yield served


def check(ending: Ending) -> None:
    where = f"exit {ending.code}, off after {ending.off_after_s:.2f} s: {ending.said[-2000:]}"
    assert not math.isnan(ending.struck_s), f"nothing was done to it: {where}"
    assert ending.off_after_s <= stretched(WITHIN_S), where
    assert ending.code is not None, where
    assert ending.ended_s - ending.struck_s < stretched(ENDS_WITHIN_S), where
    assert "Traceback" not in ending.said, where


@pytest.mark.parametrize("number", range(COUNT))
def test_outputs_are_off_within_a_second(tmp_path: Path, resources: dict[str, str], number: int) -> None:
    name = RACES[number % len(RACES)]
    words = ["run", str(CONFIG), "--no-plots", "--run-dir", str(tmp_path / "run")]
    sets = [word for override in hardware(resources) for word in ("--set", override)]
    ending = watched(tmp_path, resources, [*RACE, name, f"{SEED}/{number}", str(tmp_path / "marks"), *words, *sets])
    check(ending)
    if name != "no_thread":  # which may strike before anything is on
        assert ending.were_on
    if ending.code == 4:
        assert "by hand" in ending.said
    elif name != "no_thread":
        assert ending.code == 130, ending.said


ENDING = pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP], ids=lambda sent: sent.name)


@pytest.mark.more
@ENDING
def test_a_notebook_that_is_told_to_end_makes_safe_first(
    tmp_path: Path, resources: dict[str, str], sent: signal.Signals
) -> None:
    notebook = [*RACE, "none", "", str(tmp_path / "marks"), "open", str(CONFIG), *hardware(resources)]
    ending = watched(tmp_path, resources, notebook, sent)
    check(ending)
    assert ending.were_on
    assert ending.code == -sent


@pytest.mark.more
@ENDING
def test_contract_suites_that_are_told_to_end_make_safe_first(
    tmp_path: Path, resources: dict[str, str], sent: signal.Signals
) -> None:
    # The overrides in a file: pytest takes none.
    config = tmp_path / "rig.yaml"
    served: dict[str, dict[str, str]] = {}
    for override in hardware(resources)[1:]:
        path, _, value = override.partition("=")
        _, name, key = path.split(".")
        served.setdefault(name, {})[key] = value.strip("'")
    text = json.dumps({"version": 1, "extends": [str(CONFIG)], "bench": "hardware", "instruments": served})
    config.write_text(text)
    words = ["-m", "pytest", "-c", os.devnull, "-p", "no:cacheprovider", "-p", "labrig.testing.plugin"]
    suite = [sys.executable, *words, "--rig", str(config), "--pyargs", "labrig.testing", "-k", "drive_comes_back"]
    ending = watched(tmp_path, resources, suite, sent)
    check(ending)
    assert ending.were_on
    assert ending.code == -sent
    assert "KeyboardInterrupt" in ending.said  # pytest's own report of where it was
